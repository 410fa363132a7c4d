#!/usr/bin/env python3
"""GStreamer's webrtcbin as a consumer. usage: webrtcbin_consumer.py URI SECONDS"""
import asyncio
import sys

from signalling_client import Count, counted, result
from webrtcbin_peer import Gst, WebrtcbinPeer


class Consumer(WebrtcbinPeer):
    def __init__(self, seconds):
        self.counts = {"video": Count(seconds), "audio": Count(seconds)}
        self.error = None
        super().__init__()

    def on_stream(self, pad):
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


async def main(uri, seconds):
    Gst.init(None)
    consumer = Consumer(seconds)

    async def finished():
        await counted(consumer.counts)

    await consumer.watch(uri, finished)
    if consumer.error:
        print(consumer.error, file=sys.stderr)
    consumer.pipeline.set_state(Gst.State.NULL)
    result(consumer.counts, consumer.answer)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
