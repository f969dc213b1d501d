// @ts-check
/** A clock, a network and a server side of a WebSocket, all moved by hand. */

/** Timers that fire when a test says so, and a chance that a test sets. */
export class ManualClock {
  now = 0;
  chance = 0;
  #next = 0;
  /** @type {Map<number, { at: number, action: () => void }>} */
  #timers = new Map();

  setTimeout = (/** @type {() => void} */ action, /** @type {number} */ ms) => {
    this.#next += 1;
    this.#timers.set(this.#next, { at: this.now + ms, action });
    return this.#next;
  };
  clearTimeout = (/** @type {number} */ handle) => void this.#timers.delete(handle);
  random = () => this.chance;

  get timers() {
    return this.#timers.size;
  }

  /** Lets `ms` pass, timer by timer in their order, with time for promises after each. @param {number} ms */
  async advance(ms) {
    const end = this.now + ms;
    for (;;) {
      const [first] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!first) break;
      this.now = first[1].at;
      this.#timers.delete(first[0]);
      first[1].action();
      await settled();
    }
    this.now = end;
  }
}

/** Until all promises that can go on have gone on. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** The sockets a client opened, and what it wrote into them. */
export class FakeNetwork {
  /** @type {FakeSocket[]} */
  sockets = [];

  /** The class to give to the client. */
  get WebSocket() {
    const { sockets } = this;
    return class extends FakeSocket {
      /** @param {string} url */
      constructor(url) {
        super(url);
        sockets.push(this);
      }
    };
  }

  /** The newest socket. */
  get socket() {
    return this.sockets[this.sockets.length - 1];
  }
}

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  /** @type {string[]} */
  frames = [];
  isClosed = false;
  /** @type {null | (() => void)} */
  onopen = null;
  /** @type {null | ((event: { data: any }) => void)} */
  onmessage = null;
  /** @type {null | ((event: { code: number, reason: string }) => void)} */
  onclose = null;
  #read = 0;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  /** @param {string} frame */
  send(frame) {
    this.frames.push(frame);
  }

  close() {
    this.isClosed = true;
  }

  /** The commands written since the last call. @returns {any[]} */
  get commands() {
    const frames = this.frames.slice(this.#read);
    this.#read = this.frames.length;
    return frames.flatMap((frame) => frame.split('\n')).map((line) => JSON.parse(line));
  }

  async accept() {
    this.onopen?.();
    await settled();
  }

  /** One frame with these messages. @param {any[]} messages */
  async reply(...messages) {
    this.onmessage?.({ data: messages.map((each) => JSON.stringify(each)).join('\n') });
    await settled();
  }

  /** @param {number} code @param {string} [reason] */
  async fail(code, reason = '') {
    this.onclose?.({ code, reason });
    await settled();
  }
}
