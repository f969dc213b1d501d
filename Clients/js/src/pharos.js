/** @import * as Types from '../pharos.d.ts' */
/** @import { Link } from './subscription.js' */
import { serverCodes } from './codes.js';
import { Connection } from './connection.js';
import { Emitter } from './emitter.js';
import { Endpoint } from './endpoint.js';
import { PharosError } from './errors.js';
import { json } from './json-codec.js';
import { ServerSide } from './server-side.js';
import { clientInfo, payloadOf, publicationOf } from './shapes.js';
import { Subscription } from './subscription.js';
import { systemClock } from './timer.js';

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
export class Pharos extends Emitter {
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
