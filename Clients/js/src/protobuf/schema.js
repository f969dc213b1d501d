/** The messages of the protocol that this client writes and reads. */

/**
 * Fields by number: name and type, and whether there may be several. Types: string, payload, number, flag, a message.
 * @typedef {[name: string, type: 's' | 'p' | 'n' | 'f' | Schema, many?: 'list' | 'map']} Field
 * @typedef {{ [number: number]: Field }} Schema
 */

/** @type {Schema} */
const info = { 1: ['user', 's'], 2: ['client', 's'], 3: ['conn_info', 'p'], 4: ['chan_info', 'p'] };
/** @type {Schema} */
const position = { 1: ['offset', 'n'], 2: ['epoch', 's'] };
/** @type {Schema} */
const publication = {
  4: ['data', 'p'], 5: ['info', info], 6: ['offset', 'n'], 7: ['tags', 's', 'map'], 8: ['delta', 'f'], 14: ['epoch', 's'],
};
/** @type {Schema} */
const subscribe = {
  1: ['channel', 's'], 2: ['token', 's'], 3: ['recover', 'f'], 6: ['epoch', 's'], 7: ['offset', 'n'], 8: ['data', 'p'],
  9: ['positioned', 'f'], 10: ['recoverable', 'f'], 11: ['join_leave', 'f'], 12: ['delta', 's'],
};
/** @type {Schema} */
const subscribed = {
  1: ['expires', 'f'], 2: ['ttl', 'n'], 3: ['recoverable', 'f'], 6: ['epoch', 's'], 7: ['publications', publication, 'list'],
  8: ['recovered', 'f'], 9: ['offset', 'n'], 10: ['positioned', 'f'], 11: ['data', 'p'], 12: ['was_recovering', 'f'],
  13: ['delta', 'f'],
};
/** @type {Schema} */
const connect = {
  1: ['token', 's'], 2: ['data', 'p'], 3: ['subs', subscribe, 'map'], 4: ['name', 's'], 5: ['version', 's'],
  6: ['headers', 's', 'map'],
};
/** @type {Schema} */
const connected = {
  1: ['client', 's'], 2: ['version', 's'], 3: ['expires', 'f'], 4: ['ttl', 'n'], 5: ['data', 'p'],
  6: ['subs', subscribed, 'map'], 7: ['ping', 'n'], 8: ['pong', 'f'], 9: ['session', 's'], 10: ['node', 's'],
};
/** @type {Schema} */
const refreshed = { 1: ['client', 's'], 2: ['version', 's'], 3: ['expires', 'f'], 4: ['ttl', 'n'] };
/** @type {Schema} */
const channel = { 1: ['channel', 's'] };
/** @type {Schema} */
const data = { 1: ['data', 'p'] };

/** @type {Schema} */
export const command = {
  1: ['id', 'n'], 4: ['connect', connect], 5: ['subscribe', subscribe], 6: ['unsubscribe', channel],
  7: ['publish', { 1: ['channel', 's'], 2: ['data', 'p'] }], 8: ['presence', channel], 9: ['presence_stats', channel],
  10: ['history', { 1: ['channel', 's'], 7: ['limit', 'n'], 8: ['since', position], 9: ['reverse', 'f'] }], 12: ['send', data],
  13: ['rpc', { 1: ['data', 'p'], 2: ['method', 's'] }], 14: ['refresh', { 1: ['token', 's'] }],
  15: ['sub_refresh', { 1: ['channel', 's'], 2: ['token', 's'] }],
};
/** @type {Schema} */
const push = {
  2: ['channel', 's'], 4: ['pub', publication], 5: ['join', { 1: ['info', info] }], 6: ['leave', { 1: ['info', info] }],
  7: ['unsubscribe', { 2: ['code', 'n'], 3: ['reason', 's'] }], 8: ['message', data],
  9: ['subscribe', { 1: ['recoverable', 'f'], 4: ['epoch', 's'], 5: ['offset', 'n'], 6: ['positioned', 'f'], 7: ['data', 'p'] }],
  11: ['disconnect', { 1: ['code', 'n'], 2: ['reason', 's'] }], 12: ['refresh', { 1: ['expires', 'f'], 2: ['ttl', 'n'] }],
};
/** @type {Schema} */
export const reply = {
  1: ['id', 'n'], 2: ['error', { 1: ['code', 'n'], 2: ['message', 's'], 3: ['temporary', 'f'] }], 4: ['push', push],
  5: ['connect', connected], 6: ['subscribe', subscribed], 7: ['unsubscribe', {}], 8: ['publish', {}],
  9: ['presence', { 1: ['presence', info, 'map'] }],
  10: ['presence_stats', { 1: ['num_clients', 'n'], 2: ['num_users', 'n'] }],
  11: ['history', { 1: ['publications', publication, 'list'], 2: ['epoch', 's'], 3: ['offset', 'n'] }], 13: ['rpc', data],
  14: ['refresh', refreshed], 15: ['sub_refresh', { 1: ['expires', 'f'], 2: ['ttl', 'n'] }],
};
/** @type {Schema} */
export const emulation = { 1: ['node', 's'], 2: ['session', 's'], 3: ['data', 'p'] };
