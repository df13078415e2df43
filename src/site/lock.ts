/** One at a time, in order of arrival. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(fn: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(fn, fn);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
