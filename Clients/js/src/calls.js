/** @import { Codec } from '../pharos.d.ts' */
/** @import { Clock } from './timer.js' */
import { closedError, PharosError, timeoutError } from './errors.js';
import { Timer } from './timer.js';

/** @typedef {(error: PharosError | null, result: any) => void} Completion */

/** A frame takes commands up to this many characters: at 3 bytes each still below the server's limit of 64 KiB. */
export const frameLimit = 16384;

/** Commands that wait to be sent, those of one turn in one frame, and those that wait for their replies. */
export class Calls {
  #lastId = 0;
  /** @type {Map<number, { method: string, done: Completion, timer: Timer }>} */
  #pending = new Map();
  /** @type {any[]} */
  #outbox = [];
  #isBatching = false;
  #clock;
  #timeout;
  #codec;
  #write;

  /** @param {Clock} clock @param {number} timeout @param {Codec} codec @param {(frame: any) => void} write */
  constructor(clock, timeout, codec, write) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#codec = codec;
    this.#write = write;
  }

  /** @param {string} method @param {any} request @param {Completion} done called once, in the order of the replies */
  call(method, request, done) {
    const id = (this.#lastId += 1);
    const timer = new Timer(this.#clock);
    timer.start(this.#timeout, () => {
      this.#pending.delete(id);
      done(timeoutError(), null);
    });
    this.#pending.set(id, { method, done, timer });
    this.enqueue({ id, [method]: request });
  }

  /** @param {object} command */
  enqueue(command) {
    if (this.#outbox.push(this.#codec.encode(command)) === 1 && !this.#isBatching) queueMicrotask(() => this.flush());
  }

  /** @param {boolean} isBatching whether commands are kept back */
  batch(isBatching) {
    this.#isBatching = isBatching;
    if (!isBatching) queueMicrotask(() => this.flush());
  }

  flush() {
    for (const frame of frames(this.#outbox.splice(0), this.#codec)) this.#write(frame);
  }

  /** @param {any} reply */
  replied(reply) {
    const call = this.#pending.get(reply.id);
    if (!call) return;
    this.#pending.delete(reply.id);
    call.timer.stop();
    const { error } = reply;
    if (error) call.done(new PharosError(error.code ?? 0, error.message ?? '', error.temporary ?? false), null);
    else call.done(null, reply[call.method] ?? {});
  }

  /** Servers that look at no id close the connection for a message that nothing takes. @param {PharosError} error */
  rejectSends(error) {
    this.#end([...this.#pending].filter(([, { method }]) => method === 'send'), error);
  }

  /** Forgets all commands at once; the result tells those who called. @param {PharosError} [error] */
  clear(error = closedError()) {
    const pending = [...this.#pending];
    this.#outbox = [];
    this.#pending.clear();
    return () => this.#end(pending, error);
  }

  /** @param {[number, { done: Completion, timer: Timer }][]} calls @param {PharosError} error */
  #end(calls, error) {
    for (const [id, { done, timer }] of calls) {
      this.#pending.delete(id);
      timer.stop();
      done(error, null);
    }
  }
}

/**
 * Pieces joined to frames that the server takes.
 * @param {any[]} pieces @param {Codec} codec @returns {any[]}
 */
export function frames(pieces, codec) {
  /** @type {any[][]} */
  const groups = [];
  let size = Infinity;
  for (const piece of pieces) {
    if (size + piece.length >= frameLimit) {
      groups.push([]);
      size = 0;
    }
    groups[groups.length - 1].push(piece);
    size += piece.length + 1;
  }
  return groups.map((group) => codec.join(group));
}
