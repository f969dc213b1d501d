/** @import * as Types from '../pharos.d.ts' */
/** @import { Clock } from './timer.js' */
/** @import { Completion } from './calls.js' */
/** @import { Renewal } from './credential.js' */
import { Calls, frames } from './calls.js';
import { codes, reconnectsAfter, serverCodes } from './codes.js';
import { Credential } from './credential.js';
import { Endpoint } from './endpoint.js';
import { asked, closedError, PharosError, timeoutError } from './errors.js';
import { Phases } from './phases.js';
import { Pulse } from './pulse.js';
import { Retry } from './retry.js';
import { payloadOf } from './shapes.js';
import { Surroundings } from './surroundings.js';
import { Timer } from './timer.js';
import { Waiters } from './waiters.js';

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
export class Connection {
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
