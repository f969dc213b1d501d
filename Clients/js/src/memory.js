/** Which transport worked at an endpoint, for this page and, where there is a session storage, for its next ones. */

/** @typedef {{ name: string, at: number }} Choice at: when it was found, of the wall clock */

/** @type {Map<string, Choice>} */
const choices = new Map();
const prefix = 'pharos.transport:';

/** A page may be forbidden to have a storage, which then throws at the first touch. @param {(storage: Storage) => any} use */
function stored(use) {
  try {
    return use(globalThis.sessionStorage);
  } catch {
    return null;
  }
}

/** @param {string} endpoint @returns {Choice | null} */
export function recall(endpoint) {
  const choice = choices.get(endpoint) ?? JSON.parse(stored((storage) => storage.getItem(prefix + endpoint)) ?? 'null');
  return typeof choice?.name === 'string' ? choice : null;
}

/** @param {string} endpoint @param {string} name */
export function remember(endpoint, name) {
  if (recall(endpoint)?.name === name) return;
  const choice = { name, at: Date.now() };
  choices.set(endpoint, choice);
  stored((storage) => storage.setItem(prefix + endpoint, JSON.stringify(choice)));
}

/** @param {string} endpoint */
export function forget(endpoint) {
  choices.delete(endpoint);
  stored((storage) => storage.removeItem(prefix + endpoint));
}
