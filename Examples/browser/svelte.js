/** Pharos in Svelte: `const news = publications(client, 'news')`, then `{#each $news as { data }}`. */
import { readable } from 'svelte/store';

export const publications = (client, channel, options) =>
  readable([], (set, update) => {
    const subscription = client.newSubscription(channel, options);
    subscription.on('publication', (publication) => update((known) => [...known, publication]));
    subscription.subscribe();
    return () => client.removeSubscription(subscription);
  });
