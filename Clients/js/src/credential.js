/** @import { Clock } from './timer.js' */
/** @import { PharosError } from './errors.js' */
/** @import { Completion } from './calls.js' */
import { codes, serverCodes } from './codes.js';
import { asked } from './errors.js';
import { Timer } from './timer.js';

/** A new token is asked for this long before the old one is over, in milliseconds, or in the last tenth of its time. */
const longestLead = 3000;

/**
 * How a new token gets to the server, and what follows if it does not.
 * @typedef {object} Renewal
 * @property {(token: string, done: Completion) => void} send
 * @property {(attempt: number) => number} delay
 * @property {(error: PharosError) => void} failed           it will be tried again
 * @property {(error: PharosError | null) => void} refused   it will not; null: the application has no token to give
 */

/** A token, who is asked for the next one, and when that is due. */
export class Credential {
  /** Answers that belong to an older number are thrown away. */
  #generation = 0;
  /** Whether the time that the server gave to the token is known to be over. */
  #isOver = false;
  /** The same as a time of the wall clock: timers stand still while a computer sleeps. */
  #overAt = Infinity;
  /** Whether there is no connection over which a new token could be sent. */
  #isAway = true;
  /** @type {Renewal | null} while nothing has been done yet about the next token */
  #due = null;
  #ask;
  #timer;

  /** @param {Clock} clock @param {string} token @param {(() => Promise<string> | string) | undefined} ask */
  constructor(clock, token, ask) {
    this.token = token;
    this.#ask = ask;
    this.#timer = new Timer(clock);
  }

  get isRenewable() {
    return Boolean(this.#ask);
  }

  /** Whether a token is to be asked for before the next attempt. */
  get isMissing() {
    return this.isRenewable && (!this.token || this.#isOver || Date.now() >= this.#overAt);
  }

  /** The application has another token, for the next attempt. @param {string} token */
  replace(token) {
    this.token = token;
    this.#isOver = false;
    this.#overAt = Infinity;
  }

  /** Forgets the token, unless it cannot be replaced: without any the user would silently become another one. */
  drop() {
    if (this.#ask) this.token = '';
  }

  /** The server has said that the time of the token is over. */
  expire() {
    this.#isOver = true;
  }

  /** The connection is gone. No answer asked for before will be heard of; the time of the token goes on. */
  pause() {
    this.#generation += 1;
    this.#isAway = true;
  }

  /** As `pause`, and no timer is left. */
  stop() {
    this.pause();
    this.#due = null;
    this.#timer.stop();
  }

  /** Asks the application: hands over an error if that fails, null for both if it refuses. @param {Completion} done */
  async fetch(done) {
    const generation = this.#generation;
    const { value, error = null } = await asked(this.#ask, codes.error.token);
    if (generation !== this.#generation) return;
    this.replace(value ?? '');
    done(error, value || null);
  }

  /**
   * The server has accepted the token, for a time or for good.
   * @param {{ expires?: boolean, ttl?: number }} result ttl in seconds @param {Renewal} renewal
   */
  renewLater({ expires, ttl }, renewal) {
    this.stop();
    this.#isAway = false;
    this.#isOver = false;
    this.#overAt = expires && ttl ? Date.now() + ttl * 1000 : Infinity;
    if (!expires || !ttl || !this.#ask) return;
    const lead = Math.min(longestLead, ttl * 100);
    this.#due = renewal;
    this.#timer.start(ttl * 1000 - lead, () => {
      if (!this.#isAway) return this.#renewNow();
      this.#timer.start(lead, () => {
        this.#isOver = true;
        this.#renewNow();
      });
    });
  }

  /** The computer or the page may have slept: is a renewal late? */
  awake() {
    if (Date.now() >= this.#overAt) this.#renewNow();
  }

  #renewNow() {
    const renewal = this.#due;
    if (this.#isAway || !renewal) return;
    this.#due = null;
    this.#timer.stop();
    this.#renew(renewal, 0);
  }

  /** @param {Renewal} renewal @param {number} attempt */
  #renew(renewal, attempt) {
    const again = (/** @type {PharosError} */ error) => {
      const next = () => {
        if (!this.#isAway) this.#renew(renewal, attempt + 1);
      };
      // The application had a token in stock that was over: another one is worth an attempt at once, but only one.
      const isAtOnce = error.code === serverCodes.tokenExpired && attempt === 0;
      const generation = this.#generation;
      if (!isAtOnce) this.#timer.start(renewal.delay(attempt), next);
      renewal.failed(error);
      if (isAtOnce && generation === this.#generation) next();
    };
    this.fetch((error, token) => {
      if (error) return again(error);
      if (!token) return renewal.refused(null);
      const generation = this.#generation;
      renewal.send(token, (failure, result) => {
        if (generation !== this.#generation) return;
        if (!failure) this.renewLater(result, renewal);
        else if (failure.retriable || failure.code === serverCodes.tokenExpired) again(failure);
        else renewal.refused(failure);
      });
    });
  }
}
