// @ts-check
/** How the client chooses among transports, with transports, clock and network moved by hand. */
import assert from 'node:assert/strict';
import { Pharos } from '../../Sources/PharosAPI/Web/pharos.js';
import { FakeNetwork, FakeSocket, ManualClock, settled } from './fakes.js';

/**
 * A client with three transports of its own: `opened` has the names of all attempts, `newest` is the last.
 * @param {any} [options]
 */
function makeClient(options = {}, url = `https://${crypto.randomUUID()}/connection/websocket`) {
  const clock = new ManualClock();
  const wires = new EventTarget();
  /** @type {string[]} */
  const opened = [];
  /** @type {{ newest: any }} */
  const state = { newest: null };
  const transports = ['one', 'two', 'three'].map((name) =>
    class extends FakeSocket {
      static transportName = name;
      /** @param {string} url @param {any} context */
      constructor(url, context) {
        super(url);
        this.context = context;
        opened.push(name);
        state.newest = this;
      }
    }
  );
  const client = new Pharos(url, { clock, network: wires, transports, ...options });
  const grant = async (result = {}) => {
    await state.newest.accept();
    const [connect] = state.newest.commands;
    await state.newest.reply({ id: connect.id, connect: { client: 'me', ...result } });
  };
  return { client, clock, wires, opened, state, grant, url };
}

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

Deno.test('what fails before the server says a word is followed at once by the next transport', async () => {
  const { client, opened, state, grant, clock } = makeClient();
  /** @type {any[]} */
  const events = [];
  client.on('reconnecting', ({ delay, transport }) => events.push([delay, transport]));
  client.on('connected', ({ transport }) => events.push(transport));
  client.connect();
  await state.newest.fail(1006);
  await state.newest.fail(1006);
  assert.deepEqual(opened, ['one', 'two', 'three']);
  await grant();
  assert.deepEqual(events, [[0, 'two'], [0, 'three'], 'three']);
  assert.equal(client.transport, 'three');
  client.disconnect();
  assert.deepEqual([client.transport, clock.timers], ['', 0]);
});

Deno.test('a transport that never opens, or opens and stays silent, fails after the timeout', async () => {
  const { client, opened, state, clock } = makeClient();
  client.connect();
  await clock.advance(5000);
  assert.deepEqual(opened, ['one', 'two']);
  await state.newest.accept();
  await clock.advance(5000);
  assert.deepEqual(opened, ['one', 'two', 'three']);
});

Deno.test('when all have failed there is a delay, and then they begin at the front', async () => {
  const { client, opened, state, clock } = makeClient();
  client.connect();
  for (let count = 0; count < 3; count += 1) await state.newest.fail(1006);
  assert.equal(opened.length, 3);
  await clock.advance(500);
  assert.deepEqual(opened.slice(3), ['one']);
});

Deno.test('an error of the server is no fault of the transport', async () => {
  const { client, opened, state, clock } = makeClient();
  client.connect();
  await state.newest.accept();
  await state.newest.reply({ id: 1, error: { code: 100, message: 'later', temporary: true } });
  assert.deepEqual(opened, ['one']);
  await clock.advance(500);
  await state.newest.accept();
  await state.newest.fail(3004);
  await clock.advance(1000);
  assert.deepEqual(opened, ['one', 'one', 'one']);
});

Deno.test('what has worked is kept, by this client, by others of the page, and by the next page', async () => {
  const { client, opened, state, grant, clock, url } = makeClient();
  client.connect();
  await state.newest.fail(1006);
  await grant();
  await state.newest.fail(1006);
  await clock.advance(500);
  assert.deepEqual(opened, ['one', 'two', 'two']);

  const other = makeClient({}, `${url}?token=secret`);
  other.client.connect();
  assert.deepEqual(other.opened, ['two']);

  // Another instance of the module has no memory but that of the session.
  const fresh = await import('../../Sources/PharosAPI/Web/pharos.js?next-page');
  assert.notEqual(fresh.Pharos, Pharos);
  const { transports } = /** @type {any} */ (classesNamed('one', 'two'));
  const next = new fresh.Pharos(url, { transports, network: null });
  next.connect();
  assert.equal(transports[1].count, 1);
  next.disconnect();
  assert.ok(!JSON.stringify({ ...sessionStorage }).includes('secret'), 'no part of the query is stored');
});

Deno.test('a page that may not have a storage remembers for itself', async () => {
  const known = Object.getOwnPropertyDescriptor(globalThis, 'sessionStorage');
  Object.defineProperty(globalThis, 'sessionStorage', {
    configurable: true,
    get() {
      throw new DOMException('forbidden', 'SecurityError');
    },
  });
  try {
    const { client, state, grant, url } = makeClient();
    client.connect();
    await state.newest.fail(1006);
    await grant();
    const other = makeClient({}, url);
    other.client.connect();
    assert.deepEqual(other.opened, ['two']);
  } finally {
    Object.defineProperty(globalThis, 'sessionStorage', /** @type {any} */ (known));
  }
});

/** Classes that count their instances. @param {string[]} names */
function classesNamed(...names) {
  const transports = names.map((name) =>
    class extends FakeSocket {
      static transportName = name;
      static count = 0;
      /** @param {string} url */
      constructor(url) {
        super(url);
        /** @type {any} */ (this.constructor).count += 1;
      }
    }
  );
  return { transports };
}

Deno.test('at times the first is tried anew, and a failure of it costs nothing', () =>
  atWallTime(async (pass) => {
    const { client, opened, state, grant, clock } = makeClient({ transportMemory: 60_000 });
    client.connect();
    await state.newest.fail(1006);
    await grant();
    pass(59_000);
    await state.newest.fail(1006);
    await clock.advance(500);
    await grant();
    pass(2_000);
    await state.newest.fail(1006);
    await clock.advance(500);
    await state.newest.fail(1006);
    await grant();
    assert.deepEqual(opened, ['one', 'two', 'two', 'one', 'two']);
  }));

Deno.test('the first transport is never doubted for its age, and any that worked only after five failures', () =>
  atWallTime(async (pass) => {
    const { client, opened, state, grant, clock } = makeClient();
    client.connect();
    await grant();
    pass(86_400_000);
    await state.newest.fail(1006);
    for (let failures = 0; failures < 4; failures += 1) {
      await clock.advance(500);
      await state.newest.fail(1006);
    }
    assert.deepEqual(opened, Array(5).fill('one'), 'a server that restarts is waited for');
    await clock.advance(500);
    await state.newest.fail(1006);
    assert.deepEqual(opened.slice(5), ['one', 'two']);
  }));

Deno.test('another network may take what the last one refused', async () => {
  const { client, opened, state, grant, wires } = makeClient();
  client.connect();
  await state.newest.fail(1006);
  await grant();
  wires.dispatchEvent(new Event('offline'));
  wires.dispatchEvent(new Event('online'));
  assert.deepEqual(opened, ['one', 'two', 'one']);
});

Deno.test('of several nodes the next one comes before another transport, and what works at one is taken at all', async () => {
  const nodes = ['a', 'b'].map((host) => `https://${host}${crypto.randomUUID()}/connection/websocket`);
  const { client, opened, state, grant, clock } = makeClient({}, /** @type {any} */ (nodes));
  /** @type {string[]} */
  const reached = [];
  const attempt = () => reached.push(`${state.newest.url === nodes[0] ? 'a' : 'b'} ${opened.at(-1)}`);
  client.connect();
  for (let failures = 0; failures < 3; failures += 1) {
    attempt();
    await state.newest.fail(1006);
    await clock.advance(500);
  }
  attempt();
  await grant();
  await state.newest.fail(1006);
  await clock.advance(500);
  attempt();
  assert.deepEqual(reached, ['a one', 'b one', 'a two', 'b two', 'a two']);
});

/** A fetch that records its requests and never answers. */
function recordingFetch() {
  /** @type {any[]} */
  const requests = [];
  const fetch = (/** @type {string} */ url, /** @type {any} */ init) => {
    requests.push({ url, ...init });
    return new Promise(() => {});
  };
  return { requests, fetch };
}

Deno.test('addresses follow from each other, with their query', async () => {
  for (
    const [url, prefix, query] of [
      ['wss://a/connection/websocket', 'https://a', ''],
      ['https://a/push/connection/websocket?x=1', 'https://a/push', '?x=1'],
      ['https://a', 'https://a', ''],
      ['wss://a', 'https://a', ''],
      ['https://a/push/', 'https://a/push', ''],
    ]
  ) {
    for (
      const [transport, path] of [
        ['http_stream', '/connection/http_stream'],
        ['sse', '/connection/sse'],
        ['long_poll', '/connection/poll'],
      ]
    ) {
      const { requests, fetch } = recordingFetch();
      const options = { transports: [transport], fetch, network: null, clock: new ManualClock() };
      const client = new Pharos(url, /** @type {any} */ (options));
      client.connect();
      await settled();
      const address = new URL(requests[0].url);
      address.searchParams.delete('session');
      assert.equal(address.href, `${prefix}${path}${query}`);
      assert.equal(requests[0].method, 'POST');
      assert.ok(JSON.parse(requests[0].body).connect);
      client.disconnect();
    }
  }
});

Deno.test('an address of one transport is that one, and a WebSocket class is a choice too', async () => {
  const { requests, fetch } = recordingFetch();
  const network = new FakeNetwork();
  const { WebSocket } = network;
  const stream = new Pharos('https://a/connection/http_stream', { fetch, network: null, clock: new ManualClock() });
  stream.connect();
  await settled();
  assert.equal(requests[0].url, 'https://a/connection/http_stream');
  const clock = new ManualClock();
  const socket = new Pharos('wss://a/mine', { WebSocket, fetch, network: null, clock });
  socket.connect();
  await network.socket.fail(1006);
  await clock.advance(500);
  assert.deepEqual(network.sockets.map(({ url }) => url), ['wss://a/mine', 'wss://a/mine']);
  assert.equal(requests.length, 1);
});

Deno.test('transports may have addresses of their own, as other clients of the protocol write them', async () => {
  const { requests, fetch } = recordingFetch();
  const network = new FakeNetwork();
  const client = new Pharos([
    { transport: 'websocket', endpoint: 'ws://a/ws' },
    { transport: 'http_stream', endpoint: 'http://b/stream' },
  ], { websocket: network.WebSocket, fetch, networkEventTarget: null, clock: new ManualClock() });
  client.connect();
  assert.equal(network.socket.url, 'ws://a/ws');
  await network.socket.fail(1006);
  assert.equal(requests[0].url, 'http://b/stream');
  assert.throws(() => new Pharos('/', { transports: /** @type {any} */ (['pigeon']) }), /there is no transport pigeon/);
});

Deno.test('an EventSource has the connect command in its address and nothing else', async () => {
  /** @type {any[]} */
  const sources = [];
  class EventSource {
    /** @type {any} */
    onmessage = null;
    /** @type {any} */
    onerror = null;
    isClosed = false;
    /** @param {string} url @param {any} options */
    constructor(url, options) {
      this.url = new URL(url);
      this.options = options;
      sources.push(this);
    }
    close() {
      this.isClosed = true;
    }
  }
  /** @type {any[]} */
  const posted = [];
  const fetch = (/** @type {string} */ url, /** @type {any} */ { body }) => {
    posted.push([url, JSON.parse(body)]);
    return Promise.resolve({ ok: true });
  };
  const client = new Pharos('https://a/connection/sse', {
    transports: ['eventsource'], EventSource, fetch, network: null, clock: new ManualClock(), credentials: 'include',
  });
  const subscription = client.newSubscription('news');
  subscription.subscribe();
  client.connect();
  await settled();
  const [source] = sources;
  const { id, connect } = JSON.parse(source.url.searchParams.get('cf_connect'));
  assert.deepEqual([connect.name, source.options.withCredentials, posted], ['pharos-js', true, []]);
  source.onmessage({ data: JSON.stringify({ id, connect: { client: 'me', session: 's', node: 'n' } }) });
  await settled();
  assert.equal(posted[0][0], 'https://a/emulation');
  assert.deepEqual([posted[0][1].session, posted[0][1].node], ['s', 'n']);
  assert.equal(JSON.parse(posted[0][1].data).subscribe.channel, 'news');
  source.onerror();
  assert.ok(source.isClosed, 'it must not come back by itself');
  assert.equal(client.state, 'connecting');
  client.disconnect();
});

Deno.test('a transport whose end the server cannot see is told when the client leaves, and when its page does', async () => {
  const defaultView = new EventTarget();
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible', defaultView });
  const { client, state, clock } = makeClient({ page });
  for (const channel of ['a', 'b']) client.newSubscription(channel).subscribe();
  const left = /** @type {any[]} */ ([]);
  const connect = async () => {
    client.connect();
    state.newest.leave = (/** @type {string} */ frame) => left.push(frame.split('\n').map((line) => JSON.parse(line).unsubscribe.channel));
    await state.newest.accept();
    const [first, a] = state.newest.commands;
    await state.newest.reply({ id: first.id, connect: {} }, { id: a.id, subscribe: {} });
  };
  await connect();
  defaultView.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
  assert.deepEqual(left, [], 'it may be shown again, as it was');
  defaultView.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
  assert.deepEqual(left, [['a']]);
  client.disconnect();
  assert.deepEqual(left, [['a'], ['a']]);
  client.connect();
  client.disconnect();
  defaultView.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
  assert.equal(left.length, 2, 'there is nothing to leave');
  assert.equal(clock.timers, 0);
});

Deno.test('without a WebSocket the platform still has HTTP', async () => {
  const { requests, fetch } = recordingFetch();
  const known = globalThis.WebSocket;
  try {
    Reflect.deleteProperty(globalThis, 'WebSocket');
    const client = new Pharos('ws://a/connection/websocket', { fetch, network: null, clock: new ManualClock() });
    client.connect();
    await settled();
    assert.equal(requests[0].url, 'http://a/connection/http_stream');
    client.disconnect();
  } finally {
    globalThis.WebSocket = known;
  }
});

Deno.test('the page of a network that asks for a login is no stream', async () => {
  const answers = [new Response('<html>', { headers: { 'Content-Type': 'text/html' } }), new Response('[]')];
  const fetch = () => Promise.resolve(answers.shift() ?? new Promise(() => {}));
  const client = new Pharos('https://a', {
    transports: ['http_stream', 'long_poll'], fetch, network: null, clock: new ManualClock(),
  });
  const reasons = /** @type {string[]} */ ([]);
  client.on('error', ({ message }) => reasons.push(message));
  client.connect();
  for (let turn = 0; turn < 10; turn += 1) await settled();
  assert.equal(reasons[0], 'the answer is a web page');
  assert.match(reasons[1], /TypeError/, 'JSON of another kind');
  assert.deepEqual([client.state, reasons.length], ['connecting', 2]);
  client.disconnect();
});

Deno.test('commands beside a stream go one after the other, and wait until the server has named the session', async () => {
  /** @type {{ body: any, resolve: (response: any) => void }[]} */
  const posts = [];
  /** @type {(text: string) => void} */
  let say = () => {};
  const body = new ReadableStream({
    start: (controller) => void (say = (text) => controller.enqueue(new TextEncoder().encode(text))),
  });
  const fetch = (/** @type {string} */ url, /** @type {any} */ init) =>
    url.endsWith('/emulation')
      ? new Promise((resolve) => posts.push({ body: JSON.parse(init.body), resolve }))
      : Promise.resolve(new Response(body));
  const client = new Pharos('https://a/connection/http_stream', { fetch, network: null, clock: new ManualClock() });
  client.connect();
  await settled();
  say('{"id":1,"connect":{"client":"me","session":"s","no');
  say('de":"n"}}\n');
  await client.ready();
  const answers = [1, 2, 3].map((number) => client.publish('a', number));
  await settled();
  assert.equal(posts.length, 1, 'commands of one turn share a request');
  assert.equal(posts[0].body.data.split('\n').length, 3);
  const later = assert.rejects(client.send('later'), /404/);
  await settled();
  assert.equal(posts.length, 1);
  posts[0].resolve({ ok: true });
  await settled();
  assert.equal(posts.length, 2);
  say('{"id":2,"publish":{}}\n{"id":3,"publish":{}}\n{"id":4,"publish":{}}\n');
  await Promise.all(answers);
  // A node that does not know the session: the stream is of no use any more.
  posts[1].resolve({ ok: false, status: 404 });
  await later;
  assert.equal(client.state, 'connecting');
  client.disconnect();
});
