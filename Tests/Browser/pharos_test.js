// @ts-check
/** The browser client against a clock and a WebSocket moved by hand: `deno test --no-remote Tests/Browser/`. */
import assert from 'node:assert/strict';
import {
  backOff,
  codes,
  Pharos,
  PharosError,
  reconnectsAfter,
  UnauthorizedError,
} from '../../Sources/PharosAPI/Web/pharos.js';
import { FakeNetwork, FakeSocket, ManualClock, settled } from './fakes.js';

/**
 * A client with its surroundings; `log` holds the names and codes of all its state events.
 * @param {any} [options] @param {string | string[]} [url]
 */
function makeClient(options = {}, url = 'ws://127.0.0.1:8000/connection/websocket') {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const wires = new EventTarget();
  const { WebSocket } = network;
  const client = new Pharos(url, {
    clock,
    WebSocket,
    network: wires,
    ...options,
  });
  /** @type {string[]} */
  const log = [];
  client.on('connecting', ({ code }) => log.push(`connecting ${code}`));
  client.on('connected', () => log.push('connected'));
  client.on('disconnected', ({ code }) => log.push(`disconnected ${code}`));
  client.on('error', ({ code }) => log.push(`error ${code}`));
  return { clock, network, wires, client, log };
}

/** @param {any} subscription @param {string[]} [log] */
function record(subscription, log = []) {
  subscription.on('subscribing', (/** @type {any} */ { code }) => log.push(`subscribing ${code}`));
  subscription.on('subscribed', (/** @type {any} */ { recovered }) => log.push(recovered ? 'recovered' : 'subscribed'));
  subscription.on('publication', (/** @type {any} */ { data }) => log.push(`publication ${JSON.stringify(data)}`));
  subscription.on('unsubscribed', (/** @type {any} */ { code }) => log.push(`unsubscribed ${code}`));
  subscription.on('error', (/** @type {any} */ { code }) => log.push(`error ${code}`));
  return log;
}

/** Opens the newest socket and grants its connect. @param {FakeNetwork} network @param {any} [result] */
async function grant(network, result = {}) {
  await network.socket.accept();
  const commands = network.socket.commands;
  assert.ok(commands[0].connect, 'connect comes first');
  await network.socket.reply({ id: commands[0].id, connect: { client: 'me', version: 'test', ...result } });
  return commands.slice(1);
}

Deno.test('what is not JSON arrives as bytes', async () => {
  const { client, network } = makeClient();
  const bytes = { data: 'AAEC/w==', b64data: true };
  /** @type {any[]} */
  const heard = [];
  const subscription = client.newSubscription('a');
  for (const name of ['subscribed', 'publication']) {
    subscription.on(name, (/** @type {any} */ { data }) => heard.push(data));
  }
  client.on('connected', ({ data }) => heard.push(data));
  client.on('message', ({ data }) => heard.push(data));
  subscription.subscribe();
  client.connect();
  const [subscribe] = await grant(network, bytes);
  await network.socket.reply({ id: subscribe.id, subscribe: bytes });
  await network.socket.reply({ push: { channel: 'a', pub: bytes } }, { push: { message: bytes } });
  assert.deepEqual(heard, Array(4).fill(new Uint8Array([0, 1, 2, 255])));
  await network.socket.reply({ push: { channel: 'a', pub: { data: 'AAEC/w==' } } });
  assert.equal(heard[4], 'AAEC/w==');
});

Deno.test('connect and all subscribes travel in one frame', async () => {
  const { client, network } = makeClient({ token: 'jwt', data: { theme: 'dark' } });
  client.newSubscription('a').subscribe();
  client.newSubscription('b', { recoverable: false, joinLeave: true }).subscribe();
  client.connect();
  await network.socket.accept();
  assert.equal(network.socket.frames.length, 1);
  assert.deepEqual(network.socket.commands, [
    { id: 1, connect: { token: 'jwt', data: { theme: 'dark' }, name: 'pharos-js' } },
    { id: 2, subscribe: { channel: 'a', recoverable: true } },
    { id: 3, subscribe: { channel: 'b', join_leave: true } },
  ]);
});

Deno.test('a frame never grows past what the server takes', async () => {
  const { client, network } = makeClient();
  for (let index = 0; index < 100; index += 1) {
    client.newSubscription(`channel${index}`, { token: 'x'.repeat(600) }).subscribe();
  }
  client.connect();
  await network.socket.accept();
  assert.ok(network.socket.frames.length > 1);
  assert.ok(network.socket.frames.every((frame) => frame.length <= 16384));
  assert.equal(network.socket.commands.length, 101);
});

Deno.test('commands of one turn share a frame, and their answers may come in any order', async () => {
  const { client, network } = makeClient();
  client.connect();
  await grant(network);
  const before = network.socket.frames.length;
  const answers = [client.publish('a', 1), client.presenceStats('a'), client.rpc('sum', [1, 2])];
  await settled();
  assert.equal(network.socket.frames.length, before + 1);
  const [publish, stats, rpc] = network.socket.commands;
  await network.socket.reply({ id: rpc.id, rpc: { data: 3 } }, { id: stats.id, presence_stats: { num_clients: 2 } });
  await network.socket.reply({ id: publish.id, publish: {} });
  assert.deepEqual(await Promise.all(answers), [undefined, { numClients: 2, numUsers: 0 }, { data: 3 }]);
});

Deno.test('history and presence speak the wire names outside and camel case inside', async () => {
  const { client, network } = makeClient();
  client.connect();
  await grant(network);
  const history = client.history('a', { limit: 2, since: { offset: 1, epoch: 'e' }, reverse: true });
  const presence = client.presence('a');
  await settled();
  const [first, second] = network.socket.commands;
  assert.deepEqual(first.history, { channel: 'a', limit: 2, since: { offset: 1, epoch: 'e' }, reverse: true });
  await network.socket.reply(
    { id: first.id, history: { epoch: 'e', offset: 3, publications: [{ data: 'x', offset: 3 }] } },
    { id: second.id, presence: { presence: { c1: { user: 'u', client: 'c1', conn_info: { name: 'Ann' } } } } },
  );
  const { publications, offset } = await history;
  assert.deepEqual([publications[0].channel, publications[0].data, offset], ['a', 'x', 3]);
  assert.deepEqual((await presence).clients.c1.connInfo, { name: 'Ann' });
});

Deno.test('back-off doubles, jitters over its whole range, and has a floor and a ceiling', () => {
  assert.equal(backOff(0, 500, 20000, 0), 500);
  assert.equal(backOff(0, 500, 20000, 0.5), 750);
  assert.equal(backOff(3, 500, 20000, 0.5), 2500);
  assert.equal(backOff(40, 500, 20000, 0.999), 20000);
  assert.equal(backOff(40, 500, 20000, 0), 500);
});

Deno.test('failed attempts back off, and a connection resets the count', async () => {
  const { client, network, clock, log } = makeClient();
  clock.chance = 0.5;
  /** @type {number[]} */
  const delays = [];
  client.on('reconnecting', ({ delay }) => delays.push(delay));
  client.connect();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await network.socket.fail(1006);
    await clock.advance(delays[attempt] - 1);
    assert.equal(network.sockets.length, attempt + 1, 'not a millisecond early');
    await clock.advance(1);
    assert.equal(network.sockets.length, attempt + 2);
  }
  assert.deepEqual(delays, [750, 1000, 1500]);
  await grant(network);
  await network.socket.fail(3001, 'shutdown');
  assert.equal(delays[3], 750);
  assert.deepEqual(log, ['connecting 0', 'error 2', 'error 2', 'error 2', 'connected', 'connecting 3001']);
});

Deno.test('close codes: which end for good', () => {
  const reconnect = [1000, 1001, 1005, 1006, 1011, 2999, 3000, 3012, 3499, 4000, 4499, 5000, 6000];
  const terminal = [1009, 3500, 3508, 3999, 4500, 4999];
  for (const code of reconnect) assert.ok(reconnectsAfter(code), `${code}`);
  for (const code of terminal) assert.ok(!reconnectsAfter(code), `${code}`);
});

Deno.test('a terminal close code disconnects with that code and leaves no timer behind', async () => {
  const { client, network, clock, log } = makeClient();
  client.connect();
  await grant(network, { ping: 25 });
  await network.socket.fail(3503, 'force disconnect');
  assert.deepEqual(log, ['connecting 0', 'connected', 'disconnected 3503']);
  assert.equal(clock.timers, 0);
  client.connect();
  await grant(network);
  await network.socket.fail(1009);
  assert.equal(log[log.length - 1], `disconnected ${codes.disconnected.messageTooBig}`);
});

Deno.test('of several URLs the next one is tried after a lost connection and after a failed attempt', async () => {
  const urls = ['ws://a/x', 'ws://b/x', 'ws://c/x'];
  const { client, network, clock } = makeClient({}, urls);
  /** @type {string[]} */
  const connected = [];
  client.on('connected', ({ url }) => connected.push(url));
  const subscription = client.newSubscription('a');
  subscription.subscribe();
  client.connect();
  const [subscribe] = await grant(network);
  await network.socket.reply({ id: subscribe.id, subscribe: { recoverable: true, epoch: 'e', offset: 7 } });
  await network.socket.fail(1006);
  await clock.advance(500);
  await network.socket.fail(1006);
  await clock.advance(1000);
  const [again] = await grant(network);
  assert.equal(again.subscribe.offset, 7);
  await network.socket.fail(3001);
  await clock.advance(500);
  await grant(network);
  assert.deepEqual(network.sockets.map((each) => each.url), [...urls, urls[0]]);
  assert.deepEqual(connected, [urls[0], urls[2], urls[0]]);
});

Deno.test('a token that cannot be got is no reason to try another URL, nor is one that has expired', async () => {
  let isFailing = true;
  const getToken = async () => {
    if (isFailing) throw new Error('no answer');
    return 'jwt';
  };
  const { client, network, clock } = makeClient({ getToken }, ['ws://a/', 'ws://b/']);
  client.connect();
  await settled();
  isFailing = false;
  await clock.advance(500);
  await network.socket.accept();
  const [{ id }] = network.socket.commands;
  await network.socket.reply({ id, error: { code: 109, message: 'token expired' } });
  assert.deepEqual(network.sockets.map((each) => each.url), ['ws://a/', 'ws://a/']);
});

Deno.test('without any URL there is nothing to make', () => {
  assert.throws(() => new Pharos([]), /no URL/);
});

Deno.test('recovery asks from the offset of the last publication and delivers what was missed in order', async () => {
  const { client, network, clock } = makeClient();
  const subscription = client.newSubscription('a');
  const log = record(subscription);
  subscription.subscribe();
  client.connect();
  const [subscribe] = await grant(network);
  await network.socket.reply(
    { id: subscribe.id, subscribe: { recoverable: true, positioned: true, epoch: 'e', offset: 7 } },
    { push: { channel: 'a', pub: { data: 8, offset: 8 } } },
    { push: { channel: 'a', pub: { data: 9, offset: 9 } } },
  );
  await network.socket.fail(1006);
  await clock.advance(500);
  const [again] = await grant(network);
  assert.deepEqual(again.subscribe, { channel: 'a', recoverable: true, recover: true, offset: 9, epoch: 'e' });
  const publications = [{ data: 10, offset: 10 }, { data: 11, offset: 11 }];
  await network.socket.reply({
    id: again.id,
    subscribe: { recoverable: true, epoch: 'e', offset: 9, was_recovering: true, recovered: true, publications },
  });
  assert.deepEqual(log, [
    'subscribing 0',
    'subscribed',
    'publication 8',
    'publication 9',
    'subscribing 1',
    'recovered',
    'publication 10',
    'publication 11',
  ]);
  await network.socket.fail(1006);
  await clock.advance(500);
  const [third] = await grant(network);
  assert.equal(third.subscribe.offset, 11);
});

Deno.test('a subscriber of an empty stream learns the epoch from its first publication', async () => {
  const { client, network, clock } = makeClient();
  client.newSubscription('a').subscribe();
  client.connect();
  const [subscribe] = await grant(network);
  await network.socket.reply({ id: subscribe.id, subscribe: { recoverable: true } });
  await network.socket.reply({ push: { channel: 'a', pub: { data: {}, offset: 1, epoch: 'new' } } });
  await network.socket.fail(3001);
  await clock.advance(500);
  const [again] = await grant(network);
  assert.deepEqual([again.subscribe.recover, again.subscribe.offset, again.subscribe.epoch], [true, 1, 'new']);
});

Deno.test('without recovery granted nothing is asked for, and since asks at once', async () => {
  const { client, network, clock } = makeClient();
  client.newSubscription('plain').subscribe();
  client.newSubscription('late', { since: { offset: 4, epoch: 'e' } }).subscribe();
  client.connect();
  const [plain, late] = await grant(network);
  assert.equal(late.subscribe.offset, 4);
  await network.socket.reply({ id: plain.id, subscribe: {} }, { id: late.id, subscribe: {} });
  await network.socket.fail(1006);
  await clock.advance(500);
  for (const { subscribe } of await grant(network)) assert.equal(subscribe.recover, undefined);
});

Deno.test('a server ping is answered if the server asks for it', async () => {
  const { client, network } = makeClient();
  client.connect();
  await grant(network, { ping: 25, pong: true });
  await network.socket.reply({});
  assert.equal(network.socket.frames.at(-1), '{}');
  await network.socket.fail(3503);
  client.connect();
  await grant(network, { ping: 25 });
  const before = network.socket.frames.length;
  await network.socket.reply({});
  assert.equal(network.socket.frames.length, before);
});

Deno.test('a silent server is left after ping and grace; any frame counts as a sign of life', async () => {
  const { client, network, clock, log } = makeClient({ maxServerPingDelay: 3000 });
  client.connect();
  await grant(network, { ping: 25, pong: true });
  await clock.advance(27999);
  await network.socket.reply({ push: { channel: 'other', pub: { data: 1 } } });
  await clock.advance(27999);
  assert.equal(client.state, 'connected');
  await clock.advance(1);
  assert.equal(log.at(-1), `connecting ${codes.connecting.noPing}`);
  assert.ok(network.sockets[0].isClosed);
});

Deno.test('the connection token is fetched, and fetched again when its time is up', async () => {
  let count = 0;
  const { client, network, clock, log } = makeClient({ getToken: () => `token${(count += 1)}` });
  client.connect();
  await settled();
  await network.socket.accept();
  const [connect] = network.socket.commands;
  assert.equal(connect.connect.token, 'token1');
  await network.socket.reply({ id: connect.id, connect: { client: 'me', expires: true, ttl: 60 } });
  await clock.advance(60000);
  const [refresh] = network.socket.commands;
  assert.deepEqual(refresh.refresh, { token: 'token2' });
  await network.socket.reply({ id: refresh.id, error: { code: 100, message: 'later', temporary: true } });
  await clock.advance(500);
  const [second] = network.socket.commands;
  assert.equal(second.refresh.token, 'token3');
  await network.socket.reply({ id: second.id, refresh: { client: 'me', expires: true, ttl: 365 * 86400 } });
  await clock.advance(300 * 86400 * 1000);
  assert.equal(network.socket.commands.length, 0, 'a timer of a year does not overflow');
  assert.deepEqual(log, ['connecting 0', 'connected', 'error 100']);
});

Deno.test('an expired token at connect is replaced; without a source of tokens it is the end', async () => {
  let count = 0;
  const { client, network, clock } = makeClient({ token: 'old', getToken: () => `token${(count += 1)}` });
  client.connect();
  await network.socket.accept();
  const [connect] = network.socket.commands;
  await network.socket.reply({ id: connect.id, error: { code: 109, message: 'token expired' } });
  await clock.advance(500);
  await network.socket.accept();
  assert.equal(network.socket.commands[0].connect.token, 'token1');

  const fixed = makeClient({ token: 'old' });
  fixed.client.connect();
  await fixed.network.socket.accept();
  await fixed.network.socket.reply({ id: 1, error: { code: 109, message: 'token expired' } });
  assert.deepEqual(fixed.log, ['connecting 0', 'error 109', 'disconnected 109']);
});

Deno.test('after 109 a new token is fetched and tried at once, whatever was waited before; a second 109 waits', async () => {
  let count = 0;
  const { client, network, clock } = makeClient({ token: 'old', getToken: () => `token${(count += 1)}` });
  clock.chance = 0.9;
  /** @type {number[]} */
  const delays = [];
  client.on('reconnecting', ({ delay }) => delays.push(delay));
  client.connect();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    await network.socket.fail(1006);
    await clock.advance(delays[attempt]);
  }
  const expired = { code: 109, message: 'token expired' };
  await network.socket.accept();
  await network.socket.reply({ id: network.socket.commands[0].id, error: expired });
  assert.equal(network.sockets.length, 8, 'no back-off');
  assert.equal(delays[6], 0);
  await network.socket.accept();
  const [connect] = network.socket.commands;
  assert.equal(connect.connect.token, 'token1');
  // A source that gives out tokens that are over must not be asked in a loop.
  await network.socket.reply({ id: connect.id, error: expired });
  assert.equal(network.sockets.length, 8);
  assert.equal(delays[7], backOff(6, 500, 20000, 0.9), 'the back-off goes on where it was');
  await clock.advance(delays[7]);
  await grant(network);
  assert.equal(client.state, 'connected');
  assert.equal(count, 2);
});

Deno.test('a token whose time is over while the connection is away is replaced before the next attempt', async () => {
  let count = 0;
  const { client, network, clock, log } = makeClient({ getToken: () => `token${(count += 1)}` });
  let channels = 0;
  const subscription = client.newSubscription('$a', { getToken: () => `channel${(channels += 1)}` });
  subscription.subscribe();
  client.connect();
  await settled();
  const [subscribe] = await grant(network, { expires: true, ttl: 60 });
  await network.socket.reply({ id: subscribe.id, subscribe: { expires: true, ttl: 60 } });
  await network.socket.fail(1006);
  while (clock.now < 60000) {
    assert.equal(count, 1, 'while it is good it is kept');
    await clock.advance(500);
    await network.socket.fail(1006);
  }
  await clock.advance(500);
  await network.socket.accept();
  const [connect, second] = network.socket.commands;
  assert.equal(connect.connect.token, 'token2');
  assert.equal(second.subscribe.token, 'channel2');
  await network.socket.reply({ id: connect.id, connect: { client: 'me', expires: true, ttl: 60 } });
  assert.ok(!log.includes('error 109'));
  client.disconnect();
  assert.equal(clock.timers, 0, 'nothing keeps a program alive');
});

Deno.test('a token whose time was slept away is replaced before the next attempt', async () => {
  let count = 0;
  const { client, network, wires, clock } = makeClient({ getToken: () => `token${(count += 1)}` });
  client.connect();
  await settled();
  await grant(network, { expires: true, ttl: 60 });
  const { now } = Date;
  try {
    // The lid is closed: timers stand still, the wall clock does not.
    Date.now = () => now() + 3600_000;
    wires.dispatchEvent(new Event('offline'));
    wires.dispatchEvent(new Event('online'));
    await settled();
    await network.socket.accept();
    assert.equal(network.socket.commands[0].connect.token, 'token2');
  } finally {
    Date.now = now;
  }
  assert.equal(clock.now, 0);
});

Deno.test('what the server says is over is not offered again', async () => {
  let count = 0;
  const { client, network, clock } = makeClient({ getToken: () => `token${(count += 1)}` });
  const subscription = client.newSubscription('$a', { getToken: () => `channel${(count += 1)}` });
  client.connect();
  await settled();
  await grant(network);
  await network.socket.fail(3005, 'connection expired');
  await clock.advance(500);
  await settled();
  await network.socket.accept();
  const [connect] = network.socket.commands;
  assert.equal(connect.connect.token, 'token2');
  await network.socket.reply({ id: connect.id, connect: { client: 'me' } });
  subscription.subscribe();
  await settled();
  const [subscribe] = network.socket.commands;
  assert.equal(subscribe.subscribe.token, 'channel3');
  await network.socket.reply({ id: subscribe.id, subscribe: {} });
  await network.socket.reply({ push: { channel: '$a', unsubscribe: { code: 2501, reason: 'subscription expired' } } });
  await clock.advance(500);
  assert.equal(network.socket.commands[0].subscribe.token, 'channel4');
});

Deno.test('a refresh that is answered with 109 is tried once more at once, then after a delay', async () => {
  let count = 0;
  const { client, network, clock, log } = makeClient({ getToken: () => `token${(count += 1)}` });
  client.connect();
  await settled();
  await grant(network, { expires: true, ttl: 60 });
  await clock.advance(60000);
  for (const token of ['token2', 'token3', 'token4']) {
    const [refresh] = network.socket.commands;
    assert.deepEqual(refresh.refresh, { token });
    await network.socket.reply({ id: refresh.id, error: { code: 109, message: 'token expired' } });
    if (token === 'token3') await clock.advance(1000);
  }
  assert.equal(network.socket.commands.length, 0);
  assert.deepEqual(log, ['connecting 0', 'connected', 'error 109', 'error 109', 'error 109']);
});

Deno.test('connect errors: temporary ones are tried again, others end', async () => {
  for (const [error, isFinal] of [[{ code: 100, temporary: true }, false], [{ code: 101 }, true]]) {
    const { client, network } = makeClient();
    client.connect();
    await network.socket.accept();
    await network.socket.reply({ id: 1, error });
    assert.equal(client.state, isFinal ? 'disconnected' : 'connecting');
    assert.ok(network.socket.isClosed);
  }
});

Deno.test('getToken may refuse for good, and may fail for now', async () => {
  const refused = makeClient({
    getToken: () => {
      throw new UnauthorizedError();
    },
  });
  refused.client.connect();
  await settled();
  assert.deepEqual(refused.log, ['connecting 0', `disconnected ${codes.disconnected.unauthorized}`]);

  let isDown = true;
  const failing = makeClient({ getToken: () => (isDown ? Promise.reject(new Error('down')) : 'token') });
  failing.client.connect();
  await settled();
  assert.deepEqual(failing.log, ['connecting 0', `error ${codes.error.token}`]);
  isDown = false;
  await failing.clock.advance(500);
  await grant(failing.network);
  assert.equal(failing.client.state, 'connected');
});

Deno.test('a subscription token is fetched, refreshed, and fetched anew after 109', async () => {
  let count = 0;
  const { client, network, clock } = makeClient();
  const subscription = client.newSubscription('$a', { getToken: ({ channel }) => `${channel}${(count += 1)}` });
  const log = record(subscription);
  subscription.subscribe();
  client.connect();
  const [first] = await grant(network);
  assert.equal(first.subscribe.token, '$a1');
  await network.socket.reply({ id: first.id, error: { code: 109, message: 'token expired' } });
  const [second] = network.socket.commands;
  assert.equal(second.subscribe.token, '$a2', 'at once');
  await network.socket.reply({ id: second.id, subscribe: { expires: true, ttl: 10 } });
  await clock.advance(10000);
  const [refresh] = network.socket.commands;
  assert.deepEqual(refresh.sub_refresh, { channel: '$a', token: '$a3' });
  await network.socket.reply({ id: refresh.id, sub_refresh: { expires: true, ttl: 10 } });
  await clock.advance(10000);
  const [last] = network.socket.commands;
  await network.socket.reply({ id: last.id, error: { code: 103, message: 'permission denied' } });
  assert.deepEqual(log, ['subscribing 0', 'error 109', 'subscribed', 'error 103', 'unsubscribed 103']);
});

Deno.test('subscribe errors: temporary ones are tried again with back-off, others end', async () => {
  const { client, network, clock } = makeClient();
  const subscription = client.newSubscription('a');
  const log = record(subscription);
  subscription.subscribe();
  client.connect();
  const [first] = await grant(network);
  await network.socket.reply({ id: first.id, error: { code: 111, message: 'slow down', temporary: true } });
  await clock.advance(499);
  assert.equal(network.socket.commands.length, 0);
  await clock.advance(1);
  const [second] = network.socket.commands;
  await network.socket.reply({ id: second.id, error: { code: 103, message: 'permission denied' } });
  assert.deepEqual(log, ['subscribing 0', 'error 111', 'error 103', 'unsubscribed 103']);
  await assert.rejects(subscription.publish(1), { code: codes.error.unsubscribed });
});

Deno.test('unsubscribe pushes below 2500 end, from 2500 they resubscribe with recovery', async () => {
  const { client, network, clock } = makeClient();
  clock.chance = 0.5;
  const subscription = client.newSubscription('a');
  const log = record(subscription);
  subscription.subscribe();
  client.connect();
  const [first] = await grant(network);
  await network.socket.reply({ id: first.id, subscribe: { recoverable: true, epoch: 'e', offset: 3 } });
  await network.socket.reply({ push: { channel: 'a', unsubscribe: { code: 2500, reason: 'insufficient state' } } });
  await clock.advance(250);
  const [second] = network.socket.commands;
  assert.deepEqual([second.subscribe.offset, second.subscribe.epoch], [3, 'e']);
  await network.socket.reply({ id: second.id, subscribe: { recoverable: true, epoch: 'e', offset: 3 } });
  await network.socket.reply({ push: { channel: 'a', unsubscribe: { code: 2502, reason: 'state invalidated' } } });
  await clock.advance(250);
  const [third] = network.socket.commands;
  assert.deepEqual([third.subscribe.offset, third.subscribe.epoch], [0, '_'], 'an invalid position is not used again');
  await network.socket.reply({ id: third.id, subscribe: { recoverable: true, epoch: 'f', offset: 5 } });
  await network.socket.reply({ push: { channel: 'a', unsubscribe: { code: 2000, reason: 'server' } } });
  await clock.advance(60000);
  assert.equal(network.socket.commands.length, 0, 'not even an unsubscribe command');
  assert.deepEqual(log, [
    'subscribing 0',
    'subscribed',
    'subscribing 2500',
    'subscribed',
    'subscribing 2502',
    'subscribed',
    'unsubscribed 2000',
  ]);
});

Deno.test('3014 drops the token and the positions', async () => {
  let count = 0;
  const { client, network, clock } = makeClient({ getToken: () => `token${(count += 1)}` });
  client.newSubscription('a').subscribe();
  client.connect();
  await settled();
  const [first] = await grant(network, { subs: { server: { recoverable: true, epoch: 's', offset: 2 } } });
  await network.socket.reply({ id: first.id, subscribe: { recoverable: true, epoch: 'e', offset: 3 } });
  await network.socket.fail(3014, 'state invalidated');
  await clock.advance(500);
  await network.socket.accept();
  const [connect, subscribe] = network.socket.commands;
  assert.equal(connect.connect.token, 'token2');
  assert.deepEqual(connect.connect.subs, { server: { recover: true, offset: 0, epoch: '_' } });
  assert.equal(subscribe.subscribe.epoch, '_');
});

Deno.test('server-side subscriptions: events, recovery positions, and those missing from the next reply', async () => {
  const { client, network, clock } = makeClient();
  const log = record(client);
  const subs = { kept: { recoverable: true, epoch: 'e', offset: 1 }, lost: {} };
  client.connect();
  await grant(network, { subs });
  await network.socket.reply({ push: { channel: 'kept', pub: { data: 'live', offset: 2 } } });
  await network.socket.reply({ push: { channel: 'more', subscribe: { recoverable: true, epoch: 'm' } } });
  await network.socket.reply({ push: { channel: 'more', unsubscribe: { code: 2000, reason: '' } } });
  await network.socket.fail(1006);
  await clock.advance(500);
  await network.socket.accept();
  const [connect] = network.socket.commands;
  assert.deepEqual(connect.connect.subs, { kept: { recover: true, offset: 2, epoch: 'e' } });
  const publications = [{ data: 'missed', offset: 3 }];
  const kept = { recoverable: true, recovered: true, epoch: 'e', offset: 2, publications };
  await network.socket.reply({ id: connect.id, connect: { client: 'me', subs: { kept } } });
  const events = log.filter((line) => !line.startsWith('subscribing'));
  assert.deepEqual(
    events,
    [
      'subscribed',
      'subscribed',
      'publication "live"',
      'subscribed',
      'unsubscribed 2000',
      `unsubscribed ${codes.unsubscribed.missing}`,
      'recovered',
      'publication "missed"',
    ],
  );
});

Deno.test('join, leave and messages arrive', async () => {
  const { client, network } = makeClient();
  const subscription = client.newSubscription('a', { joinLeave: true });
  /** @type {any[]} */
  const log = [];
  subscription.on('join', ({ info }) => log.push(['join', info.client]));
  subscription.on('leave', ({ info }) => log.push(['leave', info.client]));
  client.on('message', ({ data }) => log.push(['message', data]));
  subscription.subscribe();
  client.connect();
  const [subscribe] = await grant(network);
  await network.socket.reply(
    { id: subscribe.id, subscribe: {} },
    { push: { channel: 'a', join: { info: { client: 'c' } } } },
    { push: { channel: 'a', leave: { info: { client: 'c' } } } },
    { push: { message: { data: 5 } } },
  );
  assert.deepEqual(log, [['join', 'c'], ['leave', 'c'], ['message', 5]]);
});

Deno.test('calls in flight are rejected when the connection goes, those without one wait for it', async () => {
  const { client, network, clock } = makeClient();
  client.connect();
  await grant(network);
  const inFlight = client.publish('a', 1);
  await settled();
  const rejection = assert.rejects(
    inFlight,
    (error) => error instanceof PharosError && error.code === codes.error.transportClosed,
  );
  await network.socket.fail(1006);
  await rejection;
  const waiting = client.publish('a', 2);
  await clock.advance(500);
  await grant(network);
  const [publish] = network.socket.commands;
  await network.socket.reply({ id: publish.id, publish: {} });
  await waiting;
  client.disconnect();
  await assert.rejects(client.publish('a', 3), { code: codes.error.disconnected });
});

Deno.test('a call without an answer times out, a subscribe without one renews the connection', async () => {
  const { client, network, clock, log } = makeClient({ timeout: 5000 });
  client.connect();
  await grant(network);
  const rejection = assert.rejects(client.publish('a', 1), { code: codes.error.timeout });
  await settled();
  await clock.advance(5000);
  await rejection;
  client.newSubscription('a').subscribe();
  await clock.advance(5000);
  assert.equal(log.at(-1), `connecting ${codes.connecting.subscribeTimeout}`);
});

Deno.test('an answer to an older subscribe never touches a newer one', async () => {
  const { client, network } = makeClient();
  const subscription = client.newSubscription('a');
  const log = record(subscription);
  client.connect();
  await grant(network);
  subscription.subscribe();
  subscription.unsubscribe();
  subscription.subscribe();
  await settled();
  const [first, leave, second] = network.socket.commands;
  assert.ok(first.subscribe && leave.unsubscribe && second.subscribe);
  await network.socket.reply(
    { id: first.id, subscribe: {} },
    { push: { channel: 'a', pub: { data: 'old' } } },
    { id: leave.id, unsubscribe: {} },
  );
  assert.equal(subscription.state, 'subscribing');
  await network.socket.reply({ id: second.id, subscribe: {} }, { push: { channel: 'a', pub: { data: 'new' } } });
  assert.deepEqual(log, ['subscribing 0', 'unsubscribed 0', 'subscribing 0', 'subscribed', 'publication "new"']);
});

Deno.test('a failed unsubscribe renews the connection', async () => {
  const { client, network, log } = makeClient();
  const subscription = client.newSubscription('a');
  subscription.subscribe();
  client.connect();
  const [subscribe] = await grant(network);
  await network.socket.reply({ id: subscribe.id, subscribe: {} });
  subscription.unsubscribe();
  await settled();
  const [unsubscribe] = network.socket.commands;
  await network.socket.reply({ id: unsubscribe.id, error: { code: 100, message: 'internal', temporary: true } });
  assert.equal(log.at(-1), `connecting ${codes.connecting.unsubscribeFailed}`);
});

Deno.test('offline leaves the connection at once, online comes back without waiting', async () => {
  const { client, network, wires, clock } = makeClient();
  clock.chance = 0.9;
  client.connect();
  await grant(network);
  wires.dispatchEvent(new Event('offline'));
  assert.equal(client.state, 'connecting');
  assert.equal(network.sockets.length, 1);
  wires.dispatchEvent(new Event('online'));
  assert.equal(network.sockets.length, 2);
  client.disconnect();
  wires.dispatchEvent(new Event('online'));
  assert.equal(network.sockets.length, 2);
});

Deno.test('a listener may disconnect in the middle of anything', async () => {
  const early = makeClient();
  early.client.on('connecting', () => early.client.disconnect());
  early.client.connect();
  assert.equal(early.network.sockets.length, 0);
  assert.equal(early.client.state, 'disconnected');

  const { client, network, clock } = makeClient();
  const subscription = client.newSubscription('a');
  const log = record(subscription);
  subscription.on('publication', () => client.disconnect());
  subscription.subscribe();
  client.connect();
  const [subscribe] = await grant(network);
  const publications = [{ data: 1, offset: 1 }, { data: 2, offset: 2 }];
  await network.socket.reply(
    { id: subscribe.id, subscribe: { recoverable: true, recovered: true, epoch: 'e', publications } },
    { push: { channel: 'a', pub: { data: 3, offset: 3 } } },
  );
  assert.deepEqual(log, ['subscribing 0', 'recovered', 'publication 1', 'subscribing 1']);
  assert.equal(clock.timers, 0);
  client.connect();
  const [again] = await grant(network);
  assert.equal(again.subscribe.offset, 1, 'what was not delivered is asked for again');
});

Deno.test('malformed input ends the connection, it does not loop', async () => {
  for (const data of ['{', 'null', '[1', new Uint8Array(1)]) {
    const { client, network, log } = makeClient();
    client.connect();
    await grant(network);
    network.socket.onmessage?.({ data });
    assert.equal(log.at(-1), `disconnected ${codes.disconnected.badProtocol}`);
  }
});

Deno.test('a message is taken, refused, or its fate is told', async () => {
  const { client, network, log } = makeClient();
  client.connect();
  await grant(network);
  const [taken, refused] = [client.send({ n: 1 }), client.send({ n: 2 })];
  await settled();
  const [first, second] = network.socket.commands;
  assert.deepEqual(first, { id: first.id, send: { data: { n: 1 } } });
  await network.socket.reply({ id: first.id }, { id: second.id, error: { code: 108, message: 'not available' } });
  await taken;
  await assert.rejects(refused, { name: 'PharosError', code: 108, message: /nothing takes messages here/ });
  assert.equal(client.state, 'connected');
  // A server that knows no answer to a message can only close, and means it.
  const last = client.send(3);
  const other = client.publish('a', 1);
  await settled();
  const rejections = [
    assert.rejects(last, { code: 108, message: /nothing takes messages here/ }),
    assert.rejects(other, { code: codes.error.disconnected }),
  ];
  await network.socket.fail(3508, 'not available');
  await Promise.all(rejections);
  assert.equal(log.at(-1), 'disconnected 3508');
});

Deno.test('without a WebSocket class it says what to pass', () => {
  const known = globalThis.WebSocket;
  try {
    Reflect.deleteProperty(globalThis, 'WebSocket');
    const { client, log, clock } = makeClient({ WebSocket: undefined, transports: ['websocket'] });
    assert.throws(() => client.connect(), /no WebSocket.*from 'ws'.*new Pharos\(url, { WebSocket }\)/);
    assert.deepEqual([client.state, log, clock.timers], ['disconnected', [], 0]);
    globalThis.WebSocket = known;
    const { network } = makeClient();
    globalThis.WebSocket = /** @type {any} */ (network.WebSocket);
    client.connect();
    assert.equal(network.sockets.length, 1, 'provided in the meantime');
  } finally {
    globalThis.WebSocket = known;
  }
});

Deno.test('a path needs a page around it', () => {
  const client = new Pharos('/connection/websocket', { WebSocket: new FakeNetwork().WebSocket, network: null });
  /** @type {string[]} */
  const reasons = [];
  client.on('disconnected', ({ reason }) => reasons.push(reason));
  client.connect();
  assert.equal(reasons.length, 1);
  assert.match(reasons[0], /"?\/connection\/websocket.*outside of a page the URL must be absolute/);
});

Deno.test('an error event of an EventEmitter never escapes, not even after the client has let go', async () => {
  /** @type {any[]} */
  const sockets = [];
  // As the class of the package ws does it: an event without a listener is thrown.
  class Socket extends FakeSocket {
    /** @param {string} url */
    constructor(url) {
      super(url);
      sockets.push(this);
    }
    /** @type {null | ((event: any) => void)} */
    onerror = null;
    fails() {
      if (!this.onerror) throw new Error('Unhandled error event');
      this.onerror({ message: 'connect ECONNREFUSED' });
    }
    /** @override */
    close() {
      super.close();
      this.fails();
    }
  }
  const { client, clock } = makeClient({ WebSocket: Socket, timeout: 1000 });
  client.connect();
  sockets[0].fails();
  await clock.advance(1000);
  assert.ok(sockets[0].isClosed);
  client.disconnect();
});

Deno.test('a URL that cannot be is not tried twice', () => {
  const { client, log, clock } = makeClient({
    WebSocket: class {
      constructor() {
        throw new SyntaxError('no such scheme');
      }
    },
  });
  client.connect();
  assert.deepEqual(log, ['connecting 0', `disconnected ${codes.disconnected.badConfiguration}`]);
  assert.equal(clock.timers, 0);
});

Deno.test('a socket that never opens is given up', async () => {
  const { client, network, clock, log } = makeClient({ timeout: 5000 });
  client.connect();
  await clock.advance(5000);
  assert.ok(network.sockets[0].isClosed);
  assert.deepEqual(log, ['connecting 0', 'error 1']);
  await clock.advance(500);
  assert.equal(network.sockets.length, 2);
});

Deno.test('one channel, one subscription', () => {
  const { client } = makeClient();
  const subscription = client.newSubscription('a');
  assert.throws(() => client.newSubscription('a'));
  client.removeSubscription(subscription);
  assert.equal(client.getSubscription('a'), null);
  client.newSubscription('a');
});
