/** @import { EndpointURL, PharosOptions, TransportContext } from '../pharos.d.ts' */
import { forget, recall, remember } from './memory.js';
import { defaultOrder, kinds, platformOf } from './transports.js';

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
export class Endpoint {
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
