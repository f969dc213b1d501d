import { Emulated } from './emulated.js';

/** Server-sent events read by an EventSource, where fetch cannot read an answer as it comes. */
export class SourcedEvents extends Emulated {
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
