/** A story in a worker or a service worker; it begins with the first message, which is its set-up. */
import { Pharos } from '/pharos.js';
import { protobuf } from '/pharos-protobuf.js';
import { begin } from '/story.js';

self.addEventListener('message', ({ data, source }) => {
  const tell = source ? (event) => source.postMessage(event) : (event) => self.postMessage(event);
  begin({ Pharos, protobuf }, data, tell);
});
