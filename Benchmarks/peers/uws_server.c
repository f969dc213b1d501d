// uWebSockets as a plain publish/subscribe server, through the C interface of the library that socketify brings.
//
// A client sends `sub TOPIC` and gets `ok`; a back end sends `POST /pub?topic=TOPIC` and the body goes to the topic.
// Everything that runs is native: the library, and the four handlers here.
//
// With a second port and a certificate WebSockets are served there, with TLS; the back end stays at the first.
//
//     uws_server PORT [TLS_PORT CERTIFICATE KEY]
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The part of the library's interface that is used here; it installs no header.
typedef struct uws_app_s uws_app_t;
typedef struct uws_req_s uws_req_t;
typedef struct uws_res_s uws_res_t;
typedef struct uws_websocket_s uws_websocket_t;
typedef struct uws_socket_context_s uws_socket_context_t;
struct us_listen_socket_t;

enum { TEXT = 1 };

struct us_socket_context_options_t {
    const char *key_file_name, *cert_file_name, *passphrase, *dh_params_file_name, *ca_file_name, *ssl_ciphers;
    int ssl_prefer_low_memory_usage;
};

typedef struct {
    int port;
    const char *host;
    int options;
} uws_app_listen_config_t;

typedef struct {
    int compression;
    unsigned int maxPayloadLength;
    unsigned short idleTimeout;
    unsigned int maxBackpressure;
    bool closeOnBackpressureLimit, resetIdleTimeoutOnSend, sendPingsAutomatically;
    unsigned short maxLifetime;
    void (*upgrade)(uws_res_t *, uws_req_t *, uws_socket_context_t *, void *);
    void (*open)(uws_websocket_t *, void *);
    void (*message)(uws_websocket_t *, const char *, size_t, int, void *);
    void (*drain)(uws_websocket_t *, void *);
    void (*ping)(uws_websocket_t *, const char *, size_t, void *);
    void (*pong)(uws_websocket_t *, const char *, size_t, void *);
    void (*close)(uws_websocket_t *, int, const char *, size_t, void *);
    void (*subscription)(uws_websocket_t *, const char *, size_t, int, int, void *);
} uws_socket_behavior_t;

uws_app_t *uws_create_app(int ssl, struct us_socket_context_options_t options);
void uws_ws(int ssl, uws_app_t *app, const char *pattern, uws_socket_behavior_t behavior, void *user_data);
void uws_app_post(
    int ssl, uws_app_t *app, const char *pattern, void (*handler)(uws_res_t *, uws_req_t *, void *), void *user_data);
void uws_app_listen_with_config(
    int ssl, uws_app_t *app, uws_app_listen_config_t config,
    void (*handler)(struct us_listen_socket_t *, uws_app_listen_config_t, void *), void *user_data);
void uws_app_run(int ssl, uws_app_t *app);
bool uws_publish(
    int ssl, uws_app_t *app, const char *topic, size_t topic_length, const char *message, size_t length, int opcode,
    bool compress);
bool uws_ws_subscribe(int ssl, uws_websocket_t *ws, const char *topic, size_t length);
int uws_ws_send(int ssl, uws_websocket_t *ws, const char *message, size_t length, int opcode);
size_t uws_req_get_query(uws_req_t *request, const char *key, size_t key_length, const char **value);
void uws_res_on_data(
    int ssl, uws_res_t *response, void (*handler)(uws_res_t *, const char *, size_t, bool, void *), void *user_data);
void uws_res_on_aborted(
    int ssl, uws_res_t *response, void (*handler)(uws_res_t *, void *), void *user_data);
void uws_res_end(int ssl, uws_res_t *response, const char *data, size_t length, bool close);

// WebSockets, and whether they have TLS.
static uws_app_t *app;
static int secure;

struct topic {
    size_t length;
    char name[];
};

static void on_message(uws_websocket_t *ws, const char *message, size_t length, int opcode, void *unused) {
    (void)opcode, (void)unused;
    if (length < 4 || memcmp(message, "sub ", 4) != 0) return;
    uws_ws_subscribe(secure, ws, message + 4, length - 4);
    uws_ws_send(secure, ws, "ok", 2, TEXT);
}

static void ignore(uws_websocket_t *ws, void *unused) { (void)ws, (void)unused; }

static void ignore_ping(uws_websocket_t *ws, const char *message, size_t length, void *unused) {
    (void)ws, (void)message, (void)length, (void)unused;
}

static void ignore_close(uws_websocket_t *ws, int code, const char *message, size_t length, void *unused) {
    (void)ws, (void)code, (void)message, (void)length, (void)unused;
}

// The bodies of the benchmark come in one piece.
static void on_body(uws_res_t *response, const char *chunk, size_t length, bool is_last, void *data) {
    struct topic *topic = data;
    if (!is_last) return;
    uws_publish(secure, app, topic->name, topic->length, chunk, length, TEXT, false);
    free(topic);
    uws_res_end(0, response, "ok", 2, false);
}

static void on_aborted(uws_res_t *response, void *topic) {
    (void)response;
    free(topic);
}

static void on_publish(uws_res_t *response, uws_req_t *request, void *unused) {
    (void)unused;
    const char *name = NULL;
    size_t length = uws_req_get_query(request, "topic", 5, &name);
    struct topic *topic = malloc(sizeof *topic + length);
    if (topic == NULL) abort();
    topic->length = length;
    memcpy(topic->name, name, length);
    uws_res_on_aborted(0, response, on_aborted, topic);
    uws_res_on_data(0, response, on_body, topic);
}

static void on_listen(struct us_listen_socket_t *listener, uws_app_listen_config_t config, void *unused) {
    (void)unused;
    if (listener != NULL) return;
    fprintf(stderr, "uws_server: port %d is taken\n", config.port);
    exit(1);
}

static void listen_at(int ssl, uws_app_t *at, const char *port) {
    uws_app_listen_config_t config = {.port = atoi(port), .host = "127.0.0.1"};
    uws_app_listen_with_config(ssl, at, config, on_listen, NULL);
}

int main(int count, char **arguments) {
    if (count != 2 && count != 5) return fprintf(stderr, "usage: uws_server PORT [TLS_PORT CERTIFICATE KEY]\n"), 2;
    uws_app_t *back_end = uws_create_app(0, (struct us_socket_context_options_t){0});
    app = back_end;
    if (count == 5) {
        secure = 1;
        app = uws_create_app(
            1, (struct us_socket_context_options_t){.cert_file_name = arguments[3], .key_file_name = arguments[4]});
    }
    uws_socket_behavior_t behavior = {
        .maxPayloadLength = 64 * 1024, .idleTimeout = 960, .maxBackpressure = 1024 * 1024,
        .closeOnBackpressureLimit = true, .open = ignore, .message = on_message, .drain = ignore, .ping = ignore_ping,
        .pong = ignore_ping, .close = ignore_close,
    };
    uws_ws(secure, app, "/*", behavior, NULL);
    uws_app_post(0, back_end, "/pub", on_publish, NULL);
    listen_at(0, back_end, arguments[1]);
    if (secure) listen_at(1, app, arguments[2]);
    // Both share the thread's loop.
    uws_app_run(0, back_end);
    return 0;
}
