#include "internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    // NGHTTP2_ERR_TOO_MANY_CONTINUATIONS, which the headers of older releases do not have.
    TOO_MANY_CONTINUATIONS = -905,
};

static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

static void make_shared(void) {
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0) {
        callbacks = NULL;
        return;
    }
    pharos_http2_set_receiving(callbacks);
    pharos_http2_set_sending(callbacks);
    // A stream's input is acknowledged when it has been read, so that the client waits for slow readers.
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
}

static int submit_settings(pharos_http2 *session, const pharos_http2_limits *limits) {
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->head_size_limit},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    size_t count = sizeof settings / sizeof settings[0];
    if (nghttp2_submit_settings(session->nghttp2, NGHTTP2_FLAG_NONE, settings, count) != 0) return 0;
    return nghttp2_session_set_local_window_size(
               session->nghttp2, NGHTTP2_FLAG_NONE, 0, (int32_t)limits->connection_window)
        == 0;
}

pharos_http2 *pharos_http2_make(const pharos_http2_limits *limits) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_shared);
    if (!callbacks) return NULL;
    pharos_http2 *session = calloc(1, sizeof *session);
    if (!session) return NULL;
    session->head_size_limit = limits->head_size_limit;
    session->resets = (pharos_http2_bucket){limits->max_resets, limits->max_resets, 0};
    session->control_frames = (pharos_http2_bucket){limits->max_control_frames, limits->max_control_frames, 0};
    if (nghttp2_session_server_new2(&session->nghttp2, callbacks, session, options) != 0) {
        free(session);
        return NULL;
    }
    if (!submit_settings(session, limits)) {
        pharos_http2_free(session);
        return NULL;
    }
    return session;
}

void pharos_http2_free(pharos_http2 *session) {
    if (!session) return;
    session->inbox = NULL;
    nghttp2_session_del(session->nghttp2);
    pharos_http2_drop_head(session);
    free(session);
}

// nghttp2 gives some sessions up without a word. GOAWAY is said for it (RFC 9113, section 6.8).
static void give_up(pharos_http2 *session, int state, uint32_t code) {
    static const uint8_t header[9] = {0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0};
    int32_t last = nghttp2_session_get_last_proc_stream_id(session->nghttp2);
    if (session->state == PHAROS_HTTP2_RUNS || session->state == PHAROS_HTTP2_ENDED) session->state = (uint8_t)state;
    memcpy(session->last_words, header, sizeof header);
    for (int index = 0; index < 4; index++) {
        session->last_words[9 + index] = (uint8_t)((uint32_t)last >> (24 - 8 * index));
        session->last_words[13 + index] = (uint8_t)(code >> (24 - 8 * index));
    }
    session->last_words_state = HAS_LAST_WORDS;
}

static void fail(pharos_http2 *session, int error) {
    switch (error) {
    case NGHTTP2_ERR_NOMEM:
    case NGHTTP2_ERR_CALLBACK_FAILURE:
        give_up(session, PHAROS_HTTP2_NO_MEMORY, NGHTTP2_INTERNAL_ERROR);
        break;
    case NGHTTP2_ERR_FLOODED:
        give_up(session, PHAROS_HTTP2_CONTROL_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
        break;
    case TOO_MANY_CONTINUATIONS:
        give_up(session, PHAROS_HTTP2_CONTINUATION_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
        break;
    default:
        give_up(session, PHAROS_HTTP2_PROTOCOL_ERROR, NGHTTP2_PROTOCOL_ERROR);
        break;
    }
}

size_t pharos_http2_receive(
    pharos_http2 *session, int64_t now_ms, const uint8_t *bytes, size_t count, pharos_http2_inbox *inbox) {
    if (session->last_words_state != NO_LAST_WORDS || session->state > PHAROS_HTTP2_ENDED) return count;
    session->now_ms = now_ms;
    session->inbox = inbox;
    ssize_t taken = nghttp2_session_mem_recv(session->nghttp2, bytes, count);
    session->inbox = NULL;
    if (taken >= 0) return (size_t)taken;
    fail(session, (int)taken);
    return count;
}

int pharos_http2_state(const pharos_http2 *session) {
    if (session->last_words_state == HAS_LAST_WORDS) return PHAROS_HTTP2_RUNS;
    if (session->last_words_state == SAID_LAST_WORDS) return session->state;
    if (nghttp2_session_want_write(session->nghttp2)) return PHAROS_HTTP2_RUNS;
    if (session->state <= PHAROS_HTTP2_ENDED && nghttp2_session_want_read(session->nghttp2)) return PHAROS_HTTP2_RUNS;
    return session->state == PHAROS_HTTP2_RUNS ? PHAROS_HTTP2_ENDED : session->state;
}

// MARK: Streams

void pharos_http2_set_tag(pharos_http2 *session, int32_t stream, uint64_t tag) {
    // Streams take turns, whatever the client says: most of ours have no end that one could wait for.
    nghttp2_extpri priority = {NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    if (tag) nghttp2_session_change_extpri_stream_priority(session->nghttp2, stream, &priority, 1);
    nghttp2_session_set_stream_user_data(session->nghttp2, stream, (void *)(uintptr_t)tag);
}

uint64_t pharos_http2_tag(pharos_http2 *session, int32_t stream) {
    return (uint64_t)(uintptr_t)nghttp2_session_get_stream_user_data(session->nghttp2, stream);
}

void pharos_http2_consume(pharos_http2 *session, int32_t stream, size_t count) {
    nghttp2_session_consume(session->nghttp2, stream, count);
}

// MARK: The end

void pharos_http2_announce_end(pharos_http2 *session) { nghttp2_submit_shutdown_notice(session->nghttp2); }

void pharos_http2_end(pharos_http2 *session) {
    int32_t last = nghttp2_session_get_last_proc_stream_id(session->nghttp2);
    nghttp2_submit_goaway(session->nghttp2, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
}
