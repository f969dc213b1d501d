// @ts-self-types="./pharos-protobuf.d.ts"

// protobuf.js

/**
 * The messages of Pharos in Protobuf, for the option `codec` of the browser client:
 *
 *     import { Pharos } from '/pharos.js';
 *     import { protobuf } from '/pharos-protobuf.js';
 *     const client = new Pharos('/connection/websocket', { codec: protobuf });
 *
 * Payloads are bytes: a `Uint8Array` is sent as it is, anything else as JSON. What arrives is parsed if it is JSON, as
 * it is where messages are JSON.
 */

/** @param {Uint8Array[]} pieces */
function concatenated(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The part of `bytes` that holds whole messages, each with its length in front. @param {Uint8Array} bytes */
function wholeMessages(bytes) {
  const reader = new Reader(bytes);
  let end = 0;
  try {
    while (!reader.isDone) {
      reader.take(reader.varint());
      end = reader.at;
    }
  } catch {
    // The rest is still on its way.
  }
  return end;
}

/** @type {import('./pharos.d.ts').Codec} */
const protobuf = {
  name: 'protobuf',
  contentType: 'application/octet-stream',
  subprotocol: 'centrifuge-protobuf',
  encode(message) {
    const bytes = write(command, message);
    /** @type {number[]} */
    const head = [];
    writeVarint(head, bytes.length);
    return Uint8Array.from([...head, ...bytes]);
  },
  join: concatenated,
  decode(frame) {
    const reader = new Reader(new Uint8Array(frame));
    const replies = [];
    while (!reader.isDone) replies.push(read(reply, reader.take(reader.varint())));
    return replies;
  },
  emulated: (session, node, frame) => Uint8Array.from(write(emulation, { session, node, data: frame })),
  reader() {
    let rest = new Uint8Array();
    return (bytes) => {
      const all = concatenated([rest, bytes]);
      const end = wholeMessages(all);
      rest = all.slice(end);
      return all.subarray(0, end);
    };
  },
};

// protobuf/bytes.js

/** Protobuf's bytes of a message, by its schema. */

/** @param {number[]} out @param {number} value */
function writeVarint(out, value) {
  if (value < 0) {
    // Two's complement of 64 bits: ten bytes.
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    out.push(Number(rest));
    return;
  }
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128);
  out.push(value);
}

/** @param {number[]} out @param {number} number @param {ArrayLike<number>} bytes */
function writeBytes(out, number, bytes) {
  writeVarint(out, number * 8 + 2);
  writeVarint(out, bytes.length);
  for (let index = 0; index < bytes.length; index += 1) out.push(bytes[index]);
}

/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text);

/** @param {Schema} schema @param {any} message @returns {number[]} */
function write(schema, message) {
  /** @type {number[]} */
  const out = [];
  for (const [key, [name, type, many]] of Object.entries(schema)) {
    const value = message[name];
    if (value === undefined || value === null) continue;
    if (many === 'map') {
      for (const entry of Object.entries(value)) writeBytes(out, +key, write({ 1: ['0', 's'], 2: ['1', type] }, entry));
    } else {
      for (const each of many ? value : [value]) writeField(out, +key, type, each);
    }
  }
  return out;
}

/** @param {number[]} out @param {number} number @param {Field[1]} type @param {any} value */
function writeField(out, number, type, value) {
  if (type === 'n' || type === 'f') {
    writeVarint(out, number * 8);
    writeVarint(out, Number(value));
  } else if (type === 's') {
    writeBytes(out, number, utf8(value));
  } else if (type === 'p') {
    writeBytes(out, number, value instanceof Uint8Array ? value : utf8(JSON.stringify(value)));
  } else {
    writeBytes(out, number, write(type, value));
  }
}

/** Bytes read from the front. */
class Reader {
  at = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
  }

  get isDone() {
    return this.at >= this.bytes.length;
  }

  /** @returns {number} exact up to 2^53 */
  varint() {
    let value = 0;
    for (let scale = 1, count = 0; count < 10; scale *= 128, count += 1) {
      if (this.isDone) break;
      const byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error('malformed number');
  }

  /** @param {number} count */
  take(count) {
    if (this.at + count > this.bytes.length) throw new Error('a message ends too early');
    return this.bytes.subarray(this.at, (this.at += count));
  }
}

/** @param {Schema} schema @param {Uint8Array} bytes @returns {any} fields that are not in the schema are left out */
function read(schema, bytes) {
  /** @type {any} */
  const message = {};
  for (const reader = new Reader(bytes); !reader.isDone; ) {
    const tag = reader.varint();
    const kind = tag % 8;
    const value = kind === 0 ? reader.varint() : reader.take(kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? reader.varint() : Infinity);
    const [name, type, many] = schema[Math.floor(tag / 8)] ?? [];
    if (name === undefined || type === undefined) continue;
    if ((kind === 0) !== (type === 'n' || type === 'f') || (kind !== 0 && kind !== 2)) throw new Error(`malformed ${name}`);
    if (many === 'map') {
      const entry = read({ 1: ['key', 's'], 2: ['value', type] }, /** @type {Uint8Array} */ (value));
      Object.defineProperty((message[name] ??= {}), entry.key ?? '', {
        value: entry.value ?? (typeof type === 'string' ? '' : {}), enumerable: true, configurable: true, writable: true,
      });
    } else if (many) {
      (message[name] ??= []).push(readField(type, value));
    } else {
      message[name] = readField(type, value);
    }
  }
  return message;
}

/** @param {Field[1]} type @param {any} value */
function readField(type, value) {
  if (type === 'n') return value;
  if (type === 'f') return value !== 0;
  if (type === 's') return new TextDecoder().decode(value);
  return type === 'p' ? value : read(type, value);
}

// protobuf/schema.js

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
const command = {
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
const reply = {
  1: ['id', 'n'], 2: ['error', { 1: ['code', 'n'], 2: ['message', 's'], 3: ['temporary', 'f'] }], 4: ['push', push],
  5: ['connect', connected], 6: ['subscribe', subscribed], 7: ['unsubscribe', {}], 8: ['publish', {}],
  9: ['presence', { 1: ['presence', info, 'map'] }],
  10: ['presence_stats', { 1: ['num_clients', 'n'], 2: ['num_users', 'n'] }],
  11: ['history', { 1: ['publications', publication, 'list'], 2: ['epoch', 's'], 3: ['offset', 'n'] }], 13: ['rpc', data],
  14: ['refresh', refreshed], 15: ['sub_refresh', { 1: ['expires', 'f'], 2: ['ttl', 'n'] }],
};
/** @type {Schema} */
const emulation = { 1: ['node', 's'], 2: ['session', 's'], 3: ['data', 'p'] };

export { protobuf };
