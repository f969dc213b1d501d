#include "internal.h"

#include <stdlib.h>
#include <string.h>

static ssize_t read_body(
    nghttp2_session *nghttp2, int32_t stream, uint8_t *target, size_t limit, uint32_t *flags,
    nghttp2_data_source *source, void *user) {
    (void)nghttp2, (void)target, (void)source;
    pharos_http2 *session = user;
    int is_end = 0;
    long count = session->outlet->waiting(
        session->outlet->context, pharos_http2_tag(session, stream), limit, &is_end);
    if (count == PHAROS_HTTP2_PAUSE) return NGHTTP2_ERR_PAUSE;
    if (count == 0 && !is_end) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (is_end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return count;
}

static int send_body(
    nghttp2_session *nghttp2, nghttp2_frame *frame, const uint8_t *header, size_t count, nghttp2_data_source *source,
    void *user) {
    (void)nghttp2, (void)source;
    pharos_http2 *session = user;
    session->outlet->take(
        session->outlet->context, pharos_http2_tag(session, frame->hd.stream_id), header, count);
    return 0;
}

// nghttp2 ends sessions by itself where a client breaks the protocol.
static void note_end(pharos_http2 *session, uint32_t code) {
    if (session->state > PHAROS_HTTP2_ENDED) return;
    session->state = code == NGHTTP2_NO_ERROR              ? PHAROS_HTTP2_ENDED
        : code == NGHTTP2_ENHANCE_YOUR_CALM ? PHAROS_HTTP2_CONTROL_FLOOD
                                            : PHAROS_HTTP2_PROTOCOL_ERROR;
}

static int on_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user) {
    (void)nghttp2;
    if (frame->hd.type == NGHTTP2_GOAWAY) note_end(user, frame->goaway.error_code);
    int has_body = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!has_body || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    return pharos_http2_report(user, PHAROS_HTTP2_SENT, frame->hd.stream_id) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void pharos_http2_set_sending(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
}

size_t pharos_http2_next_output(
    pharos_http2 *session, const pharos_http2_outlet *outlet, pharos_http2_inbox *inbox, const uint8_t **bytes) {
    if (session->last_words_state != NO_LAST_WORDS) {
        if (session->last_words_state == SAID_LAST_WORDS) return 0;
        session->last_words_state = SAID_LAST_WORDS;
        *bytes = session->last_words;
        return sizeof session->last_words;
    }
    session->outlet = outlet;
    session->inbox = inbox;
    ssize_t count = nghttp2_session_mem_send(session->nghttp2, bytes);
    session->outlet = NULL;
    session->inbox = NULL;
    if (count >= 0) return (size_t)count;
    session->state = PHAROS_HTTP2_NO_MEMORY;
    session->last_words_state = SAID_LAST_WORDS;
    return 0;
}

// MARK: Answers

enum {
    // Fields of an answer; ours have about ten.
    FIELDS_LIMIT = 64,
};

static int is_of_connection(const uint8_t *name, size_t count) {
    static const char *const names[] = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        if (strlen(names[index]) == count && memcmp(names[index], name, count) == 0) return 1;
    }
    return 0;
}

// Reads "HTTP/1.1 200 OK" and the lines behind it; `text` is changed. The number of fields, 0: malformed.
static size_t read_head(uint8_t *text, size_t count, nghttp2_nv *fields) {
    if (count < 14) return 0;
    fields[0] = (nghttp2_nv){(uint8_t *)":status", text + 9, 7, 3, NGHTTP2_NV_FLAG_NO_COPY_NAME};
    size_t number = 1;
    uint8_t *end = text + count, *line = memchr(text, '\n', count);
    for (line = line ? line + 1 : end; line < end && *line != '\r';) {
        uint8_t *line_end = memchr(line, '\n', (size_t)(end - line));
        uint8_t *colon = line_end ? memchr(line, ':', (size_t)(line_end - line)) : NULL;
        if (!colon || line_end[-1] != '\r' || number == FIELDS_LIMIT) return 0;
        uint8_t *value = colon + 1, *value_end = line_end - 1;
        while (value < value_end && (*value == ' ' || *value == '\t')) value++;
        while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t')) value_end--;
        for (uint8_t *letter = line; letter < colon; letter++) {
            if (*letter >= 'A' && *letter <= 'Z') *letter |= 0x20;
        }
        if (!is_of_connection(line, (size_t)(colon - line))) {
            fields[number++] = (nghttp2_nv){
                line, value, (size_t)(colon - line), (size_t)(value_end - value), NGHTTP2_NV_FLAG_NONE};
        }
        line = line_end + 1;
    }
    return number;
}

int pharos_http2_respond(pharos_http2 *session, int32_t stream, const uint8_t *text, size_t count, int kind) {
    nghttp2_nv fields[FIELDS_LIMIT];
    uint8_t *copy = malloc(count ? count : 1);
    if (!copy) return 0;
    memcpy(copy, text, count);
    size_t number = read_head(copy, count, fields);
    nghttp2_data_provider body = {.read_callback = read_body};
    int outcome = NGHTTP2_ERR_INVALID_ARGUMENT;
    if (number > 0 && kind == PHAROS_HTTP2_INTERIM) {
        outcome = nghttp2_submit_headers(session->nghttp2, NGHTTP2_FLAG_NONE, stream, NULL, fields, number, NULL);
    } else if (number > 0) {
        outcome = nghttp2_submit_response(
            session->nghttp2, stream, fields, number, kind == PHAROS_HTTP2_WITH_BODY ? &body : NULL);
    }
    free(copy);
    return outcome >= 0;
}

void pharos_http2_resume(pharos_http2 *session, int32_t stream) {
    nghttp2_session_resume_data(session->nghttp2, stream);
}

void pharos_http2_reset(pharos_http2 *session, int32_t stream, uint32_t code) {
    int has_ended = nghttp2_session_get_stream_remote_close(session->nghttp2, stream);
    if (has_ended < 0 || (has_ended && code == NGHTTP2_NO_ERROR)) return;
    nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream, code);
}
