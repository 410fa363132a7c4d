/** Which viewer reports on what and when: both processes of the feedback benchmark follow it without a word. */

/** Packets that one feedback message covers: 2 Mbit/s for `INTERVAL`. */
export const PACKETS = 21;
export const PACKET_SIZE = 1200;
/** ms between two messages of a viewer, as Chromium sends them at this rate. */
export const INTERVAL = 100;
/** The viewers take turns: a tenth of them at a time. */
export const TURNS = 10;

/** Turn `turn` has come, since `start`: calls back for each of its viewers with how many messages that viewer had before. */
export function takeTurn(turn: number, viewers: number, each: (viewer: number, round: number) => void): void {
  const round = Math.floor(turn / TURNS);
  for (let viewer = turn % TURNS; viewer < viewers; viewer += TURNS) each(viewer, round);
}

/** Runs `take` for each turn when it is due, until told to stop. `now` and `start` on one clock, in ms. */
export function schedule(start: number, now: () => number, take: (turn: number) => void): () => void {
  let turn = 0;
  const timer = setInterval(() => {
    for (; now() >= start + (turn * INTERVAL) / TURNS; turn++) take(turn);
  }, 2);
  return () => clearInterval(timer);
}
