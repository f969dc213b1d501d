/** @import { Emitter } from './emitter.js' */
import { codes } from './codes.js';
import { Place } from './place.js';
import { clientInfo, publicationOf, subscribedEvent } from './shapes.js';

/** Subscriptions that the server made. Their events are the client's. */
export class ServerSide {
  /** @type {Map<string, Place>} */
  #places = new Map();
  #emit;
  #isCurrent;

  /**
   * @param {(name: string, event: any) => void} emit
   * @param {() => () => boolean} watch makes a question: is the connection still the one of now, and open?
   */
  constructor(emit, watch) {
    this.#emit = emit;
    this.#isCurrent = watch;
  }

  /** Positions to recover from, for the connect command. */
  get positions() {
    const placed = [...this.#places].filter(([, place]) => place.position);
    return placed.length ? Object.fromEntries(placed.map(([channel, place]) => [channel, place.request])) : undefined;
  }

  /** @param {Record<string, any>} granted the subscriptions of a connect reply */
  greeted(granted) {
    const isCurrent = this.#isCurrent();
    for (const channel of [...this.#places.keys()]) {
      if (!isCurrent()) return;
      if (!(channel in granted)) this.#ended(channel, codes.unsubscribed.missing, 'not in the connect reply');
    }
    for (const [channel, result] of Object.entries(granted)) {
      if (!isCurrent()) return;
      this.#subscribed(channel, result);
    }
  }

  invalidate() {
    for (const place of this.#places.values()) place.invalidate();
  }

  lost() {
    for (const channel of [...this.#places.keys()]) this.#emit('subscribing', { channel });
  }

  /** @param {any} push */
  pushed(push) {
    const { channel = '' } = push;
    if (push.subscribe) return this.#subscribed(channel, push.subscribe);
    const place = this.#places.get(channel);
    if (!place) return;
    if (push.pub) this.#publication(channel, place, push.pub);
    else if (push.join) this.#emit('join', { channel, info: clientInfo(push.join.info) });
    else if (push.leave) this.#emit('leave', { channel, info: clientInfo(push.leave.info) });
    else if (push.unsubscribe) this.#ended(channel, push.unsubscribe.code ?? 0, push.unsubscribe.reason ?? '');
  }

  /** @param {string} channel @param {any} result */
  #subscribed(channel, result) {
    const isCurrent = this.#isCurrent();
    const place = new Place();
    place.granted(result);
    this.#places.set(channel, place);
    this.#emit('subscribed', subscribedEvent(channel, result));
    for (const publication of result.publications ?? []) {
      if (this.#places.get(channel) !== place || !isCurrent()) return;
      this.#publication(channel, place, publication);
    }
  }

  /** @param {string} channel @param {Place} place @param {any} publication */
  #publication(channel, place, publication) {
    place.advance(publication);
    this.#emit('publication', publicationOf(channel, publication));
  }

  /** @param {string} channel @param {number} code @param {string} reason */
  #ended(channel, code, reason) {
    this.#places.delete(channel);
    this.#emit('unsubscribed', { channel, code, reason });
  }
}
