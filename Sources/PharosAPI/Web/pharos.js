// @ts-check
/**
 * The browser client of Pharos: the Centrifuge protocol v2 in JSON over one WebSocket, without dependencies.
 *
 *     import { Pharos } from '/pharos.js';
 *     const client = new Pharos('/connection/websocket');
 *     const news = client.newSubscription('news');
 *     news.on('publication', (publication) => console.log(publication.data));
 *     news.subscribe();
 *     client.connect();
 *
 * Several URLs are several nodes of one server: where one is lost, the next is tried.
 *
 * Order is kept because every reply and push is handled synchronously, in the order of the frame it came in; promises
 * exist only at the outer surface. No listener can break the client: what it throws is reported, not propagated.
 */

/**
 * @typedef {{ offset: number, epoch: string }} StreamPosition
 * @typedef {{ user: string, client: string, connInfo?: any, chanInfo?: any }} ClientInfo
 * @typedef {{ channel: string, data: any, offset?: number, tags?: Tags, info?: ClientInfo }} Publication
 * @typedef {Record<string, string>} Tags
 * @typedef {{ code: number, reason: string }} StateChange
 * @typedef {{ channel: string, code: number, reason: string }} SubscriptionChange
 * @typedef {{ channel: string, info: ClientInfo }} Membership
 * @typedef {{ publications: Publication[], epoch: string, offset: number }} HistoryResult
 * @typedef {{ limit?: number, since?: StreamPosition, reverse?: boolean }} HistoryOptions
 *
 * @typedef {object} SubscribedEvent
 * @property {string} channel
 * @property {boolean} recoverable      the server keeps a history from which this subscription recovers
 * @property {boolean} positioned       the server watches that no publication is lost
 * @property {boolean} wasRecovering    this subscribe asked for missed publications
 * @property {boolean} recovered        … and all of them follow as 'publication' events
 * @property {StreamPosition} [streamPosition]
 * @property {any} [data]
 *
 * @typedef {object} PharosOptions
 * @property {string} [token]                  connection JWT
 * @property {(context: {}) => Promise<string> | string} [getToken]   asked for a token at first and when one expires
 * @property {any} [data]                      sent with the connect command
 * @property {string} [name]                   name of the client in the server's metrics, at most 16 characters
 * @property {number} [minReconnectDelay]      milliseconds; also the least delay before a resubscribe
 * @property {number} [maxReconnectDelay]      milliseconds; also the greatest delay before a resubscribe
 * @property {number} [timeout]                milliseconds a command may take
 * @property {number} [maxServerPingDelay]     milliseconds a server ping may be late
 * @property {any} [WebSocket]                 the WebSocket class, where the platform has none
 * @property {Clock} [clock]                   timers and chance, for tests
 * @property {Pick<EventTarget, 'addEventListener' | 'removeEventListener'> | null} [network]
 *                                             where 'online' and 'offline' are heard; null: nowhere
 *
 * @typedef {object} SubscriptionOptions
 * @property {string} [token]                  subscription JWT
 * @property {(context: { channel: string }) => Promise<string> | string} [getToken]
 * @property {boolean} [recoverable]           ask for recovery; true unless said otherwise
 * @property {boolean} [positioned]
 * @property {boolean} [joinLeave]
 * @property {any} [data]
 * @property {StreamPosition} [since]          recover from here at the first subscribe
 *
 * @typedef {object} Clock
 * @property {(action: () => void, ms: number) => any} setTimeout
 * @property {(handle: any) => void} clearTimeout
 * @property {() => number} random             in [0, 1)
 *
 * @typedef {(error: PharosError | null, result: any) => void} Completion
 */

/** Codes made by this client itself. Codes from the server start at 100 (errors), 2000 and 3000. */
export const codes = Object.freeze({
  /** The application called connect, disconnect, subscribe or unsubscribe. */
  called: 0,
  error: Object.freeze({ timeout: 1, transportClosed: 2, disconnected: 3, token: 5, unsubscribed: 7 }),
  connecting: Object.freeze({ transportClosed: 1, noPing: 2, subscribeTimeout: 3, unsubscribeFailed: 4 }),
  disconnected: Object.freeze({ unauthorized: 1, badProtocol: 2, messageTooBig: 3, badConfiguration: 12 }),
  subscribing: Object.freeze({ transportClosed: 1 }),
  unsubscribed: Object.freeze({ unauthorized: 1, missing: 2 }),
});

const tokenExpired = 109;
const notAvailable = 108;
const connectionExpired = 3005;
const stateInvalidated = 3014;
const commandNotAvailable = 3508;
const subscriptionExpired = 2501;
const subscriptionInvalidated = 2502;
/** Browsers keep timer delays in a signed 32-bit integer; tokens may live for a year. */
const longestTimer = 2 ** 31 - 1;
/** A frame takes commands up to this many characters: at 3 bytes each still below the server's limit of 64 KiB. */
const frameCharacters = 16384;
/** The epoch no stream has: recovery from it fails, which tells the application that its state is stale. */
const noEpoch = '_';

/** Said where the platform has no WebSocket: Node before version 22, above all. */
const noWebSocket =
  'this platform has no WebSocket (Node.js has one from version 22 on): pass a class as an option, ' +
  "such as that of the package ws: import WebSocket from 'ws'; new Pharos(url, { WebSocket })";

/** What went wrong, with the protocol's code; codes below 100 are this client's own. */
export class PharosError extends Error {
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
}

/** Thrown by `getToken` when the user may not connect or subscribe: no further attempt is made. */
export class UnauthorizedError extends Error {
  constructor(message = 'unauthorized') {
    super(message);
    this.name = 'UnauthorizedError';
  }
}

/**
 * Whether a client reconnects after a WebSocket was closed with `code`.
 * @param {number} code
 */
export function reconnectsAfter(code) {
  if (code === 1009) return false;
  return !((code >= 3500 && code < 4000) || (code >= 4500 && code < 5000));
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

/**
 * Listeners by event name.
 * @template {Record<string, any>} Events
 */
class Emitter {
  /** @type {Map<keyof Events, Set<(event: any) => void>>} */
  #listeners = new Map();

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return this;
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  off(name, listener) {
    this.#listeners.get(name)?.delete(listener);
    return this;
  }

  /**
   * @internal
   * @template {keyof Events} Name
   * @param {Name} name @param {Events[Name]} event
   */
  _emit(name, event) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        if (typeof reportError === 'function') reportError(error);
        else console.error(error);
      }
    }
  }
}

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
          reject(new PharosError(codes.error.timeout, 'timeout', true));
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

/**
 * What a message carries in one of its fields: a value, or a Uint8Array of what was not JSON and came as base64.
 * @param {any} message @param {string} [name]
 */
function payloadOf(message, name = 'data') {
  const value = message[name];
  return message['b64' + name] ? Uint8Array.from(atob(value), (each) => each.charCodeAt(0)) : value;
}

/** @param {any} info @returns {ClientInfo} */
function clientInfo(info) {
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
    streamPosition: isPlaced ? { offset: result.offset ?? 0, epoch: result.epoch ?? '' } : undefined,
    data: payloadOf(result),
  };
}

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

  /** Forgets the token, unless nobody can replace it: without any the user would silently become another one. */
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
    this.#timer.stop();
  }

  /** Asks the application: hands over an error if that fails, null for both if it refuses. @param {Completion} done */
  async fetch(done) {
    const generation = this.#generation;
    /** @type {PharosError | null} */
    let failure = null;
    let token = '';
    try {
      token = (await this.#ask?.()) ?? '';
    } catch (error) {
      const isRefusal = error instanceof UnauthorizedError;
      failure = isRefusal ? null : new PharosError(codes.error.token, `no token: ${error}`, true);
    }
    if (generation !== this.#generation) return;
    this.#isOver = false;
    this.#overAt = Infinity;
    this.token = token;
    done(failure, token || null);
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
    this.#timer.start(ttl * 1000, () => {
      this.#isOver = true;
      if (!this.#isAway) this.#renew(renewal, 0);
    });
  }

  /** @param {Renewal} renewal @param {number} attempt */
  #renew(renewal, attempt) {
    const again = (/** @type {PharosError} */ error) => {
      const next = () => {
        if (!this.#isAway) this.#renew(renewal, attempt + 1);
      };
      // The application had a token in stock that was over: another one is worth an attempt at once, but only one.
      const isAtOnce = error.code === tokenExpired && attempt === 0;
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
        else if (failure.retriable || failure.code === tokenExpired) again(failure);
        else renewal.refused(failure);
      });
    });
  }
}

/**
 * A subscription asked for by this client. It stays 'subscribing' while the connection is away, and resubscribes with
 * its stream position when that is back. `unsubscribe` pauses: a later `subscribe` recovers what was missed.
 *
 * @extends {Emitter<{ subscribing: SubscriptionChange, subscribed: SubscribedEvent, publication: Publication,
 *   join: Membership, leave: Membership, unsubscribed: SubscriptionChange, error: PharosError }>}
 */
export class Subscription extends Emitter {
  /** @type {'unsubscribed' | 'subscribing' | 'subscribed'} */
  #state = 'unsubscribed';
  /** Answers that belong to an older number are thrown away. */
  #generation = 0;
  /** Whether the server may know of this subscription on the present connection. */
  #wasAsked = false;
  #attempt = 0;
  /** Whether the token has been replaced without delay since the last success. */
  #renewedAtOnce = false;
  #place = new Place();
  #link;
  #options;
  #credential;
  #retryTimer;
  #waiters;
  /** @type {Renewal} */
  #renewal = {
    send: (token, done) => this.#link.call('sub_refresh', { channel: this.channel, token }, done),
    delay: (attempt) => this.#link.delay(attempt),
    failed: (error) => this._emit('error', error),
    refused: (error) => this.#refused(error),
  };

  /**
   * @internal use `Pharos.newSubscription`
   * @param {string} channel @param {SubscriptionOptions} options @param {Link} link
   */
  constructor(channel, options, link) {
    super();
    this.channel = channel;
    const { token = '', getToken } = options;
    this.#options = { ...options };
    this.#link = link;
    this.#credential = new Credential(link.clock, token, getToken && (() => getToken({ channel })));
    this.#retryTimer = new Timer(link.clock);
    this.#waiters = new Waiters(link.clock);
    if (options.since) this.#place.position = { ...options.since };
  }

  get state() {
    return this.#state;
  }

  subscribe() {
    if (this.#state !== 'unsubscribed') return;
    this.#attempt = 0;
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

  /** @param {any} data @returns {Promise<void>} */
  async publish(data) {
    await this.ready(this.#link.timeout);
    await this.#link.client.publish(this.channel, data);
  }

  async presence() {
    await this.ready(this.#link.timeout);
    return this.#link.client.presence(this.channel);
  }

  async presenceStats() {
    await this.ready(this.#link.timeout);
    return this.#link.client.presenceStats(this.channel);
  }

  /** @param {HistoryOptions} [options] */
  async history(options) {
    await this.ready(this.#link.timeout);
    return this.#link.client.history(this.channel, options);
  }

  /** Subscribes if the connection takes commands; otherwise the next connection calls again. @internal */
  _ask() {
    if (this.#state !== 'subscribing' || this.#wasAsked || this.#retryTimer.isRunning) return;
    if (!this.#link.takesCommands()) return;
    if (!this.#credential.isMissing) return this.#send();
    this.#wasAsked = true;
    this.#credential.fetch((error, token) => {
      this.#wasAsked = false;
      if (error) this.#retry(error);
      else if (token) this.#send();
      else this.#refused(null);
    });
  }

  /** The connection is gone: wait for the next one. @internal @param {boolean} isFinal none comes by itself */
  _connectionLost(isFinal) {
    this.#wasAsked = false;
    this.#retryTimer.stop();
    if (isFinal) this.#credential.stop();
    else this.#credential.pause();
    this.#attempt = 0;
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
    else if (push.join) this._emit('join', { channel: this.channel, info: clientInfo(push.join.info ?? {}) });
    else if (push.leave) this._emit('leave', { channel: this.channel, info: clientInfo(push.leave.info ?? {}) });
  }

  /** @param {number} code @param {string} reason */
  #toSubscribing(code, reason) {
    this.#generation += 1;
    this.#wasAsked = false;
    this.#credential.pause();
    this.#state = 'subscribing';
    this._emit('subscribing', { channel: this.channel, code, reason });
  }

  /** @param {number} code @param {string} reason */
  #toUnsubscribed(code, reason, tellsServer = true) {
    if (this.#state === 'unsubscribed') return;
    this.#generation += 1;
    this.#retryTimer.stop();
    this.#credential.stop();
    this.#state = 'unsubscribed';
    if (this.#wasAsked && tellsServer && this.#link.takesCommands()) {
      this.#link.call('unsubscribe', { channel: this.channel }, (error) => {
        // Unknown whether the server still has the subscription; a new connection makes both sides agree.
        const isUnclear = error && (error.code >= 100 || error.code === codes.error.timeout);
        if (isUnclear) this.#link.reconnect(codes.connecting.unsubscribeFailed, 'unsubscribe failed');
      });
    }
    this.#wasAsked = false;
    this.#waiters.settle(new PharosError(codes.error.unsubscribed, reason));
    this._emit('unsubscribed', { channel: this.channel, code, reason });
  }

  #send() {
    const { positioned, recoverable = true, joinLeave, data } = this.#options;
    const request = {
      channel: this.channel,
      token: this.#credential.token || undefined,
      positioned: positioned || undefined,
      recoverable: recoverable || undefined,
      join_leave: joinLeave || undefined,
      data,
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
      const fetchesToken = error.code === tokenExpired && this.#credential.isRenewable;
      if (fetchesToken) this.#credential.drop();
      if (fetchesToken && !this.#renewedAtOnce) this.#retryAtOnce(error);
      else if (fetchesToken || error.retriable) this.#retry(error);
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
  #retry(error) {
    this.#retryTimer.start(this.#link.delay(this.#attempt), () => this._ask());
    this.#attempt += 1;
    this._emit('error', error);
  }

  /** @param {any} result */
  #subscribed(result) {
    this.#state = 'subscribed';
    this.#attempt = 0;
    this.#renewedAtOnce = false;
    this.#place.granted(result);
    this.#credential.renewLater(result, this.#renewal);
    const generation = this.#generation;
    this.#waiters.settle(null);
    this._emit('subscribed', subscribedEvent(this.channel, result));
    for (const publication of result.publications ?? []) {
      if (generation !== this.#generation) return;
      this.#publication(publication);
    }
  }

  /** @param {any} publication */
  #publication(publication) {
    this.#place.advance(publication);
    this._emit('publication', publicationOf(this.channel, publication));
  }

  /** The server ended the subscription. @param {{ code?: number, reason?: string }} push */
  #ended({ code = 0, reason = '' }) {
    if (code < 2500) return this.#toUnsubscribed(code, reason, false);
    if (code === subscriptionInvalidated) this._invalidate();
    if (code === subscriptionExpired) this.#credential.expire();
    // Jittered from zero: a gap usually hits all subscribers of a channel at once.
    this.#retryTimer.start(this.#link.jitter(), () => this._ask());
    this.#toSubscribing(code, reason);
  }
}

/**
 * What a subscription needs of its client.
 * @typedef {object} Link
 * @property {Pharos} client
 * @property {Clock} clock
 * @property {number} timeout
 * @property {() => boolean} takesCommands
 * @property {(method: string, request: any, done: Completion) => void} call
 * @property {(code: number, reason: string) => void} reconnect
 * @property {(attempt: number) => number} delay
 * @property {() => number} jitter
 */

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

/**
 * A connection to Pharos that comes back by itself.
 *
 * @extends {Emitter<{ connecting: StateChange, reconnecting: { attempt: number, delay: number },
 *   connected: { client: string, version: string, url: string, data?: any }, disconnected: StateChange, error: PharosError,
 *   message: { channel: string, data: any }, subscribing: { channel: string }, subscribed: SubscribedEvent, publication: Publication,
 *   join: Membership, leave: Membership, unsubscribed: SubscriptionChange }>}
 */
export class Pharos extends Emitter {
  /** @type {Phase} */
  #phase = 'idle';
  /** Counts connection attempts; answers that belong to an older one are thrown away. */
  #round = 0;
  #attempt = 0;
  /** Whether the token has been replaced without delay since the last success. */
  #renewedAtOnce = false;
  /** @type {any} */
  #socket = null;
  #lastId = 0;
  /** @type {Map<number, { method: string, done: Completion, timer: Timer }>} */
  #pending = new Map();
  /** @type {string[]} */
  #outbox = [];
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  /** Subscriptions that the server made, by channel. @type {Map<string, Place>} */
  #serverSide = new Map();
  #clientId = '';
  #pingMs = 0;
  #answersPing = false;
  /** @type {readonly string[]} */
  #urls;
  /** Counts the URLs that were given up. */
  #turn = 0;
  #options;
  #credential;
  #clock;
  #network;
  #waiters;
  #reconnectTimer;
  #openTimer;
  #watchdog;
  /** @type {Link} */
  #link;
  /** @type {Renewal} */
  #renewal = {
    send: (token, done) => this.#call('refresh', { token }, done),
    delay: (attempt) => this.#delay(attempt),
    failed: (error) => this._emit('error', error),
    refused: (error) => this.#refused(error),
  };

  /**
   * @param {string | readonly string[]} url absolute (ws, wss, http, https), or a path on the host of this page;
   *   several are nodes of one server, tried in turn: after a lost connection or a failed attempt comes the next
   * @param {PharosOptions} [options]
   */
  constructor(url, options = {}) {
    super();
    this.#urls = typeof url === 'string' ? [url] : [...url];
    if (!this.#urls.length) throw new Error('no URL to connect to');
    this.#options = {
      minReconnectDelay: 500,
      maxReconnectDelay: 20000,
      timeout: 5000,
      maxServerPingDelay: 10000,
      name: 'pharos-js',
      ...options,
    };
    this.#clock = options.clock ?? {
      setTimeout: (action, ms) => setTimeout(action, ms),
      clearTimeout: (handle) => clearTimeout(handle),
      random: Math.random,
    };
    const hearsNetwork = typeof globalThis.addEventListener === 'function';
    const { token = '', getToken, network = hearsNetwork ? globalThis : null } = options;
    this.#network = network;
    this.#credential = new Credential(this.#clock, token, getToken && (() => getToken({})));
    this.#waiters = new Waiters(this.#clock);
    this.#reconnectTimer = new Timer(this.#clock);
    this.#openTimer = new Timer(this.#clock);
    this.#watchdog = new Timer(this.#clock);
    this.#link = {
      client: this,
      clock: this.#clock,
      timeout: this.#options.timeout,
      takesCommands: () => this.#takesCommands,
      call: (method, request, done) => this.#call(method, request, done),
      reconnect: (code, reason) => this.#lost(code, reason),
      delay: (attempt) => this.#delay(attempt),
      jitter: () => this.#clock.random() * this.#options.minReconnectDelay,
    };
  }

  /** @returns {'disconnected' | 'connecting' | 'connected'} */
  get state() {
    if (this.#phase === 'idle') return 'disconnected';
    return this.#phase === 'open' ? 'connected' : 'connecting';
  }

  /** The identity the server gave to the present connection; empty while there is none. */
  get clientId() {
    return this.#clientId;
  }

  /** @throws where there is no WebSocket class to connect with */
  connect() {
    if (this.#phase !== 'idle') return;
    if (typeof this.#Socket !== 'function') throw new Error(noWebSocket);
    this.#attempt = 0;
    this.#renewedAtOnce = false;
    this.#network?.addEventListener('online', this.#online);
    this.#network?.addEventListener('offline', this.#offline);
    const round = this.#round;
    this.#enter('authorizing');
    this._emit('connecting', { code: codes.called, reason: 'connect called' });
    if (this.#round === round) this.#authorize();
  }

  disconnect() {
    this.#end(codes.called, 'disconnect called');
  }

  /** Waits for 'connected'; rejects when disconnected. @param {number} [timeout] in ms @returns {Promise<void>} */
  async ready(timeout) {
    if (this.#phase === 'open') return;
    if (this.#phase === 'idle') throw new PharosError(codes.error.disconnected, 'disconnected');
    await this.#waiters.wait(timeout);
  }

  /** @param {string} channel @param {SubscriptionOptions} [options] */
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

  /** Unsubscribes and forgets; afterwards the channel may be subscribed anew. @param {Subscription} subscription */
  removeSubscription(subscription) {
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
      if (!(error instanceof PharosError) || error.code !== notAvailable) throw error;
      throw new PharosError(notAvailable, 'not available: nothing takes messages here, the server has no hooks.message');
    }
  }

  /** @param {string} channel @returns {Promise<{ clients: Record<string, ClientInfo> }>} */
  async presence(channel) {
    const { presence = {} } = await this.#request('presence', { channel });
    return { clients: Object.fromEntries(Object.entries(presence).map(([id, info]) => [id, clientInfo(info)])) };
  }

  /** @param {string} channel @returns {Promise<{ numClients: number, numUsers: number }>} */
  async presenceStats(channel) {
    const result = await this.#request('presence_stats', { channel });
    return { numClients: result.num_clients ?? 0, numUsers: result.num_users ?? 0 };
  }

  /**
   * Without `limit` the answer is the stream's position only.
   * @param {string} channel @param {HistoryOptions} [options] @returns {Promise<HistoryResult>}
   */
  async history(channel, { limit, since, reverse } = {}) {
    const result = await this.#request('history', { channel, limit, since, reverse: reverse || undefined });
    return {
      publications: (result.publications ?? []).map((/** @type {any} */ each) => publicationOf(channel, each)),
      epoch: result.epoch ?? '',
      offset: result.offset ?? 0,
    };
  }

  // The way to a connection

  /** @param {Phase} phase */
  #enter(phase) {
    if (!following[this.#phase].includes(phase)) throw new Error(`${phase} cannot follow ${this.#phase}`);
    this.#phase = phase;
  }

  /** Enters 'opening' once there is a token, at once if none has to be asked for. */
  #authorize() {
    this.#round += 1;
    if (!this.#credential.isMissing) return this.#open();
    this.#credential.fetch((error, token) => {
      if (error) this.#lost(codes.connecting.transportClosed, error.message, error);
      else if (token) this.#open();
      else this.#refused(null);
    });
  }

  /** The class to connect with; asked for late, since a program may still provide the global one. */
  get #Socket() {
    return this.#options.WebSocket ?? globalThis.WebSocket;
  }

  get #url() {
    return this.#urls[this.#turn % this.#urls.length];
  }

  #open() {
    this.#enter('opening');
    const base = globalThis.location?.href;
    /** @type {any} */
    let socket;
    try {
      const url = new URL(this.#url, base);
      url.protocol = url.protocol.replace(/^http/, 'ws');
      socket = new this.#Socket(url.href);
    } catch (error) {
      // Not a state of the network: the same URL fails the same way every time.
      const hint = base ? '' : ' (outside of a page the URL must be absolute)';
      return this.#end(codes.disconnected.badConfiguration, `${this.#url}: ${error}${hint}`);
    }
    // A close follows. Without a listener, WebSocket classes of the EventEmitter kind would throw out of nowhere.
    socket.onerror = () => {};
    this.#socket = socket;
    this.#openTimer.start(this.#options.timeout, () => {
      this.#lost(codes.connecting.transportClosed, 'timeout', new PharosError(codes.error.timeout, 'timeout', true));
    });
    socket.onopen = () => socket === this.#socket && this.#greet();
    socket.onmessage = (/** @type {{ data: any }} */ event) => this.#received(socket, event.data);
    socket.onclose = (/** @type {{ code: number, reason: string }} */ event) => {
      if (socket === this.#socket) this.#closed(event.code, event.reason);
    };
  }

  /** Sends connect and all subscribes in one frame, without waiting for an answer in between. */
  #greet() {
    this.#openTimer.stop();
    this.#enter('greeting');
    const { data, name } = this.#options;
    const placed = [...this.#serverSide].filter(([, place]) => place.position);
    const positions = placed.map(([channel, place]) => [channel, place.request]);
    const subs = positions.length ? Object.fromEntries(positions) : undefined;
    const round = this.#round;
    this.#call('connect', { token: this.#credential.token || undefined, data, name, subs }, (error, result) => {
      if (round === this.#round) error ? this.#connectFailed(error) : this.#greeted(result);
    });
    for (const subscription of [...this.#subscriptions.values()]) subscription._ask();
    this.#flush();
  }

  /** @param {any} result */
  #greeted(result) {
    this.#enter('open');
    this.#attempt = 0;
    this.#renewedAtOnce = false;
    this.#clientId = result.client ?? '';
    this.#pingMs = (result.ping ?? 0) * 1000;
    this.#answersPing = result.pong ?? false;
    this.#feedWatchdog();
    this.#credential.renewLater(result, this.#renewal);
    const round = this.#round;
    this.#waiters.settle(null);
    this._emit('connected', { client: this.#clientId, version: result.version ?? '', url: this.#url, data: payloadOf(result) });
    const granted = result.subs ?? {};
    for (const channel of [...this.#serverSide.keys()]) {
      if (round !== this.#round) return;
      if (!(channel in granted)) this.#serverEnded(channel, codes.unsubscribed.missing, 'not in the connect reply');
    }
    for (const [channel, sub] of Object.entries(granted)) {
      if (round !== this.#round) return;
      this.#serverSubscribed(channel, sub);
    }
  }

  /** The connect command failed. @param {PharosError} error */
  #connectFailed(error) {
    const fetchesToken = error.code === tokenExpired && this.#credential.isRenewable;
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

  /** The WebSocket was closed by the server or the network. @param {number} code @param {string} reason */
  #closed(code, reason) {
    if (code === 1009) return this.#end(codes.disconnected.messageTooBig, 'message size limit');
    if (code === commandNotAvailable) this.#rejectSends(new PharosError(notAvailable, reason));
    if (!reconnectsAfter(code)) return this.#end(code, reason);
    if (code === connectionExpired) this.#credential.expire();
    if (code === stateInvalidated) {
      this.#credential.drop();
      for (const place of this.#serverSide.values()) place.invalidate();
      for (const subscription of this.#subscriptions.values()) subscription._invalidate();
    }
    if (code >= 3000) this.#lost(code, reason);
    else this.#lost(codes.connecting.transportClosed, reason || 'transport closed');
  }

  /** Servers that look at no id close the connection for a message that nothing takes. @param {PharosError} error */
  #rejectSends(error) {
    for (const [id, { method, done, timer }] of [...this.#pending]) {
      if (method !== 'send') continue;
      this.#pending.delete(id);
      timer.stop();
      done(error, null);
    }
  }

  /**
   * Gives up the present attempt or connection and comes back after a delay.
   * @param {number} code @param {string} reason @param {PharosError} [error]
   * @param {boolean} [isAtOnce] without any delay, and without counting as a failure
   */
  #lost(code, reason, error = new PharosError(codes.error.transportClosed, reason, true), isAtOnce = false) {
    if (this.#phase === 'idle' || this.#phase === 'waiting') return;
    const wasOpen = this.#phase === 'open';
    const attempt = this.#attempt;
    const delay = isAtOnce ? 0 : this.#delay(attempt);
    const round = (this.#round += 1);
    // A token that could not be got says nothing about the node.
    if (!isAtOnce && this.#phase !== 'authorizing') this.#turn += 1;
    this.#enter('waiting');
    if (!isAtOnce) {
      this.#attempt += 1;
      this.#reconnectTimer.start(delay, () => this.#reconnect());
    }
    this.#drop(wasOpen, new PharosError(codes.error.transportClosed, reason, true));
    // Each listener may disconnect; the events after it would then tell of a state that is no more.
    if (round === this.#round && wasOpen) this._emit('connecting', { code, reason });
    if (round === this.#round && !wasOpen) this._emit('error', error);
    if (round === this.#round) this._emit('reconnecting', { attempt, delay });
    if (round === this.#round && isAtOnce) this.#reconnect();
  }

  /** Gives up for good. @param {number} code @param {string} reason @param {PharosError} [error] */
  #end(code, reason, error) {
    if (this.#phase === 'idle') return;
    const wasOpen = this.#phase === 'open';
    const failure = new PharosError(codes.error.disconnected, reason || 'disconnected');
    const round = (this.#round += 1);
    this.#enter('idle');
    this.#network?.removeEventListener('online', this.#online);
    this.#network?.removeEventListener('offline', this.#offline);
    this.#reconnectTimer.stop();
    this.#drop(wasOpen, failure);
    this.#waiters.settle(failure);
    if (error) this._emit('error', error);
    if (round === this.#round) this._emit('disconnected', { code, reason });
  }

  /**
   * Lets go of the socket and of everything that hangs on it. The next phase has been entered before, so that a
   * listener that connects or disconnects finds a consistent client.
   * @param {boolean} wasOpen @param {PharosError} error for the calls in flight
   */
  #drop(wasOpen, error) {
    const socket = this.#socket;
    const pending = [...this.#pending.values()];
    this.#socket = null;
    this.#clientId = '';
    this.#outbox = [];
    this.#pending.clear();
    const isFinal = this.#phase === 'idle';
    for (const each of [this.#openTimer, this.#watchdog]) each.stop();
    if (isFinal) this.#credential.stop();
    else this.#credential.pause();
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    // Subscriptions first: they must know that an answer to their command no longer counts.
    for (const subscription of [...this.#subscriptions.values()]) subscription._connectionLost(isFinal);
    for (const { done, timer } of pending) {
      timer.stop();
      done(error, null);
    }
    const channels = wasOpen ? [...this.#serverSide.keys()] : [];
    for (const channel of channels) this._emit('subscribing', { channel });
  }

  #reconnect() {
    this.#reconnectTimer.stop();
    this.#enter('authorizing');
    this.#authorize();
  }

  /** @param {number} attempt */
  #delay(attempt) {
    const { minReconnectDelay, maxReconnectDelay } = this.#options;
    return backOff(attempt, minReconnectDelay, maxReconnectDelay, this.#clock.random());
  }

  #online = () => {
    if (this.#phase !== 'waiting') return;
    this.#attempt = 0;
    this.#reconnect();
  };

  #offline = () => this.#lost(codes.connecting.transportClosed, 'network offline');

  // Commands out

  get #takesCommands() {
    return this.#phase === 'greeting' || this.#phase === 'open';
  }

  /** @param {string} method @param {any} request @returns {Promise<any>} */
  async #request(method, request) {
    await this.ready(this.#options.timeout);
    return new Promise((resolve, reject) => {
      this.#call(method, request, (error, result) => (error ? reject(error) : resolve(result)));
    });
  }

  /** @param {string} method @param {any} request @param {Completion} done called once, in the order of the replies */
  #call(method, request, done) {
    // A promise may be resumed after the connection it was waiting for has gone again.
    if (!this.#takesCommands) return done(new PharosError(codes.error.transportClosed, 'transport closed', true), null);
    const id = (this.#lastId += 1);
    const timer = new Timer(this.#clock);
    timer.start(this.#options.timeout, () => {
      this.#pending.delete(id);
      done(new PharosError(codes.error.timeout, 'timeout', true), null);
    });
    this.#pending.set(id, { method, done, timer });
    this.#enqueue({ id, [method]: request });
  }

  /** Commands of one turn share a frame. @param {object} command */
  #enqueue(command) {
    if (!this.#takesCommands) return;
    if (this.#outbox.push(JSON.stringify(command)) === 1) queueMicrotask(() => this.#flush());
  }

  #flush() {
    const lines = this.#outbox;
    this.#outbox = [];
    let frame = '';
    for (const line of lines) {
      if (frame && frame.length + line.length >= frameCharacters) {
        this.#socket?.send(frame);
        frame = '';
      }
      frame = frame ? `${frame}\n${line}` : line;
    }
    if (frame) this.#socket?.send(frame);
  }

  // Replies and pushes in

  /** @param {any} socket @param {any} data */
  #received(socket, data) {
    if (socket !== this.#socket) return;
    this.#feedWatchdog();
    /** @type {any[]} */
    let replies;
    try {
      replies = data.split('\n').filter(Boolean).map((/** @type {string} */ line) => JSON.parse(line));
      if (replies.some((reply) => reply === null || typeof reply !== 'object')) throw new TypeError('not an object');
    } catch {
      return this.#end(codes.disconnected.badProtocol, 'malformed message');
    }
    for (const reply of replies) {
      // A listener may have disconnected in the middle of a frame; the rest of it is then none of our business.
      if (socket !== this.#socket) return;
      if (reply.id) this.#replied(reply);
      else if (reply.push) this.#pushed(reply.push);
      else if (this.#answersPing) socket.send('{}');
    }
  }

  /** @param {any} reply */
  #replied(reply) {
    const call = this.#pending.get(reply.id);
    if (!call) return;
    this.#pending.delete(reply.id);
    call.timer.stop();
    const { error } = reply;
    if (error) call.done(new PharosError(error.code ?? 0, error.message ?? '', error.temporary ?? false), null);
    else call.done(null, reply[call.method] ?? {});
  }

  /** @param {any} push */
  #pushed(push) {
    const { channel = '' } = push;
    if (push.message) return this._emit('message', { channel, data: payloadOf(push.message) });
    if (push.refresh) return this.#credential.renewLater(push.refresh, this.#renewal);
    if (push.disconnect) return this.#closed(push.disconnect.code ?? 0, push.disconnect.reason ?? '');
    const subscription = this.#subscriptions.get(channel);
    if (subscription && subscription.state !== 'unsubscribed') return subscription._push(push);
    if (push.subscribe) return this.#serverSubscribed(channel, push.subscribe);
    const place = this.#serverSide.get(channel);
    if (!place) return;
    if (push.pub) this.#serverPublication(channel, place, push.pub);
    else if (push.join) this._emit('join', { channel, info: clientInfo(push.join.info ?? {}) });
    else if (push.leave) this._emit('leave', { channel, info: clientInfo(push.leave.info ?? {}) });
    else if (push.unsubscribe) this.#serverEnded(channel, push.unsubscribe.code ?? 0, push.unsubscribe.reason ?? '');
  }

  /** @param {string} channel @param {any} result */
  #serverSubscribed(channel, result) {
    const place = new Place();
    place.granted(result);
    this.#serverSide.set(channel, place);
    this._emit('subscribed', subscribedEvent(channel, result));
    for (const publication of result.publications ?? []) {
      if (this.#serverSide.get(channel) !== place || this.#phase !== 'open') return;
      this.#serverPublication(channel, place, publication);
    }
  }

  /** @param {string} channel @param {Place} place @param {any} publication */
  #serverPublication(channel, place, publication) {
    place.advance(publication);
    this._emit('publication', publicationOf(channel, publication));
  }

  /** @param {string} channel @param {number} code @param {string} reason */
  #serverEnded(channel, code, reason) {
    this.#serverSide.delete(channel);
    this._emit('unsubscribed', { channel, code, reason });
  }

  // Upkeep of an open connection

  /** Anything from the server counts as a sign of life, not pings alone. */
  #feedWatchdog() {
    if (this.#phase !== 'open' || !this.#pingMs) return;
    this.#watchdog.start(this.#pingMs + this.#options.maxServerPingDelay, () => {
      this.#lost(codes.connecting.noPing, 'no ping');
    });
  }
}
