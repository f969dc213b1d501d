/** @import * as Types from '../pharos.d.ts' */
/** @import { Clock } from './timer.js' */
/** @import { Completion } from './calls.js' */
/** @import { Renewal } from './credential.js' */
import { Calls } from './calls.js';
import { codes, reconnectsAfter, serverCodes } from './codes.js';
import { Credential } from './credential.js';
import { Endpoint } from './endpoint.js';
import { asked, closedError, PharosError, timeoutError } from './errors.js';
import { payloadOf } from './shapes.js';
import { Surroundings } from './surroundings.js';
import { backOff, Timer } from './timer.js';
import { Waiters } from './waiters.js';

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

/** Said where the platform has nothing to connect with. */
const noTransport =
  'this platform has no WebSocket (Node.js has one from version 22 on): pass a class as an option, ' +
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
 * @property {() => void} away                            as the last of a loss: the server's subscriptions are away
 */

/** A connection that comes back by itself: over the next transport, at the next endpoint, after a delay. */
export class Connection {
  /** @type {Phase} */
  #phase = 'idle';
  /** The state that listeners were told of last. @type {Types.StateName} */
  #told = 'disconnected';
  /** Counts connection attempts; answers that belong to an older one are thrown away. */
  #round = 0;
  #attempt = 0;
  /** Whether the token has been replaced without delay since the last success. */
  #renewedAtOnce = false;
  /** @type {any} */
  #socket = null;
  #clientId = '';
  #pingMs = 0;
  #answersPing = false;
  /** When the last frame came and when the next attempt is due, of the wall clock. */
  #heardAt = 0;
  #dueAt = 0;
  #endpoints;
  /** Counts the endpoints that were given up. */
  #turn = 0;
  #options;
  #owner;
  #clock;
  #calls;
  #credential;
  #surroundings;
  #waiters;
  #reconnectTimer;
  #openTimer;
  #watchdog;
  /** @type {Renewal} */
  #renewal = {
    send: (token, done) => this.call('refresh', { token }, done),
    delay: (attempt) => this.#delay(attempt),
    failed: (error) => this.#owner.emit('error', error),
    refused: (error) => this.#refused(error),
  };

  /** @param {Endpoint[]} endpoints @param {any} options complete @param {Clock} clock @param {Owner} owner */
  constructor(endpoints, options, clock, owner) {
    this.#endpoints = endpoints;
    this.#options = options;
    this.#clock = clock;
    this.#owner = owner;
    const { token = '', getToken, codec, network, page } = options;
    this.#calls = new Calls(clock, options.timeout, codec, (frame) => this.#socket?.send(frame));
    this.#credential = new Credential(clock, token, getToken && (() => getToken({})));
    this.#surroundings = new Surroundings(network, page, {
      online: () => this.#online(),
      offline: () => this.#lost(codes.connecting.transportClosed, 'network offline'),
      awake: () => this.#awake(),
    });
    this.#waiters = new Waiters(clock);
    this.#reconnectTimer = new Timer(clock);
    this.#openTimer = new Timer(clock);
    this.#watchdog = new Timer(clock);
  }

  /** @returns {Types.StateName} */
  get state() {
    if (this.#phase === 'idle') return 'disconnected';
    return this.#phase === 'open' ? 'connected' : 'connecting';
  }

  get clientId() {
    return this.#clientId;
  }

  get transport() {
    return this.#phase === 'open' ? this.#endpoint.transport : '';
  }

  get takesCommands() {
    return this.#phase === 'greeting' || this.#phase === 'open';
  }

  /** A question to ask later: is it still this connection, and open? */
  watch() {
    const round = this.#round;
    return () => round === this.#round && this.#phase === 'open';
  }

  connect() {
    if (this.#phase !== 'idle') return;
    if (!this.#endpoints.some((each) => each.isPossible)) throw new Error(noTransport);
    this.#attempt = 0;
    this.#renewedAtOnce = false;
    for (const each of this.#endpoints) each.begin();
    this.#surroundings.listen();
    const round = this.#round;
    this.#enter('authorizing');
    this.#announce('connecting', { code: codes.called, reason: 'connect called' });
    if (this.#round === round) this.#authorize();
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
    if (this.#phase === 'open') return;
    if (this.#phase === 'idle') throw new PharosError(codes.error.disconnected, 'disconnected');
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

  /** @param {Phase} phase */
  #enter(phase) {
    if (!following[this.#phase].includes(phase)) throw new Error(`${phase} cannot follow ${this.#phase}`);
    this.#phase = phase;
  }

  /** Tells of a state, unless a listener has changed it before. @param {string} name @param {any} event */
  #announce(name, event) {
    const [round, oldState] = [this.#round, this.#told];
    this.#told = this.state;
    if (oldState !== this.#told) this.#owner.emit('state', { oldState, newState: this.#told });
    if (round === this.#round) this.#owner.emit(name, event);
  }

  /** Enters 'opening' once there are a token and data, at once if none have to be asked for. */
  #authorize() {
    this.#round += 1;
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
    const round = this.#round;
    asked(() => getData({}), codes.error.data).then(({ value, error }) => {
      if (round !== this.#round) return;
      if (error) return this.#lost(codes.connecting.transportClosed, error.message, error);
      if (error === null) return this.#refused(null);
      this.#options.data = value;
      this.#open();
    });
  }

  #open() {
    this.#enter('opening');
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
    this.#enter('greeting');
    const { data, name, version, headers } = this.#options;
    const round = this.#round;
    const request = {
      token: this.#credential.token || undefined,
      data,
      name,
      version,
      headers,
      subs: this.#owner.positions(),
    };
    this.call('connect', request, (error, result) => {
      if (round === this.#round) error ? this.#connectFailed(error) : this.#greeted(result);
    });
    this.#owner.ask();
    this.#calls.flush(true);
  }

  /** @param {any} result */
  #greeted(result) {
    this.#enter('open');
    this.#endpoint.worked();
    this.#socket.greeted?.(result);
    this.#attempt = 0;
    this.#renewedAtOnce = false;
    this.#clientId = result.client ?? '';
    this.#pingMs = (result.ping ?? 0) * 1000;
    this.#answersPing = result.pong ?? false;
    this.#feedWatchdog();
    this.#credential.renewLater(result, this.#renewal);
    const isCurrent = this.watch();
    this.#waiters.settle(null);
    const { url, transport } = this.#endpoint;
    const [client, version] = [this.#clientId, result.version ?? ''];
    this.#announce('connected', { client, version, url, transport, data: payloadOf(result) });
    if (isCurrent()) this.#owner.greeted(result.subs ?? {});
  }

  /** The connect command failed. @param {PharosError} error */
  #connectFailed(error) {
    if (error.code === codes.error.timeout) return this.#failed(error.message, error);
    this.#endpoint.worked();
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
    this.#lost(codes.connecting.transportClosed, reason, error, this.#endpoint.failed());
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
    else if (this.#phase === 'open') this.#lost(codes.connecting.transportClosed, reason || 'transport closed');
    else this.#failed(reason || 'transport closed');
  }

  /**
   * Gives up the present attempt or connection and comes back after a delay.
   * @param {number} code @param {string} reason @param {PharosError} [error]
   * @param {boolean} [isAtOnce] without any delay, and without counting as a failure
   */
  #lost(code, reason, error = closedError(reason), isAtOnce = false) {
    if (this.#phase === 'idle' || this.#phase === 'waiting') return;
    const wasOpen = this.#phase === 'open';
    const attempt = this.#attempt;
    const delay = isAtOnce ? 0 : this.#delay(attempt);
    const round = (this.#round += 1);
    if (wasOpen) this.#endpoint.begin();
    // A token that could not be got says nothing about the node.
    if (!isAtOnce && this.#phase !== 'authorizing') this.#turn += 1;
    this.#enter('waiting');
    if (!isAtOnce) {
      this.#attempt += 1;
      this.#dueAt = Date.now() + delay;
      this.#reconnectTimer.start(delay, () => this.#reconnect());
    }
    this.#drop(wasOpen, closedError(reason));
    // Each listener may disconnect; the events after it would then tell of a state that is no more.
    if (round === this.#round && wasOpen) this.#announce('connecting', { code, reason });
    if (round === this.#round && !wasOpen) this.#owner.emit('error', error);
    const { transport } = this.#endpoint;
    if (round === this.#round) this.#owner.emit('reconnecting', { attempt, delay, transport });
    if (round === this.#round && isAtOnce) this.#reconnect();
  }

  /** Gives up for good. @param {number} code @param {string} reason @param {PharosError} [error] */
  #end(code, reason, error) {
    if (this.#phase === 'idle') return;
    const wasOpen = this.#phase === 'open';
    const failure = new PharosError(codes.error.disconnected, reason || 'disconnected');
    const round = (this.#round += 1);
    this.#enter('idle');
    this.#surroundings.ignore();
    this.#reconnectTimer.stop();
    this.#drop(wasOpen, failure);
    this.#waiters.settle(failure);
    if (error) this.#owner.emit('error', error);
    if (round === this.#round) this.#announce('disconnected', { code, reason });
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
    const isFinal = this.#phase === 'idle';
    for (const each of [this.#openTimer, this.#watchdog]) each.stop();
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
    this.#reconnectTimer.stop();
    this.#enter('authorizing');
    this.#authorize();
  }

  /** @param {number} attempt */
  #delay(attempt) {
    const { minReconnectDelay, maxReconnectDelay } = this.#options;
    return backOff(attempt, minReconnectDelay, maxReconnectDelay, this.#clock.random());
  }

  /** It may be another network: what was refused there may be good here. */
  #online() {
    for (const each of this.#endpoints) if (this.#phase !== 'open') each.begin(true);
    if (this.#phase !== 'waiting') return;
    this.#attempt = 0;
    this.#reconnect();
  }

  #awake() {
    const now = Date.now();
    if (this.#phase === 'waiting' && now >= this.#dueAt) return this.#reconnect();
    if (this.#phase !== 'open') return;
    const { maxServerPingDelay } = this.#options;
    if (this.#pingMs && now - this.#heardAt > this.#pingMs + maxServerPingDelay) {
      return this.#lost(codes.connecting.noPing, 'no ping', undefined, true);
    }
    this.#credential.awake();
    this.#owner.awake();
  }

  // What the server says

  /** @param {any} socket @param {any} data a frame, or messages that a transport has read already */
  #received(socket, data) {
    if (socket !== this.#socket) return;
    this.#feedWatchdog();
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
    if (this.#answersPing) this.#socket.send(this.#options.codec.encode({}));
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

  /** Anything from the server counts as a sign of life, not pings alone. */
  #feedWatchdog() {
    this.#heardAt = Date.now();
    if (this.#phase !== 'open' || !this.#pingMs) return;
    this.#watchdog.start(this.#pingMs + this.#options.maxServerPingDelay, () => {
      this.#lost(codes.connecting.noPing, 'no ping');
    });
  }
}
