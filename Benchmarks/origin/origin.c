/* The application behind the servers of the benchmarks and of the chaos rig: it answers at once and remembers nothing.
 *
 *     cc -O2 -o origin origin.c && ./origin PORT [JOURNAL [LAST]]
 *
 * HTTP/1.1 with keep-alive and pipelining on 127.0.0.1, one thread. What it answers depends on the path alone:
 *
 *     /connect            {"result":{"user":"u","data":<the client's data>}}
 *     /rpc                {"result":{"data":<the client's data>}}
 *     /subscribe, /publish, /message, /refresh, /sub_refresh    {"result":{}}
 *     /refuse             {"error":{"code":403,"message":"permission denied"}}
 *     /events             204
 *     /asked              how many requests it has had before: {"result":{"requests":3}}
 *     /raw                the message itself, as it came; 204 to what is not a message
 *     any path, application/websocket-events    its OPEN, TEXT and BINARY events, as they came; with GRIP for /grip
 *
 * With a journal every request is appended to that file before it is answered, in one write: `path subject sequence
 * body` and a line end. So the file holds whatever was answered, even if the process is killed. With LAST it kills itself
 * once it has so many requests in the journal, before it answers the last one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_BYTES = 4 << 20, FIRST_BYTES = 4096, TURN = 256 };

struct text {
    const char *at;
    size_t size;
};

struct connection {
    int socket;
    char *in, *out;
    size_t in_size, in_room, out_size, out_sent, out_room;
    bool waits;
};

struct request {
    struct text path, body, type, kind, subject, sequence;
    bool closes;
};

static int poller, journal = -1;
static size_t requests, last;

static void die(const char *what) {
    perror(what);
    exit(2);
}

static bool is(struct text text, const char *word) {
    return text.size == strlen(word) && memcmp(text.at, word, text.size) == 0;
}

static bool begins(struct text text, const char *word) {
    return text.size >= strlen(word) && strncasecmp(text.at, word, strlen(word)) == 0;
}

/* Room for `more` bytes behind `size`; false if that would be too much. */
static bool grow(char **bytes, size_t *room, size_t size, size_t more) {
    size_t wanted = *room ? *room : FIRST_BYTES;
    while (wanted < size + more) wanted *= 2;
    if (wanted > 2 * MOST_BYTES) return false;
    if (wanted == *room) return true;
    char *moved = realloc(*bytes, wanted);
    if (!moved) return false;
    *bytes = moved;
    *room = wanted;
    return true;
}

/* JSON, as far as it is needed: past one value, and the value of a member of the outermost object. */

static const char *past_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : end;
}

static const char *past_value(const char *at, const char *end) {
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = past_string(at, end);
            if (depth == 0) return at;
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') {
            if (depth == 0) return at;
            if (--depth == 0) return at + 1;
        }
        if (*at == ',' && depth == 0) return at;
        at++;
    }
    return end;
}

static struct text member(struct text json, const char *name) {
    const char *at = json.at, *end = json.at + json.size;
    struct text none = {"null", 4};
    if (at == end || *at != '{') return none;
    at++;
    while (at < end && *at == '"') {
        struct text key = {at + 1, 0};
        at = past_string(at, end);
        key.size = (size_t)(at - key.at) - 1;
        while (at < end && (*at == ' ' || *at == ':')) at++;
        struct text value = {at, 0};
        at = past_value(at, end);
        value.size = (size_t)(at - value.at);
        if (is(key, name)) return value;
        while (at < end && (*at == ' ' || *at == ',')) at++;
    }
    return none;
}

/* Answers. */

static bool answer(struct connection *c, int status, const char *fields, const struct text *parts, int count) {
    size_t size = 0;
    for (int i = 0; i < count; i++) size += parts[i].size;
    if (!grow(&c->out, &c->out_room, c->out_size, size + 512)) return false;
    const char *reason = status == 200 ? "OK" : status == 204 ? "No Content" : "Not Found";
    char *at = c->out + c->out_size;
    int head = status == 204
        ? sprintf(at, "HTTP/1.1 204 No Content\r\n%s\r\n", fields)
        : sprintf(at, "HTTP/1.1 %d %s\r\n%scontent-length: %zu\r\n\r\n", status, reason, fields, size);
    at += head;
    for (int i = 0; i < count; i++) at = (char *)memcpy(at, parts[i].at, parts[i].size) + parts[i].size;
    c->out_size = (size_t)(at - c->out);
    return true;
}

static bool json(struct connection *c, const char *before, struct text value, const char *after) {
    struct text parts[] = {{before, strlen(before)}, value, {after, strlen(after)}};
    return answer(c, 200, "content-type: application/json\r\n", parts, 3);
}

/* Pushpin's events: they are the echo themselves. What only says that a connection is gone is answered by nothing. */
static bool websocket_events(struct connection *c, struct request *r) {
    const char *fields = begins(r->path, "/grip")
        ? "content-type: application/websocket-events\r\nsec-websocket-extensions: grip; message-prefix=\"\"\r\n"
        : "content-type: application/websocket-events\r\n";
    struct text body = r->body;
    if (begins(body, "DISCONNECT")) body.size = 0;
    return answer(c, 200, fields, &body, 1);
}

static bool raw(struct connection *c, struct request *r) {
    if (!is(r->kind, "pharos.raw.message")) return answer(c, 204, "", NULL, 0);
    const char *fields = begins(r->type, "text/plain")
        ? "content-type: text/plain;charset=utf-8\r\n" : "content-type: application/octet-stream\r\n";
    return answer(c, 200, fields, &r->body, 1);
}

static bool note(struct request *r) {
    if (journal < 0) return true;
    struct iovec parts[] = {
        {(void *)r->path.at, r->path.size}, {" ", 1}, {(void *)r->subject.at, r->subject.size}, {" ", 1},
        {(void *)r->sequence.at, r->sequence.size}, {" ", 1}, {(void *)r->body.at, r->body.size}, {"\n", 1}};
    ssize_t size = 0;
    for (int i = 0; i < 8; i++) size += (ssize_t)parts[i].iov_len;
    return writev(journal, parts, 8) == size;
}

static bool serve(struct connection *c, struct request *r) {
    struct text nothing = {"", 0};
    if (is(r->path, "/asked")) {
        char number[32];
        struct text digits = {number, (size_t)sprintf(number, "%zu", requests)};
        return json(c, "{\"result\":{\"requests\":", digits, "}}");
    }
    requests++;
    if (!note(r)) die("journal");
    if (requests == last) raise(SIGKILL);
    if (begins(r->type, "application/websocket-events")) return websocket_events(c, r);
    if (is(r->path, "/raw")) return raw(c, r);
    if (is(r->path, "/events")) return answer(c, 204, "", NULL, 0);
    if (is(r->path, "/connect")) return json(c, "{\"result\":{\"user\":\"u\",\"data\":", member(r->body, "data"), "}}");
    if (is(r->path, "/rpc")) return json(c, "{\"result\":{\"data\":", member(r->body, "data"), "}}");
    if (is(r->path, "/refuse"))
        return json(c, "{\"error\":{\"code\":403,\"message\":\"permission denied\"}}", nothing, "");
    static const char *const granted[] = {"/subscribe", "/publish", "/message", "/refresh", "/sub_refresh"};
    for (size_t i = 0; i < sizeof granted / sizeof *granted; i++)
        if (is(r->path, granted[i])) return json(c, "{\"result\":{}}", nothing, "");
    return answer(c, 404, "", &nothing, 1);
}

/* Requests. */

static struct text trimmed(const char *at, const char *end) {
    while (at < end && *at == ' ') at++;
    while (end > at && end[-1] == ' ') end--;
    return (struct text){at, (size_t)(end - at)};
}

/* The size of the request at the beginning of `bytes`; 0: not there yet; -1: none that we understand. */
static ssize_t read_request(const char *bytes, size_t size, struct request *r) {
    const char *head = memmem(bytes, size, "\r\n\r\n", 4);
    if (!head) return size > 65536 ? -1 : 0;
    *r = (struct request){.type = {"", 0}, .kind = {"", 0}, .subject = {"-", 1}, .sequence = {"-", 1}};
    const char *line = memmem(bytes, size, "\r\n", 2), *space = memchr(bytes, ' ', (size_t)(line - bytes));
    const char *path_end = space ? memchr(space + 1, ' ', (size_t)(line - space - 1)) : NULL;
    if (!path_end) return -1;
    r->path = (struct text){space + 1, (size_t)(path_end - space - 1)};
    size_t length = 0;
    while (line < head) {
        line += 2;
        const char *end = memmem(line, (size_t)(head + 2 - line), "\r\n", 2);
        const char *colon = memchr(line, ':', (size_t)(end - line));
        if (!colon) return -1;
        struct text name = {line, (size_t)(colon - line)}, value = trimmed(colon + 1, end);
        if (name.size == 14 && begins(name, "content-length")) length = strtoul(value.at, NULL, 10);
        if (name.size == 17 && begins(name, "transfer-encoding")) return -1;
        if (name.size == 12 && begins(name, "content-type")) r->type = value;
        if (name.size == 10 && begins(name, "connection")) r->closes = begins(value, "close");
        if (name.size == 7 && begins(name, "ce-type")) r->kind = value;
        if (name.size == 10 && begins(name, "ce-subject")) r->subject = value;
        if (name.size == 11 && begins(name, "ce-sequence")) r->sequence = value;
        line = end;
    }
    if (length > MOST_BYTES) return -1;
    size_t whole = (size_t)(head + 4 - bytes) + length;
    if (size < whole) return 0;
    r->body = (struct text){head + 4, length};
    return (ssize_t)whole;
}

static void end(struct connection *c) {
    close(c->socket);
    free(c->in);
    free(c->out);
    free(c);
}

/* Sends what is there; false when the connection is over. */
static bool flush(struct connection *c) {
    while (c->out_sent < c->out_size) {
        ssize_t sent = send(c->socket, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) return false;
        c->out_sent += (size_t)sent;
    }
    bool waits = c->out_sent < c->out_size;
    if (!waits) c->out_sent = c->out_size = 0;
    if (waits != c->waits) {
        /* Who does not read answers asks no further questions. */
        struct epoll_event event = {.events = waits ? EPOLLOUT : EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->socket, &event);
        c->waits = waits;
    }
    return true;
}

static bool receive(struct connection *c) {
    if (!grow(&c->in, &c->in_room, c->in_size, FIRST_BYTES)) return false;
    ssize_t got = recv(c->socket, c->in + c->in_size, c->in_room - c->in_size, 0);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    c->in_size += (size_t)got;
    size_t done = 0;
    bool closes = false;
    while (done < c->in_size && !closes) {
        struct request request;
        ssize_t size = read_request(c->in + done, c->in_size - done, &request);
        if (size < 0) return false;
        if (size == 0) break;
        if (!serve(c, &request)) return false;
        done += (size_t)size;
        closes = request.closes;
    }
    memmove(c->in, c->in + done, c->in_size - done);
    c->in_size -= done;
    return flush(c) && !closes;
}

static void accept_all(int listener) {
    for (;;) {
        int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) return;
        struct connection *c = calloc(1, sizeof *c);
        if (!c) die("memory");
        c->socket = socket;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event)) die("epoll");
    }
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fputs("usage: origin PORT [JOURNAL [LAST]]\n", stderr);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc == 4) last = strtoul(argv[3], NULL, 10);
    if (argc >= 3 && (journal = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0) die(argv[2]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) die("listen");
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[TURN];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poller, events, TURN, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                accept_all(listener);
            } else if (!(c->waits ? flush(c) : receive(c))) {
                end(c);
            }
        }
    }
}
