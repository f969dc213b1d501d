#include "internal.h"

#include <stdlib.h>
#include <string.h>

// Heads of requests: the fields of HTTP/2 become the lines that HTTP/1.1 has for them, so that one parser and one set of
// limits holds for both. nghttp2 has seen to it that no name or value holds the end of a line.

enum {
    // A head that is so many times as long as the limit is not even answered.
    BOMB = 4,
};

static const char handshake[] =
    "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

int pharos_http2_begin_head(pharos_http2 *session) {
    pharos_http2_drop_head(session);
    session->head = calloc(1, sizeof *session->head);
    return session->head != NULL;
}

void pharos_http2_drop_head(pharos_http2 *session) {
    pharos_http2_head *head = session->head;
    if (!head) return;
    free(head->bytes);
    free(head->method);
    free(head->path);
    free(head->authority);
    free(head->cookies);
    free(head);
    session->head = NULL;
}

static int append(pharos_http2_head *head, const void *bytes, size_t count) {
    if (head->capacity - head->count < count) {
        size_t capacity = head->capacity ? head->capacity : 512;
        while (capacity - head->count < count) capacity *= 2;
        uint8_t *grown = realloc(head->bytes, capacity);
        if (!grown) return 0;
        head->bytes = grown;
        head->capacity = capacity;
    }
    memcpy(head->bytes + head->count, bytes, count);
    head->count += count;
    return 1;
}

static int keep(uint8_t **target, size_t *target_count, const uint8_t *value, size_t count) {
    uint8_t *copy = malloc(count ? count : 1);
    if (!copy) return 0;
    memcpy(copy, value, count);
    free(*target);
    *target = copy;
    *target_count = count;
    return 1;
}

static int is(const uint8_t *name, size_t count, const char *text) {
    return strlen(text) == count && memcmp(name, text, count) == 0;
}

static size_t size_of(const pharos_http2_head *head) {
    return head->count + head->method_count + head->path_count + head->authority_count + head->cookie_count;
}

// The parts of one cookie field may come apart (RFC 9113, section 8.2.3).
static int add_cookie(pharos_http2_head *head, const uint8_t *value, size_t count) {
    size_t separator = head->cookie_count ? 2 : 0;
    uint8_t *grown = realloc(head->cookies, head->cookie_count + separator + count + 1);
    if (!grown) return 0;
    memcpy(grown + head->cookie_count, "; ", separator);
    memcpy(grown + head->cookie_count + separator, value, count);
    head->cookies = grown;
    head->cookie_count += separator + count;
    return 1;
}

static int add_pseudo(
    pharos_http2_head *head, const uint8_t *name, size_t name_count, const uint8_t *value, size_t count) {
    if (is(name, name_count, ":method")) return keep(&head->method, &head->method_count, value, count);
    if (is(name, name_count, ":path")) return keep(&head->path, &head->path_count, value, count);
    if (is(name, name_count, ":authority")) return keep(&head->authority, &head->authority_count, value, count);
    if (is(name, name_count, ":protocol")) {
        head->flags |= is(value, count, "websocket") ? PHAROS_HTTP2_IS_WEBSOCKET : PHAROS_HTTP2_IS_UNKNOWN_PROTOCOL;
    }
    return 1;
}

int pharos_http2_add_field(
    pharos_http2 *session, const uint8_t *name, size_t name_count, const uint8_t *value, size_t value_count) {
    pharos_http2_head *head = session->head;
    head->seen_count += name_count + value_count + 4;
    if (head->flags & PHAROS_HTTP2_IS_TOO_LONG) return 1;
    if (size_of(head) + name_count + value_count + 4 > session->head_size_limit) {
        head->flags |= PHAROS_HTTP2_IS_TOO_LONG;
        return 1;
    }
    if (name_count > 0 && name[0] == ':') return add_pseudo(head, name, name_count, value, value_count);
    if (is(name, name_count, "cookie")) return add_cookie(head, value, value_count);
    // The same name twice would be two hosts. Where they differ both stay, and the request is refused for it.
    if (is(name, name_count, "host") && head->authority && value_count == head->authority_count
        && memcmp(value, head->authority, value_count) == 0) {
        return 1;
    }
    // RFC 8441, section 5: it means nothing here.
    if (is(name, name_count, "sec-websocket-key")) return 1;
    return append(head, name, name_count) && append(head, ": ", 2) && append(head, value, value_count)
        && append(head, "\r\n", 2);
}

static int write_head(pharos_http2_inbox *inbox, const pharos_http2_head *head) {
    int is_websocket = head->flags & PHAROS_HTTP2_IS_WEBSOCKET;
    // CONNECT without a protocol has no path (RFC 9113, section 8.5).
    const uint8_t *target = head->path ? head->path : head->authority;
    size_t target_count = head->path ? head->path_count : head->authority_count;
    if (is_websocket) {
        if (!pharos_http2_append_text(inbox, "GET", 3)) return 0;
    } else if (!pharos_http2_append_text(inbox, head->method, head->method_count)) {
        return 0;
    }
    if (!pharos_http2_append_text(inbox, " ", 1) || !pharos_http2_append_text(inbox, target, target_count)
        || !pharos_http2_append_text(inbox, " HTTP/1.1\r\n", 11)) {
        return 0;
    }
    if (head->authority
        && !(pharos_http2_append_text(inbox, "host: ", 6)
             && pharos_http2_append_text(inbox, head->authority, head->authority_count)
             && pharos_http2_append_text(inbox, "\r\n", 2))) {
        return 0;
    }
    if (!pharos_http2_append_text(inbox, head->bytes, head->count)) return 0;
    if (head->cookies
        && !(pharos_http2_append_text(inbox, "cookie: ", 8)
             && pharos_http2_append_text(inbox, head->cookies, head->cookie_count)
             && pharos_http2_append_text(inbox, "\r\n", 2))) {
        return 0;
    }
    if (is_websocket && !pharos_http2_append_text(inbox, handshake, sizeof handshake - 1)) return 0;
    return pharos_http2_append_text(inbox, "\r\n", 2);
}

int pharos_http2_is_bomb(const pharos_http2 *session) {
    return session->head->seen_count / BOMB > session->head_size_limit;
}

int pharos_http2_finish_head(pharos_http2 *session, int32_t stream, int is_last) {
    pharos_http2_head *head = session->head;
    pharos_http2_inbox *inbox = session->inbox;
    size_t offset = inbox->text_count;
    if (!(head->flags & PHAROS_HTTP2_IS_TOO_LONG) && !write_head(inbox, head)) return 0;
    pharos_http2_event *event = pharos_http2_report(session, PHAROS_HTTP2_HEAD, stream);
    if (!event) return 0;
    event->offset = offset;
    event->count = inbox->text_count - offset;
    event->flags = head->flags | (is_last ? PHAROS_HTTP2_IS_LAST : 0);
    pharos_http2_drop_head(session);
    return 1;
}
