// @ts-check
/** The two forms of messages beside JSON: Protobuf, and publications as differences. */
import assert from 'node:assert/strict';
import { applyDelta, codes, Pharos } from '../../Sources/PharosAPI/Web/pharos.js';
import { protobuf } from '../../Sources/PharosAPI/Web/pharos-protobuf.js';
import { FakeNetwork, ManualClock, settled } from './fakes.js';

const hex = (/** @type {Uint8Array} */ bytes) => Array.from(bytes, (each) => each.toString(16).padStart(2, '0')).join(' ');
const bytes = (/** @type {string} */ text) => Uint8Array.from(text.split(' '), (each) => parseInt(each, 16));
const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text);

Deno.test('commands have the bytes that the protocol gives them', () => {
  assert.equal(hex(protobuf.encode({ id: 2, subscribe: { channel: 'ch' } })), '08 08 02 2a 04 0a 02 63 68');
  assert.equal(hex(protobuf.encode({})), '00', 'a pong');
  const all = protobuf.encode({ id: 1, history: { channel: 'a', limit: -1 } });
  assert.equal(hex(all), '12 08 01 52 0e 0a 01 61 38 ff ff ff ff ff ff ff ff ff 01');
  const far = protobuf.encode({ id: 1, subscribe: { channel: 'a', recover: true, offset: 2 ** 53 - 1 } });
  assert.equal(hex(far), '12 08 01 2a 0e 0a 01 61 18 01 38 ff ff ff ff ff ff ff 0f');
  const headers = protobuf.encode({ id: 1, connect: { headers: { a: 'b' } } });
  assert.equal(hex(headers), '0c 08 01 22 08 32 06 0a 01 61 12 01 62');
});

Deno.test('replies are read, several in a frame, unknown fields left out', () => {
  const ping = '00';
  const publication = '0c 22 0a 12 02 63 68 22 04 22 02 7b 7d';
  const unknown = '08 08 03 32 00 f8 01 ff 01';
  const [first, second, third, ...others] = protobuf.decode(bytes(`04 08 02 32 00 ${publication} ${ping} ${unknown}`));
  assert.deepEqual(first, { id: 2, subscribe: {} });
  assert.equal(second.push.channel, 'ch');
  assert.deepEqual([...second.push.pub.data], [123, 125]);
  assert.deepEqual(third, {});
  assert.deepEqual(others, [{ id: 3, subscribe: {} }]);
});

Deno.test('a stream is cut into whole messages wherever its pieces end', () => {
  const messages = bytes('04 08 02 32 00 0c 22 0a 12 02 63 68 22 04 22 02 7b 7d 00 04 08 03 32 00');
  for (let size = 1; size <= messages.length; size += 1) {
    const read = protobuf.reader();
    /** @type {any[]} */
    const replies = [];
    for (let at = 0; at < messages.length; at += size) {
      const frame = read(messages.subarray(at, at + size));
      if (frame.length) replies.push(...protobuf.decode(frame));
    }
    assert.deepEqual(replies.map(({ id }) => id), [2, undefined, undefined, 3]);
  }
});

/** Numbers that look random and are the same in each run. */
function* noise() {
  for (let state = 12345;;) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    yield state >>> 8;
  }
}

Deno.test('nonsense is refused or read, and never hangs or names what an object has by itself', () => {
  const random = noise();
  const next = (/** @type {number} */ below) => random.next().value % below;
  const seed = bytes('0c 22 0a 12 02 63 68 22 04 22 02 7b 7d 04 08 02 32 00 0d 08 01 4a 09 0a 07 0a 01 78 12 02 0a 00');
  for (let round = 0; round < 20_000; round += 1) {
    const frame = Uint8Array.from(seed);
    for (let changes = 1 + next(4); changes > 0; changes -= 1) frame[next(frame.length)] = next(256);
    try {
      for (const reply of protobuf.decode(frame.subarray(0, next(frame.length + 1)))) assert.equal(typeof reply, 'object');
    } catch (error) {
      assert.match(`${error}`, /malformed|too early/);
    }
  }
  // A client called __proto__ is a client like any other.
  const entry = [0x0a, 9, ...utf8('__proto__'), 0x12, 3, 0x0a, 1, 0x75];
  const result = [0x0a, entry.length, ...entry];
  const [{ presence }] = protobuf.decode(Uint8Array.from([result.length + 2, 0x4a, result.length, ...result]));
  assert.deepEqual(Object.keys(presence.presence), ['__proto__']);
  assert.equal(/** @type {any} */ ({}).user, undefined);
});

Deno.test('in Protobuf JSON arrives as values and everything else as bytes', async () => {
  const network = new FakeNetwork();
  /** @type {any[]} */
  const opened = [];
  class WebSocket extends network.WebSocket {
    /** @param {string} url @param {string} protocol */
    constructor(url, protocol) {
      super(url);
      opened.push(protocol);
    }
  }
  const client = new Pharos('ws://a/connection/websocket', {
    WebSocket, codec: protobuf, network: null, clock: new ManualClock(),
  });
  const seen = /** @type {any[]} */ ([]);
  client.on('message', ({ data }) => seen.push(data));
  client.connect();
  assert.deepEqual([opened, network.socket.binaryType], [['centrifuge-protobuf'], 'arraybuffer']);
  await network.socket.accept();
  const message = (/** @type {number[]} */ data) => [data.length + 6, 0x22, data.length + 4, 0x42, data.length + 2, 0x0a, data.length, ...data];
  const frame = Uint8Array.from([6, 0x08, 1, 0x2a, 2, 0x38, 25, ...message([...utf8('{"a":1}')]), ...message([0, 255])]);
  network.socket.onmessage?.({ data: frame.buffer });
  await settled();
  assert.equal(client.state, 'connected');
  assert.deepEqual(seen, [{ a: 1 }, Uint8Array.of(0, 255)]);
  client.publish('a', Uint8Array.of(7));
  await settled();
  const last = /** @type {any} */ (network.socket.frames.at(-1));
  assert.equal(hex(last), '0a 08 02 3a 06 0a 01 61 12 01 07');
});

const base = 'The quick brown fox jumps over the lazy dog';
const target = 'The quick brown fox jumps over the lazy cat!';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~';

/** The sum of 32-bit words of a text, in the digits of the format. @param {string} text */
function sum(text) {
  const padded = [...utf8(text)];
  while (padded.length % 4) padded.push(0);
  const view = new DataView(Uint8Array.from(padded).buffer);
  let total = 0;
  for (let at = 0; at < padded.length; at += 4) total = (total + view.getUint32(at)) >>> 0;
  let written = '';
  for (; total > 0; total = Math.floor(total / 64)) written = digits[total % 64] + written;
  return written || '0';
}

const delta = `h\ne@0,4:cat!${sum(target)};`.replace('h', 'h');

Deno.test('a delta is copies of its base and new bytes', () => {
  const text = `${digits[44]}\n${digits[40]}@0,4:cat!${sum(target)};`;
  assert.equal(new TextDecoder().decode(applyDelta(utf8(base), utf8(text))), target);
  assert.equal(applyDelta(utf8(base), utf8('0\n0;')).length, 0);
});

Deno.test('a delta that is malformed, or made of another base, is refused', () => {
  const good = `${digits[44]}\n${digits[40]}@0,4:cat!${sum(target)};`;
  applyDelta(utf8(base), utf8(good));
  for (let length = 0; length < good.length; length += 1) {
    assert.throws(() => applyDelta(utf8(base), utf8(good.slice(0, length))), /malformed/, `cut at ${length}`);
  }
  for (
    const bad of [
      `${good};`,
      good.replace('@0', '@zz'),
      good.replace('cat!', 'cats'),
      good.replace('4:cat!', '3:cat'),
      `~~~~~\n${good.slice(2)}`,
      `zzzzzz\n0;`,
      good.replace('@', '!'),
    ]
  ) {
    assert.throws(() => applyDelta(utf8(base), utf8(bad)), /malformed/, bad);
  }
  assert.throws(() => applyDelta(utf8(base), utf8(good), 43), /malformed/, 'longer than it may be');
  assert.throws(() => applyDelta(utf8(base.replace('quick', 'quiet')), utf8(good)), /malformed/);
  const random = noise();
  const seed = utf8(good);
  for (let round = 0; round < 20_000; round += 1) {
    const changed = Uint8Array.from(seed);
    changed[random.next().value % changed.length] = random.next().value % 256;
    try {
      assert.ok(applyDelta(utf8(base), changed).length < 2 ** 28);
    } catch (error) {
      assert.match(`${error}`, /malformed/);
    }
  }
});

Deno.test('publications as differences arrive whole; one that cannot be made is asked for again, whole', async () => {
  const network = new FakeNetwork();
  const clock = new ManualClock();
  const client = new Pharos('ws://a/connection/websocket', { WebSocket: network.WebSocket, network: null, clock });
  const subscription = client.newSubscription('a', { delta: 'fossil' });
  /** @type {any[]} */
  const seen = [];
  subscription.on('publication', ({ data, offset }) => seen.push([offset, data]));
  subscription.on('subscribing', ({ code }) => seen.push(`subscribing ${code}`));
  subscription.subscribe();
  client.connect();
  await network.socket.accept();
  const [connect, subscribe] = network.socket.commands;
  assert.equal(subscribe.subscribe.delta, 'fossil');
  const [first, second] = [{ text: base }, { text: target }].map((each) => JSON.stringify(each));
  const change = `${digits[second.length]}\n${digits[49]}@0,${digits[6]}:cat!"}${sum(second)};`;
  await network.socket.reply(
    { id: connect.id, connect: { client: 'me' } },
    { id: subscribe.id, subscribe: { recoverable: true, epoch: 'e', offset: 1, delta: true } },
    { push: { channel: 'a', pub: { offset: 2, data: first } } },
    { push: { channel: 'a', pub: { offset: 3, data: change, delta: true } } },
    { push: { channel: 'a', pub: { offset: 4, data: '"AAEC"', b64data: true } } },
    { push: { channel: 'a', pub: { offset: 5, data: change, delta: true } } },
  );
  assert.deepEqual(seen, [
    'subscribing 0',
    [2, { text: base }], [3, { text: target }], [4, Uint8Array.of(0, 1, 2)], `subscribing ${codes.subscribing.transportClosed}`,
  ]);
  await clock.advance(500);
  await network.socket.accept();
  const again = network.socket.commands[1].subscribe;
  assert.deepEqual([again.delta, again.recover, again.offset], [undefined, true, 4]);
});
