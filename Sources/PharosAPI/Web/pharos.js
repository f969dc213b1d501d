// @ts-self-types="./pharos.d.ts"

// index.js

/**
 * The browser client of Pharos: the Centrifuge protocol v2 over WebSocket, HTTP streams, server-sent events or long
 * polls, without dependencies.
 *
 *     import { Pharos } from '/pharos.js';
 *     const client = new Pharos('/connection/websocket');
 *     const news = client.newSubscription('news');
 *     news.on('publication', ({ data }) => console.log(data));
 *     news.subscribe();
 *     client.connect();
 *
 * Several URLs are several nodes of one server: where one is lost, the next is tried.
 */

// codes.js

/** Codes made by this client itself. Codes from the server start at 100 (errors), 2000 and 3000. */
const codes = Object.freeze({
  /** The application called connect, disconnect, subscribe or unsubscribe. */
  called: 0,
  error: Object.freeze({ timeout: 1, transportClosed: 2, disconnected: 3, token: 5, unsubscribed: 7, data: 8 }),
  connecting: Object.freeze({ transportClosed: 1, noPing: 2, subscribeTimeout: 3, unsubscribeFailed: 4, badDelta: 5 }),
  disconnected: Object.freeze({ unauthorized: 1, badProtocol: 2, messageTooBig: 3, badConfiguration: 12 }),
  subscribing: Object.freeze({ transportClosed: 1 }),
  unsubscribed: Object.freeze({ unauthorized: 1, missing: 2 }),
});

/** Codes of the server that this client acts on. */
const serverCodes = Object.freeze({
  notAvailable: 108,
  tokenExpired: 109,
  subscriptionExpired: 2501,
  subscriptionInvalidated: 2502,
  connectionExpired: 3005,
  stateInvalidated: 3014,
  commandNotAvailable: 3508,
});

/** The states of a client, as `client.state` and the event `state` name them. */
const State = Object.freeze({
  Disconnected: 'disconnected',
  Connecting: 'connecting',
  Connected: 'connected',
});

/** The states of a subscription. */
const SubscriptionState = Object.freeze({
  Unsubscribed: 'unsubscribed',
  Subscribing: 'subscribing',
  Subscribed: 'subscribed',
});

/**
 * Whether a client reconnects after a connection was closed with `code`.
 * @param {number} code
 */
function reconnectsAfter(code) {
  if (code === 1009) return false;
  return !((code >= 3500 && code < 4000) || (code >= 4500 && code < 5000));
}

// delta.js

/**
 * Publications that come as differences: each is made from the one before it, in the delta format of Fossil
 * (fossil-scm.org, `delta_format.wiki`). A delta is the target's length, a line feed, segments `<length>@<offset>,`
 * (copy from the base) and `<length>:<bytes>` (insert), then the target's checksum and `;`.
 */

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~';

/** The sum of the bytes as big-endian words of 32 bits, the last one filled up with zeros. @param {Uint8Array} bytes */
function checksum(bytes) {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 1) sum = (sum + (bytes[index] << (24 - 8 * (index & 3)))) >>> 0;
  return sum;
}

/**
 * The target that a delta makes of a base.
 *
 * @param {Uint8Array} base @param {Uint8Array} delta @returns {Uint8Array}
 * @throws if it is malformed, or made of another base; nothing is allocated beyond `limit`
 */
function applyDelta(base, delta, limit = 2 ** 28) {
  let at = 0;
  const bad = () => new Error('malformed delta');
  const number = () => {
    let value = 0;
    const start = at;
    for (let digit; (digit = digits.indexOf(String.fromCharCode(delta[at]))) >= 0 && at < delta.length; at += 1) {
      value = value * 64 + digit;
    }
    if (at === start || value >= 2 ** 32) throw bad();
    return value;
  };
  const mark = () => String.fromCharCode(delta[at++]);
  const size = number();
  if (mark() !== '\n' || size > limit) throw bad();
  const target = new Uint8Array(size);
  for (let filled = 0; ; ) {
    const count = number();
    const kind = mark();
    if (kind === ';') {
      if (filled !== size || count !== checksum(target) || at !== delta.length) throw bad();
      return target;
    }
    let source = delta;
    let from = at;
    if (kind === '@') {
      source = base;
      from = number();
      if (mark() !== ',') throw bad();
    } else if (kind === ':') {
      at += count;
    } else {
      throw bad();
    }
    if (from + count > source.length || filled + count > size) throw bad();
    target.set(source.subarray(from, from + count), filled);
    filled += count;
  }
}

/** The base of the next delta of one subscription. */
class DeltaBase {
  /** @type {Uint8Array | null} */
  #last = null;

  /**
   * The publication as if it had come whole. In JSON both a delta and a whole payload come as the text of one.
   * @param {any} publication @throws if it cannot be made
   */
  whole(publication) {
    const { data, delta } = publication;
    const isText = typeof data === 'string';
    const bytes = isText ? new TextEncoder().encode(data) : data;
    if (delta && !this.#last) throw new Error('a delta without a base');
    const last = (this.#last = delta ? applyDelta(/** @type {Uint8Array} */ (this.#last), bytes) : bytes);
    return { ...publication, data: isText ? JSON.parse(new TextDecoder().decode(last)) : last };
  }
}

// errors.js

/** A failure, with the protocol's code; codes below 100 are this client's own. */
class PharosError extends Error {
  /** @param {number} code @param {string} message @param {boolean} [temporary] */
  constructor(code, message, temporary = false) {
    super(message);
    this.name = 'PharosError';
    this.code = code;
    this.temporary = temporary;
  }

  /** Whether the same command may succeed later; a token that expired is a case of its own. */
  get retriable() {
    return this.temporary || this.code < 100;
  }

  /** The error itself, for listeners written as `({ error }) => …`. */
  get error() {
    return this;
  }
}

/** Thrown by `getToken` or `getData` when the user may not connect or subscribe: no further attempt is made. */
class UnauthorizedError extends Error {
  constructor(message = 'unauthorized') {
    super(message);
    this.name = 'UnauthorizedError';
  }
}

/** @param {string} [reason] @returns {PharosError} for what the end of a connection has interrupted */
function closedError(reason = 'transport closed') {
  return new PharosError(codes.error.transportClosed, reason, true);
}

function timeoutError() {
  return new PharosError(codes.error.timeout, 'timeout', true);
}

/**
 * Asks the application for a token or for data.
 *
 * @param {(() => any) | undefined} source @param {number} code of the error if that fails
 * @returns {Promise<{ value?: any, error?: PharosError | null }>} error is null if the application refuses for good
 */
async function asked(source, code) {
  try {
    return { value: await source?.() };
  } catch (error) {
    if (error instanceof UnauthorizedError) return { error: null };
    const what = code === codes.error.token ? 'token' : 'data';
    return { error: new PharosError(code, `no ${what}: ${error}`, true) };
  }
}

// timer.js

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
const systemClock = {
  setTimeout: (action, ms) => setTimeout(action, ms),
  clearTimeout: (handle) => clearTimeout(handle),
  random: Math.random,
};

/** One restartable timer, good for delays beyond what a browser's timer can hold. */
class Timer {
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
function backOff(attempt, least, greatest, chance) {
  const range = Math.min(greatest, least * 2 ** Math.min(attempt, 31));
  return Math.min(greatest, Math.floor(least + chance * range));
}

// calls.js

/** @typedef {(error: PharosError | null, result: any) => void} Completion */

/** A frame takes commands up to this many characters: at 3 bytes each still below the server's limit of 64 KiB. */
const frameLimit = 16384;

/** Commands that wait to be sent, those of one turn in one frame, and those that wait for their replies. */
class Calls {
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
function frames(pieces, codec) {
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

// credential.js

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
class Credential {
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

// memory.js

/** Which transport worked at an endpoint, for this page and, where there is a session storage, for its next ones. */

/** @typedef {{ name: string, at: number }} Choice at: when it was found, of the wall clock */

/** @type {Map<string, Choice>} */
const choices = new Map();
const prefix = 'pharos.transport:';

/** A page may be forbidden to have a storage, which then throws at the first touch. @param {(storage: Storage) => any} use */
function stored(use) {
  try {
    return use(globalThis.sessionStorage);
  } catch {
    return null;
  }
}

/** @param {string} endpoint @returns {Choice | null} */
function recall(endpoint) {
  const choice = choices.get(endpoint) ?? JSON.parse(stored((storage) => storage.getItem(prefix + endpoint)) ?? 'null');
  return typeof choice?.name === 'string' ? choice : null;
}

/** @param {string} endpoint @param {string} name */
function remember(endpoint, name) {
  if (recall(endpoint)?.name === name) return;
  const choice = { name, at: Date.now() };
  choices.set(endpoint, choice);
  stored((storage) => storage.setItem(prefix + endpoint, JSON.stringify(choice)));
}

/** @param {string} endpoint */
function forget(endpoint) {
  choices.delete(endpoint);
  stored((storage) => storage.removeItem(prefix + endpoint));
}

// transports/emulated.js

/**
 * The base of transports over HTTP, in the shape of a WebSocket: the first frame opens a stream, later ones are requests
 * of their own, to the address of the emulation, one after the other.
 */
class Emulated {
  /** @type {null | (() => void)} */
  onopen = null;
  /** @type {null | ((event: { data: any }) => void)} */
  onmessage = null;
  /** @type {null | ((event: { code: number, reason: string }) => void)} */
  onclose = null;
  #hasBegun = false;
  #isPosting = false;
  #session = '';
  #node = '';
  /** @type {any[]} */
  #waiting = [];
  _isOver = false;
  _abort = new AbortController();

  /** @param {string} url @param {TransportContext} context */
  constructor(url, context) {
    this._url = url;
    this._context = context;
    queueMicrotask(() => this._isOver || this.onopen?.());
  }

  /** @param {any} frame */
  send(frame) {
    if (this._isOver) return;
    if (this.#hasBegun) {
      this._later(frame);
    } else {
      this.#hasBegun = true;
      this._begin(frame);
    }
  }

  /** The server has accepted the connection. @param {{ session?: string, node?: string }} result */
  greeted({ session = '', node = '' }) {
    this.#session = session;
    this.#node = node;
    this.#post();
  }

  close() {
    this._isOver = true;
    this._abort.abort();
  }

  /** Opens the stream with the first frame. @param {any} frame */
  _begin(frame) {}

  /** @param {any} frame */
  _later(frame) {
    this.#waiting.push(frame);
    this.#post();
  }

  /** @param {any} data */
  _received(data) {
    if (!this._isOver && data.length) this.onmessage?.({ data });
  }

  /** @param {string} reason */
  _ended(reason) {
    if (this._isOver) return;
    this.close();
    this.onclose?.({ code: 1006, reason });
  }

  /** A request of this transport. @param {string} url @param {any} body @param {AbortSignal} [signal] */
  _fetch(url, body, signal = this._abort.signal) {
    const { fetch, codec, credentials } = this._context;
    const method = body === undefined ? 'GET' : 'POST';
    const headers = body === undefined ? undefined : { 'Content-Type': codec.contentType };
    return fetch(url, { method, headers, body, signal, credentials, cache: 'no-store' });
  }

  async #post() {
    if (this.#isPosting || !this.#session) return;
    this.#isPosting = true;
    const { codec, emulation, timeout } = this._context;
    try {
      while (this.#waiting.length && !this._isOver) {
        for (const frame of frames(this.#waiting.splice(0), codec)) {
          // An answer that does not come would hold up all commands after it.
          const timer = setTimeout(() => this._ended('emulation: timeout'), timeout);
          const posted = this._fetch(emulation, codec.emulated(this.#session, this.#node, frame));
          const { ok, status } = await posted.finally(() => clearTimeout(timer));
          if (!ok) throw new Error(`the server answers a command with ${status}`);
        }
      }
    } catch (error) {
      this._ended(`emulation: ${error}`);
    }
    this.#isPosting = false;
  }
}

// transports/event-source.js

/** Server-sent events read by an EventSource, where fetch cannot read an answer as it comes. */
class SourcedEvents extends Emulated {
  /** @type {any} */
  #source = null;

  /** @override @param {string} frame */
  _begin(frame) {
    // An address has a limit, and a token in it is seen by more programs: it holds no more than it must.
    const [connect, ...others] = frame.split('\n');
    if (others.length) this._later(others.join('\n'));
    const url = new URL(this._url);
    url.searchParams.set('cf_connect', connect);
    const { EventSource, credentials } = this._context;
    this.#source = new EventSource(url.href, { withCredentials: credentials === 'include' });
    this.#source.onmessage = (/** @type {{ data: string }} */ { data }) => this._received(data);
    // It would come back by itself, with the connect command of an earlier time.
    this.#source.onerror = () => this._ended('the event source has failed');
  }

  /** @override */
  close() {
    super.close();
    this.#source?.close();
  }
}

// json-codec.js

/**
 * How messages are written: this one in JSON, one in a line. Another may be given as the option `codec`.
 * @typedef {import('./pharos.d.ts').Codec} Codec
 */

/** @type {Codec} */
const json = {
  name: 'json',
  contentType: 'application/json',
  subprotocol: '',
  encode: (command) => JSON.stringify(command),
  join: (pieces) => pieces.join('\n'),
  decode: (frame) => frame.split('\n').filter(Boolean).map((/** @type {string} */ line) => JSON.parse(line)),
  emulated: (session, node, frame) => JSON.stringify({ session, node, data: frame }),
  reader() {
    const take = lineReader();
    return (bytes) => take(bytes).join('\n');
  },
};

/** Bytes in, the lines that have come to their end out. @returns {(bytes: Uint8Array) => string[]} */
function lineReader() {
  const decoder = new TextDecoder();
  let rest = '';
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    return lines;
  };
}

// transports/http-stream.js

/** An answer that does not end, read as it comes: each line a reply, or each a message with its length in front. */
class HTTPStream extends Emulated {
  /** @override @param {any} frame */
  async _begin(frame) {
    try {
      const response = await this._fetch(this._url, frame);
      if (!response.ok) return this._ended(`the server answers with ${response.status}`);
      // Networks that ask for a login answer everything with a page of their own.
      if (response.headers.get('Content-Type')?.startsWith('text/html')) return this._ended('the answer is a web page');
      const [stream, read] = [response.body.getReader(), this._reader()];
      while (!this._isOver) {
        const { done, value } = await stream.read();
        if (done) return this._ended('the stream has ended');
        this._received(read(value));
      }
    } catch (error) {
      this._ended(`${error}`);
    }
  }

  /** @returns {(bytes: Uint8Array) => any} takes bytes, gives the frame that they complete */
  _reader() {
    return this._context.codec.reader();
  }
}

/** Server-sent events read by fetch, so that the connect command, and the token in it, stay out of the address. */
class FetchedEvents extends HTTPStream {
  /** @override @returns {(bytes: Uint8Array) => string} */
  _reader() {
    const take = lineReader();
    return (bytes) => take(bytes).filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n');
  }
}

// transports/long-poll.js

/** Requests that are answered when there is news. A lost answer is asked for again by its cursor. */
class LongPoll extends Emulated {
  #address = new URL(this._url);
  /** @type {string[]} */
  #said = [];
  /** The request that waits for news, which a command interrupts. @type {AbortController | null} */
  #waits = null;

  /** @override @param {string} frame */
  async _begin(frame) {
    const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, '0'));
    this.#address.searchParams.set('session', key.join(''));
    this.#said.push(frame);
    while (!this._isOver) {
      const [said, ...others] = frames(this.#said, this._context.codec);
      this.#said = others;
      try {
        await this.#ask(said);
      } catch (error) {
        // A command was waiting: what the interrupted answer had in it comes with the next.
        if (said !== undefined || !this.#said.length) this._ended(`${error}`);
      }
    }
  }

  /** @override @param {string} frame */
  _later(frame) {
    this.#said.push(frame);
    this.#waits?.abort();
  }

  /** @override */
  close() {
    super.close();
    this.#waits?.abort();
  }

  /** Says goodbye: the server cannot see that no further poll will come. @param {string} frame */
  leave(frame) {
    const { fetch, codec, credentials } = this._context;
    const headers = { 'Content-Type': codec.contentType };
    fetch(this.#address.href, { method: 'POST', headers, body: frame, credentials, keepalive: true }).catch(() => {});
  }

  /** One request. @param {string | undefined} said */
  async #ask(said) {
    this.#waits = said === undefined ? new AbortController() : null;
    const response = await this._fetch(this.#address.href, said, this.#waits?.signal);
    if (!response.ok) throw new Error(`the server answers with ${response.status}`);
    const { cursor, messages } = await response.json();
    this.#waits = null;
    this.#address.searchParams.set('cursor', cursor);
    this._received(messages);
  }
}

// transports/websocket.js

/** The platform's WebSocket, or the class that was given. @param {string} url @param {TransportContext} context */
function openWebSocket(url, { WebSocket, codec }) {
  const address = new URL(url);
  address.protocol = address.protocol.replace(/^http/, 'ws');
  if (!codec.subprotocol) return new WebSocket(address.href);
  const socket = new WebSocket(address.href, codec.subprotocol);
  socket.binaryType = 'arraybuffer';
  return socket;
}

// transports.js

/**
 * @typedef {object} Kind
 * @property {string} path                                             its default on a server
 * @property {(platform: any) => boolean} works                        on this platform
 * @property {(url: string, context: TransportContext) => any} open
 * @property {boolean} [isText]                                        it carries nothing but JSON
 */

const hasStreams = (/** @type {any} */ { fetch }) => fetch && typeof ReadableStream === 'function';

/** The transports by name, in the order in which they are tried. @type {Record<string, Kind>} */
const kinds = {
  websocket: {
    path: '/connection/websocket',
    works: ({ WebSocket }) => typeof WebSocket === 'function',
    open: openWebSocket,
  },
  http_stream: {
    path: '/connection/http_stream',
    works: hasStreams,
    open: (url, context) => new HTTPStream(url, context),
  },
  sse: {
    path: '/connection/sse',
    works: hasStreams,
    open: (url, context) => new FetchedEvents(url, context),
    isText: true,
  },
  eventsource: {
    path: '/connection/sse',
    works: ({ EventSource, fetch }) => EventSource && fetch,
    open: (url, context) => new SourcedEvents(url, context),
    isText: true,
  },
  long_poll: {
    path: '/connection/poll',
    works: ({ fetch }) => Boolean(fetch),
    open: (url, context) => new LongPoll(url, context),
    isText: true,
  },
};

/** What the platform has, or the program gave in its place; asked for late, since a program may still provide it. */
function platformOf(/** @type {any} */ options) {
  const { fetch = globalThis.fetch } = options;
  return {
    WebSocket: options.WebSocket ?? options.websocket ?? globalThis.WebSocket,
    EventSource: options.EventSource ?? options.eventsource ?? globalThis.EventSource,
    fetch: fetch && ((/** @type {any} */ url, /** @type {any} */ init) => fetch(url, init)),
  };
}

/**
 * The names to try, if none are asked for. A WebSocket class that a program brings is what it wants to use, and an
 * EventSource can do nothing that a fetch with streams cannot do better.
 */
function defaultOrder(/** @type {any} */ options) {
  if (options.WebSocket ?? options.websocket) return ['websocket'];
  return ['websocket', 'http_stream', hasStreams(platformOf(options)) ? 'sse' : 'eventsource', 'long_poll'];
}

// endpoint.js

/**
 * One way to reach an endpoint.
 * @typedef {object} Way
 * @property {string} name
 * @property {() => any} open      @throws if its address cannot be
 */

/** As many attempts in a row fail before a transport that has worked is doubted: a server may take a while to restart. */
const patience = 5;

/** An address that names a server as a whole, not one of its parts: `https://push.example.com` or `/`. */
const isServer = /^((https?|wss?):\/\/[^/]+|https?:\/\/.*\/|\/|\/.*\/)$/;

/** One node of the server, and the transports by which it may be reached. */
class Endpoint {
  #options;
  /** The part of its address that is remembered: the rest may be secret. */
  #key;
  /** @type {Way[]} */
  #ways;
  /** Those that this round has not tried. @type {Way[]} */
  #left = [];
  /** @type {Way} */
  #way;
  #isSettled = false;
  #misses = 0;

  /**
   * @param {EndpointURL | readonly EndpointURL[]} target an address, or the addresses of several transports
   * @param {PharosOptions} options
   */
  constructor(target, options) {
    this.#options = options;
    const list = typeof target === 'string' ? null : [target].flat();
    this.url = list ? /** @type {any} */ (list[0]).endpoint : target;
    this.#key = this.url.split(/[?#]/)[0];
    this.#ways = list
      ? list.map((/** @type {any} */ { transport, endpoint }) => this.#wayTo(transport, endpoint))
      : (options.transports ?? this.#defaults()).map((each) => this.#wayTo(each));
    const { codec } = options;
    if (codec && codec.name !== 'json') this.#ways = this.#ways.filter(({ name }) => !kinds[name]?.isText);
    this.#way = this.#ways[0];
    this.begin();
  }

  /** The transport that is in use or will be tried next. */
  get transport() {
    return this.#way?.name ?? '';
  }

  /** Whether the platform has any of the transports. */
  get isPossible() {
    const platform = platformOf(this.#options);
    return this.#ways.some(({ name }) => !kinds[name] || kinds[name].works(platform));
  }

  /** A round of attempts begins: with what has worked, or from the front. @param {boolean} [isAnew] nothing counts */
  begin(isAnew = false) {
    if (isAnew) forget(this.#key);
    const { transportMemory = 300_000 } = this.#options;
    const choice = recall(this.#key);
    const known = this.#ways.findIndex(({ name }) => name === choice?.name);
    // At times the better ones are given another chance: the proxy that refused them may be far away by now.
    this.#isSettled = known === 0 || (known > 0 && Date.now() - (choice?.at ?? 0) < transportMemory);
    this.#take(this.#isSettled ? this.#ways[known] : this.#ways[0]);
  }

  /** The server has answered, here or at another of its nodes. @param {string} name of the transport */
  worked(name) {
    const way = this.#ways.find((each) => each.name === name);
    if (!way) return;
    this.#isSettled = true;
    this.#take(way);
    if (this.#ways.length > 1) remember(this.#key, name);
  }

  /** The attempt has failed, without a word of the server. Returns whether another transport is to be tried at once. */
  failed() {
    if (this.#isSettled && (this.#misses += 1) < patience) return false;
    if (this.#isSettled) forget(this.#key);
    this.#isSettled = false;
    const [next, ...left] = this.#left;
    if (!next) {
      this.#take(this.#ways[0]);
      return false;
    }
    this.#way = next;
    this.#left = left;
    return true;
  }

  /** @returns {any} in the shape of a WebSocket @throws if the address cannot be */
  open() {
    return this.#way.open();
  }

  /** @param {Way} way */
  #take(way) {
    const platform = platformOf(this.#options);
    const works = (/** @type {Way} */ { name }) => !kinds[name] || kinds[name].works(platform);
    const possible = this.#ways.filter(works);
    this.#misses = 0;
    this.#way = !way || works(way) ? way : possible[0] ?? way;
    this.#left = possible.filter((each) => each !== this.#way);
  }

  /** An address that names something of its own is that of a WebSocket; others are derived from a known ending. */
  #defaults() {
    const path = this.#key;
    if (isServer.test(path) || path.endsWith(kinds.websocket.path)) return defaultOrder(this.#options);
    return [Object.keys(kinds).find((name) => path.endsWith(kinds[name].path)) ?? 'websocket'];
  }

  /** @param {any} transport a name or a class @param {string} [address] @returns {Way} */
  #wayTo(transport, address) {
    const isClass = typeof transport === 'function';
    const kind = isClass ? null : kinds[transport];
    if (!isClass && !kind) throw new Error(`there is no transport ${transport}, only ${Object.keys(kinds).join(', ')}`);
    const open = () => {
      const url = this.#address(address ?? this.url, address ? '' : kind?.path);
      const context = this.#context();
      return kind ? kind.open(url, context) : new transport(url, context);
    };
    return { name: isClass ? transport.transportName || transport.name : transport, open };
  }

  /** @param {string} address @param {string} [path] of another part of the same server */
  #address(address, path) {
    const url = new URL(address, globalThis.location?.href);
    const known = Object.values(kinds).map((kind) => kind.path).find((each) => url.pathname.endsWith(each));
    if (path && (known || isServer.test(this.#key))) {
      url.pathname = url.pathname.slice(0, known ? -known.length : -1) + path;
    }
    url.protocol = url.protocol.replace(/^ws/, 'http');
    return url.href;
  }

  /** @returns {TransportContext} */
  #context() {
    const { codec, credentials = 'same-origin', emulationEndpoint, timeout } = /** @type {any} */ (this.#options);
    const emulation = emulationEndpoint ? this.#address(emulationEndpoint) : this.#address(this.url, '/emulation');
    return { ...platformOf(this.#options), codec, credentials, emulation, timeout };
  }
}

// phases.js

/**
 * The phases of a connection and what may follow each. Seen from outside, 'idle' is the state "disconnected", 'open' is
 * "connected", and everything between is "connecting".
 * @typedef {'idle' | 'authorizing' | 'opening' | 'greeting' | 'open' | 'waiting'} Phase
 * @type {Readonly<Record<Phase, Phase[]>>}
 */
const following = Object.freeze({
  idle: ['authorizing'],
  authorizing: ['opening', 'waiting', 'idle'],
  opening: ['greeting', 'waiting', 'idle'],
  greeting: ['open', 'waiting', 'idle'],
  open: ['waiting', 'idle'],
  waiting: ['authorizing', 'idle'],
});

/** Where a connection is on its way, and what its listeners have been told of that. */
class Phases {
  /** @type {Phase} */
  now = 'idle';
  /** Counts connection attempts; answers that belong to an older one are thrown away. */
  round = 0;
  /** @type {StateName} */
  #told = 'disconnected';
  #emit;

  /** @param {(name: any, event: any) => void} emit */
  constructor(emit) {
    this.#emit = emit;
  }

  /** @returns {StateName} */
  get state() {
    if (this.now === 'idle') return 'disconnected';
    return this.now === 'open' ? 'connected' : 'connecting';
  }

  /** @param {Phase} phase */
  enter(phase) {
    if (!following[this.now].includes(phase)) throw new Error(`${phase} cannot follow ${this.now}`);
    this.now = phase;
  }

  /** A question to ask later: is it still this attempt? */
  watch() {
    const { round } = this;
    return () => round === this.round;
  }

  /** Tells of a state, unless a listener has changed it before. @param {string} name @param {any} event */
  announce(name, event) {
    const [isCurrent, oldState] = [this.watch(), this.#told];
    this.#told = this.state;
    if (oldState !== this.#told) this.#emit('state', { oldState, newState: this.#told });
    if (isCurrent()) this.#emit(name, event);
  }
}

// pulse.js

/** Signs of life of an open connection: the server's pings, and anything else that it sends. */
class Pulse {
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

// retry.js

/** Attempts that follow each other after growing delays. */
class Retry {
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

// shapes.js

/**
 * A message's payload in one of its fields: a value, or a Uint8Array of what is not JSON.
 *
 * It is a value already, or base64 with a flag beside it, or, where the messages are not JSON, bytes.
 * @param {any} message @param {string} [name]
 */
function payloadOf(message, name = 'data') {
  const value = message[name];
  if (message['b64' + name]) return Uint8Array.from(atob(value), (each) => each.charCodeAt(0));
  if (!(value instanceof Uint8Array)) return value;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return value;
  }
}

/** @param {any} info @returns {ClientInfo} */
function clientInfo(info = {}) {
  const [connInfo, chanInfo] = [payloadOf(info, 'conn_info'), payloadOf(info, 'chan_info')];
  return { user: info.user ?? '', client: info.client ?? '', connInfo, chanInfo };
}

/** @param {string} channel @param {any} publication @returns {Publication} */
function publicationOf(channel, publication) {
  const { offset, tags, info } = publication;
  return { channel, data: payloadOf(publication), offset, tags, info: info && clientInfo(info) };
}

/** @param {string} channel @param {any} result @returns {SubscribedEvent} */
function subscribedEvent(channel, result) {
  const isPlaced = result.recoverable || result.positioned;
  return {
    channel,
    recoverable: result.recoverable ?? false,
    positioned: result.positioned ?? false,
    wasRecovering: result.was_recovering ?? false,
    recovered: result.recovered ?? false,
    hasRecoveredPublications: (result.publications?.length ?? 0) > 0,
    streamPosition: isPlaced ? { offset: result.offset ?? 0, epoch: result.epoch ?? '' } : undefined,
    data: payloadOf(result),
  };
}

// surroundings.js

/**
 * What happens around a client: the network comes and goes, and a page or a computer sleeps.
 *
 * @typedef {object} Reactions
 * @property {() => void} online
 * @property {() => void} offline
 * @property {() => void} awake     timers may have stood still
 * @property {() => void} gone      the page is left, and no later than now
 */

/** Which events of which target say so. */
const awakening = ['visibilitychange', 'resume', 'pageshow', 'focus'];

class Surroundings {
  #network;
  #page;
  #reactions;

  /** @param {EventTarget | null} network @param {any} page @param {Reactions} reactions */
  constructor(network, page, reactions) {
    this.#network = network;
    this.#page = page;
    this.#reactions = {
      ...reactions,
      awake: () => page.visibilityState !== 'hidden' && reactions.awake(),
      // One that is kept for the way back would come back without its subscriptions.
      hidden: (/** @type {any} */ { persisted }) => persisted || reactions.gone(),
    };
  }

  listen() {
    this.#each('addEventListener');
  }

  ignore() {
    this.#each('removeEventListener');
  }

  /** @param {'addEventListener' | 'removeEventListener'} method */
  #each(method) {
    const { online, offline, awake, hidden } = this.#reactions;
    this.#network?.[method]('online', online);
    this.#network?.[method]('offline', offline);
    if (!this.#page) return;
    for (const name of awakening) {
      this.#page[method](name, awake);
      // Some of them are events of the window, and do not pass the document.
      this.#page.defaultView?.[method](name, awake);
    }
    this.#page.defaultView?.[method]('pagehide', hidden);
  }
}

// waiters.js

/** Promises waiting for a state. */
class Waiters {
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

// connection.js

/** Said where the platform has nothing to connect with. */
const noTransport =
  'none of the transports works: this platform has no WebSocket (Node.js has one from version 22 on), nor what the ' +
  'others need. Allow http_stream, or pass a class as an option, ' +
  "such as that of the package ws: import WebSocket from 'ws'; new Pharos(url, { WebSocket })";

/**
 * The client, as its connection sees it.
 * @typedef {object} Owner
 * @property {(name: any, event: any) => void} emit
 * @property {() => any} positions                        of the server's subscriptions, for the connect command
 * @property {() => void} ask                             let subscriptions send their commands
 * @property {(granted: Record<string, any>) => void} greeted
 * @property {(push: any) => void} pushed
 * @property {() => void} invalidate                      the server's state is void
 * @property {() => void} awake                           timers may have stood still
 * @property {(isFinal: boolean) => void} lost
 * @property {() => string[]} channels                    with a subscription of this client
 * @property {() => void} away                            as the last of a loss: the server's subscriptions are away
 */

/** A connection that comes back by itself: over the next transport, at the next endpoint, after a delay. */
class Connection {
  #phases;
  /** Whether the token has been replaced without delay since the last success. */
  #renewedAtOnce = false;
  /** @type {any} */
  #socket = null;
  #clientId = '';
  #endpoints;
  /** Counts the endpoints that were given up. */
  #turn = 0;
  #options;
  #owner;
  #calls;
  #credential;
  #surroundings;
  #waiters;
  #retry;
  #openTimer;
  #pulse;
  /** @type {Renewal} */
  #renewal = {
    send: (token, done) => this.call('refresh', { token }, done),
    delay: (attempt) => this.#retry.delay(attempt),
    failed: (error) => this.#owner.emit('error', error),
    refused: (error) => this.#refused(error),
  };

  /** @param {Endpoint[]} endpoints @param {any} options complete @param {Clock} clock @param {Owner} owner */
  constructor(endpoints, options, clock, owner) {
    this.#endpoints = endpoints;
    this.#options = options;
    this.#owner = owner;
    this.#phases = new Phases(owner.emit);
    const { token = '', getToken, codec, network, page } = options;
    this.#calls = new Calls(clock, options.timeout, codec, (frame) => this.#socket?.send(frame));
    this.#credential = new Credential(clock, token, getToken && (() => getToken({})));
    this.#surroundings = new Surroundings(network, page, {
      online: () => this.#online(),
      offline: () => this.#lost(codes.connecting.transportClosed, 'network offline'),
      awake: () => this.#awake(),
      gone: () => this.#leave(),
    });
    this.#waiters = new Waiters(clock);
    this.#retry = new Retry(clock, options.minReconnectDelay, options.maxReconnectDelay);
    this.#openTimer = new Timer(clock);
    this.#pulse = new Pulse(clock, options.maxServerPingDelay, () => this.#lost(codes.connecting.noPing, 'no ping'));
  }

  get state() {
    return this.#phases.state;
  }

  get clientId() {
    return this.#clientId;
  }

  get transport() {
    return this.#phases.now === 'open' ? this.#endpoint.transport : '';
  }

  get takesCommands() {
    return this.#phases.now === 'greeting' || this.#phases.now === 'open';
  }

  /** A question to ask later: is it still this connection, and open? */
  watch() {
    const isCurrent = this.#phases.watch();
    return () => isCurrent() && this.#phases.now === 'open';
  }

  connect() {
    if (this.#phases.now !== 'idle') return;
    if (!this.#endpoints.some((each) => each.isPossible)) throw new Error(noTransport);
    this.#retry.attempt = 0;
    this.#renewedAtOnce = false;
    for (const each of this.#endpoints) each.begin();
    this.#surroundings.listen();
    const isCurrent = this.#phases.watch();
    this.#phases.enter('authorizing');
    this.#phases.announce('connecting', { code: codes.called, reason: 'connect called' });
    if (isCurrent()) this.#authorize();
  }

  disconnect() {
    this.#end(codes.called, 'disconnect called');
  }

  /** @param {number} code @param {string} reason */
  reconnect(code, reason) {
    this.#lost(code, reason);
  }

  /** @param {number} [timeout] */
  async ready(timeout) {
    if (this.#phases.now === 'open') return;
    if (this.#phases.now === 'idle') throw new PharosError(codes.error.disconnected, 'disconnected');
    await this.#waiters.wait(timeout);
  }

  /** @param {string} token */
  setToken(token) {
    this.#credential.replace(token);
  }

  /** @param {boolean} isBatching */
  batch(isBatching) {
    this.#calls.batch(isBatching);
  }

  /** @param {string} method @param {any} request @param {Completion} done called once, in the order of the replies */
  call(method, request, done) {
    // A promise may be resumed after the connection it was waiting for has gone again.
    if (this.takesCommands) this.#calls.call(method, request, done);
    else done(closedError(), null);
  }

  // The way to a connection

  get #endpoint() {
    return this.#endpoints[this.#turn % this.#endpoints.length];
  }

  /** Enters 'opening' once there are a token and data, at once if none have to be asked for. */
  #authorize() {
    this.#phases.round += 1;
    if (!this.#credential.isMissing) return this.#prepare();
    this.#credential.fetch((error, token) => {
      if (error) this.#lost(codes.connecting.transportClosed, error.message, error);
      else if (token) this.#prepare();
      else this.#refused(null);
    });
  }

  #prepare() {
    const { getData } = this.#options;
    if (!getData) return this.#open();
    const isCurrent = this.#phases.watch();
    asked(() => getData({}), codes.error.data).then(({ value, error }) => {
      if (!isCurrent()) return;
      if (error) return this.#lost(codes.connecting.transportClosed, error.message, error);
      if (error === null) return this.#refused(null);
      this.#options.data = value;
      this.#open();
    });
  }

  #open() {
    this.#phases.enter('opening');
    /** @type {any} */
    let socket;
    try {
      socket = this.#endpoint.open();
    } catch (error) {
      if (this.#endpoint.failed()) return this.#lost(codes.connecting.transportClosed, `${error}`, undefined, true);
      // Not a state of the network: the same URL fails the same way every time.
      const hint = globalThis.location?.href ? '' : ' (outside of a page the URL must be absolute)';
      return this.#end(codes.disconnected.badConfiguration, `${this.#endpoint.url}: ${error}${hint}`);
    }
    // A close follows. Without a listener, WebSocket classes of the EventEmitter kind would throw out of nowhere.
    socket.onerror = () => {};
    this.#socket = socket;
    this.#openTimer.start(this.#options.timeout, () => this.#failed('timeout', timeoutError()));
    socket.onopen = () => socket === this.#socket && this.#greet();
    socket.onmessage = (/** @type {{ data: any }} */ event) => this.#received(socket, event.data);
    socket.onclose = (/** @type {{ code: number, reason: string }} */ event) => {
      if (socket === this.#socket) this.#closed(event.code, event.reason);
    };
  }

  /** Sends connect and all subscribes in one frame, without waiting for an answer in between. */
  #greet() {
    this.#openTimer.stop();
    this.#phases.enter('greeting');
    const { data, name, version, headers } = this.#options;
    const isCurrent = this.#phases.watch();
    const request = {
      token: this.#credential.token || undefined,
      data,
      name,
      version,
      headers,
      subs: this.#owner.positions(),
    };
    this.call('connect', request, (error, result) => {
      if (isCurrent()) error ? this.#connectFailed(error) : this.#greeted(result);
    });
    this.#owner.ask();
    this.#calls.flush();
  }

  /** @param {any} result */
  #greeted(result) {
    this.#phases.enter('open');
    this.#worked();
    this.#socket.greeted?.(result);
    this.#retry.attempt = 0;
    this.#renewedAtOnce = false;
    this.#clientId = result.client ?? '';
    this.#pulse.begin(result);
    this.#credential.renewLater(result, this.#renewal);
    const isCurrent = this.watch();
    this.#waiters.settle(null);
    const { url, transport } = this.#endpoint;
    const [client, version] = [this.#clientId, result.version ?? ''];
    this.#phases.announce('connected', { client, version, url, transport, data: payloadOf(result) });
    if (isCurrent()) this.#owner.greeted(result.subs ?? {});
  }

  /** The transport is good, and that holds for the way to the other nodes too. */
  #worked() {
    const { transport } = this.#endpoint;
    for (const each of this.#endpoints) each.worked(transport);
  }

  /** The connect command failed. @param {PharosError} error */
  #connectFailed(error) {
    if (error.code === codes.error.timeout) return this.#failed(error.message, error);
    this.#worked();
    const fetchesToken = error.code === serverCodes.tokenExpired && this.#credential.isRenewable;
    if (fetchesToken) this.#credential.drop();
    if (!fetchesToken && !error.retriable) return this.#refused(error);
    const isAtOnce = fetchesToken && !this.#renewedAtOnce;
    if (isAtOnce) this.#renewedAtOnce = true;
    this.#lost(codes.connecting.transportClosed, error.message, error, isAtOnce);
  }

  /** No further attempt. @param {PharosError | null} error null: the application has no token to give */
  #refused(error) {
    if (error) this.#end(error.code, error.message, error);
    else this.#end(codes.disconnected.unauthorized, 'unauthorized');
  }

  /** An attempt ended without a word of the server: another transport may do. @param {string} reason @param {PharosError} [error] */
  #failed(reason, error) {
    const hasAnother = this.#endpoint.failed();
    // Of several nodes the next one comes first: a node that is gone would cost a timeout for each of its transports.
    this.#lost(codes.connecting.transportClosed, reason, error, hasAnother && this.#endpoints.length === 1);
  }

  /** The connection was closed by the server or the network. @param {number} code @param {string} reason */
  #closed(code, reason) {
    if (code === 1009) return this.#end(codes.disconnected.messageTooBig, 'message size limit');
    if (code === serverCodes.commandNotAvailable) {
      this.#calls.rejectSends(new PharosError(serverCodes.notAvailable, reason));
    }
    if (!reconnectsAfter(code)) return this.#end(code, reason);
    if (code === serverCodes.connectionExpired) this.#credential.expire();
    if (code === serverCodes.stateInvalidated) {
      this.#credential.drop();
      this.#owner.invalidate();
    }
    if (code >= 3000) this.#lost(code, reason);
    else if (this.#phases.now === 'open') this.#lost(codes.connecting.transportClosed, reason || 'transport closed');
    else this.#failed(reason || 'transport closed');
  }

  /**
   * Gives up the present attempt or connection and comes back after a delay.
   * @param {number} code @param {string} reason @param {PharosError} [error]
   * @param {boolean} [isAtOnce] without any delay, and without counting as a failure
   */
  #lost(code, reason, error = closedError(reason), isAtOnce = false) {
    if (this.#phases.now === 'idle' || this.#phases.now === 'waiting') return;
    const wasOpen = this.#phases.now === 'open';
    const { attempt } = this.#retry;
    this.#phases.round += 1;
    const isCurrent = this.#phases.watch();
    if (wasOpen) this.#endpoint.begin();
    // A token that could not be got says nothing about the node.
    if (!isAtOnce && this.#phases.now !== 'authorizing') this.#turn += 1;
    this.#phases.enter('waiting');
    const delay = isAtOnce ? 0 : this.#retry.later(() => this.#reconnect());
    this.#drop(wasOpen, closedError(reason));
    // Each listener may disconnect; the events after it would then tell of a state that is no more.
    if (isCurrent() && wasOpen) this.#phases.announce('connecting', { code, reason });
    if (isCurrent() && !wasOpen) this.#owner.emit('error', error);
    const { transport } = this.#endpoint;
    if (isCurrent()) this.#owner.emit('reconnecting', { attempt, delay, transport });
    if (isCurrent() && isAtOnce) this.#reconnect();
  }

  /** Gives up for good. @param {number} code @param {string} reason @param {PharosError} [error] */
  #end(code, reason, error) {
    if (this.#phases.now === 'idle') return;
    const wasOpen = this.#phases.now === 'open';
    const failure = new PharosError(codes.error.disconnected, reason || 'disconnected');
    this.#phases.round += 1;
    const isCurrent = this.#phases.watch();
    this.#leave();
    this.#phases.enter('idle');
    this.#surroundings.ignore();
    this.#retry.stop();
    this.#drop(wasOpen, failure);
    this.#waiters.settle(failure);
    if (error) this.#owner.emit('error', error);
    if (isCurrent()) this.#phases.announce('disconnected', { code, reason });
  }

  /** Where the end of a connection is not seen by the server, subscriptions end by a word of their own. */
  #leave() {
    if (this.#phases.now !== 'open') return;
    const { codec } = this.#options;
    const commands = this.#owner.channels().map((channel, index) => ({ id: index + 1, unsubscribe: { channel } }));
    const [frame] = frames(commands.map(codec.encode), codec);
    if (frame) this.#socket?.leave?.(frame);
  }

  /**
   * Lets go of the socket and of everything that hangs on it. The next phase has been entered before, so that a
   * listener that connects or disconnects finds a consistent client.
   * @param {boolean} wasOpen @param {PharosError} error for the calls in flight
   */
  #drop(wasOpen, error) {
    const socket = this.#socket;
    const tell = this.#calls.clear(error);
    this.#socket = null;
    this.#clientId = '';
    const isFinal = this.#phases.now === 'idle';
    for (const each of [this.#openTimer, this.#pulse]) each.stop();
    if (isFinal) this.#credential.stop();
    else this.#credential.pause();
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    // Subscriptions first: they must know that an answer to their command no longer counts.
    this.#owner.lost(isFinal);
    tell();
    if (wasOpen) this.#owner.away();
  }

  #reconnect() {
    this.#retry.stop();
    this.#phases.enter('authorizing');
    this.#authorize();
  }

  /** It may be another network: what was refused there may be good here. */
  #online() {
    for (const each of this.#endpoints) if (this.#phases.now !== 'open') each.begin(true);
    if (this.#phases.now !== 'waiting') return;
    this.#retry.attempt = 0;
    this.#reconnect();
  }

  #awake() {
    if (this.#phases.now === 'waiting' && this.#retry.isDue) return this.#reconnect();
    if (this.#phases.now !== 'open') return;
    if (this.#pulse.isLost) return this.#lost(codes.connecting.noPing, 'no ping', undefined, true);
    this.#credential.awake();
    this.#owner.awake();
  }

  // What the server says

  /** @param {any} socket @param {any} data a frame, or messages that a transport has read already */
  #received(socket, data) {
    if (socket !== this.#socket) return;
    this.#pulse.heard();
    /** @type {any[]} */
    let replies;
    try {
      replies = Array.isArray(data) ? data : this.#options.codec.decode(data);
      if (replies.some((reply) => reply === null || typeof reply !== 'object')) throw new TypeError('not an object');
    } catch {
      return this.#end(codes.disconnected.badProtocol, 'malformed message');
    }
    for (const reply of replies) {
      // A listener may have disconnected in the middle of a frame; the rest of it is then none of our business.
      if (socket !== this.#socket) return;
      if (reply.id) this.#calls.replied(reply);
      else if (reply.push) this.#pushed(reply.push);
      else this.#pinged();
    }
  }

  #pinged() {
    if (this.#pulse.isAnswered) this.#socket.send(this.#options.codec.encode({}));
    // Timers stand still while a computer sleeps, and not everywhere is there an event that tells of it.
    this.#awake();
  }

  /** @param {any} push */
  #pushed(push) {
    const { channel = '' } = push;
    if (push.message) this.#owner.emit('message', { channel, data: payloadOf(push.message) });
    else if (push.refresh) this.#credential.renewLater(push.refresh, this.#renewal);
    else if (push.disconnect) this.#closed(push.disconnect.code ?? 0, push.disconnect.reason ?? '');
    else this.#owner.pushed(push);
  }
}

// emitter.js

/**
 * Listeners by event name. No listener can break the client: errors thrown in one are reported, not propagated.
 * @template {Record<string, any>} Events
 */
class Emitter {
  /** @type {Map<keyof Events, Map<Function, (event: any) => void>>} by name, then by the function that was given */
  #listeners = new Map();

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  on(name, listener) {
    return this.#add(name, listener, listener);
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  once(name, listener) {
    return this.#add(name, listener, (/** @type {any} */ event) => {
      this.off(name, listener);
      listener(event);
    });
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  off(name, listener) {
    this.#listeners.get(name)?.delete(listener);
    return this;
  }

  /** All listeners of the event, or of all events. @param {keyof Events} [name] */
  removeAllListeners(name) {
    if (name === undefined) this.#listeners.clear();
    else this.#listeners.delete(name);
    return this;
  }

  /** @param {keyof Events} name @param {Function} key @param {(event: any) => void} listener */
  #add(name, key, listener) {
    const listeners = this.#listeners.get(name) ?? new Map();
    this.#listeners.set(name, listeners.set(key, listener));
    return this;
  }

  /**
   * @internal
   * @template {keyof Events} Name
   * @param {Name} name @param {Events[Name]} event
   */
  _emit(name, event) {
    for (const listener of [...(this.#listeners.get(name)?.values() ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        if (typeof reportError === 'function') reportError(error);
        else console.error(error);
      }
    }
  }
}

// place.js

/** The epoch no stream has: recovery from it fails, which tells the application that its state is stale. */
const noEpoch = '_';

/** Where a subscription is in its stream. Null where the server grants no recovery. */
class Place {
  /** @type {StreamPosition | null} */
  position = null;

  /** @param {any} result of a subscribe: its offset is the one that the publications in it advance from */
  granted(result) {
    this.position = result.recoverable ? { offset: result.offset ?? 0, epoch: result.epoch ?? '' } : null;
  }

  /** @param {any} publication whose epoch is set if it is the first of a stream that was empty at the subscribe */
  advance(publication) {
    if (!this.position || !publication.offset) return;
    this.position.offset = publication.offset;
    if (publication.epoch) this.position.epoch = publication.epoch;
  }

  invalidate() {
    if (this.position) this.position = { offset: 0, epoch: noEpoch };
  }

  /** The part of a subscribe request that asks for what was missed. */
  get request() {
    return this.position ? { recover: true, offset: this.position.offset, epoch: this.position.epoch } : {};
  }
}

// server-side.js

/** Subscriptions that the server made. Their events are the client's. */
class ServerSide {
  /** @type {Map<string, Place>} */
  #places = new Map();
  #emit;
  #isCurrent;

  /**
   * @param {(name: string, event: any) => void} emit
   * @param {() => () => boolean} watch makes a question: is the connection still the one of now, and open?
   */
  constructor(emit, watch) {
    this.#emit = emit;
    this.#isCurrent = watch;
  }

  /** Positions to recover from, for the connect command. */
  get positions() {
    const placed = [...this.#places].filter(([, place]) => place.position);
    return placed.length ? Object.fromEntries(placed.map(([channel, place]) => [channel, place.request])) : undefined;
  }

  /** @param {Record<string, any>} granted the subscriptions of a connect reply */
  greeted(granted) {
    const isCurrent = this.#isCurrent();
    for (const channel of [...this.#places.keys()]) {
      if (!isCurrent()) return;
      if (!(channel in granted)) this.#ended(channel, codes.unsubscribed.missing, 'not in the connect reply');
    }
    for (const [channel, result] of Object.entries(granted)) {
      if (!isCurrent()) return;
      this.#subscribed(channel, result);
    }
  }

  invalidate() {
    for (const place of this.#places.values()) place.invalidate();
  }

  lost() {
    for (const channel of [...this.#places.keys()]) this.#emit('subscribing', { channel });
  }

  /** @param {any} push */
  pushed(push) {
    const { channel = '' } = push;
    if (push.subscribe) return this.#subscribed(channel, push.subscribe);
    const place = this.#places.get(channel);
    if (!place) return;
    if (push.pub) this.#publication(channel, place, push.pub);
    else if (push.join) this.#emit('join', { channel, info: clientInfo(push.join.info) });
    else if (push.leave) this.#emit('leave', { channel, info: clientInfo(push.leave.info) });
    else if (push.unsubscribe) this.#ended(channel, push.unsubscribe.code ?? 0, push.unsubscribe.reason ?? '');
  }

  /** @param {string} channel @param {any} result */
  #subscribed(channel, result) {
    const isCurrent = this.#isCurrent();
    const place = new Place();
    place.granted(result);
    this.#places.set(channel, place);
    this.#emit('subscribed', subscribedEvent(channel, result));
    for (const publication of result.publications ?? []) {
      if (this.#places.get(channel) !== place || !isCurrent()) return;
      this.#publication(channel, place, publication);
    }
  }

  /** @param {string} channel @param {Place} place @param {any} publication */
  #publication(channel, place, publication) {
    place.advance(publication);
    this.#emit('publication', publicationOf(channel, publication));
  }

  /** @param {string} channel @param {number} code @param {string} reason */
  #ended(channel, code, reason) {
    this.#places.delete(channel);
    this.#emit('unsubscribed', { channel, code, reason });
  }
}

// subscription.js

/**
 * What a subscription needs of its client.
 * @typedef {object} Link
 * @property {any} client
 * @property {Clock} clock
 * @property {Types.PharosOptions & { minReconnectDelay: number, maxReconnectDelay: number, timeout: number }} options
 * @property {() => boolean} takesCommands
 * @property {(method: string, request: any, done: Completion) => void} call
 * @property {(code: number, reason: string) => void} reconnect
 */

/**
 * A subscription asked for by this client. It stays 'subscribing' while the connection is away, and resubscribes with
 * its stream position when that is back. `unsubscribe` pauses: a later `subscribe` recovers what was missed.
 *
 * @extends {Emitter<Types.SubscriptionEvents>}
 */
class Subscription extends Emitter {
  /** @type {Types.SubscriptionStateName} */
  #state = 'unsubscribed';
  /** Answers that belong to an older number are thrown away. */
  #generation = 0;
  /** Whether the server may know of this subscription on the present connection. */
  #wasAsked = false;
  /** Whether the token has been replaced without delay since the last success. */
  #renewedAtOnce = false;
  #place = new Place();
  /** Where publications come as differences. @type {DeltaBase | null} */
  #base = null;
  #link;
  #options;
  #credential;
  #retry;
  #waiters;
  /** @type {Renewal} */
  #renewal = {
    send: (token, done) => this.#link.call('sub_refresh', { channel: this.channel, token }, done),
    delay: (attempt) => this.#retry.delay(attempt),
    failed: (error) => this._emit('error', error),
    refused: (error) => this.#refused(error),
  };

  /**
   * @internal use `Pharos.newSubscription`
   * @param {string} channel @param {Types.SubscriptionOptions} options @param {Link} link
   */
  constructor(channel, options, link) {
    super();
    this.channel = channel;
    const { token = '', getToken } = options;
    this.#options = { ...options };
    this.#link = link;
    this.#credential = new Credential(link.clock, token, getToken && (() => getToken({ channel })));
    const { minReconnectDelay, maxReconnectDelay } = link.options;
    const { minResubscribeDelay = minReconnectDelay, maxResubscribeDelay = maxReconnectDelay } = options;
    this.#retry = new Retry(link.clock, minResubscribeDelay, maxResubscribeDelay);
    this.#waiters = new Waiters(link.clock);
    if (options.since) this.#place.position = { ...options.since };
  }

  get state() {
    return this.#state;
  }

  subscribe() {
    if (this.#state !== 'unsubscribed') return;
    this.#retry.attempt = 0;
    this.#renewedAtOnce = false;
    this.#toSubscribing(codes.called, 'subscribe called');
    this._ask();
  }

  unsubscribe() {
    this.#toUnsubscribed(codes.called, 'unsubscribe called');
  }

  /** Waits for 'subscribed'; rejects when unsubscribed. @param {number} [timeout] in ms @returns {Promise<void>} */
  async ready(timeout) {
    if (this.#state === 'subscribed') return;
    if (this.#state === 'unsubscribed') throw new PharosError(codes.error.unsubscribed, 'not subscribed');
    await this.#waiters.wait(timeout);
  }

  /** For the next subscribe. @param {string} token */
  setToken(token) {
    this.#credential.replace(token);
  }

  /** For the next subscribe. @param {any} data */
  setData(data) {
    this.#options.data = data;
  }

  /** @param {any} data @returns {Promise<void>} */
  async publish(data) {
    if (this.#state !== 'subscribed') await this.ready(this.#link.options.timeout);
    await this.#link.client.publish(this.channel, data);
  }

  async presence() {
    await this.ready(this.#link.options.timeout);
    return this.#link.client.presence(this.channel);
  }

  async presenceStats() {
    await this.ready(this.#link.options.timeout);
    return this.#link.client.presenceStats(this.channel);
  }

  /** @param {Types.HistoryOptions} [options] */
  async history(options) {
    await this.ready(this.#link.options.timeout);
    return this.#link.client.history(this.channel, options);
  }

  /** Subscribes if the connection takes commands; otherwise the next connection calls again. @internal */
  _ask() {
    if (this.#state !== 'subscribing' || this.#wasAsked || this.#retry.isRunning) return;
    if (!this.#link.takesCommands()) return;
    if (!this.#credential.isMissing) return this.#prepare();
    this.#wasAsked = true;
    this.#credential.fetch((error, token) => {
      this.#wasAsked = false;
      if (error) this.#failed(error);
      else if (token) this.#prepare();
      else this.#refused(null);
    });
  }

  /** The page or the computer has slept. @internal */
  _awake() {
    this.#credential.awake();
  }

  /** The connection is gone: wait for the next one. @internal @param {boolean} isFinal none comes by itself */
  _connectionLost(isFinal) {
    this.#wasAsked = false;
    this.#retry.stop();
    if (isFinal) this.#credential.stop();
    else this.#credential.pause();
    this.#retry.attempt = 0;
    if (this.#state === 'subscribed') {
      this.#toSubscribing(codes.subscribing.transportClosed, 'transport closed');
    } else {
      this.#generation += 1;
    }
  }

  /** The server declared its state for this subscription void. @internal */
  _invalidate() {
    this.#place.invalidate();
    this.#credential.drop();
  }

  /** @internal @param {any} push */
  _push(push) {
    // Between an unsubscribe and the next subscribe reply, what arrives still belongs to the older subscription.
    if (this.#state !== 'subscribed') return;
    if (push.unsubscribe) this.#ended(push.unsubscribe);
    else if (push.pub) this.#publication(push.pub);
    else if (push.join) this._emit('join', { channel: this.channel, info: clientInfo(push.join.info) });
    else if (push.leave) this._emit('leave', { channel: this.channel, info: clientInfo(push.leave.info) });
  }

  /** @param {Types.SubscriptionStateName} state */
  #become(state) {
    const oldState = this.#state;
    this.#state = state;
    return () => oldState !== state && this._emit('state', { channel: this.channel, oldState, newState: state });
  }

  /** @param {number} code @param {string} reason */
  #toSubscribing(code, reason) {
    this.#generation += 1;
    this.#wasAsked = false;
    this.#credential.pause();
    const generation = this.#generation;
    this.#become('subscribing')();
    if (generation === this.#generation) this._emit('subscribing', { channel: this.channel, code, reason });
  }

  /** @param {number} code @param {string} reason */
  #toUnsubscribed(code, reason, tellsServer = true) {
    if (this.#state === 'unsubscribed') return;
    this.#generation += 1;
    this.#retry.stop();
    this.#credential.stop();
    const tell = this.#become('unsubscribed');
    if (this.#wasAsked && tellsServer && this.#link.takesCommands()) {
      this.#link.call('unsubscribe', { channel: this.channel }, (error) => {
        // Unknown whether the server still has the subscription; a new connection makes both sides agree.
        const isUnclear = error && (error.code >= 100 || error.code === codes.error.timeout);
        if (isUnclear) this.#link.reconnect(codes.connecting.unsubscribeFailed, 'unsubscribe failed');
      });
    }
    this.#wasAsked = false;
    this.#waiters.settle(new PharosError(codes.error.unsubscribed, reason));
    const generation = this.#generation;
    tell();
    if (generation === this.#generation) this._emit('unsubscribed', { channel: this.channel, code, reason });
  }

  /** Asks the application for the subscription's data, if it is to be asked. */
  #prepare() {
    const { getData } = this.#options;
    if (!getData) return this.#send();
    const generation = this.#generation;
    this.#wasAsked = true;
    asked(() => getData({ channel: this.channel }), codes.error.data).then(({ value, error }) => {
      if (generation !== this.#generation) return;
      this.#wasAsked = false;
      if (error) return this.#failed(error);
      if (error === null) return this.#refused(null);
      this.#options.data = value;
      this.#send();
    });
  }

  #send() {
    const { positioned, recoverable = true, joinLeave, data, delta } = this.#options;
    const request = {
      channel: this.channel,
      token: this.#credential.token || undefined,
      positioned: positioned || undefined,
      recoverable: recoverable || undefined,
      join_leave: joinLeave || undefined,
      data,
      delta: delta || undefined,
      ...this.#place.request,
    };
    const generation = this.#generation;
    this.#wasAsked = true;
    this.#link.call('subscribe', request, (error, result) => {
      if (generation !== this.#generation) return;
      if (!error) return this.#subscribed(result);
      this.#wasAsked = false;
      // The server may have subscribed us all the same, and would answer a second attempt with "already subscribed".
      if (error.code === codes.error.timeout) {
        return this.#link.reconnect(codes.connecting.subscribeTimeout, 'subscribe timeout');
      }
      const fetchesToken = error.code === serverCodes.tokenExpired && this.#credential.isRenewable;
      if (fetchesToken) this.#credential.drop();
      if (fetchesToken && !this.#renewedAtOnce) this.#retryAtOnce(error);
      else if (fetchesToken || error.retriable) this.#failed(error);
      else this.#refused(error);
    });
  }

  /** The token was over: another one may do. @param {PharosError} error */
  #retryAtOnce(error) {
    const generation = this.#generation;
    this.#renewedAtOnce = true;
    this._emit('error', error);
    if (generation === this.#generation) this._ask();
  }

  /** No further attempt. @param {PharosError | null} error null: the application has no token to give */
  #refused(error) {
    const generation = this.#generation;
    const { code, message } = error ?? { code: codes.unsubscribed.unauthorized, message: 'unauthorized' };
    if (error) this._emit('error', error);
    if (generation === this.#generation) this.#toUnsubscribed(code, message);
  }

  /** @param {PharosError} error */
  #failed(error) {
    this.#retry.later(() => this._ask());
    this._emit('error', error);
  }

  /** @param {any} result */
  #subscribed(result) {
    const tell = this.#become('subscribed');
    this.#retry.attempt = 0;
    this.#renewedAtOnce = false;
    this.#place.granted(result);
    this.#base = result.delta ? new DeltaBase() : null;
    this.#credential.renewLater(result, this.#renewal);
    const generation = this.#generation;
    this.#waiters.settle(null);
    tell();
    if (generation === this.#generation) this._emit('subscribed', subscribedEvent(this.channel, result));
    for (const publication of result.publications ?? []) {
      if (generation !== this.#generation) return;
      this.#publication(publication);
    }
  }

  /** @param {any} publication */
  #publication(publication) {
    let whole = publication;
    try {
      if (this.#base) whole = this.#base.whole(publication);
    } catch {
      // From the same position again, and with whole payloads this time.
      this.#options.delta = undefined;
      return this.#link.reconnect(codes.connecting.badDelta, 'bad delta');
    }
    this.#place.advance(whole);
    this._emit('publication', publicationOf(this.channel, whole));
  }

  /** The server ended the subscription. @param {{ code?: number, reason?: string }} push */
  #ended({ code = 0, reason = '' }) {
    if (code < 2500) return this.#toUnsubscribed(code, reason, false);
    if (code === serverCodes.subscriptionInvalidated) this._invalidate();
    if (code === serverCodes.subscriptionExpired) this.#credential.expire();
    // Jittered from zero: a gap usually hits all subscribers of a channel at once.
    this.#retry.start(this.#link.clock.random() * this.#link.options.minReconnectDelay, () => this._ask());
    this.#toSubscribing(code, reason);
  }
}

// pharos.js

/** What an option is worth if it is not given. */
const defaults = {
  minReconnectDelay: 500,
  maxReconnectDelay: 20000,
  timeout: 5000,
  maxServerPingDelay: 10000,
  name: 'pharos-js',
  codec: json,
};

/** A list of addresses is one of nodes; a list of transports with their addresses is one node. @param {any} target */
function nodesOf(target) {
  const list = [target].flat();
  if (!list.length) throw new Error('no URL to connect to');
  return typeof list[0] === 'string' ? list : [list];
}

/** @param {Subscription} subscription */
const isSubscribed = ({ state }) => state === 'subscribed';

/**
 * A connection to Pharos that comes back by itself.
 *
 * Order is kept because every reply and push is handled synchronously, in the order of the frame it came in; promises
 * exist only at the outer surface.
 *
 * @extends {Emitter<Types.PharosEvents>}
 */
class Pharos extends Emitter {
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  #options;
  #connection;
  #serverSide;
  /** @type {Link} */
  #link;

  /**
   * @param {string | readonly string[] | readonly Types.EndpointURL[]} target absolute (ws, wss, http, https), or a path
   *   on the host of this page; several are nodes of one server, tried in turn: after a lost connection or a failed
   *   attempt comes the next
   * @param {Types.PharosOptions} [options]
   */
  constructor(target, options = {}) {
    super();
    const nodes = nodesOf(target);
    const hearsNetwork = typeof globalThis.addEventListener === 'function';
    const { networkEventTarget = hearsNetwork ? globalThis : null } = options;
    const { network = networkEventTarget, page = globalThis.document ?? null, clock = systemClock } = options;
    this.#options = { ...defaults, ...options, network, page };
    const endpoints = nodes.map((each) => new Endpoint(each, this.#options));
    this.#connection = new Connection(endpoints, this.#options, clock, {
      emit: (name, event) => this._emit(name, event),
      positions: () => this.#serverSide.positions,
      ask: () => this.#each((subscription) => subscription._ask()),
      greeted: (granted) => this.#serverSide.greeted(granted),
      pushed: (push) => this.#pushed(push),
      invalidate: () => {
        this.#serverSide.invalidate();
        this.#each((subscription) => subscription._invalidate());
      },
      awake: () => this.#each((subscription) => subscription._awake()),
      lost: (isFinal) => this.#each((subscription) => subscription._connectionLost(isFinal)),
      channels: () => [...this.#subscriptions.values()].filter(isSubscribed).map(({ channel }) => channel),
      away: () => this.#serverSide.lost(),
    });
    this.#serverSide = new ServerSide(
      (name, event) => this._emit(/** @type {any} */ (name), event),
      () => this.#connection.watch(),
    );
    this.#link = {
      client: this,
      clock,
      options: this.#options,
      takesCommands: () => this.#connection.takesCommands,
      call: (method, request, done) => this.#connection.call(method, request, done),
      reconnect: (code, reason) => this.#connection.reconnect(code, reason),
    };
  }

  /** @returns {Types.StateName} */
  get state() {
    return this.#connection.state;
  }

  /** The identity the server gave to the present connection; empty while there is none. */
  get clientId() {
    return this.#connection.clientId;
  }

  /** The transport of the present connection; empty while there is none. */
  get transport() {
    return this.#connection.transport;
  }

  /** @throws where there is nothing to connect with */
  connect() {
    this.#connection.connect();
  }

  disconnect() {
    this.#connection.disconnect();
  }

  /** Waits for 'connected'; rejects when disconnected. @param {number} [timeout] in ms @returns {Promise<void>} */
  ready(timeout) {
    return this.#connection.ready(timeout);
  }

  /** For the next connect. @param {string} token */
  setToken(token) {
    this.#connection.setToken(token);
  }

  /** For the next connect. @param {any} data */
  setData(data) {
    this.#options.data = data;
  }

  /** For the next connect. @param {Record<string, string>} headers */
  setHeaders(headers) {
    this.#options.headers = headers;
  }

  /** Keeps commands back until `stopBatching`, to send them in as few frames as possible. */
  startBatching() {
    this.#connection.batch(true);
  }

  stopBatching() {
    this.#connection.batch(false);
  }

  /** @param {string} channel @param {Types.SubscriptionOptions} [options] */
  newSubscription(channel, options = {}) {
    if (this.#subscriptions.has(channel)) throw new Error(`there is a subscription to ${channel} already`);
    const subscription = new Subscription(channel, options, this.#link);
    this.#subscriptions.set(channel, subscription);
    return subscription;
  }

  /** @param {string} channel */
  getSubscription(channel) {
    return this.#subscriptions.get(channel) ?? null;
  }

  /** All subscriptions by channel. @returns {Record<string, Subscription>} */
  subscriptions() {
    return Object.fromEntries(this.#subscriptions);
  }

  /** Unsubscribes and forgets; afterwards the channel may be subscribed anew. @param {Subscription | null} subscription */
  removeSubscription(subscription) {
    if (!subscription) return;
    const { channel } = subscription;
    subscription.unsubscribe();
    if (this.#subscriptions.get(channel) === subscription) this.#subscriptions.delete(channel);
  }

  /** @param {string} channel @param {any} data @returns {Promise<void>} */
  async publish(channel, data) {
    await this.#request('publish', { channel, data });
  }

  /** @param {string} method @param {any} [data] @returns {Promise<{ data: any }>} */
  async rpc(method, data) {
    const result = await this.#request('rpc', { method, data });
    return { data: payloadOf(result) };
  }

  /**
   * Gives a message to the application; resolves when it has taken it.
   *
   * The command carries an id, unlike that of other clients: only so a server can tell that nothing takes messages, or
   * that the application could not be asked.
   * @param {any} data @returns {Promise<void>}
   */
  async send(data) {
    try {
      await this.#request('send', { data });
    } catch (error) {
      if (!(error instanceof PharosError) || error.code !== serverCodes.notAvailable) throw error;
      const why = 'nothing takes messages here, the server has no hooks.message';
      throw new PharosError(serverCodes.notAvailable, `not available: ${why}`);
    }
  }

  /** @param {string} channel @returns {Promise<Types.PresenceResult>} */
  async presence(channel) {
    const { presence = {} } = await this.#request('presence', { channel });
    return { clients: Object.fromEntries(Object.entries(presence).map(([id, info]) => [id, clientInfo(info)])) };
  }

  /** @param {string} channel @returns {Promise<Types.PresenceStatsResult>} */
  async presenceStats(channel) {
    const result = await this.#request('presence_stats', { channel });
    return { numClients: result.num_clients ?? 0, numUsers: result.num_users ?? 0 };
  }

  /**
   * Without `limit` the answer is the stream's position only.
   * @param {string} channel @param {Types.HistoryOptions} [options] @returns {Promise<Types.HistoryResult>}
   */
  async history(channel, { limit, since, reverse } = {}) {
    const result = await this.#request('history', { channel, limit, since, reverse: reverse || undefined });
    return {
      publications: (result.publications ?? []).map((/** @type {any} */ each) => publicationOf(channel, each)),
      epoch: result.epoch ?? '',
      offset: result.offset ?? 0,
    };
  }

  /** @param {string} method @param {any} request @returns {Promise<any>} */
  async #request(method, request) {
    if (this.state !== 'connected') await this.ready(this.#options.timeout);
    return new Promise((resolve, reject) => {
      this.#connection.call(method, request, (error, result) => (error ? reject(error) : resolve(result)));
    });
  }

  /** @param {(subscription: Subscription) => void} act */
  #each(act) {
    for (const subscription of [...this.#subscriptions.values()]) act(subscription);
  }

  /** @param {any} push to a channel */
  #pushed(push) {
    const subscription = this.#subscriptions.get(push.channel ?? '');
    if (subscription && subscription.state !== 'unsubscribed') subscription._push(push);
    else this.#serverSide.pushed(push);
  }
}

export { applyDelta, backOff, codes, Pharos, PharosError, reconnectsAfter, State, Subscription, SubscriptionState, UnauthorizedError };
