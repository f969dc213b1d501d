#define _GNU_SOURCE

#include "CPharosTLS.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Memory for OpenSSL. Its large pieces are short-lived: buffers of records and of handshakes. Among the small ones that stay,
// they would leave holes: 2,000 handshakes at a time left 45 kB for each idle session, in place of 15. So they have a place of
// their own, whose pages go back to the system.

// Sanitizers look after malloc only.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifndef IS_SANITIZED

enum {
    // The two halves of what OpenSSL puts before a handshake's output.
    SMALL = 4096,
    // Records with their headers, and the messages of a handshake.
    LARGE_LEAST = 16384,
    LARGE = 24576,
    // Pieces that keep their pages for the next use, of each kind.
    KEPT = 16,
    KEPT_BY_THREAD = 2,
};

// Addresses for 32,000 handshakes at a time, before malloc helps out; pages come when they are used.
static const size_t region_size = (size_t)1 << 30;

typedef struct {
    uint8_t *start;
    size_t size;
    uint32_t limit;
    // So many have ever been used.
    uint32_t begun;
    // Numbers of free pieces: those with pages, those without.
    uint32_t kept[KEPT];
    uint32_t kept_count;
    uint32_t *empty;
    uint32_t empty_count;
    pthread_mutex_t lock;
} pool;

static pool small = {.size = SMALL, .lock = PTHREAD_MUTEX_INITIALIZER};
static pool large = {.size = LARGE, .lock = PTHREAD_MUTEX_INITIALIZER};
static uint8_t *region;

static _Thread_local uint8_t *cache[KEPT_BY_THREAD];
static _Thread_local int cache_count;
static pthread_key_t thread_end;

static void pool_put(pool *pool, void *piece);

static void empty_cache(void *unused) {
    (void)unused;
    while (cache_count > 0) pool_put(&large, cache[--cache_count]);
}

static void *reserve(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void prepare(void) {
    uint8_t *memory = reserve(region_size);
    if (!memory) return;
    // There is plaintext in it.
    madvise(memory, region_size, MADV_DONTDUMP);
    small.start = memory;
    small.limit = (uint32_t)(region_size / 4 / SMALL);
    large.start = memory + region_size / 4;
    large.limit = (uint32_t)(region_size / 4 * 3 / LARGE);
    small.empty = reserve(small.limit * sizeof *small.empty);
    large.empty = reserve(large.limit * sizeof *large.empty);
    if (!small.empty || !large.empty || pthread_key_create(&thread_end, empty_cache) != 0) {
        small.limit = large.limit = 0;
    }
    region = memory;
}

static void *pool_take(pool *pool) {
    uint32_t number;
    pthread_mutex_lock(&pool->lock);
    if (pool->kept_count > 0) {
        number = pool->kept[--pool->kept_count];
    } else if (pool->empty_count > 0) {
        number = pool->empty[--pool->empty_count];
    } else if (pool->begun < pool->limit) {
        number = pool->begun++;
    } else {
        number = UINT32_MAX;
    }
    pthread_mutex_unlock(&pool->lock);
    return number == UINT32_MAX ? NULL : pool->start + number * pool->size;
}

static void pool_put(pool *pool, void *piece) {
    uint32_t number = (uint32_t)((size_t)((uint8_t *)piece - pool->start) / pool->size);
    pthread_mutex_lock(&pool->lock);
    int is_kept = pool->kept_count < KEPT;
    if (is_kept) pool->kept[pool->kept_count++] = number;
    pthread_mutex_unlock(&pool->lock);
    if (is_kept) return;
    // Before others can take it.
    madvise(piece, pool->size, MADV_DONTNEED);
    pthread_mutex_lock(&pool->lock);
    pool->empty[pool->empty_count++] = number;
    pthread_mutex_unlock(&pool->lock);
}

// The pool that a piece belongs to; NULL: it is malloc's.
static pool *pool_of(const void *piece) {
    const uint8_t *address = piece;
    if (!region || address < region || address >= region + region_size) return NULL;
    return address < large.start ? &small : &large;
}

static void *take(size_t size, const char *file, int line) {
    (void)file, (void)line;
    void *piece = NULL;
    if (size == SMALL || (size >= LARGE_LEAST && size <= LARGE)) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, prepare);
        if (size == SMALL) {
            piece = pool_take(&small);
        } else {
            piece = cache_count > 0 ? cache[--cache_count] : pool_take(&large);
        }
    }
    return piece ? piece : malloc(size);
}

static void give_back(void *piece, const char *file, int line) {
    (void)file, (void)line;
    pool *pool = pool_of(piece);
    if (!pool) {
        free(piece);
    } else if (pool == &large && cache_count < KEPT_BY_THREAD) {
        if (cache_count == 0) pthread_setspecific(thread_end, &cache);
        cache[cache_count++] = piece;
    } else {
        pool_put(pool, piece);
    }
}

static void *resize(void *piece, size_t size, const char *file, int line) {
    if (!piece) return take(size, file, line);
    if (size == 0) {
        give_back(piece, file, line);
        return NULL;
    }
    pool *pool = pool_of(piece);
    if (!pool) return realloc(piece, size);
    if (size <= pool->size) return piece;
    void *grown = take(size, file, line);
    if (!grown) return NULL;
    memcpy(grown, piece, pool->size);
    give_back(piece, file, line);
    return grown;
}

// Before anything in the process has used OpenSSL, since it takes no other memory afterwards; then it keeps to malloc.
__attribute__((constructor)) static void install(void) { CRYPTO_set_mem_functions(take, resize, give_back); }

#endif
