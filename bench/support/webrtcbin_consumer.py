#!/usr/bin/env python3
"""GStreamer's webrtcbin as a consumer. usage: webrtcbin_consumer.py URI SECONDS"""
import asyncio
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC
from signalling_client import Count, consume, counted, result


class Consumer:
    def __init__(self, seconds):
        self.counts = {"video": Count(seconds), "audio": Count(seconds)}
        self.answer = ""
        self.error = None
        self.send_candidate = lambda index, candidate: None
        self.pipeline = Gst.Pipeline()
        self.bin = Gst.ElementFactory.make("webrtcbin")
        self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        self.bin.connect("on-ice-candidate", lambda _bin, index, candidate: self.send_candidate(index, candidate))
        self.bin.connect("pad-added", self.on_pad)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_pad(self, _bin, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        decoder = Gst.ElementFactory.make("decodebin")
        decoder.connect("pad-added", self.on_decoded)
        decoder.connect("unknown-type", self.on_unknown)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_unknown(self, _decoder, _pad, caps):
        self.error = f"GStreamer {Gst.version_string().split(' ')[-1]} has no depayloader or decoder for {caps.get_structure(0).get_name()}"
        encoding = caps.get_structure(0).get_string("encoding-name")
        if encoding:
            self.error += f" ({encoding})"

    def on_decoded(self, _decoder, pad):
        structure = pad.get_current_caps().get_structure(0)
        kind = structure.get_name().split("/")[0]
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_buffer, kind)

    def on_buffer(self, pad, info, kind):
        structure = pad.get_current_caps().get_structure(0)
        if kind == "video":
            self.counts[kind].frame((structure.get_int("width")[1], structure.get_int("height")[1]))
        else:
            data = info.get_buffer().extract_dup(0, info.get_buffer().get_size())
            self.counts[kind].frame(energy=float(any(data)))
        return Gst.PadProbeReturn.OK

    def handle_offer(self, sdp, send_answer):
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        offer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, message)
        done = Gst.Promise.new()
        self.bin.emit("set-remote-description", offer, done)
        done.wait()
        promise = Gst.Promise.new()
        self.bin.emit("create-answer", None, promise)
        promise.wait()
        # The answer lives as long as the reply that it came with.
        reply = promise.get_reply()
        answer = reply.get_value("answer")
        done = Gst.Promise.new()
        self.bin.emit("set-local-description", answer, done)
        done.wait()
        self.answer = answer.sdp.as_text()
        send_answer(self.answer)


async def main(uri, seconds):
    Gst.init(None)
    loop = asyncio.get_running_loop()
    consumer = Consumer(seconds)

    async def on_offer(sdp, send_answer, send_candidate):
        consumer.send_candidate = send_candidate
        await loop.run_in_executor(None, consumer.handle_offer, sdp, send_answer)

    async def on_candidate(index, candidate):
        if candidate:
            consumer.bin.emit("add-ice-candidate", index, candidate)

    async def finished():
        await counted(consumer.counts)

    await consume(uri, on_offer, on_candidate, finished)
    if consumer.error:
        print(consumer.error, file=sys.stderr)
    consumer.pipeline.set_state(Gst.State.NULL)
    result(consumer.counts, consumer.answer)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
