/**
 * How messages are written: this one in JSON, one in a line. Another may be given as the option `codec`.
 * @typedef {import('../pharos.d.ts').Codec} Codec
 */

/** @type {Codec} */
export const json = {
  name: 'json',
  contentType: 'application/json',
  subprotocol: '',
  encode: (command) => JSON.stringify(command),
  join: (pieces) => pieces.join('\n'),
  decode: (frame) => frame.split('\n').filter(Boolean).map((/** @type {string} */ line) => JSON.parse(line)),
  emulated: (session, node, frame) => JSON.stringify({ session, node, data: frame }),
  reader() {
    const take = lineReader();
    return (bytes) => take(bytes).join('\n');
  },
};

/** Bytes in, the lines that have come to their end out. @returns {(bytes: Uint8Array) => string[]} */
export function lineReader() {
  const decoder = new TextDecoder();
  let rest = '';
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    return lines;
  };
}
