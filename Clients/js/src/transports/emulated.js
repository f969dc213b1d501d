/** @import { TransportContext } from '../../pharos.d.ts' */
import { frames } from '../calls.js';

/**
 * The base of transports over HTTP, in the shape of a WebSocket: the first frame opens a stream, later ones are requests
 * of their own, to the address of the emulation, one after the other.
 */
export class Emulated {
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
