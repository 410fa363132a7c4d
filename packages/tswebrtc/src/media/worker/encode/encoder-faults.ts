/**
 * For tests: makes encoders fail. The environment variable `TSWEBRTC_TEST_ENCODER_FAULTS` lists `NAME@FRAME`, or `NAME@FRAMExTIMES`,
 * with commas between: in each encoding, the encoder NAME breaks at its frame FRAME (0: does not open), once or TIMES times.
 */
import { TsWebRTCError } from '../../../common/errors.ts';

const PATTERN = /^([\w-]+)@(\d+)(?:x(\d+))?$/;

interface Fault {
  readonly implementation: string;
  readonly frame: number;
  left: number;
}

export class EncoderFaults {
  readonly #faults: readonly Fault[];

  constructor(text = process.env.TSWEBRTC_TEST_ENCODER_FAULTS ?? '') {
    this.#faults = text.split(',').flatMap((part) => {
      const match = PATTERN.exec(part.trim());
      return match ? [{ implementation: match[1]!, frame: Number(match[2]), left: Number(match[3] ?? 1) }] : [];
    });
  }

  /** Throws where the encoder is to break at its frame number `frame`, counted from 1; 0 is its opening. */
  check(implementation: string, frame: number): void {
    const fault = this.#faults.find((one) => one.left > 0 && one.implementation === implementation && one.frame === frame);
    if (!fault) return;
    fault.left--;
    throw new TsWebRTCError('ENCODER_FAILED', `The encoder "${implementation}" failed: a fault was injected.`);
  }
}
