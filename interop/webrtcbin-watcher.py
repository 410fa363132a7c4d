#!/usr/bin/env python3
"""GStreamer's webrtcbin as a consumer that stays through re-offers: says in JSON, twice a second, what has come on each of its pads.
usage: webrtcbin-watcher.py URI"""
import asyncio
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "support"))
from webrtcbin_peer import Gst, WebrtcbinPeer

DECODERS = {"VP8": "rtpvp8depay ! vp8dec", "OPUS": "rtpopusdepay ! opusdec"}


class Watcher(WebrtcbinPeer):
    def __init__(self):
        self.pads = {}
        super().__init__()

    def on_stream(self, pad):
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


async def main(uri):
    Gst.init(None)
    watcher = Watcher()

    async def report():
        while True:
            await asyncio.sleep(0.5)
            print(json.dumps({"offers": watcher.offers, "answers": watcher.answers, "pads": watcher.pads}), flush=True)

    await watcher.watch(uri, report)


asyncio.run(main(sys.argv[1]))
