// Raw DEFLATE (RFC 1951) for whole messages, as permessage-deflate (RFC 7692) wants them. No feature macros here.
#ifndef PHAROS_DEFLATE_H
#define PHAROS_DEFLATE_H

#include <stddef.h>
#include <sys/types.h>

// Compresses one message after the other; none refers to an earlier one. For one thread.
typedef struct pharos_deflater pharos_deflater;

// level: 1 (fast) to 9 (small); window_bits: 9 to 15. NULL: out of memory, or a parameter out of range.
pharos_deflater *pharos_deflater_make(int level, int window_bits);
void pharos_deflater_free(pharos_deflater *deflater);
// Room that is always enough for a message of `count` bytes.
size_t pharos_deflater_bound(pharos_deflater *deflater, size_t count);
// A whole message without the four bytes 00 00 ff ff at its end (RFC 7692, section 7.2.1); the count, or -1.
ssize_t pharos_deflate_message(
    pharos_deflater *deflater, const void *bytes, size_t count, void *target, size_t capacity);

// Decompresses one message after the other; none refers to an earlier one. For one thread.
typedef struct pharos_inflater pharos_inflater;

enum {
    // The message is whole and in order.
    PHAROS_INFLATE_DONE = 0,
    // The target is full: call again with more room.
    PHAROS_INFLATE_FULL = 1,
    // This is no message: broken, or cut off.
    PHAROS_INFLATE_BROKEN = 2,
    PHAROS_INFLATE_NO_MEMORY = 3
};

// Understands whatever window the peer has chosen. NULL: out of memory.
pharos_inflater *pharos_inflater_make(void);
void pharos_inflater_free(pharos_inflater *inflater);
// Begins with a message: a payload without the four bytes at its end. It must stay where it is until the end is reached.
void pharos_inflate_begin(pharos_inflater *inflater, const void *bytes, size_t count);
// Writes to the target as much as fits; `written` is how much. One of PHAROS_INFLATE_...
int pharos_inflate_next(pharos_inflater *inflater, void *target, size_t capacity, size_t *written);

#endif
