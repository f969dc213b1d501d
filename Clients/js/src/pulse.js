/** @import { Clock } from './timer.js' */
import { Timer } from './timer.js';

/** Signs of life of an open connection: the server's pings, and anything else that it sends. */
export class Pulse {
  /** Whether the server wants its pings answered. */
  isAnswered = false;
  /** How long the server may be silent; 0: for ever. */
  #limit = 0;
  /** When it was heard last, of the wall clock: timers stand still while a computer sleeps. */
  #heardAt = 0;
  #grace;
  #timer;
  #lost;

  /** @param {Clock} clock @param {number} grace milliseconds that a ping may be late @param {() => void} lost */
  constructor(clock, grace, lost) {
    this.#grace = grace;
    this.#lost = lost;
    this.#timer = new Timer(clock);
  }

  /** Whether the silence is longer than it may be, and no timer could say so yet. */
  get isLost() {
    return this.#limit > 0 && Date.now() - this.#heardAt > this.#limit;
  }

  /** @param {{ ping?: number, pong?: boolean }} result of a connect; ping in seconds */
  begin({ ping = 0, pong = false }) {
    this.isAnswered = pong;
    this.#limit = ping ? ping * 1000 + this.#grace : 0;
    this.heard();
  }

  heard() {
    this.#heardAt = Date.now();
    if (this.#limit) this.#timer.start(this.#limit, this.#lost);
  }

  stop() {
    this.#limit = 0;
    this.#timer.stop();
  }
}
