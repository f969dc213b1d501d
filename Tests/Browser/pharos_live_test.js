// @ts-check
/**
 * The browser client against a running server, over the platform's own WebSocket:
 * `PHAROS_URL=http://127.0.0.1:8000 deno test -A --no-remote Tests/Browser/pharos_live_test.js`.
 *
 * The server must let anybody subscribe, publish, and ask for presence and history on plain channels, keep a history
 * with recovery, and send join and leave, as `serve --dev` does.
 */
import assert from 'node:assert/strict';
import { Pharos } from '../../Sources/PharosAPI/Web/pharos.js';

const url = `${Deno.env.get('PHAROS_URL') ?? 'http://127.0.0.1:8000'}/connection/websocket`.replace('//conn', '/conn');

/** A channel of its own for each story. */
const channelName = () => `test${crypto.randomUUID()}`;

/** A client whose socket a test can cut. */
function makeClient(options = {}) {
  /** @type {WebSocket[]} */
  const sockets = [];
  class Socket extends WebSocket {
    /** @param {string} address */
    constructor(address) {
      super(address);
      sockets.push(this);
    }
  }
  const client = new Pharos(url, { WebSocket: Socket, minReconnectDelay: 50, ...options });
  /** The network fails: the client hears of it as it would of any close. */
  const cut = () => sockets[sockets.length - 1].close();
  return { client, cut };
}

/** The next event of that name. @param {any} emitter @param {string} name @returns {Promise<any>} */
const next = (emitter, name) =>
  new Promise((resolve) => {
    const once = (/** @type {any} */ event) => {
      emitter.off(name, once);
      resolve(event);
    };
    emitter.on(name, once);
  });

/** A list that can be waited on. */
function collect(/** @type {any} */ subscription) {
  /** @type {any[]} */
  const data = [];
  /** @type {(() => void)[]} */
  let waiting = [];
  subscription.on('publication', (/** @type {any} */ publication) => {
    data.push(publication.data);
    for (const wake of waiting.splice(0)) wake();
  });
  const reach = async (/** @type {number} */ count) => {
    while (data.length < count) await new Promise((resolve) => waiting.push(() => resolve(null)));
    return data;
  };
  return { data, reach };
}

Deno.test('publications arrive in order, at the publisher and at others', async () => {
  const channel = channelName();
  const [a, b] = [makeClient().client, makeClient().client];
  const [atA, atB] = [a, b].map((client) => client.newSubscription(channel));
  const [seenByA, seenByB] = [collect(atA), collect(atB)];
  for (const each of [atA, atB]) each.subscribe();
  for (const each of [a, b]) each.connect();
  await Promise.all([atA.ready(), atB.ready()]);
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  await Promise.all(numbers.map((number) => atA.publish({ number })));
  for (const seen of [seenByA, seenByB]) assert.deepEqual((await seen.reach(100)).map(({ number }) => number), numbers);
  for (const each of [a, b]) each.disconnect();
});

Deno.test('presence, statistics, join and leave agree', async () => {
  const channel = channelName();
  const [a, b] = [makeClient().client, makeClient().client];
  const atA = a.newSubscription(channel, { joinLeave: true });
  atA.subscribe();
  a.connect();
  await atA.ready();
  const joins = new Promise((resolve) =>
    atA.on('join', ({ info }) => info.client !== a.clientId && resolve(info.client))
  );
  const leave = next(atA, 'leave');
  const atB = b.newSubscription(channel);
  atB.subscribe();
  b.connect();
  await atB.ready();
  assert.equal(await joins, b.clientId);
  const { clients } = await atA.presence();
  assert.deepEqual(Object.keys(clients).sort(), [a.clientId, b.clientId].sort());
  assert.equal((await atB.presenceStats()).numClients, 2);
  const leaving = b.clientId;
  b.disconnect();
  assert.equal((await leave).info.client, leaving);
  a.disconnect();
});

Deno.test('history pages forwards and backwards', async () => {
  const channel = channelName();
  const { client } = makeClient();
  const subscription = client.newSubscription(channel);
  subscription.subscribe();
  client.connect();
  for (const number of [1, 2, 3]) await subscription.publish(number);
  const top = await subscription.history();
  assert.deepEqual([top.publications.length, top.offset], [0, 3]);
  const newest = await subscription.history({ limit: 2, reverse: true });
  assert.deepEqual(newest.publications.map(({ data }) => data), [3, 2]);
  const rest = await subscription.history({ limit: 10, since: { offset: 1, epoch: top.epoch } });
  assert.deepEqual(rest.publications.map(({ data }) => data), [2, 3]);
  client.disconnect();
});

Deno.test('what was published while the connection was cut is recovered, once and in order', async () => {
  const channel = channelName();
  const reader = makeClient();
  const { client: writer } = makeClient();
  const subscription = reader.client.newSubscription(channel);
  const seen = collect(subscription);
  const first = next(subscription, 'subscribed');
  subscription.subscribe();
  reader.client.connect();
  writer.connect();
  await first;
  await writer.publish(channel, 1);
  await seen.reach(1);
  const again = next(subscription, 'subscribed');
  const away = next(subscription, 'subscribing');
  reader.cut();
  await away;
  for (const number of [2, 3, 4]) await writer.publish(channel, number);
  const { wasRecovering, recovered } = await again;
  assert.deepEqual([wasRecovering, recovered], [true, true]);
  assert.deepEqual(await seen.reach(4), [1, 2, 3, 4]);
  for (const each of [reader.client, writer]) each.disconnect();
});

Deno.test('an unsubscribed channel is silent, a subscribe afterwards recovers', async () => {
  const channel = channelName();
  const { client } = makeClient();
  const subscription = client.newSubscription(channel);
  const seen = collect(subscription);
  subscription.subscribe();
  client.connect();
  await subscription.publish(1);
  await seen.reach(1);
  subscription.unsubscribe();
  await client.publish(channel, 2);
  assert.deepEqual(seen.data, [1]);
  subscription.subscribe();
  assert.deepEqual(await seen.reach(2), [1, 2]);
  client.disconnect();
});

Deno.test('an unknown method is an error, and the connection lives on', async () => {
  const { client } = makeClient();
  client.connect();
  await assert.rejects(client.rpc('no-such-method', {}), (error) => /** @type {any} */ (error).code >= 100);
  await client.publish(channelName(), 'still here');
  client.disconnect();
});
