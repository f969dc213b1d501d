import { codes } from './codes.js';

/** A failure, with the protocol's code; codes below 100 are this client's own. */
export class PharosError extends Error {
  /** @param {number} code @param {string} message @param {boolean} [temporary] */
  constructor(code, message, temporary = false) {
    super(message);
    this.name = 'PharosError';
    this.code = code;
    this.temporary = temporary;
  }

  /** Whether the same command may succeed later; a token that expired is a case of its own. */
  get retriable() {
    return this.temporary || this.code < 100;
  }

  /** The error itself, for listeners written as `({ error }) => …`. */
  get error() {
    return this;
  }
}

/** Thrown by `getToken` or `getData` when the user may not connect or subscribe: no further attempt is made. */
export class UnauthorizedError extends Error {
  constructor(message = 'unauthorized') {
    super(message);
    this.name = 'UnauthorizedError';
  }
}

/** @param {string} [reason] @returns {PharosError} for what the end of a connection has interrupted */
export function closedError(reason = 'transport closed') {
  return new PharosError(codes.error.transportClosed, reason, true);
}

export function timeoutError() {
  return new PharosError(codes.error.timeout, 'timeout', true);
}

/**
 * Asks the application for a token or for data.
 *
 * @param {(() => any) | undefined} source @param {number} code of the error if that fails
 * @returns {Promise<{ value?: any, error?: PharosError | null }>} error is null if the application refuses for good
 */
export async function asked(source, code) {
  try {
    return { value: await source?.() };
  } catch (error) {
    if (error instanceof UnauthorizedError) return { error: null };
    const what = code === codes.error.token ? 'token' : 'data';
    return { error: new PharosError(code, `no ${what}: ${error}`, true) };
  }
}
