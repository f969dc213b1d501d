#include "internal.h"

#include <string.h>

enum {
    // Bytes of heads that are gathered before they are handed on: a few bytes of input may stand for a whole head.
    TEXT_IN_HAND = 65536,
};

int pharos_http2_calm(pharos_http2 *session, int state) {
    if (session->state != PHAROS_HTTP2_RUNS) return 0;
    session->state = (uint8_t)state;
    return nghttp2_session_terminate_session(session->nghttp2, NGHTTP2_ENHANCE_YOUR_CALM) == 0
        ? 0
        : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int is_empty(const nghttp2_frame_hd *frame) {
    switch (frame->type) {
    case NGHTTP2_DATA:
        return frame->length == 0 && !(frame->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
    case NGHTTP2_WINDOW_UPDATE:
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_GOAWAY:
        return 0;
    case NGHTTP2_CONTINUATION:
        return frame->length == 0;
    default:
        return 1;
    }
}

static int on_begin_frame(nghttp2_session *nghttp2, const nghttp2_frame_hd *frame, void *user) {
    (void)nghttp2;
    pharos_http2 *session = user;
    if (frame->type == NGHTTP2_RST_STREAM) {
        session->inbox->resets += 1;
        if (!pharos_http2_spend(&session->resets, session->now_ms)) {
            return pharos_http2_calm(session, PHAROS_HTTP2_RESET_FLOOD);
        }
    } else if (is_empty(frame) && !pharos_http2_spend(&session->control_frames, session->now_ms)) {
        return pharos_http2_calm(session, PHAROS_HTTP2_CONTROL_FLOOD);
    }
    return 0;
}

// A frame that is wrong on a stream has the stream reset: so a client can have us reset them, and that counts too.
static int on_invalid_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, int code, void *user) {
    (void)nghttp2, (void)frame;
    pharos_http2 *session = user;
    if (code == NGHTTP2_ERR_REFUSED_STREAM) session->inbox->refused += 1;
    if (pharos_http2_spend(&session->resets, session->now_ms)) return 0;
    return pharos_http2_calm(session, PHAROS_HTTP2_RESET_FLOOD);
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user) {
    (void)nghttp2;
    pharos_http2 *session = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    return pharos_http2_begin_head(session) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

// nghttp2 goes on with the block for its table's sake, and looks at no field of it any more.
static int refuse_bomb(pharos_http2 *session, int32_t stream) {
    pharos_http2_drop_head(session);
    nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream, NGHTTP2_ENHANCE_YOUR_CALM);
    if (!pharos_http2_spend(&session->resets, session->now_ms)) {
        int outcome = pharos_http2_calm(session, PHAROS_HTTP2_RESET_FLOOD);
        if (outcome != 0) return outcome;
    }
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_header(
    nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name, size_t name_count, const uint8_t *value,
    size_t value_count, uint8_t flags, void *user) {
    (void)nghttp2, (void)flags;
    pharos_http2 *session = user;
    // Fields behind a body are of no use to us.
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST || !session->head) return 0;
    int is_first = session->head->count == 0 && !session->head->method && !session->head->path;
    if (!pharos_http2_add_field(session, name, name_count, value, value_count)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (pharos_http2_is_bomb(session)) return refuse_bomb(session, frame->hd.stream_id);
    return is_first && session->inbox->text_count > TEXT_IN_HAND ? NGHTTP2_ERR_PAUSE : 0;
}

static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user) {
    (void)nghttp2;
    pharos_http2 *session = user;
    int is_last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST && session->head) {
            if (!pharos_http2_finish_head(session, frame->hd.stream_id, is_last != 0)) {
                return NGHTTP2_ERR_CALLBACK_FAILURE;
            }
            return 0;
        }
        break;
    case NGHTTP2_DATA:
        break;
    default:
        return 0;
    }
    if (!is_last) return 0;
    return pharos_http2_report(session, PHAROS_HTTP2_END, frame->hd.stream_id) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_data(
    nghttp2_session *nghttp2, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t count, void *user) {
    (void)nghttp2, (void)flags;
    pharos_http2_event *event = pharos_http2_report(user, PHAROS_HTTP2_DATA, stream);
    if (!event) return NGHTTP2_ERR_CALLBACK_FAILURE;
    event->bytes = bytes;
    event->count = count;
    return 0;
}

// A request that is withdrawn before it was handed on is none.
static int withdraw(pharos_http2_inbox *inbox, int32_t stream) {
    for (size_t index = inbox->count; index > 0; index--) {
        pharos_http2_event *event = &inbox->events[index - 1];
        if (event->stream != stream) continue;
        int is_head = event->kind == PHAROS_HTTP2_HEAD;
        event->kind = 0;
        if (is_head) return 1;
    }
    return 0;
}

static int on_close(nghttp2_session *nghttp2, int32_t stream, uint32_t code, void *user) {
    (void)nghttp2;
    pharos_http2 *session = user;
    // While the session is freed there is no inbox.
    if (!session->inbox) return 0;
    if (pharos_http2_tag(session, stream) == 0) {
        if (withdraw(session->inbox, stream)) session->inbox->withdrawn += 1;
        return 0;
    }
    pharos_http2_event *event = pharos_http2_report(session, PHAROS_HTTP2_CLOSED, stream);
    if (!event) return NGHTTP2_ERR_CALLBACK_FAILURE;
    event->code = code;
    return 0;
}

void pharos_http2_set_receiving(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
}
