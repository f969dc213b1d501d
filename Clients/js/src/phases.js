/** @import { StateName } from '../pharos.d.ts' */

/**
 * The phases of a connection and what may follow each. Seen from outside, 'idle' is the state "disconnected", 'open' is
 * "connected", and everything between is "connecting".
 * @typedef {'idle' | 'authorizing' | 'opening' | 'greeting' | 'open' | 'waiting'} Phase
 * @type {Readonly<Record<Phase, Phase[]>>}
 */
const following = Object.freeze({
  idle: ['authorizing'],
  authorizing: ['opening', 'waiting', 'idle'],
  opening: ['greeting', 'waiting', 'idle'],
  greeting: ['open', 'waiting', 'idle'],
  open: ['waiting', 'idle'],
  waiting: ['authorizing', 'idle'],
});

/** Where a connection is on its way, and what its listeners have been told of that. */
export class Phases {
  /** @type {Phase} */
  now = 'idle';
  /** Counts connection attempts; answers that belong to an older one are thrown away. */
  round = 0;
  /** @type {StateName} */
  #told = 'disconnected';
  #emit;

  /** @param {(name: any, event: any) => void} emit */
  constructor(emit) {
    this.#emit = emit;
  }

  /** @returns {StateName} */
  get state() {
    if (this.now === 'idle') return 'disconnected';
    return this.now === 'open' ? 'connected' : 'connecting';
  }

  /** @param {Phase} phase */
  enter(phase) {
    if (!following[this.now].includes(phase)) throw new Error(`${phase} cannot follow ${this.now}`);
    this.now = phase;
  }

  /** A question to ask later: is it still this attempt? */
  watch() {
    const { round } = this;
    return () => round === this.round;
  }

  /** Tells of a state, unless a listener has changed it before. @param {string} name @param {any} event */
  announce(name, event) {
    const [isCurrent, oldState] = [this.watch(), this.#told];
    this.#told = this.state;
    if (oldState !== this.#told) this.#emit('state', { oldState, newState: this.#told });
    if (isCurrent()) this.#emit(name, event);
  }
}
