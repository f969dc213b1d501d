/**
 * Publications that come as differences: each is made from the one before it, in the delta format of Fossil
 * (fossil-scm.org, `delta_format.wiki`). A delta is the target's length, a line feed, segments `<length>@<offset>,`
 * (copy from the base) and `<length>:<bytes>` (insert), then the target's checksum and `;`.
 */

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~';

/** The sum of the bytes as big-endian words of 32 bits, the last one filled up with zeros. @param {Uint8Array} bytes */
function checksum(bytes) {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 1) sum = (sum + (bytes[index] << (24 - 8 * (index & 3)))) >>> 0;
  return sum;
}

/**
 * The target that a delta makes of a base.
 *
 * @param {Uint8Array} base @param {Uint8Array} delta @returns {Uint8Array}
 * @throws if it is malformed, or made of another base; nothing is allocated beyond `limit`
 */
export function applyDelta(base, delta, limit = 2 ** 28) {
  let at = 0;
  const bad = () => new Error('malformed delta');
  const number = () => {
    let value = 0;
    const start = at;
    for (let digit; (digit = digits.indexOf(String.fromCharCode(delta[at]))) >= 0 && at < delta.length; at += 1) {
      value = value * 64 + digit;
    }
    if (at === start || value >= 2 ** 32) throw bad();
    return value;
  };
  const mark = () => String.fromCharCode(delta[at++]);
  const size = number();
  if (mark() !== '\n' || size > limit) throw bad();
  const target = new Uint8Array(size);
  for (let filled = 0; ; ) {
    const count = number();
    const kind = mark();
    if (kind === ';') {
      if (filled !== size || count !== checksum(target) || at !== delta.length) throw bad();
      return target;
    }
    let source = delta;
    let from = at;
    if (kind === '@') {
      source = base;
      from = number();
      if (mark() !== ',') throw bad();
    } else if (kind === ':') {
      at += count;
    } else {
      throw bad();
    }
    if (from + count > source.length || filled + count > size) throw bad();
    target.set(source.subarray(from, from + count), filled);
    filled += count;
  }
}

/** The base of the next delta of one subscription. */
export class DeltaBase {
  /** @type {Uint8Array | null} */
  #last = null;

  /**
   * The publication as if it had come whole. In JSON both a delta and a whole payload come as the text of one.
   * @param {any} publication @throws if it cannot be made
   */
  whole(publication) {
    const { data, delta } = publication;
    const isText = typeof data === 'string';
    const bytes = isText ? new TextEncoder().encode(data) : data;
    if (delta && !this.#last) throw new Error('a delta without a base');
    const last = (this.#last = delta ? applyDelta(/** @type {Uint8Array} */ (this.#last), bytes) : bytes);
    return { ...publication, data: isText ? JSON.parse(new TextDecoder().decode(last)) : last };
  }
}
