/** Something that can stand in one queue. */
export interface Queued<T> {
  next: T | undefined;
  waiting: boolean;
}

/** First come, first served, linked through its members so that standing in it costs nothing. Each stands in it once. */
export class TurnQueue<T extends Queued<T>> {
  #head: T | undefined;
  #tail: T | undefined;

  get empty(): boolean {
    return this.#head === undefined;
  }

  push(member: T): void {
    if (member.waiting) return;
    member.waiting = true;
    if (this.#tail === undefined) this.#head = member;
    else this.#tail.next = member;
    this.#tail = member;
  }

  shift(): T | undefined {
    const member = this.#head;
    if (member === undefined) return undefined;
    this.#head = member.next;
    if (this.#head === undefined) this.#tail = undefined;
    member.next = undefined;
    member.waiting = false;
    return member;
  }
}
