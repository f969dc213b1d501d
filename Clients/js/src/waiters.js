/** @import { Clock } from './timer.js' */
/** @import { PharosError } from './errors.js' */
import { timeoutError } from './errors.js';
import { Timer } from './timer.js';

/** Promises waiting for a state. */
export class Waiters {
  /** @type {Set<{ resolve: () => void, reject: (error: PharosError) => void }>} */
  #waiting = new Set();
  #clock;

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @param {number} [timeout] milliseconds; without it the wait has no end of its own @returns {Promise<void>} */
  wait(timeout) {
    return new Promise((resolve, reject) => {
      const timer = new Timer(this.#clock);
      const waiter = {
        resolve: () => (timer.stop(), resolve()),
        reject: (/** @type {PharosError} */ error) => (timer.stop(), reject(error)),
      };
      this.#waiting.add(waiter);
      if (timeout) {
        timer.start(timeout, () => {
          this.#waiting.delete(waiter);
          reject(timeoutError());
        });
      }
    });
  }

  /** @param {PharosError | null} error */
  settle(error) {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) error ? waiter.reject(error) : waiter.resolve();
  }
}
