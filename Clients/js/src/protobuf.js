import { read, Reader, write, writeVarint } from './protobuf/bytes.js';
import { command, emulation, reply } from './protobuf/schema.js';

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

/** @type {import('../pharos.d.ts').Codec} */
export const protobuf = {
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
