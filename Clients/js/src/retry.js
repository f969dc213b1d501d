/** @import { Clock } from './timer.js' */
import { backOff, Timer } from './timer.js';

/** Attempts that follow each other after growing delays. */
export class Retry {
  /** How many have failed in a row. */
  attempt = 0;
  /** When the next one is due, of the wall clock. */
  #dueAt = 0;
  #clock;
  #least;
  #greatest;
  #timer;

  /** @param {Clock} clock @param {number} least milliseconds @param {number} greatest */
  constructor(clock, least, greatest) {
    this.#clock = clock;
    this.#least = least;
    this.#greatest = greatest;
    this.#timer = new Timer(clock);
  }

  get isRunning() {
    return this.#timer.isRunning;
  }

  /** Whether the next attempt should have been made by now: a page may have slept. */
  get isDue() {
    return Date.now() >= this.#dueAt;
  }

  /** @param {number} attempt */
  delay(attempt) {
    return backOff(attempt, this.#least, this.#greatest, this.#clock.random());
  }

  /** The present attempt has failed. @param {() => void} next @returns {number} the delay until then */
  later(next) {
    const delay = this.delay(this.attempt);
    this.attempt += 1;
    this.start(delay, next);
    return delay;
  }

  /** @param {number} delay @param {() => void} next */
  start(delay, next) {
    this.#dueAt = Date.now() + delay;
    this.#timer.start(delay, next);
  }

  /** None is to be made any more, or it is made now. */
  stop() {
    this.#timer.stop();
  }
}
