#!/usr/bin/env python3
"""aiortc as a consumer. usage: aiortc_consumer.py URI SECONDS"""
import asyncio
import sys

import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import OperationError
from aiortc.sdp import candidate_from_sdp
from signalling_client import Count, consume, counted, result


async def main(uri, seconds):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    counts = {"video": Count(seconds), "audio": Count(seconds)}
    candidates = []

    async def play(track):
        count = counts[track.kind]
        while True:
            frame = await track.recv()
            if track.kind == "video":
                count.frame((frame.width, frame.height))
            else:
                count.frame(energy=float(numpy.abs(frame.to_ndarray().astype("float64")).max()))

    @pc.on("track")
    def on_track(track):
        asyncio.ensure_future(play(track))

    async def on_offer(sdp, send_answer, _send_candidate):
        try:
            await pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        except OperationError as error:
            # It refuses the whole offer then, also where it would take the other medium.
            raise RuntimeError("it took none of the offered codecs") from error
        for index, candidate in candidates:
            await on_candidate(index, candidate)
        candidates.clear()
        await pc.setLocalDescription(await pc.createAnswer())
        send_answer(pc.localDescription.sdp)

    async def on_candidate(index, text):
        if pc.remoteDescription is None:
            candidates.append((index, text))
        elif text:
            candidate = candidate_from_sdp(text.split(":", 1)[1])
            candidate.sdpMLineIndex = index
            await pc.addIceCandidate(candidate)

    async def finished():
        await counted(counts)

    await consume(uri, on_offer, on_candidate, finished)
    answer = pc.localDescription.sdp
    await pc.close()
    result(counts, answer)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
