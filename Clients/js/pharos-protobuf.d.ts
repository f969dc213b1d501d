import type { Codec } from './pharos.js';

/** The messages in Protobuf, for the option `codec`: over WebSocket and HTTP stream. */
export const protobuf: Codec;
