/**
 * What happens around a client: the network comes and goes, and a page or a computer sleeps.
 *
 * @typedef {object} Reactions
 * @property {() => void} online
 * @property {() => void} offline
 * @property {() => void} awake     timers may have stood still
 * @property {() => void} gone      the page is left, and no later than now
 */

/** Which events of which target say so. */
const awakening = ['visibilitychange', 'resume', 'pageshow', 'focus'];

export class Surroundings {
  #network;
  #page;
  #reactions;

  /** @param {EventTarget | null} network @param {any} page @param {Reactions} reactions */
  constructor(network, page, reactions) {
    this.#network = network;
    this.#page = page;
    this.#reactions = {
      ...reactions,
      awake: () => page.visibilityState !== 'hidden' && reactions.awake(),
      // One that is kept for the way back would come back without its subscriptions.
      hidden: (/** @type {any} */ { persisted }) => persisted || reactions.gone(),
    };
  }

  listen() {
    this.#each('addEventListener');
  }

  ignore() {
    this.#each('removeEventListener');
  }

  /** @param {'addEventListener' | 'removeEventListener'} method */
  #each(method) {
    const { online, offline, awake, hidden } = this.#reactions;
    this.#network?.[method]('online', online);
    this.#network?.[method]('offline', offline);
    if (!this.#page) return;
    for (const name of awakening) {
      this.#page[method](name, awake);
      // Some of them are events of the window, and do not pass the document.
      this.#page.defaultView?.[method](name, awake);
    }
    this.#page.defaultView?.[method]('pagehide', hidden);
  }
}
