// @ts-check
/**
 * The browser client with the addresses of three nodes, of which the first is killed by PHAROS_KILL_CMD:
 * `PHAROS_URLS='http://127.0.0.1:8001 …' deno test -A --no-remote Tests/Browser/pharos_cluster_test.js`.
 */
import assert from 'node:assert/strict';
import { Pharos } from '../../Sources/PharosAPI/Web/pharos.js';

const urls = (Deno.env.get('PHAROS_URLS') ?? '').split(' ').map((each) => `${each}/connection/websocket`);
const killCommand = Deno.env.get('PHAROS_KILL_CMD') ?? 'make cluster-kill NODE=1';

/** The next event of that name. @param {any} emitter @param {string} name @returns {Promise<any>} */
const next = (emitter, name) =>
  new Promise((resolve) => {
    const once = (/** @type {any} */ event) => {
      emitter.off(name, once);
      resolve(event);
    };
    emitter.on(name, once);
  });

Deno.test('a client of a killed node goes on at the next one, and misses nothing', async () => {
  const [moving, staying] = [new Pharos(urls), new Pharos(urls[2])];
  const channel = `moves${crypto.randomUUID()}`;
  /** @type {any[]} */
  const heard = [];
  const subscription = moving.newSubscription(channel);
  subscription.on('publication', ({ data }) => heard.push(data));
  subscription.subscribe();
  moving.connect();
  staying.connect();
  assert.equal((await next(moving, 'connected')).url, urls[0]);
  await next(subscription, 'subscribed');
  await staying.publish(channel, 1);
  while (heard.length < 1) await next(subscription, 'publication');
  const [lost, back] = [next(moving, 'connecting'), next(moving, 'connected')];
  const subscribed = next(subscription, 'subscribed');
  const kill = await new Deno.Command('bash', { args: ['-c', killCommand] }).output();
  assert.ok(kill.success, new TextDecoder().decode(kill.stderr));
  await lost;
  await staying.publish(channel, 2);
  assert.equal((await back).url, urls[1]);
  assert.equal((await subscribed).recovered, true);
  await staying.publish(channel, 3);
  while (heard.length < 3) await next(subscription, 'publication');
  assert.deepEqual(heard, [1, 2, 3]);
  for (const client of [moving, staying]) client.disconnect();
});
