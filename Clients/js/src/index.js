/**
 * The browser client of Pharos: the Centrifuge protocol v2 over WebSocket, HTTP streams, server-sent events or long
 * polls, without dependencies.
 *
 *     import { Pharos } from '/pharos.js';
 *     const client = new Pharos('/connection/websocket');
 *     const news = client.newSubscription('news');
 *     news.on('publication', ({ data }) => console.log(data));
 *     news.subscribe();
 *     client.connect();
 *
 * Several URLs are several nodes of one server: where one is lost, the next is tried.
 */
export { codes, reconnectsAfter, State, SubscriptionState } from './codes.js';
export { applyDelta } from './delta.js';
export { PharosError, UnauthorizedError } from './errors.js';
export { Pharos } from './pharos.js';
export { Subscription } from './subscription.js';
export { backOff } from './timer.js';
