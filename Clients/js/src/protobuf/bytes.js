/** @import { Field, Schema } from './schema.js' */

/** Protobuf's bytes of a message, by its schema. */

/** @param {number[]} out @param {number} value */
export function writeVarint(out, value) {
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
export function write(schema, message) {
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
export class Reader {
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
export function read(schema, bytes) {
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
