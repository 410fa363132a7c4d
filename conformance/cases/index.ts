/** The table of the conformance suite, in the order of the reference's sections. */
import type { Case } from '../case.ts';
import { behaviours } from './behaviours.ts';
import { clientMessages } from './client-messages.ts';
import { closingCases } from './closing.ts';
import { errors } from './errors.ts';
import { inputCases } from './input.ts';
import { roleCases } from './roles.ts';
import { serverMessages } from './server-messages.ts';
import { sessionCases } from './sessions.ts';
import { versionCases } from './versions.ts';

export const cases: readonly Case[] = [
  ...clientMessages,
  ...serverMessages,
  ...versionCases,
  ...roleCases,
  ...sessionCases,
  ...errors,
  ...inputCases,
  ...closingCases,
  ...behaviours,
];
