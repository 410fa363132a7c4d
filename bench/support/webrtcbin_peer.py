"""What the consumers made of GStreamer's webrtcbin share: a pipeline that answers offers."""
import asyncio

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC
from signalling_client import consume


class WebrtcbinPeer:
    """`on_stream(pad)` is called for each pad that a stream comes out of."""

    def __init__(self):
        self.answer = ""
        self.offers = 0
        self.answers = 0
        self.send_candidate = lambda index, candidate: None
        self.pipeline = Gst.Pipeline()
        self.bin = Gst.ElementFactory.make("webrtcbin")
        self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        self.bin.connect("on-ice-candidate", lambda _bin, index, candidate: self.send_candidate(index, candidate))
        self.bin.connect("pad-added", lambda _bin, pad: self.on_stream(pad) if pad.direction == Gst.PadDirection.SRC else None)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_stream(self, pad):
        raise NotImplementedError

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
        self.answer = answer.sdp.as_text()
        send_answer(self.answer)
        self.answers += 1

    async def watch(self, uri, finished):
        """Consumes the first producer; returns when `finished` does."""
        loop = asyncio.get_running_loop()

        async def on_offer(sdp, send_answer, send_candidate):
            self.send_candidate = send_candidate
            await loop.run_in_executor(None, self.handle_offer, sdp, send_answer)

        async def on_candidate(index, candidate):
            if candidate:
                self.bin.emit("add-ice-candidate", index, candidate)

        await consume(uri, on_offer, on_candidate, finished)
