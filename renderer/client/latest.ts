/**
 * Questions of which the newest counts: whoever types or moves a slider asks again before there is an answer, and answers need not come in the
 * order of their questions. What a newer question has overtaken is dropped, its failure too.
 */
export class Latest {
  #abort = new AbortController();

  /** Takes the place of whatever was asked. @returns aborted as soon as a newer question overtakes this one. */
  next(): AbortSignal {
    this.#abort.abort();
    this.#abort = new AbortController();
    return this.#abort.signal;
  }

  /** Asks now. @returns when it was answered or dropped. */
  ask<Answer>(question: () => Promise<Answer>, onAnswer: (answer: Answer) => void, onFailure: (error: unknown) => void): Promise<void> {
    return settle(this.next(), question, onAnswer, onFailure);
  }

  /**
   * Asks so much later: typing must not ask at every key. What was asked before is overtaken at once.
   * @returns how to take the question back.
   */
  askLater<Answer>(
    delayMs: number,
    question: () => Promise<Answer>,
    onAnswer: (answer: Answer) => void,
    onFailure: (error: unknown) => void,
  ): () => void {
    const signal = this.next();
    const timer = setTimeout(() => void settle(signal, question, onAnswer, onFailure), delayMs);
    return () => clearTimeout(timer);
  }
}

async function settle<Answer>(
  signal: AbortSignal,
  question: () => Promise<Answer>,
  onAnswer: (answer: Answer) => void,
  onFailure: (error: unknown) => void,
): Promise<void> {
  if (signal.aborted) return;
  const told = await question().then(
    (answer) => () => onAnswer(answer),
    (error: unknown) => () => onFailure(error),
  );
  if (!signal.aborted) told();
}
