/** Codes made by this client itself. Codes from the server start at 100 (errors), 2000 and 3000. */
export const codes = Object.freeze({
  /** The application called connect, disconnect, subscribe or unsubscribe. */
  called: 0,
  error: Object.freeze({ timeout: 1, transportClosed: 2, disconnected: 3, token: 5, unsubscribed: 7, data: 8 }),
  connecting: Object.freeze({ transportClosed: 1, noPing: 2, subscribeTimeout: 3, unsubscribeFailed: 4, badDelta: 5 }),
  disconnected: Object.freeze({ unauthorized: 1, badProtocol: 2, messageTooBig: 3, badConfiguration: 12 }),
  subscribing: Object.freeze({ transportClosed: 1 }),
  unsubscribed: Object.freeze({ unauthorized: 1, missing: 2 }),
});

/** Codes of the server that this client acts on. */
export const serverCodes = Object.freeze({
  notAvailable: 108,
  tokenExpired: 109,
  subscriptionExpired: 2501,
  subscriptionInvalidated: 2502,
  connectionExpired: 3005,
  stateInvalidated: 3014,
  commandNotAvailable: 3508,
});

/** The states of a client, as `client.state` and the event `state` name them. */
export const State = Object.freeze({
  Disconnected: 'disconnected',
  Connecting: 'connecting',
  Connected: 'connected',
});

/** The states of a subscription. */
export const SubscriptionState = Object.freeze({
  Unsubscribed: 'unsubscribed',
  Subscribing: 'subscribing',
  Subscribed: 'subscribed',
});

/**
 * Whether a client reconnects after a connection was closed with `code`.
 * @param {number} code
 */
export function reconnectsAfter(code) {
  if (code === 1009) return false;
  return !((code >= 3500 && code < 4000) || (code >= 4500 && code < 5000));
}
