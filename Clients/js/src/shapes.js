/** @import { ClientInfo, Publication, SubscribedEvent } from '../pharos.d.ts' */

/**
 * A message's payload in one of its fields: a value, or a Uint8Array of what is not JSON.
 *
 * It is a value already, or base64 with a flag beside it, or, where the messages are not JSON, bytes.
 * @param {any} message @param {string} [name]
 */
export function payloadOf(message, name = 'data') {
  const value = message[name];
  if (message['b64' + name]) return Uint8Array.from(atob(value), (each) => each.charCodeAt(0));
  if (!(value instanceof Uint8Array)) return value;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return value;
  }
}

/** @param {any} info @returns {ClientInfo} */
export function clientInfo(info = {}) {
  const [connInfo, chanInfo] = [payloadOf(info, 'conn_info'), payloadOf(info, 'chan_info')];
  return { user: info.user ?? '', client: info.client ?? '', connInfo, chanInfo };
}

/** @param {string} channel @param {any} publication @returns {Publication} */
export function publicationOf(channel, publication) {
  const { offset, tags, info } = publication;
  return { channel, data: payloadOf(publication), offset, tags, info: info && clientInfo(info) };
}

/** @param {string} channel @param {any} result @returns {SubscribedEvent} */
export function subscribedEvent(channel, result) {
  const isPlaced = result.recoverable || result.positioned;
  return {
    channel,
    recoverable: result.recoverable ?? false,
    positioned: result.positioned ?? false,
    wasRecovering: result.was_recovering ?? false,
    recovered: result.recovered ?? false,
    hasRecoveredPublications: (result.publications?.length ?? 0) > 0,
    streamPosition: isPlaced ? { offset: result.offset ?? 0, epoch: result.epoch ?? '' } : undefined,
    data: payloadOf(result),
  };
}
