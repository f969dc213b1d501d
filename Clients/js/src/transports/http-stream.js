import { lineReader } from '../json-codec.js';
import { Emulated } from './emulated.js';

/** An answer that does not end, read as it comes: each line a reply, or each a message with its length in front. */
export class HTTPStream extends Emulated {
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
export class FetchedEvents extends HTTPStream {
  /** @override @returns {(bytes: Uint8Array) => string} */
  _reader() {
    const take = lineReader();
    return (bytes) => take(bytes).filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n');
  }
}
