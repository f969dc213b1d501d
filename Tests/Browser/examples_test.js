// @ts-check
/**
 * The short examples for Vue and Svelte against a client and a server moved by hand. The two functions that each takes
 * from its framework are stood in for here: neither framework is a part of the tests.
 */
import assert from 'node:assert/strict';
import { Pharos } from '../../Sources/PharosAPI/Web/pharos.js';
import { FakeNetwork, ManualClock } from './fakes.js';

/** An example with its framework's module replaced by `stand`. @param {string} name @param {string} framework @param {string} stand */
async function example(name, framework, stand) {
  const source = await Deno.readTextFile(new URL(`../../Examples/browser/${name}`, import.meta.url));
  const there = source.replace(`'${framework}'`, `'data:text/javascript,${encodeURIComponent(stand)}'`);
  assert.notEqual(there, source);
  return import(`data:text/javascript,${encodeURIComponent(there)}`);
}

/** A connected client. */
async function connected() {
  const network = new FakeNetwork();
  const client = new Pharos('ws://a/', { WebSocket: network.WebSocket, network: null, clock: new ManualClock() });
  client.connect();
  await network.socket.accept();
  await network.socket.reply({ id: 1, connect: { client: 'me' } });
  network.socket.commands;
  /** Grants the subscribe that was asked for and publishes. @param {any[]} data */
  const publish = async (...data) => {
    await Promise.resolve();
    const { id } = network.socket.commands.find(({ subscribe }) => subscribe);
    await network.socket.reply({ id, subscribe: {} }, ...data.map((each) => ({ push: { channel: 'a', pub: { data: each } } })));
  };
  return { client, publish };
}

Deno.test('Vue: a ref grows with each publication, and the end of its scope ends the subscription', async () => {
  const stand = `
    export const shallowRef = (value) => ({ value });
    export const onScopeDispose = (action) => (globalThis.dispose = action);`;
  const { usePublications } = await example('vue.js', 'vue', stand);
  const { client, publish } = await connected();
  const publications = usePublications(client, 'a');
  await publish(1, 2);
  assert.deepEqual(publications.value.map((/** @type {any} */ { data }) => data), [1, 2]);
  /** @type {any} */ (globalThis).dispose();
  assert.deepEqual(client.subscriptions(), {});
});

Deno.test('Svelte: a store holds the publications, and its end ends the subscription', async () => {
  const stand = `
    export const readable = (value, start) => ({
      subscribe(run) {
        run(value);
        const set = (next) => run((value = next));
        return start(set, (change) => set(change(value)));
      },
    });`;
  const { publications } = await example('svelte.js', 'svelte/store', stand);
  const { client, publish } = await connected();
  /** @type {any[]} */
  let now = [];
  const stop = publications(client, 'a').subscribe((/** @type {any[]} */ value) => (now = value));
  await publish('x');
  assert.deepEqual(now.map(({ data }) => data), ['x']);
  stop();
  assert.deepEqual(client.subscriptions(), {});
});
