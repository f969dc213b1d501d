/**
 * Timers and chance. Tests bring their own.
 * @typedef {object} Clock
 * @property {(action: () => void, ms: number) => any} setTimeout
 * @property {(handle: any) => void} clearTimeout
 * @property {() => number} random             in [0, 1)
 */

/** Browsers keep timer delays in a signed 32-bit integer; tokens may live for a year. */
const longestTimer = 2 ** 31 - 1;

/** @type {Clock} */
export const systemClock = {
  setTimeout: (action, ms) => setTimeout(action, ms),
  clearTimeout: (handle) => clearTimeout(handle),
  random: Math.random,
};

/** One restartable timer, good for delays beyond what a browser's timer can hold. */
export class Timer {
  /** @type {any} */
  #handle = null;
  #clock;

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  get isRunning() {
    return this.#handle !== null;
  }

  /** @param {number} ms @param {() => void} action */
  start(ms, action) {
    this.stop();
    const step = Math.min(ms, longestTimer);
    this.#handle = this.#clock.setTimeout(() => {
      this.#handle = null;
      if (ms > step) this.start(ms - step, action);
      else action();
    }, step);
  }

  stop() {
    if (this.#handle !== null) this.#clock.clearTimeout(this.#handle);
    this.#handle = null;
  }
}

/**
 * The delay in milliseconds before attempt number `attempt` (from 0): exponential, jittered over its whole range, never
 * below `least`, so that the clients of a restarted server come back spread out.
 * @param {number} attempt @param {number} least @param {number} greatest @param {number} chance in [0, 1)
 */
export function backOff(attempt, least, greatest, chance) {
  const range = Math.min(greatest, least * 2 ** Math.min(attempt, 31));
  return Math.min(greatest, Math.floor(least + chance * range));
}
