#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    // What is kept of an inbox between two reads.
    KEPT_TEXT = 65536,
};

void pharos_http2_inbox_clear(pharos_http2_inbox *inbox) {
    inbox->count = 0;
    inbox->text_count = 0;
    if (inbox->text_capacity <= KEPT_TEXT) return;
    free(inbox->text);
    inbox->text = NULL;
    inbox->text_capacity = 0;
}

void pharos_http2_inbox_free(pharos_http2_inbox *inbox) {
    free(inbox->events);
    free(inbox->text);
    *inbox = (pharos_http2_inbox){0};
}

pharos_http2_event *pharos_http2_report(pharos_http2 *session, int kind, int32_t stream) {
    pharos_http2_inbox *inbox = session->inbox;
    if (inbox->count == inbox->capacity) {
        size_t capacity = inbox->capacity ? inbox->capacity * 2 : 64;
        pharos_http2_event *events = realloc(inbox->events, capacity * sizeof *events);
        if (!events) return NULL;
        inbox->events = events;
        inbox->capacity = capacity;
    }
    pharos_http2_event *event = &inbox->events[inbox->count++];
    *event = (pharos_http2_event){.kind = (uint8_t)kind, .stream = stream};
    event->tag = pharos_http2_tag(session, stream);
    return event;
}

int pharos_http2_append_text(pharos_http2_inbox *inbox, const void *bytes, size_t count) {
    if (count == 0) return 1;
    if (inbox->text_capacity - inbox->text_count < count) {
        size_t capacity = inbox->text_capacity ? inbox->text_capacity : 1024;
        while (capacity - inbox->text_count < count) capacity *= 2;
        uint8_t *text = realloc(inbox->text, capacity);
        if (!text) return 0;
        inbox->text = text;
        inbox->text_capacity = capacity;
    }
    memcpy(inbox->text + inbox->text_count, bytes, count);
    inbox->text_count += count;
    return 1;
}

int pharos_http2_spend(pharos_http2_bucket *bucket, int64_t now_ms) {
    if (now_ms - bucket->filled_ms >= 1000) {
        int64_t seconds = (now_ms - bucket->filled_ms) / 1000;
        int64_t back = seconds > 10 ? bucket->limit : seconds * (bucket->limit / 10 + 1);
        bucket->left = bucket->left + back > bucket->limit ? bucket->limit : bucket->left + (uint32_t)back;
        bucket->filled_ms = now_ms;
    }
    if (bucket->left == 0) return 0;
    bucket->left -= 1;
    return 1;
}
