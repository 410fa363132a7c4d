#!/usr/bin/env python3
"""A consumer made of GStreamer's webrtcbin: plays the first producer at a signalling server for a while, and prints what it decoded as JSON.
usage: webrtcbin-consumer.py URI SECONDS"""
import asyncio
import json
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
import websockets
from gi.repository import Gst, GstSdp, GstWebRTC

DECODERS = {
    "VP8": "rtpvp8depay ! vp8dec",
    "VP9": "rtpvp9depay ! vp9dec",
    "H264": "rtph264depay ! h264parse ! avdec_h264",
    "H265": "rtph265depay ! h265parse ! avdec_h265",
}


class Player:
    def __init__(self, send):
        self.send = send
        self.session = None
        self.times = []
        self.codec = None
        self.size = None
        self.pipeline = Gst.Pipeline.new()
        self.bin = Gst.parse_launch("webrtcbin bundle-policy=max-bundle")
        self.pipeline.add(self.bin)
        self.bin.connect("on-ice-candidate", self.on_candidate)
        self.bin.connect("pad-added", self.on_pad)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_candidate(self, _bin, index, candidate):
        self.send({"type": "peer", "sessionId": self.session, "ice": {"candidate": candidate, "sdpMLineIndex": index}})

    def on_pad(self, _bin, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        caps = pad.get_current_caps().get_structure(0)
        if caps.get_string("media") != "video":
            text = "fakesink sync=false"
        else:
            self.codec = caps.get_string("encoding-name")
            text = f"{DECODERS[self.codec]} ! fakesink name=f sync=false signal-handoffs=true"
        sink = Gst.parse_bin_from_description(f"queue ! {text}", True)
        counted = sink.get_by_name("f")
        if counted:
            counted.connect("handoff", self.on_frame)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_frame(self, _sink, _buffer, pad):
        caps = pad.get_current_caps().get_structure(0)
        self.size = [caps.get_int("width").value, caps.get_int("height").value]
        self.times.append(time.monotonic())

    def answer(self, text):
        _, message = GstSdp.SDPMessage.new_from_text(text)
        offer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, message)
        done = Gst.Promise.new()
        self.bin.emit("set-remote-description", offer, done)
        done.wait()
        promise = Gst.Promise.new()
        self.bin.emit("create-answer", None, promise)
        promise.wait()
        reply = promise.get_reply()
        answer = reply.get_value("answer")
        done = Gst.Promise.new()
        self.bin.emit("set-local-description", answer, done)
        done.wait()
        self.send({"type": "peer", "sessionId": self.session, "sdp": {"type": "answer", "sdp": answer.sdp.as_text()}})


async def play(socket, player):
    loop = asyncio.get_running_loop()
    async for text in socket:
        message = json.loads(text)
        kind = message["type"]
        if kind == "welcome":
            player.send({"type": "list"})
        elif kind == "list":
            player.send({"type": "startSession", "peerId": message["producers"][0]["id"]})
        elif kind == "sessionStarted":
            player.session = message["sessionId"]
        elif kind == "peer" and "sdp" in message:
            await loop.run_in_executor(None, player.answer, message["sdp"]["sdp"])
        elif kind == "peer" and message["ice"]["candidate"]:
            player.bin.emit("add-ice-candidate", message["ice"]["sdpMLineIndex"], message["ice"]["candidate"])


async def main(uri, seconds):
    Gst.init(None)
    loop = asyncio.get_running_loop()
    async with websockets.connect(uri) as socket:
        player = Player(lambda message: asyncio.run_coroutine_threadsafe(socket.send(json.dumps(message)), loop))
        task = asyncio.ensure_future(play(socket, player))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not player.times:
            await asyncio.sleep(0.05)
        await asyncio.sleep(seconds)
        task.cancel()
        # The first second is the start.
        times = [t for t in player.times if t >= player.times[0] + 1]
        fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0
        print(json.dumps({"codec": player.codec, "size": player.size, "frames": len(player.times), "fps": fps}))
        player.pipeline.set_state(Gst.State.NULL)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
