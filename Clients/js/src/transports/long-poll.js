import { frames } from '../calls.js';
import { Emulated } from './emulated.js';

/** Requests that are answered when there is news. A lost answer is asked for again by its cursor. */
export class LongPoll extends Emulated {
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
