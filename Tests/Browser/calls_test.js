// @ts-check
/** The calls around a connection: listeners, tokens, data, batches, and what a client does when it wakes up. */
import assert from 'node:assert/strict';
import { codes, Pharos, PharosError, State, SubscriptionState, UnauthorizedError } from '../../Sources/PharosAPI/Web/pharos.js';
import { FakeNetwork, ManualClock, settled } from './fakes.js';

/** @param {any} [options] */
function makeClient(options = {}) {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const { WebSocket } = network;
  const client = new Pharos('ws://127.0.0.1:8000/connection/websocket', { clock, WebSocket, network: null, page, ...options });
  return { clock, network, page, client };
}

/** Opens the newest socket and grants its connect; the commands that came with it. @param {FakeNetwork} network */
async function grant(network, result = {}) {
  await network.socket.accept();
  const [connect, ...others] = network.socket.commands;
  await network.socket.reply({ id: connect.id, connect: { client: 'me', ...result } });
  return { connect: connect.connect, others };
}

Deno.test('listeners: once is once, off takes one away, removeAllListeners all', async () => {
  const { client, network } = makeClient();
  /** @type {string[]} */
  const log = [];
  const always = () => log.push('always');
  const first = () => log.push('once');
  client.on('message', always).once('message', first);
  client.on('error', () => log.push('never'));
  client.connect();
  await grant(network);
  const tell = () => network.socket.reply({ push: { message: { data: 1 } } });
  await tell();
  await tell();
  assert.deepEqual(log, ['always', 'once', 'always']);
  client.once('message', first).off('message', first).off('message', always);
  await tell();
  assert.equal(log.length, 3);
  client.on('message', always).removeAllListeners('message');
  client.removeAllListeners();
  await tell();
  await network.socket.fail(1006);
  assert.equal(log.length, 3);
});

Deno.test('each change of state is told, with the one before', async () => {
  const { client, network, clock } = makeClient();
  /** @type {string[]} */
  const log = [];
  const subscription = client.newSubscription('a');
  client.on('state', ({ oldState, newState }) => log.push(`${oldState} → ${newState}`));
  subscription.on('state', ({ oldState, newState }) => log.push(`a: ${oldState} → ${newState}`));
  subscription.subscribe();
  client.connect();
  const { others } = await grant(network);
  await network.socket.reply({ id: others[0].id, subscribe: {} });
  assert.deepEqual([client.state, subscription.state], [State.Connected, SubscriptionState.Subscribed]);
  await network.socket.fail(1006);
  await clock.advance(500);
  client.disconnect();
  subscription.unsubscribe();
  assert.deepEqual(log, [
    'a: unsubscribed → subscribing',
    'disconnected → connecting',
    'connecting → connected',
    'a: subscribing → subscribed',
    'a: subscribed → subscribing',
    'connected → connecting',
    'connecting → disconnected',
    'a: subscribing → unsubscribed',
  ]);
});

Deno.test('a listener of a state may change it, and the event after it does not tell of the older one', () => {
  const { client } = makeClient();
  /** @type {string[]} */
  const log = [];
  client.on('state', ({ newState }) => newState === 'connecting' && client.disconnect());
  client.on('connecting', () => log.push('connecting'));
  client.on('disconnected', () => log.push('disconnected'));
  client.connect();
  assert.deepEqual(log, ['disconnected']);
});

Deno.test('an error can be read as in other clients of the protocol', async () => {
  const { client, network } = makeClient();
  /** @type {number[]} */
  const seen = [];
  client.on('error', ({ error: { code } }) => seen.push(code));
  client.connect();
  await network.socket.fail(1006);
  assert.deepEqual(seen, [codes.error.transportClosed]);
});

Deno.test('headers, version and data travel with the connect command, and what is set later with the next one', async () => {
  const { client, network, clock } = makeClient({ headers: { Authorization: 'x' }, version: '2.1', data: { first: true } });
  client.connect();
  const { connect } = await grant(network);
  assert.deepEqual([connect.headers, connect.version, connect.data], [{ Authorization: 'x' }, '2.1', { first: true }]);
  client.setHeaders({ Authorization: 'y' });
  client.setData({ second: true });
  client.setToken('another');
  await network.socket.fail(1006);
  await clock.advance(500);
  const { connect: next } = await grant(network);
  assert.deepEqual([next.headers, next.data, next.token], [{ Authorization: 'y' }, { second: true }, 'another']);
});

Deno.test('a token that was set is used in place of one that is over, and an empty one is asked for', async () => {
  let asked = 0;
  const { client, network, clock } = makeClient({ token: 'first', getToken: () => `asked${(asked += 1)}` });
  client.connect();
  await grant(network, { expires: true, ttl: 60 });
  await network.socket.fail(3005);
  client.setToken('set');
  await clock.advance(500);
  assert.equal((await grant(network)).connect.token, 'set');
  client.setToken('');
  await network.socket.fail(1006);
  await clock.advance(500);
  assert.equal((await grant(network)).connect.token, 'asked1');
});

Deno.test('getData is asked before each connect and each subscribe; it may fail for now or refuse', async () => {
  let count = 0;
  const { client, network, clock } = makeClient({ getData: async () => ({ count: (count += 1) }) });
  let isDown = true;
  const subscription = client.newSubscription('a', {
    getData: ({ channel }) => {
      if (isDown) throw new Error('not now');
      return { channel };
    },
  });
  /** @type {number[]} */
  const errors = [];
  subscription.on('error', ({ code }) => errors.push(code));
  subscription.subscribe();
  client.connect();
  await settled();
  assert.deepEqual((await grant(network)).connect.data, { count: 1 });
  assert.deepEqual(errors, [codes.error.data]);
  isDown = false;
  await clock.advance(500);
  assert.deepEqual(network.socket.commands[0].subscribe.data, { channel: 'a' });
  await network.socket.fail(1006);
  await clock.advance(500);
  const { connect } = await grant(network);
  assert.deepEqual(connect.data, { count: 2 });

  const refused = makeClient({ getData: () => Promise.reject(new UnauthorizedError()) });
  /** @type {any[]} */
  const ends = [];
  refused.client.on('disconnected', ({ code }) => ends.push(code));
  refused.client.connect();
  await settled();
  assert.deepEqual([ends, refused.network.sockets.length], [[codes.disconnected.unauthorized], 0]);
});

Deno.test('data that arrives after a disconnect opens nothing', async () => {
  /** @type {(data: any) => void} */
  let answer = () => {};
  const { client, network } = makeClient({ getData: () => new Promise((resolve) => (answer = resolve)) });
  client.connect();
  client.disconnect();
  answer({});
  await settled();
  assert.equal(network.sockets.length, 0);
});

Deno.test('a batch leaves in one frame, across turns', async () => {
  const { client, network } = makeClient();
  client.connect();
  await grant(network);
  const before = network.socket.frames.length;
  client.startBatching();
  const first = client.publish('a', 1);
  await settled();
  const second = client.publish('a', 2);
  await settled();
  assert.equal(network.socket.frames.length, before);
  client.stopBatching();
  await settled();
  assert.equal(network.socket.frames.length, before + 1);
  const commands = network.socket.commands;
  assert.deepEqual(commands.map(({ publish }) => publish.data), [1, 2]);
  await network.socket.reply(...commands.map(({ id }) => ({ id, publish: {} })));
  await Promise.all([first, second]);
});

Deno.test('subscriptions are listed by channel until they are removed', () => {
  const { client } = makeClient();
  const [a, b] = ['a', 'b'].map((channel) => client.newSubscription(channel));
  assert.deepEqual(client.subscriptions(), { a, b });
  client.removeSubscription(a);
  client.removeSubscription(null);
  assert.deepEqual([client.subscriptions(), client.getSubscription('a')], [{ b }, null]);
});

Deno.test('ready waits, and gives up', async () => {
  const { client, network, clock } = makeClient();
  await assert.rejects(client.ready(), (/** @type {PharosError} */ { code }) => code === codes.error.disconnected);
  client.connect();
  const late = assert.rejects(client.ready(1000), (/** @type {PharosError} */ { code }) => code === codes.error.timeout);
  await clock.advance(1000);
  await late;
  const ready = client.ready();
  await grant(network);
  await ready;
});

/** Runs with a wall clock that a test sets. @param {(pass: (ms: number) => void) => Promise<void>} story */
async function atWallTime(story) {
  const known = Date.now;
  let now = known();
  Date.now = () => now;
  try {
    await story((ms) => (now += ms));
  } finally {
    Date.now = known;
  }
}

Deno.test('a new token is fetched before the old one is over', async () => {
  let count = 0;
  const { client, network, clock } = makeClient({ getToken: () => `token${(count += 1)}` });
  client.connect();
  await settled();
  await grant(network, { expires: true, ttl: 60 });
  await clock.advance(56_999);
  assert.deepEqual(network.socket.commands, []);
  await clock.advance(1);
  assert.deepEqual(network.socket.commands[0].refresh, { token: 'token2' });
});

Deno.test('a token whose time was slept away is replaced on waking, one that is good is kept', () =>
  atWallTime(async (pass) => {
    let [count, channels] = [0, 0];
    const { client, network, page } = makeClient({ getToken: () => `token${(count += 1)}` });
    const subscription = client.newSubscription('$a', { getToken: () => `channel${(channels += 1)}` });
    subscription.subscribe();
    client.connect();
    await settled();
    await network.socket.accept();
    await settled();
    const [connect, subscribe] = network.socket.commands;
    await network.socket.reply(
      { id: connect.id, connect: { client: 'me', expires: true, ttl: 60 } },
      { id: subscribe.id, subscribe: { expires: true, ttl: 600 } },
    );
    page.dispatchEvent(new Event('visibilitychange'));
    await settled();
    assert.deepEqual(network.socket.commands, []);
    pass(61_000);
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    await settled();
    assert.deepEqual(network.socket.commands, [], 'it goes to sleep');
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    page.dispatchEvent(new Event('focus'));
    await settled();
    const [refresh, ...others] = network.socket.commands;
    assert.deepEqual([refresh.refresh, others], [{ token: 'token2' }, []]);
    pass(600_000);
    // Where no page tells of it, the first ping after the sleep does.
    await network.socket.reply({});
    assert.deepEqual(network.socket.commands.map(({ sub_refresh }) => sub_refresh?.token), ['channel2']);
  }));

Deno.test('a connection that was silent for too long while the page slept is renewed at once', () =>
  atWallTime(async (pass) => {
    const { client, network, page } = makeClient();
    client.connect();
    await grant(network, { ping: 25 });
    pass(34_000);
    page.dispatchEvent(new Event('resume'));
    assert.equal(network.sockets.length, 1);
    pass(2_000);
    page.dispatchEvent(new Event('resume'));
    assert.deepEqual([network.sockets.length, client.state], [2, 'connecting']);
    client.disconnect();
    page.dispatchEvent(new Event('resume'));
    assert.equal(network.sockets.length, 2);
  }));

Deno.test('an attempt that is due is made on waking, and not before it is due', () =>
  atWallTime(async (pass) => {
    const { client, network, page } = makeClient();
    client.connect();
    await grant(network);
    await network.socket.fail(1006);
    page.dispatchEvent(new Event('focus'));
    assert.equal(network.sockets.length, 1);
    pass(500);
    page.dispatchEvent(new Event('focus'));
    assert.equal(network.sockets.length, 2);
    client.disconnect();
  }));

Deno.test('a refresh that fails backs off, doubling', async () => {
  let isDown = false;
  const asked = /** @type {number[]} */ ([]);
  const made = makeClient({
    getToken: () => {
      asked.push(made.clock.now);
      if (isDown) throw new Error('down');
      return 'token';
    },
  });
  made.clock.chance = 0.999;
  made.client.connect();
  await settled();
  await grant(made.network, { expires: true, ttl: 60 });
  isDown = true;
  await made.clock.advance(57_000 + 20_000);
  const waits = asked.slice(1).map((at, index, all) => at - (all[index - 1] ?? at)).slice(1);
  assert.deepEqual(waits.map((wait) => Math.round(wait / 500)), [2, 3, 5, 9, 17]);
  assert.equal(made.client.state, 'connected');
});
