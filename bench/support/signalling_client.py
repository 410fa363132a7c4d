"""What the consumers in Python share: one session of the signalling protocol, and the answer printed as one line of JSON."""
import asyncio
import json
import sys
import time

import websockets


async def consume(uri, handle_offer, handle_candidate, finished):
    """Watches the first producer; `handle_offer(sdp, send_answer, send_candidate)` answers. Returns when `finished` does."""
    async with websockets.connect(uri, max_size=None) as socket:
        loop = asyncio.get_running_loop()
        session = None

        def send(message):
            asyncio.run_coroutine_threadsafe(socket.send(json.dumps(message)), loop)

        async def serve():
            nonlocal session
            async for text in socket:
                message = json.loads(text)
                kind = message["type"]
                if kind == "welcome":
                    send({"type": "list"})
                elif kind == "list":
                    send({"type": "startSession", "peerId": message["producers"][0]["id"]})
                elif kind == "sessionStarted":
                    session = message["sessionId"]
                elif kind == "peer" and "sdp" in message:
                    await handle_offer(
                        message["sdp"]["sdp"],
                        lambda sdp: send({"type": "peer", "sessionId": session, "sdp": {"type": "answer", "sdp": sdp}}),
                        lambda index, candidate: send(
                            {"type": "peer", "sessionId": session, "ice": {"candidate": candidate, "sdpMLineIndex": index}}
                        ),
                    )
                elif kind == "peer":
                    await handle_candidate(message["ice"]["sdpMLineIndex"], message["ice"]["candidate"])
                elif kind.startswith("endSession"):
                    raise RuntimeError(message.get("error") or "the producer ended the session")

        serving = asyncio.ensure_future(serve())
        ending = asyncio.ensure_future(finished())
        done, _ = await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        serving.cancel()


class Count:
    """Frames over `seconds`, from a while after the first."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.first = None
        self.frames = 0
        self.size = None
        self.energy = 0.0

    def frame(self, size=None, energy=0.0):
        now = time.monotonic()
        if self.first is None:
            self.first = now
        self.size = size or self.size
        if SETTLING <= now - self.first < SETTLING + self.seconds:
            self.frames += 1
            self.energy = max(self.energy, energy)


# s from a first frame, of picture or sound, to the measured time.
SETTLING = 2
# s for a first frame.
PATIENCE = 20


async def counted(counts):
    """Returns when whatever has begun was counted for as long as it should be."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(0.1)
        firsts = [count.first for count in counts.values() if count.first is not None]
        seconds = next(iter(counts.values())).seconds
        if firsts and time.monotonic() > max(firsts) + SETTLING + seconds:
            return
        if not firsts and time.monotonic() > began + PATIENCE:
            return


def codecs_of(sdp):
    """The codec that each kind of an answer takes first."""
    found = {}
    kind = first = None
    for line in sdp.splitlines():
        if line.startswith("m="):
            kind, port, _, *formats = line[2:].split(" ")
            first = formats[0] if port != "0" else None
        elif first and line.startswith(f"a=rtpmap:{first} "):
            found[kind] = line.split(" ")[1].split("/")[0].upper()
    return found


def result(counts, answer):
    codecs = codecs_of(answer)
    out = {}
    for kind, count in counts.items():
        if kind not in codecs:
            continue
        out[kind] = {"codec": codecs[kind], "rate": count.frames / count.seconds, "energy": count.energy}
        if count.size:
            out[kind]["width"], out[kind]["height"] = count.size
    print(json.dumps(out), flush=True)
    sys.exit(0)
