/** Numbers that are appended one by one, eight bytes each. */
export class Column {
  #values = new Float64Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const longer = new Float64Array(2 * this.#length);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[this.#length++] = value;
  }

  /** A view of what is there; not to be kept over a push. */
  values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}
