/** First in, first out numbers without an object each: a ring that doubles. Worst case: one copy when it does. */
export class NumberQueue {
  length = 0;
  private values: Float64Array = new Float64Array(16);
  private head = 0;

  push(value: number): void {
    if (this.length === this.values.length) this.grow();
    this.values[(this.head + this.length) & (this.values.length - 1)] = value;
    this.length++;
  }

  /** The value at `index`, counted from the first. */
  peek(index: number): number {
    return this.values[(this.head + index) & (this.values.length - 1)]!;
  }

  shift(): number {
    const value = this.values[this.head]!;
    this.head = (this.head + 1) & (this.values.length - 1);
    this.length--;
    return value;
  }

  private grow(): void {
    const larger = new Float64Array(this.values.length * 2);
    for (let i = 0; i < this.length; i++) larger[i] = this.peek(i);
    this.values = larger;
    this.head = 0;
  }
}
