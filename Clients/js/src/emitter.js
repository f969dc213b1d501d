/**
 * Listeners by event name. No listener can break the client: errors thrown in one are reported, not propagated.
 * @template {Record<string, any>} Events
 */
export class Emitter {
  /** @type {Map<keyof Events, Map<Function, (event: any) => void>>} by name, then by the function that was given */
  #listeners = new Map();

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  on(name, listener) {
    return this.#add(name, listener, listener);
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  once(name, listener) {
    return this.#add(name, listener, (/** @type {any} */ event) => {
      this.off(name, listener);
      listener(event);
    });
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name @param {(event: Events[Name]) => void} listener
   */
  off(name, listener) {
    this.#listeners.get(name)?.delete(listener);
    return this;
  }

  /** All listeners of the event, or of all events. @param {keyof Events} [name] */
  removeAllListeners(name) {
    if (name === undefined) this.#listeners.clear();
    else this.#listeners.delete(name);
    return this;
  }

  /** @param {keyof Events} name @param {Function} key @param {(event: any) => void} listener */
  #add(name, key, listener) {
    const listeners = this.#listeners.get(name) ?? new Map();
    this.#listeners.set(name, listeners.set(key, listener));
    return this;
  }

  /**
   * @internal
   * @template {keyof Events} Name
   * @param {Name} name @param {Events[Name]} event
   */
  _emit(name, event) {
    for (const listener of [...(this.#listeners.get(name)?.values() ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        if (typeof reportError === 'function') reportError(error);
        else console.error(error);
      }
    }
  }
}
