/** @import { StreamPosition } from '../pharos.d.ts' */

/** The epoch no stream has: recovery from it fails, which tells the application that its state is stale. */
const noEpoch = '_';

/** Where a subscription is in its stream. Null where the server grants no recovery. */
export class Place {
  /** @type {StreamPosition | null} */
  position = null;

  /** @param {any} result of a subscribe: its offset is the one that the publications in it advance from */
  granted(result) {
    this.position = result.recoverable ? { offset: result.offset ?? 0, epoch: result.epoch ?? '' } : null;
  }

  /** @param {any} publication whose epoch is set if it is the first of a stream that was empty at the subscribe */
  advance(publication) {
    if (!this.position || !publication.offset) return;
    this.position.offset = publication.offset;
    if (publication.epoch) this.position.epoch = publication.epoch;
  }

  invalidate() {
    if (this.position) this.position = { offset: 0, epoch: noEpoch };
  }

  /** The part of a subscribe request that asks for what was missed. */
  get request() {
    return this.position ? { recover: true, offset: this.position.offset, epoch: this.position.epoch } : {};
  }
}
