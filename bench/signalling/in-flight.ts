/** Many things to do, some of them at a time. */

/** Does `make` for 0 to `count` - 1 with at most `limit` of them begun and not done; the results in order. */
export async function inFlight<Result>(
  count: number,
  limit: number,
  make: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(count);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await make(index);
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, lane));
  return results;
}
