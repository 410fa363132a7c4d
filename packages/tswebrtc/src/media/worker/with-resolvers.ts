/** The media library expects `Promise.withResolvers`, which Node 20 lacks. */
type Resolvers<T> = { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void };

/** Adds it where it is missing. Call before the media library is imported. */
export function addWithResolvers(): void {
  const promise = Promise as unknown as { withResolvers?: <T>() => Resolvers<T> };
  promise.withResolvers ??= <T>(): Resolvers<T> => {
    let resolve!: Resolvers<T>['resolve'];
    let reject!: Resolvers<T>['reject'];
    const made = new Promise<T>((yes, no) => {
      resolve = yes as Resolvers<T>['resolve'];
      reject = no;
    });
    return { promise: made, resolve, reject };
  };
}
