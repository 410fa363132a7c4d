import { expect, it } from 'vitest';
import { Admission } from './session-admission.ts';

it('lets a picture in as soon as the path has shown that it carries it as well', () => {
  const admission = new Admission(2e6, 1e6, 0);
  expect(admission.step(2e6, false, 30)).toBe('wait');
  expect(admission.step(3.1e6, false, 60)).toBe('divide');
  expect(admission.step(3.1e6, false, 90)).toBe('admit');
});

it('makes the others go down first where the path has not, and waits for them', () => {
  const admission = new Admission(2e6, 1e6, 0);
  expect(admission.step(2e6, false, 499)).toBe('wait');
  expect(admission.step(2e6, true, 500)).toBe('divide');
  expect(admission.deadline).toBeGreaterThan(1500);
  expect(admission.step(2e6, true, 900)).toBe('wait');
  expect(admission.step(2e6, false, 930)).toBe('admit');
});

it('does not wait for ever for others that do not go down', () => {
  const admission = new Admission(2e6, 1e6, 0);
  admission.step(2e6, true, 500);
  expect(admission.step(2e6, true, admission.deadline - 1)).toBe('wait');
  expect(admission.step(2e6, true, admission.deadline)).toBe('admit');
});
