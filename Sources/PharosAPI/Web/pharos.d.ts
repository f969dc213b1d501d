/** The browser client of Pharos. What each call does, and when each event comes: docs/browser-client.md. */

// Shapes

/** A place in the stream of a channel. */
export interface StreamPosition {
  offset: number;
  epoch: string;
}

/** A connection, as others see it. */
export interface ClientInfo {
  /** Empty for a connection without a user. */
  user: string;
  /** The id of the connection. */
  client: string;
  /** Of the connection's token or connect hook. */
  connInfo?: any;
  /** Of the subscription's token or subscribe hook. */
  chanInfo?: any;
}

export interface Publication<Data = any> {
  channel: string;
  /** A value, or a `Uint8Array` of what is not JSON. */
  data: Data;
  /** Its number in the channel, from 1; absent without history. */
  offset?: number;
  tags?: Record<string, string>;
  /** The connection that published; absent for publications of the server API. */
  info?: ClientInfo;
}

/** How a state was entered, and why. */
export interface StateChange {
  code: number;
  reason: string;
}

export interface SubscriptionChange extends StateChange {
  channel: string;
}

export interface Membership {
  channel: string;
  info: ClientInfo;
}

export interface ConnectedEvent {
  /** The id that the server gave to this connection. */
  client: string;
  /** Of the server. */
  version: string;
  /** The address of the list that was reached. */
  url: string;
  /** The transport that worked. */
  transport: string;
  /** Of the connect hook. */
  data?: any;
}

export interface ReconnectingEvent {
  /** How many attempts have failed before. */
  attempt: number;
  /** Milliseconds until the next attempt. */
  delay: number;
  /** The transport that will be tried. */
  transport: string;
}

export interface SubscribedEvent {
  channel: string;
  /** The server keeps a history from which this subscription recovers. */
  recoverable: boolean;
  /** The server watches that no publication is lost. */
  positioned: boolean;
  /** This subscribe asked for missed publications … */
  wasRecovering: boolean;
  /** … and all of them follow as `publication` events. */
  recovered: boolean;
  hasRecoveredPublications: boolean;
  streamPosition?: StreamPosition;
  /** Of the subscribe hook. */
  data?: any;
}

export interface ServerMessage {
  /** Empty: a message is to the connection. */
  channel: string;
  data: any;
}

export interface HistoryOptions {
  /** Publications at most; without it the answer is the position only, -1 is as many as the server gives. */
  limit?: number;
  /** Those after this position. */
  since?: StreamPosition;
  /** The newest first. */
  reverse?: boolean;
}

export interface HistoryResult<Data = any> extends StreamPosition {
  publications: Publication<Data>[];
}

export interface PresenceResult {
  /** By the id of the connection. */
  clients: Record<string, ClientInfo>;
}

export interface PresenceStatsResult {
  numClients: number;
  numUsers: number;
}

// States and events

export type StateName = 'disconnected' | 'connecting' | 'connected';
export type SubscriptionStateName = 'unsubscribed' | 'subscribing' | 'subscribed';

export const State: Readonly<{ Disconnected: 'disconnected'; Connecting: 'connecting'; Connected: 'connected' }>;
export const SubscriptionState: Readonly<
  { Unsubscribed: 'unsubscribed'; Subscribing: 'subscribing'; Subscribed: 'subscribed' }
>;

export interface PharosEvents {
  state: { oldState: StateName; newState: StateName };
  connecting: StateChange;
  reconnecting: ReconnectingEvent;
  connected: ConnectedEvent;
  disconnected: StateChange;
  error: PharosError;
  message: ServerMessage;
  // Of the subscriptions that the server made:
  subscribing: { channel: string };
  subscribed: SubscribedEvent;
  publication: Publication;
  join: Membership;
  leave: Membership;
  unsubscribed: SubscriptionChange;
}

export interface SubscriptionEvents<Data = any> {
  state: { channel: string; oldState: SubscriptionStateName; newState: SubscriptionStateName };
  subscribing: SubscriptionChange;
  subscribed: SubscribedEvent;
  publication: Publication<Data>;
  join: Membership;
  leave: Membership;
  unsubscribed: SubscriptionChange;
  error: PharosError;
}

declare class Emitter<Events> {
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this;
  /** The next event alone. */
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this;
  off<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this;
  /** Those of one event, or of all. */
  removeAllListeners(name?: keyof Events): this;
}

// Options

export type TransportName = 'websocket' | 'http_stream' | 'sse' | 'eventsource' | 'long_poll';

/** One transport with its own address, where addresses do not follow from each other. */
export interface EndpointURL {
  transport: TransportName;
  endpoint: string;
}

/** Asked whenever a token is needed. Throws `UnauthorizedError` or gives '' to end the attempts. */
export type TokenSource<Context> = (context: Context) => Promise<string> | string;

export interface PharosOptions {
  /** Connection JWT. */
  token?: string;
  /** Asked at the first connect without `token`, and when a token is about to expire or has expired. */
  getToken?: TokenSource<{}>;
  /** Sent with the connect command. */
  data?: any;
  /** Asked before each connect; in place of `data`. */
  getData?: (context: {}) => any;
  /** Sent inside the connect command, for hooks: those that the server's `emulated_headers` names are passed on. */
  headers?: Record<string, string>;
  /** Name of the client in the server's metrics, at most 16 characters; `pharos-js`. */
  name?: string;
  /** Version of the program, for the connect hook. */
  version?: string;
  /** Milliseconds, 500; also the least delay before a resubscribe. */
  minReconnectDelay?: number;
  /** Milliseconds, 20000; also the greatest delay before a resubscribe. */
  maxReconnectDelay?: number;
  /** Milliseconds a command may take, 5000. */
  timeout?: number;
  /** Milliseconds a server ping may be late, 10000. */
  maxServerPingDelay?: number;
  /** The transports to try, in this order: names, and classes of your own. */
  transports?: readonly (TransportName | TransportClass)[];
  /** Milliseconds for which a transport that is not the first of the order is kept before the first is tried again, 300000. */
  transportMemory?: number;
  /** Where commands go that travel beside a stream; `/emulation` of the same server. */
  emulationEndpoint?: string;
  /** Whether requests carry cookies; `same-origin`. */
  credentials?: RequestCredentials;
  /** How messages are written; JSON. Another: `protobuf` of `pharos-protobuf.js`. */
  codec?: Codec;
  /** The classes and functions to use in place of the platform's. A WebSocket class makes WebSocket the only default transport. */
  WebSocket?: any;
  websocket?: any;
  fetch?: any;
  EventSource?: any;
  eventsource?: any;
  /** Where `online` and `offline` are heard; null: nowhere. */
  network?: EventTarget | null;
  networkEventTarget?: EventTarget | null;
  /** The document whose visibility says that timers may have stood still; null: none. */
  page?: any;
  /** Timers and chance, for tests. */
  clock?: {
    setTimeout(action: () => void, ms: number): any;
    clearTimeout(handle: any): void;
    random(): number;
  };
}

export interface SubscriptionOptions {
  /** Subscription JWT. */
  token?: string;
  getToken?: TokenSource<{ channel: string }>;
  /** Sent with the subscribe command. */
  data?: any;
  /** Asked before each subscribe; in place of `data`. */
  getData?: (context: { channel: string }) => any;
  /** Ask for recovery; true unless said otherwise. */
  recoverable?: boolean;
  /** Ask the server to watch for gaps. */
  positioned?: boolean;
  /** Ask for `join` and `leave`. */
  joinLeave?: boolean;
  /** Recover from here at the first subscribe. */
  since?: StreamPosition;
  /** Ask for publications as differences from the one before. */
  delta?: 'fossil';
  /** In place of the client's `minReconnectDelay` and `maxReconnectDelay`. */
  minResubscribeDelay?: number;
  maxResubscribeDelay?: number;
}

// Transports and codecs of your own

/** A connection in the shape of a WebSocket. */
export interface Transport {
  onopen: null | (() => void);
  /** With a frame of the codec, or with a list of messages that are read already. */
  onmessage: null | ((event: { data: any }) => void);
  /** Code 1006 where there is none: the client comes back. */
  onclose: null | ((event: { code: number; reason: string }) => void);
  /** The first frame begins with the connect command. */
  send(frame: any): void;
  close(): void;
  /** The connect reply. */
  greeted?(result: { session?: string; node?: string }): void;
  /** The client disconnects for good; the frame ends its subscriptions. For transports whose end the server cannot see. */
  leave?(frame: any): void;
}

export interface TransportClass {
  new (url: string, context: TransportContext): Transport;
  /** The name in events and in the memory; otherwise that of the class. */
  transportName?: string;
}

/** What a transport may use. */
export interface TransportContext {
  WebSocket: any;
  EventSource: any;
  fetch: any;
  codec: Codec;
  credentials: RequestCredentials;
  /** The address of the emulation. */
  emulation: string;
  /** Milliseconds a command may take. */
  timeout: number;
}

/** How messages are written. */
export interface Codec {
  name: string;
  contentType: string;
  /** Of the WebSocket; '' for none. */
  subprotocol: string;
  encode(command: any): any;
  /** Commands, or frames, to one frame. */
  join(pieces: any[]): any;
  decode(frame: any): any[];
  /** The body of a request to the emulation. */
  emulated(session: string, node: string, frame: any): any;
  /** Makes a function that takes the bytes of a stream and gives the frame that they complete. */
  reader(): (bytes: Uint8Array) => any;
}

// The client

/** A connection to Pharos that comes back by itself. */
export class Pharos extends Emitter<PharosEvents> {
  /** Several addresses are nodes of one server; several `EndpointURL` are ways to one node. */
  constructor(target: string | readonly string[] | readonly EndpointURL[], options?: PharosOptions);
  readonly state: StateName;
  /** The id that the server gave to the present connection; empty while there is none. */
  readonly clientId: string;
  /** The transport of the present connection; empty while there is none. */
  readonly transport: string;
  /** Throws where there is nothing to connect with. */
  connect(): void;
  disconnect(): void;
  /** Waits for `connected`; rejects when disconnected, or after `timeout` milliseconds. */
  ready(timeout?: number): Promise<void>;
  setToken(token: string): void;
  setData(data: any): void;
  setHeaders(headers: Record<string, string>): void;
  startBatching(): void;
  stopBatching(): void;
  newSubscription<Data = any>(channel: string, options?: SubscriptionOptions): Subscription<Data>;
  getSubscription(channel: string): Subscription | null;
  removeSubscription(subscription: Subscription | null): void;
  subscriptions(): Record<string, Subscription>;
  publish(channel: string, data: any): Promise<void>;
  rpc<Data = any>(method: string, data?: any): Promise<{ data: Data }>;
  send(data: any): Promise<void>;
  presence(channel: string): Promise<PresenceResult>;
  presenceStats(channel: string): Promise<PresenceStatsResult>;
  history<Data = any>(channel: string, options?: HistoryOptions): Promise<HistoryResult<Data>>;
}

/** A subscription asked for by this client; made by `newSubscription`. */
export class Subscription<Data = any> extends Emitter<SubscriptionEvents<Data>> {
  private constructor();
  readonly channel: string;
  readonly state: SubscriptionStateName;
  subscribe(): void;
  unsubscribe(): void;
  /** Waits for `subscribed`; rejects when unsubscribed, or after `timeout` milliseconds. */
  ready(timeout?: number): Promise<void>;
  setToken(token: string): void;
  setData(data: any): void;
  publish(data: Data): Promise<void>;
  presence(): Promise<PresenceResult>;
  presenceStats(): Promise<PresenceStatsResult>;
  history(options?: HistoryOptions): Promise<HistoryResult<Data>>;
}

/** A failure, with the protocol's code; codes below 100 are this client's own. */
export class PharosError extends Error {
  constructor(code: number, message: string, temporary?: boolean);
  readonly code: number;
  /** The server says that the same may succeed later. */
  readonly temporary: boolean;
  readonly retriable: boolean;
  readonly error: this;
}

/** Thrown by `getToken` or `getData` when the user may not connect or subscribe. */
export class UnauthorizedError extends Error {
  constructor(message?: string);
}

/** Codes made by this client itself. */
export const codes: Readonly<{
  called: 0;
  error: Readonly<
    { timeout: 1; transportClosed: 2; disconnected: 3; token: 5; unsubscribed: 7; data: 8 }
  >;
  connecting: Readonly<
    { transportClosed: 1; noPing: 2; subscribeTimeout: 3; unsubscribeFailed: 4; badDelta: 5 }
  >;
  disconnected: Readonly<{ unauthorized: 1; badProtocol: 2; messageTooBig: 3; badConfiguration: 12 }>;
  subscribing: Readonly<{ transportClosed: 1 }>;
  unsubscribed: Readonly<{ unauthorized: 1; missing: 2 }>;
}>;

/** Whether a client reconnects after a connection was closed with `code`. */
export function reconnectsAfter(code: number): boolean;
/** The delay in milliseconds before attempt number `attempt`, from 0; `chance` in [0, 1). */
export function backOff(attempt: number, least: number, greatest: number, chance: number): number;
/** The target that a Fossil delta makes of a base; throws if it is malformed or of another base. */
export function applyDelta(base: Uint8Array, delta: Uint8Array, limit?: number): Uint8Array;

// Without this everything in a file of declarations counts as exported.
export {};
