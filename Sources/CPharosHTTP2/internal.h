#ifndef C_PHAROS_HTTP2_INTERNAL_H
#define C_PHAROS_HTTP2_INTERNAL_H

#include "CPharosHTTP2.h"

#include <nghttp2/nghttp2.h>

// A count that comes back by itself.
typedef struct {
    uint32_t left;
    uint32_t limit;
    int64_t filled_ms;
} pharos_http2_bucket;

// A request's head while it arrives.
typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
    // Field lines stand behind one another; these stand before them, in whatever order they came.
    uint8_t *method, *path, *authority;
    size_t method_count, path_count, authority_count;
    size_t cookie_count;
    uint8_t *cookies;
    uint8_t flags;
    // Bytes of all fields that have come, kept or not.
    size_t seen_count;
} pharos_http2_head;

enum { NO_LAST_WORDS, HAS_LAST_WORDS, SAID_LAST_WORDS };

struct pharos_http2 {
    nghttp2_session *nghttp2;
    pharos_http2_head *head;
    // Set while the session is at work.
    pharos_http2_inbox *inbox;
    const pharos_http2_outlet *outlet;
    int64_t now_ms;
    pharos_http2_bucket resets, control_frames;
    size_t head_size_limit;
    uint8_t state;
    // Of a session that nghttp2 has given up: what is sent instead of its own output.
    uint8_t last_words_state;
    uint8_t last_words[17];
};

pharos_http2_event *pharos_http2_report(pharos_http2 *session, int kind, int32_t stream);
int pharos_http2_append_text(pharos_http2_inbox *inbox, const void *bytes, size_t count);
// Ends the session for a flood.
int pharos_http2_calm(pharos_http2 *session, int state);
int pharos_http2_spend(pharos_http2_bucket *bucket, int64_t now_ms);

// 0: there is no memory.
int pharos_http2_begin_head(pharos_http2 *session);
int pharos_http2_add_field(
    pharos_http2 *session, const uint8_t *name, size_t name_count, const uint8_t *value, size_t value_count);
// Whether so much has come that nothing more of the head is to be looked at.
int pharos_http2_is_bomb(const pharos_http2 *session);
int pharos_http2_finish_head(pharos_http2 *session, int32_t stream, int is_last);
void pharos_http2_drop_head(pharos_http2 *session);

void pharos_http2_set_receiving(nghttp2_session_callbacks *callbacks);
void pharos_http2_set_sending(nghttp2_session_callbacks *callbacks);

#endif
