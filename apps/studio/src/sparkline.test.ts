import { describe, expect, it } from 'vitest';
import { linePath } from './sparkline.ts';

const points = (path: string): number[][] =>
  path
    .slice(1)
    .split('L')
    .map((point) => point.split(' ').map(Number));

describe('linePath', () => {
  it('ends at the right edge and grows to the left', () => {
    expect(points(linePath([1, 1, 1], 5)).map(([x]) => x)).toEqual([50, 75, 100]);
  });

  it('puts zero at the bottom and keeps the top below the edge', () => {
    const heights = points(linePath([0, 100])).map(([, y]) => y as number);
    expect(heights[0]).toBe(28);
    expect(heights[1]).toBeGreaterThan(0);
  });

  it('draws on the scale of another line where told', () => {
    const [top] = points(linePath([100, 100])).map(([, y]) => y as number);
    const [half] = points(linePath([50, 50], 60, 100)).map(([, y]) => y as number);
    expect(28 - half!).toBeCloseTo((28 - top!) / 2, 0);
  });

  it('draws nothing of one value, and a flat line of nothing', () => {
    expect(linePath([5])).toBe('');
    expect(points(linePath([0, 0])).map(([, y]) => y)).toEqual([28, 28]);
  });
});
