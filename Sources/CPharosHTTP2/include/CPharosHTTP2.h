#ifndef C_PHAROS_HTTP2_H
#define C_PHAROS_HTTP2_H

#include <stddef.h>
#include <stdint.h>

// The server's side of an HTTP/2 connection (RFC 9113) by the system's libnghttp2 (1.50 or newer) as a machine without IO:
// bytes and answers go in, events and bytes come out.
//
// A session is used by one thread at a time, and calls nothing but the outlet it is given.

typedef struct pharos_http2 pharos_http2;

typedef struct {
    // Streams that the client may have open at a time.
    uint32_t max_streams;
    // Bytes of a request's head, as the lines that it is handed on in.
    uint32_t head_size_limit;
    // Streams that the client may have reset in a row; a tenth of it comes back each second.
    uint32_t max_resets;
    // The same of frames that cost work and bring nothing: SETTINGS, PING, PRIORITY, empty DATA.
    uint32_t max_control_frames;
    // Bytes that the client may send ahead of their reading, on one stream and on all together.
    uint32_t stream_window;
    uint32_t connection_window;
} pharos_http2_limits;

enum {
    // A request's head has come whole.
    PHAROS_HTTP2_HEAD = 1,
    // Bytes of its body.
    PHAROS_HTTP2_DATA = 2,
    // Nothing more comes on the stream.
    PHAROS_HTTP2_END = 3,
    // The stream is over, both ways. `code` says how (RFC 9113, section 7); 0: by itself.
    PHAROS_HTTP2_CLOSED = 4,
    // Our last byte on the stream has been given out.
    PHAROS_HTTP2_SENT = 5,
};

enum {
    // No body follows the head.
    PHAROS_HTTP2_IS_LAST = 1,
    // The head is longer than the limit; its text holds the beginning only, and is no head.
    PHAROS_HTTP2_IS_TOO_LONG = 2,
    // A WebSocket is asked for (RFC 8441); the text is that of the handshake of HTTP/1.1.
    PHAROS_HTTP2_IS_WEBSOCKET = 4,
    // `:protocol` names another protocol.
    PHAROS_HTTP2_IS_UNKNOWN_PROTOCOL = 8,
};

typedef struct {
    uint8_t kind;
    uint8_t flags;
    int32_t stream;
    uint32_t code;
    // As given to `pharos_http2_set_tag`; 0: none yet.
    uint64_t tag;
    // HEAD: where in the inbox' text it stands. DATA: unused.
    size_t offset;
    // DATA: within the input.
    const uint8_t *bytes;
    size_t count;
} pharos_http2_event;

// What sessions of one thread report into, one after the other. Zeros to begin with.
typedef struct {
    pharos_http2_event *events;
    size_t count;
    size_t capacity;
    // Heads of requests as HTTP/1.1 writes them.
    uint8_t *text;
    size_t text_count;
    size_t text_capacity;
    // RST_STREAM frames that have come, since the inbox was made.
    uint64_t resets;
    // Requests that were withdrawn before they were reported.
    uint64_t withdrawn;
    // Requests beyond `max_streams`.
    uint64_t refused;
} pharos_http2_inbox;

void pharos_http2_inbox_clear(pharos_http2_inbox *inbox);
void pharos_http2_inbox_free(pharos_http2_inbox *inbox);

enum {
    PHAROS_HTTP2_PAUSE = -1,
};

// Where bodies come from and DATA frames go.
typedef struct {
    void *context;
    // Bytes of the stream's body that may go now, at most `limit`; `is_end`: they are the last. 0 without end: none for now.
    // PAUSE: nothing of any stream, for now.
    long (*waiting)(void *context, uint64_t tag, size_t limit, int *is_end);
    // Takes so many of them behind a frame's header of 9 bytes.
    void (*take)(void *context, uint64_t tag, const uint8_t *header, size_t count);
} pharos_http2_outlet;

// Why a session has ended.
enum {
    PHAROS_HTTP2_RUNS = 0,
    // By GOAWAY without an error, ours or the client's.
    PHAROS_HTTP2_ENDED = 1,
    // The client has broken the protocol.
    PHAROS_HTTP2_PROTOCOL_ERROR = 2,
    // ENHANCE_YOUR_CALM: too many resets.
    PHAROS_HTTP2_RESET_FLOOD = 3,
    // ENHANCE_YOUR_CALM: too many frames that bring nothing, or that ask for answers.
    PHAROS_HTTP2_CONTROL_FLOOD = 4,
    // ENHANCE_YOUR_CALM: a head in too many pieces.
    PHAROS_HTTP2_CONTINUATION_FLOOD = 5,
    PHAROS_HTTP2_NO_MEMORY = 6,
};

// NULL: there is no memory.
pharos_http2 *pharos_http2_make(const pharos_http2_limits *limits);
void pharos_http2_free(pharos_http2 *session);

// Takes input, and reports what it means. Stops early when the inbox holds enough, so call again with the rest.
// Returns the bytes taken; all of them once the session has ended.
size_t pharos_http2_receive(
    pharos_http2 *session, int64_t now_ms, const uint8_t *bytes, size_t count, pharos_http2_inbox *inbox);

// The next bytes to send, valid until the next call; DATA frames go to the outlet instead. 0: no others for now.
size_t pharos_http2_next_output(
    pharos_http2 *session, const pharos_http2_outlet *outlet, pharos_http2_inbox *inbox, const uint8_t **bytes);

// Whether nothing more is to be received or sent, and why.
int pharos_http2_state(const pharos_http2 *session);

void pharos_http2_set_tag(pharos_http2 *session, int32_t stream, uint64_t tag);
// 0: none, or no such stream.
uint64_t pharos_http2_tag(pharos_http2 *session, int32_t stream);

enum {
    // The body follows by the outlet.
    PHAROS_HTTP2_WITH_BODY = 0,
    PHAROS_HTTP2_WITHOUT_BODY = 1,
    // A 1xx answer, with the real one to come.
    PHAROS_HTTP2_INTERIM = 2,
};

// Answers a request with a head as HTTP/1.1 writes it. Fields about the connection are left out. 0: it is malformed, or there
// is no memory.
int pharos_http2_respond(pharos_http2 *session, int32_t stream, const uint8_t *text, size_t count, int kind);
// There is more of the stream's body than none.
void pharos_http2_resume(pharos_http2 *session, int32_t stream);
// With code 0: the client has had all and need send no more, if it has not ended.
void pharos_http2_reset(pharos_http2 *session, int32_t stream, uint32_t code);
// So many bytes of the stream's input have been read.
void pharos_http2_consume(pharos_http2 *session, int32_t stream, size_t count);

// Asks the client to begin no further streams; those that it begins until `pharos_http2_end` are served.
void pharos_http2_announce_end(pharos_http2 *session);
// Serves the streams that there are, and no others.
void pharos_http2_end(pharos_http2 *session);

#endif
