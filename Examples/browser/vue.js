/** Pharos in Vue 3: `const publications = usePublications(client, 'news')`. One component for each channel. */
import { onScopeDispose, shallowRef } from 'vue';

export function usePublications(client, channel, options) {
  const publications = shallowRef([]);
  const subscription = client.newSubscription(channel, options);
  subscription.on('publication', (publication) => (publications.value = [...publications.value, publication]));
  subscription.subscribe();
  onScopeDispose(() => client.removeSubscription(subscription));
  return publications;
}
