/** @import { TransportContext } from '../../pharos.d.ts' */

/** The platform's WebSocket, or the class that was given. @param {string} url @param {TransportContext} context */
export function openWebSocket(url, { WebSocket, codec }) {
  const address = new URL(url);
  address.protocol = address.protocol.replace(/^http/, 'ws');
  if (!codec.subprotocol) return new WebSocket(address.href);
  const socket = new WebSocket(address.href, codec.subprotocol);
  socket.binaryType = 'arraybuffer';
  return socket;
}
