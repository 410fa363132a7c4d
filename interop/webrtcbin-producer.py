#!/usr/bin/env python3
"""A producer made of GStreamer's webrtcbin: registers with a signalling server and streams a test picture and a tone.
usage: webrtcbin-producer.py URI VP8|H264 OPUS|L16|PCMU"""
import asyncio
import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
import websockets
from gi.repository import Gst, GstSdp, GstWebRTC

ENCODERS = {
    "VP8": "vp8enc deadline=1 target-bitrate=1500000 keyframe-max-dist=300 ! rtpvp8pay picture-id-mode=15-bit",
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max=300"
    " ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency",
}
# What goes into each payloader, and the clock of its packets.
SOUNDS = {
    "OPUS": ("rate=48000,channels=2 ! queue ! opusenc ! rtpopuspay", 48000),
    "L16": ("format=S16BE,rate=48000,channels=2 ! queue ! rtpL16pay", 48000),
    "PCMU": ("rate=8000,channels=1 ! queue ! mulawenc ! rtppcmupay", 8000),
}
PIPELINE = """
webrtcbin name=w bundle-policy=max-bundle
videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1 ! videoconvert ! queue ! {encoder}
 ! application/x-rtp,media=video,encoding-name={codec},clock-rate=90000,payload=96 ! w.
audiotestsrc is-live=true freq=440 volume=0.2 ! audioconvert ! audioresample ! audio/x-raw,{sound}
 ! application/x-rtp,media=audio,encoding-name={sound_codec},clock-rate={clock_rate},payload={sound_payload} ! w.
"""


class Session:
    def __init__(self, session_id, codec, sound_codec, send):
        self.id = session_id
        self.send = send
        sound, clock_rate = SOUNDS[sound_codec]
        names = {"codec": codec, "sound_codec": sound_codec, "sound_payload": 0 if sound_codec == "PCMU" else 97}
        self.pipeline = Gst.parse_launch(PIPELINE.format(encoder=ENCODERS[codec], sound=sound, clock_rate=clock_rate, **names))
        self.bin = self.pipeline.get_by_name("w")
        self.bin.connect("on-ice-candidate", self.on_candidate)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_candidate(self, _bin, index, candidate):
        self.send({"type": "peer", "sessionId": self.id, "ice": {"candidate": candidate, "sdpMLineIndex": index}})

    def offer(self):
        promise = Gst.Promise.new()
        self.bin.emit("create-offer", None, promise)
        promise.wait()
        # The offer lives as long as the reply that it came with.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        done = Gst.Promise.new()
        self.bin.emit("set-local-description", offer, done)
        done.wait()
        self.send({"type": "peer", "sessionId": self.id, "sdp": {"type": "offer", "sdp": offer.sdp.as_text()}})

    def answer(self, text):
        _, message = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        done = Gst.Promise.new()
        self.bin.emit("set-remote-description", answer, done)
        done.wait()

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)


async def main(uri, codec, sound_codec):
    Gst.init(None)
    loop = asyncio.get_running_loop()
    sessions = {}
    async with websockets.connect(uri) as socket:

        def send(message):
            asyncio.run_coroutine_threadsafe(socket.send(json.dumps(message)), loop)

        async for text in socket:
            message = json.loads(text)
            kind = message["type"]
            if kind == "welcome":
                send({"type": "setPeerStatus", "roles": ["producer"], "meta": {"name": "webrtcbin"}})
            elif kind == "startSession":
                session = Session(message["sessionId"], codec, sound_codec, send)
                sessions[session.id] = session
                await loop.run_in_executor(None, session.offer)
            elif kind == "peer" and message["sessionId"] in sessions:
                session = sessions[message["sessionId"]]
                if "sdp" in message:
                    await loop.run_in_executor(None, session.answer, message["sdp"]["sdp"])
                elif message["ice"]["candidate"]:
                    session.bin.emit("add-ice-candidate", message["ice"]["sdpMLineIndex"], message["ice"]["candidate"])
            elif kind.startswith("endSession") and message["sessionId"] in sessions:
                sessions.pop(message["sessionId"]).close()


asyncio.run(main(*sys.argv[1:4]))
