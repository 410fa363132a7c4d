#!/usr/bin/env python3
"""GStreamer's webrtcbin as a consumer that stays through re-offers: says in JSON, twice a second, what has come on each of its pads.
usage: webrtcbin-watcher.py URI"""
import asyncio
import json
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "support"))
from signalling_client import consume

DECODERS = {"VP8": "rtpvp8depay ! vp8dec", "OPUS": "rtpopusdepay ! opusdec"}


class Watcher:
    def __init__(self):
        self.offers = 0
        self.answers = 0
        self.pads = {}
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
        caps = pad.get_current_caps().get_structure(0)
        state = {"kind": caps.get_string("media"), "packets": 0, "lost": 0, "decoded": 0, "ended": False, "number": None}
        self.pads[pad.get_name()] = state
        kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST | Gst.PadProbeType.EVENT_DOWNSTREAM
        pad.add_probe(kinds, self.on_data, state)
        branch = f"queue ! {DECODERS[caps.get_string('encoding-name')]} ! fakesink name=sink sync=false async=false signal-handoffs=true"
        sink = Gst.parse_bin_from_description(branch, True)
        sink.get_by_name("sink").connect("handoff", lambda *_: self.on_decoded(state))
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_decoded(self, state):
        state["decoded"] += 1

    def on_data(self, _pad, info, state):
        if info.type & Gst.PadProbeType.EVENT_DOWNSTREAM:
            state["ended"] = state["ended"] or info.get_event().type == Gst.EventType.EOS
            return Gst.PadProbeReturn.OK
        buffers = [info.get_buffer()] if info.type & Gst.PadProbeType.BUFFER else []
        if info.type & Gst.PadProbeType.BUFFER_LIST:
            packets = info.get_buffer_list()
            buffers = [packets.get(index) for index in range(packets.length())]
        for buffer in buffers:
            number = int.from_bytes(buffer.extract_dup(2, 2), "big")
            if state["number"] is not None:
                state["lost"] += (number - state["number"] - 1) % 65536
            state["number"] = number
            state["packets"] += 1
        return Gst.PadProbeReturn.OK

    def handle_offer(self, sdp, send_answer):
        self.offers += 1
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
        send_answer(answer.sdp.as_text())
        self.answers += 1


async def main(uri):
    Gst.init(None)
    loop = asyncio.get_running_loop()
    watcher = Watcher()

    async def on_offer(sdp, send_answer, send_candidate):
        watcher.send_candidate = send_candidate
        await loop.run_in_executor(None, watcher.handle_offer, sdp, send_answer)

    async def on_candidate(index, candidate):
        if candidate:
            watcher.bin.emit("add-ice-candidate", index, candidate)

    async def report():
        while True:
            await asyncio.sleep(0.5)
            print(json.dumps({"offers": watcher.offers, "answers": watcher.answers, "pads": watcher.pads}), flush=True)

    await consume(uri, on_offer, on_candidate, report)


asyncio.run(main(sys.argv[1]))
