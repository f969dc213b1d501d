/** @import { TransportContext } from '../pharos.d.ts' */
import { SourcedEvents } from './transports/event-source.js';
import { FetchedEvents, HTTPStream } from './transports/http-stream.js';
import { LongPoll } from './transports/long-poll.js';
import { openWebSocket } from './transports/websocket.js';

/**
 * @typedef {object} Kind
 * @property {string} path                                             its default on a server
 * @property {(platform: any) => boolean} works                        on this platform
 * @property {(url: string, context: TransportContext) => any} open
 * @property {boolean} [isText]                                        it carries nothing but JSON
 */

const hasStreams = (/** @type {any} */ { fetch }) => fetch && typeof ReadableStream === 'function';

/** The transports by name, in the order in which they are tried. @type {Record<string, Kind>} */
export const kinds = {
  websocket: {
    path: '/connection/websocket',
    works: ({ WebSocket }) => typeof WebSocket === 'function',
    open: openWebSocket,
  },
  http_stream: {
    path: '/connection/http_stream',
    works: hasStreams,
    open: (url, context) => new HTTPStream(url, context),
  },
  sse: {
    path: '/connection/sse',
    works: hasStreams,
    open: (url, context) => new FetchedEvents(url, context),
    isText: true,
  },
  eventsource: {
    path: '/connection/sse',
    works: ({ EventSource, fetch }) => EventSource && fetch,
    open: (url, context) => new SourcedEvents(url, context),
    isText: true,
  },
  long_poll: {
    path: '/connection/poll',
    works: ({ fetch }) => Boolean(fetch),
    open: (url, context) => new LongPoll(url, context),
    isText: true,
  },
};

/** What the platform has, or the program gave in its place; asked for late, since a program may still provide it. */
export function platformOf(/** @type {any} */ options) {
  const { fetch = globalThis.fetch } = options;
  return {
    WebSocket: options.WebSocket ?? options.websocket ?? globalThis.WebSocket,
    EventSource: options.EventSource ?? options.eventsource ?? globalThis.EventSource,
    fetch: fetch && ((/** @type {any} */ url, /** @type {any} */ init) => fetch(url, init)),
  };
}

/**
 * The names to try, if none are asked for. A WebSocket class that a program brings is what it wants to use, and an
 * EventSource can do nothing that a fetch with streams cannot do better.
 */
export function defaultOrder(/** @type {any} */ options) {
  if (options.WebSocket ?? options.websocket) return ['websocket'];
  return ['websocket', 'http_stream', hasStreams(platformOf(options)) ? 'sse' : 'eventsource', 'long_poll'];
}
