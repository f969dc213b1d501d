/** The declarations against the code: what they name is there, and what a program may write passes the compiler. */
import * as client from '../../Sources/PharosAPI/Web/pharos.js';
import type {
  HistoryResult, PresenceResult, PresenceStatsResult, Publication, SubscribedEvent, Transport, TransportContext,
} from '../../Sources/PharosAPI/Web/pharos.js';
import { Pharos, PharosError, Subscription, UnauthorizedError } from '../../Sources/PharosAPI/Web/pharos.js';
import { protobuf } from '../../Sources/PharosAPI/Web/pharos-protobuf.js';

// The compiler asks for each member that is declared, and allows no other.
const ofPharos: Record<keyof Pharos, true> = {
  on: true, once: true, off: true, removeAllListeners: true, state: true, clientId: true, transport: true, connect: true,
  disconnect: true, ready: true, setToken: true, setData: true, setHeaders: true, startBatching: true, stopBatching: true,
  newSubscription: true, getSubscription: true, removeSubscription: true, subscriptions: true, publish: true, rpc: true,
  send: true, presence: true, presenceStats: true, history: true,
};
const ofSubscription: Record<keyof Subscription, true> = {
  on: true, once: true, off: true, removeAllListeners: true, channel: true, state: true, subscribe: true, unsubscribe: true,
  ready: true, setToken: true, setData: true, publish: true, presence: true, presenceStats: true, history: true,
};
const exported: Record<keyof typeof client, true> = {
  Pharos: true, Subscription: true, PharosError: true, UnauthorizedError: true, codes: true, State: true,
  SubscriptionState: true, reconnectsAfter: true, backOff: true, applyDelta: true,
};

const equal = (actual: unknown, expected: unknown) => {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
};

/** Members that are not an implementation's own, from a class and those that it extends. */
function members(made: object): string[] {
  const names = new Set(Object.keys(made));
  for (let each = Object.getPrototypeOf(made); each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  return [...names].filter((name) => name !== 'constructor' && !name.startsWith('_')).sort();
}

declare const Deno: { test(name: string, run: () => void): void };

Deno.test('every member that is declared is there, and every one that is there is declared', () => {
  const made = new Pharos('wss://a/connection/websocket', { network: null });
  equal(members(made), Object.keys(ofPharos).sort());
  equal(members(made.newSubscription('a')), Object.keys(ofSubscription).sort());
  equal(Object.keys(client).sort(), Object.keys(exported).sort());
  equal(protobuf.name, 'protobuf');
});

/** A program as people write it; it is compiled and never run. */
export async function program() {
  class Own implements Transport {
    static transportName = 'own';
    onopen: Transport['onopen'] = null;
    onmessage: Transport['onmessage'] = null;
    onclose: Transport['onclose'] = null;
    constructor(readonly url: string, readonly context: TransportContext) {}
    send(frame: string) {
      this.onmessage?.({ data: frame });
    }
    close() {}
  }
  const made = new Pharos(['https://a', 'https://b'], {
    getToken: async () => (await fetch('/token')).text(),
    getData: () => ({ anything: 1 }),
    headers: { Authorization: 'x' },
    transports: ['websocket', Own, 'long_poll'],
    codec: protobuf,
  });
  made.on('connected', ({ client, transport, url }) => console.log(client.length, transport.length, url.length));
  made.once('disconnected', ({ code, reason }) => console.log(code.toFixed(), reason.length));
  made.on('error', (error: PharosError) => console.log(error.code, error.temporary, error.error.message));
  made.on('state', ({ newState }) => newState === client.State.Connected);
  // @ts-expect-error there is no such event
  made.on('connect', () => {});
  // @ts-expect-error there is no such transport
  new Pharos('/', { transports: ['pigeon'] });
  // @ts-expect-error it is made by newSubscription
  new Subscription();
  const subscription = made.newSubscription<{ text: string }>('a', { delta: 'fossil', since: { offset: 1, epoch: 'x' } });
  subscription.on('publication', ({ data, offset, tags }) => console.log(data.text.length, offset?.toFixed(), tags?.['a']));
  subscription.on('subscribed', (event: SubscribedEvent) => event.wasRecovering && !event.recovered);
  subscription.on('join', ({ info }) => info.user.length + info.client.length);
  await subscription.publish({ text: 'x' });
  // @ts-expect-error of another shape
  await subscription.publish({ words: 'x' });
  const history: HistoryResult<{ text: string }> = await subscription.history({ limit: -1, reverse: true });
  const [first]: Publication<{ text: string }>[] = history.publications;
  const presence: PresenceResult = await made.presence('a');
  const stats: PresenceStatsResult = await made.presenceStats('a');
  console.log(first.data.text, history.offset, presence.clients['x'].connInfo, stats.numUsers);
  const { data } = await made.rpc<{ sum: number }>('add', [1, 2]);
  console.log(data.sum.toFixed());
  new Pharos([{ transport: 'websocket', endpoint: 'wss://a/ws' }], { getToken: () => { throw new UnauthorizedError(); } });
}
