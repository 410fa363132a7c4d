/** The controller for each mode of `congestion-control` (reference section 2.8). */
import { CongestionController, type CongestionControllerOptions } from './congestion-controller.ts';
import { DisabledController } from './disabled.ts';
import { HomegrownController } from './homegrown.ts';
import type { CongestionControl } from './types.ts';

export type CongestionControlMode = 'disabled' | 'homegrown' | 'gcc';

export function createController(mode: CongestionControlMode, options: CongestionControllerOptions): CongestionControl {
  switch (mode) {
    case 'disabled':
      return new DisabledController(options);
    case 'homegrown':
      return new HomegrownController(options);
    case 'gcc':
      return new CongestionController(options);
  }
}
