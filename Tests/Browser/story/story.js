// @ts-check
/**
 * A client that tells all that happens to it, wherever it runs: in a page, a worker, a service worker, Node or Deno.
 *
 * @param {{ Pharos: any, protobuf: any }} modules
 * @param {any} setup  the address, the channel, options, `codec` by name
 * @param {(event: any) => void} tell
 */
export function begin({ Pharos, protobuf }, { url, channel, options = {}, codec }, tell) {
  const client = new Pharos(url, {
    minReconnectDelay: 50,
    maxReconnectDelay: 500,
    ...options,
    ...(codec ? { codec: protobuf } : {}),
  });
  client.on('connected', (/** @type {any} */ { transport }) => tell({ connected: transport }));
  client.on('disconnected', (/** @type {any} */ { code, reason }) => tell({ problem: `disconnected ${code} ${reason}` }));
  client.on('connecting', (/** @type {any} */ { code }) => tell({ connecting: code }));
  const subscription = client.newSubscription(channel, { delta: options.delta });
  subscription.on('publication', (/** @type {any} */ { data }) => tell({ seen: data.n }));
  subscription.on('subscribed', (/** @type {any} */ { wasRecovering, recovered }) =>
    tell({ subscribed: !wasRecovering || recovered }));
  subscription.on('unsubscribed', (/** @type {any} */ { code, reason }) => tell({ problem: `unsubscribed ${code} ${reason}` }));
  subscription.subscribe();
  client.connect();
  return { client, subscription };
}
