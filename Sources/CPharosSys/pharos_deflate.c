#include "pharos_deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// What a flush leaves at the end of its output: an empty block without compression.
static const unsigned char tail[4] = {0x00, 0x00, 0xff, 0xff};

struct pharos_deflater {
    z_stream stream;
};

pharos_deflater *pharos_deflater_make(int level, int window_bits) {
    // zlib takes raw streams from 9 bits on: with 8 it would write what a peer with 8 cannot read.
    if (level < 1 || level > 9 || window_bits < 9 || window_bits > 15) return NULL;
    pharos_deflater *deflater = calloc(1, sizeof *deflater);
    if (!deflater) return NULL;
    // Memory level 5: its hash table, cleared for every message, has 8 KiB instead of the usual 64, which a short message
    // feels and its size does not.
    if (deflateInit2(&deflater->stream, level, Z_DEFLATED, -window_bits, 5, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

void pharos_deflater_free(pharos_deflater *deflater) {
    if (!deflater) return;
    deflateEnd(&deflater->stream);
    free(deflater);
}

size_t pharos_deflater_bound(pharos_deflater *deflater, size_t count) {
    // The bound is for a stream that is finished; a flush ends with an empty block, and needs room to spare to be whole.
    return deflateBound(&deflater->stream, count) + 16;
}

ssize_t pharos_deflate_message(
    pharos_deflater *deflater, const void *bytes, size_t count, void *target, size_t capacity) {
    if (count > UINT_MAX || capacity > UINT_MAX) return -1;
    z_stream *stream = &deflater->stream;
    if (deflateReset(stream) != Z_OK) return -1;
    stream->next_in = (Bytef *)bytes;
    stream->avail_in = (uInt)count;
    stream->next_out = target;
    stream->avail_out = (uInt)capacity;
    // With no room left the flush may not be complete.
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in > 0 || stream->avail_out == 0) return -1;
    size_t written = capacity - stream->avail_out;
    if (written < sizeof tail + 1) return -1;
    if (memcmp((unsigned char *)target + written - sizeof tail, tail, sizeof tail) != 0) return -1;
    return (ssize_t)(written - sizeof tail);
}

struct pharos_inflater {
    z_stream stream;
    // Of the message, from `next_in` on.
    size_t rest;
    // The message is consumed, and the tail is being read.
    int at_tail;
    // The block just read was marked as the last: what follows begins a stream of its own.
    int at_end;
};

pharos_inflater *pharos_inflater_make(void) {
    pharos_inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater) return NULL;
    if (inflateInit2(&inflater->stream, -15) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void pharos_inflater_free(pharos_inflater *inflater) {
    if (!inflater) return;
    inflateEnd(&inflater->stream);
    free(inflater);
}

void pharos_inflate_begin(pharos_inflater *inflater, const void *bytes, size_t count) {
    inflateReset(&inflater->stream);
    inflater->stream.next_in = (Bytef *)bytes;
    inflater->stream.avail_in = 0;
    inflater->rest = count;
    inflater->at_tail = 0;
    // An empty message is one byte, but some peers send it as none.
    inflater->at_end = count == 0;
}

// Gives zlib its next bytes: the message, then the tail. 0: there are no more.
static int feed(pharos_inflater *inflater) {
    z_stream *stream = &inflater->stream;
    if (inflater->rest > 0) {
        uInt part = inflater->rest > UINT_MAX ? UINT_MAX : (uInt)inflater->rest;
        stream->avail_in = part;
        inflater->rest -= part;
        return 1;
    }
    // A message that ended with a last block is whole; what a flush leaves would make no sense behind it.
    if (inflater->at_tail || inflater->at_end) return 0;
    inflater->at_tail = 1;
    stream->next_in = (Bytef *)tail;
    stream->avail_in = sizeof tail;
    return 1;
}

int pharos_inflate_next(pharos_inflater *inflater, void *target, size_t capacity, size_t *written) {
    z_stream *stream = &inflater->stream;
    uInt room = capacity > UINT_MAX ? UINT_MAX : (uInt)capacity;
    stream->next_out = target;
    stream->avail_out = room;
    int outcome = -1;
    while (outcome < 0) {
        if (stream->avail_in == 0 && !feed(inflater)) {
            // Between two blocks, and at the end of a byte: all else was cut off.
            int is_whole = inflater->at_end || (stream->data_type & (128 | 63)) == 128;
            outcome = is_whole ? PHAROS_INFLATE_DONE : PHAROS_INFLATE_BROKEN;
            break;
        }
        if (inflater->at_end) {
            // Bytes behind a last block (RFC 7692, section 7.2.3.4).
            inflateReset(stream);
            inflater->at_end = 0;
        }
        switch (inflate(stream, Z_SYNC_FLUSH)) {
        case Z_OK:
        case Z_BUF_ERROR:
            if (stream->avail_out == 0) outcome = PHAROS_INFLATE_FULL;
            else if (stream->avail_in > 0) outcome = PHAROS_INFLATE_BROKEN;
            break;
        case Z_STREAM_END:
            inflater->at_end = 1;
            // The tail is no last block: it has been read as the rest of something that was cut off.
            if (inflater->at_tail) outcome = PHAROS_INFLATE_BROKEN;
            break;
        case Z_MEM_ERROR:
            outcome = PHAROS_INFLATE_NO_MEMORY;
            break;
        default:
            outcome = PHAROS_INFLATE_BROKEN;
        }
    }
    *written = room - stream->avail_out;
    return outcome;
}
