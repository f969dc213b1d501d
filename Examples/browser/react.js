/** Pharos in React: two hooks. The client is made once, outside of the components, and given to them. */
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

/** How many components listen to a channel of a client; the last one takes the subscription away. */
const listeners = new WeakMap();

function acquire(client, channel, options) {
  const subscription = client.getSubscription(channel) ?? client.newSubscription(channel, options);
  listeners.set(subscription, (listeners.get(subscription) ?? 0) + 1);
  subscription.subscribe();
  return subscription;
}

function release(client, subscription) {
  listeners.set(subscription, listeners.get(subscription) - 1);
  // A component that is mounted again at once, as in strict mode, goes on with the same subscription.
  setTimeout(() => listeners.get(subscription) === 0 && client.removeSubscription(subscription));
}

/** `disconnected`, `connecting` or `connected`. */
export function useConnectionState(client) {
  const subscribe = useCallback((changed) => {
    client.on('state', changed);
    return () => client.off('state', changed);
  }, [client]);
  return useSyncExternalStore(subscribe, () => client.state, () => 'disconnected');
}

/** The publications of a channel since the component was mounted, the newest last, `limit` at most. */
export function usePublications(client, channel, { limit = 100, options } = {}) {
  const [publications, setPublications] = useState([]);
  useEffect(() => {
    const subscription = acquire(client, channel, options);
    const add = (publication) => setPublications((known) => [...known, publication].slice(-limit));
    // Too much was missed: what is shown may have a gap, so it begins anew.
    const begin = ({ wasRecovering, recovered }) => wasRecovering && !recovered && setPublications([]);
    subscription.on('subscribed', begin).on('publication', add);
    return () => {
      subscription.off('subscribed', begin).off('publication', add);
      release(client, subscription);
      setPublications([]);
    };
  }, [client, channel, limit]);
  return publications;
}
