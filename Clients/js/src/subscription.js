/** @import { Completion } from './calls.js' */
/** @import { Clock } from './timer.js' */
/** @import { Renewal } from './credential.js' */
/** @import * as Types from '../pharos.d.ts' */
import { codes, serverCodes } from './codes.js';
import { Credential } from './credential.js';
import { DeltaBase } from './delta.js';
import { Emitter } from './emitter.js';
import { asked, PharosError } from './errors.js';
import { Place } from './place.js';
import { Retry } from './retry.js';
import { clientInfo, publicationOf, subscribedEvent } from './shapes.js';
import { Waiters } from './waiters.js';

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
export class Subscription extends Emitter {
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
