#include "internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_SIZE = 16384,
    // A hello takes less than 2 kB, with the largest key shares in use. OpenSSL by itself would keep up to 128 kB of one.
    HANDSHAKE_LIMIT = 32768,
    // Records in a row that carry no data, each of which costs as much as many messages: new keys, renegotiation.
    NO_DATA_LIMIT = 32,
};

struct pharos_tls {
    SSL *ssl;
    unsigned long error;
    uint32_t handshake_input;
    uint16_t no_data;
    uint8_t is_established;
    uint8_t status;
};

// MARK: What OpenSSL takes for the network

// Set while a session of this thread is at work: sessions that are not hold no memory for input or output.
typedef struct {
    const uint8_t *input;
    size_t input_count;
    pharos_tls_output *output;
} window;

static _Thread_local window *current;

static int read_input(BIO *bio, char *target, size_t capacity, size_t *count) {
    BIO_clear_retry_flags(bio);
    if (!current || current->input_count == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *count = capacity < current->input_count ? capacity : current->input_count;
    memcpy(target, current->input, *count);
    current->input += *count;
    current->input_count -= *count;
    return 1;
}

static int write_output(BIO *bio, const char *source, size_t count, size_t *written) {
    BIO_clear_retry_flags(bio);
    pharos_tls_output *output = current ? current->output : NULL;
    if (!output) return 0;
    if (output->capacity - output->count < count) {
        size_t wanted = output->capacity * 2 > output->count + count ? output->capacity * 2 : output->count + count;
        if (wanted < 4096) wanted = 4096;
        uint8_t *grown = realloc(output->bytes, wanted);
        if (!grown) return 0;
        output->bytes = grown;
        output->capacity = wanted;
    }
    memcpy(output->bytes + output->count, source, count);
    output->count += count;
    *written = count;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    // Everything else is unknown here, kernel TLS for one.
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

static BIO_METHOD *method;

static void make_method(void) {
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pharos");
    if (!method) return;
    BIO_meth_set_read_ex(method, read_input);
    BIO_meth_set_write_ex(method, write_output);
    BIO_meth_set_ctrl(method, control);
}

// MARK: Beginning and end

static pharos_tls *make(const pharos_tls_context *context) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    pharos_tls *tls = calloc(1, sizeof *tls);
    BIO *bio = method ? BIO_new(method) : NULL;
    SSL *ssl = SSL_new(pharos_ctx(context));
    if (!tls || !bio || !ssl) {
        free(tls);
        BIO_free(bio);
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    tls->ssl = ssl;
    return tls;
}

pharos_tls *pharos_tls_accept(const pharos_tls_context *context) {
    pharos_tls *tls = make(context);
    if (tls) SSL_set_accept_state(tls->ssl);
    return tls;
}

pharos_tls *pharos_tls_connect(
    const pharos_tls_context *context, const char *name, int is_address, const pharos_tls_resumption *resumption) {
    pharos_tls *tls = make(context);
    if (!tls) return NULL;
    SSL_set_connect_state(tls->ssl);
    X509_VERIFY_PARAM *parameters = SSL_get0_param(tls->ssl);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // Without a name to check every certificate would do: that must never happen.
    int is_checked = is_address
        ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name)
        : name[0] && SSL_set1_host(tls->ssl, name) && SSL_set_tlsext_host_name(tls->ssl, name);
    // A copy again: others may resume with it at the same time.
    SSL_SESSION *session = resumption ? SSL_SESSION_dup((const SSL_SESSION *)resumption) : NULL;
    int is_set = !session || SSL_set_session(tls->ssl, session);
    SSL_SESSION_free(session);
    if (!is_checked || !is_set) {
        ERR_clear_error();
        pharos_tls_free(tls);
        return NULL;
    }
    return tls;
}

void pharos_tls_free(pharos_tls *tls) {
    if (!tls) return;
    SSL_free(tls->ssl);
    free(tls);
}

// MARK: At work

static void fail(pharos_tls *tls, unsigned long error) {
    tls->status = PHAROS_TLS_FAILED;
    tls->error = error;
}

static void fail_by_openssl(pharos_tls *tls) {
    unsigned long error = ERR_peek_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        error = PHAROS_TLS_ERROR_VERIFY | (unsigned long)SSL_get_verify_result(tls->ssl);
    }
    ERR_clear_error();
    fail(tls, error ? error : PHAROS_TLS_ERROR_NO_MEMORY);
}

static void shake_hands(pharos_tls *tls) {
    size_t before = current->input_count;
    int outcome = SSL_do_handshake(tls->ssl);
    tls->handshake_input += (uint32_t)(before - current->input_count);
    if (outcome == 1) {
        tls->is_established = 1;
    } else if (SSL_get_error(tls->ssl, outcome) != SSL_ERROR_WANT_READ) {
        fail_by_openssl(tls);
    } else if (tls->handshake_input > HANDSHAKE_LIMIT) {
        fail(tls, PHAROS_TLS_ERROR_HANDSHAKE_TOO_LONG);
    }
}

static size_t read_data(pharos_tls *tls, uint8_t *plaintext, size_t capacity) {
    size_t produced = 0;
    while (current->input_count > 0 || SSL_pending(tls->ssl) > 0) {
        if (produced == capacity) {
            tls->status = PHAROS_TLS_FULL;
            break;
        }
        size_t count = 0;
        int outcome = SSL_read_ex(tls->ssl, plaintext + produced, capacity - produced, &count);
        if (outcome == 1) {
            produced += count;
            tls->no_data = 0;
            continue;
        }
        int error = SSL_get_error(tls->ssl, outcome);
        if (error == SSL_ERROR_ZERO_RETURN) {
            tls->status = PHAROS_TLS_CLOSED;
            break;
        }
        if (error != SSL_ERROR_WANT_READ) {
            fail_by_openssl(tls);
            break;
        }
        if (current->input_count > 0 && ++tls->no_data > NO_DATA_LIMIT) {
            fail(tls, PHAROS_TLS_ERROR_NO_DATA);
            break;
        }
    }
    return produced;
}

pharos_tls_progress pharos_tls_receive(
    pharos_tls *tls, const void *input, size_t count, void *plaintext, size_t capacity, pharos_tls_output *output) {
    pharos_tls_progress progress = {0, 0, tls->status};
    if (tls->status == PHAROS_TLS_FULL) tls->status = PHAROS_TLS_OPEN;
    if (tls->status == PHAROS_TLS_OPEN) {
        window bytes = {input, count, output};
        current = &bytes;
        ERR_clear_error();
        if (!tls->is_established) shake_hands(tls);
        if (tls->is_established && tls->status == PHAROS_TLS_OPEN) {
            progress.produced = read_data(tls, plaintext, capacity);
        }
        current = NULL;
        progress.consumed = count - bytes.input_count;
        progress.status = tls->status;
    }
    // Bytes behind the end mean nothing.
    if (progress.status >= PHAROS_TLS_CLOSED) progress.consumed = count;
    return progress;
}

static int write_record(pharos_tls *tls, const void *bytes, size_t count) {
    size_t written = 0;
    int outcome = SSL_write_ex(tls->ssl, bytes, count, &written);
    if (outcome == 1) return 1;
    // Output is always taken. Only a message of the handshake's kind that has not come whole holds it up.
    if (SSL_get_error(tls->ssl, outcome) == SSL_ERROR_WANT_READ) {
        fail(tls, PHAROS_TLS_ERROR_BLOCKED);
    } else {
        fail_by_openssl(tls);
    }
    return 0;
}

// Small slices share a record, large ones are not copied.
static int write_slices(pharos_tls *tls, const pharos_tls_slice *slices, size_t count, pharos_tls_output *output) {
    size_t waiting = 0;
    for (size_t index = 0; index < count; index++) {
        const uint8_t *bytes = slices[index].base;
        size_t rest = slices[index].count;
        while (rest > 0) {
            int is_last = index + 1 == count;
            if (waiting == 0 && (is_last || rest >= RECORD_SIZE)) {
                size_t taken = is_last ? rest : rest - rest % RECORD_SIZE;
                if (!write_record(tls, bytes, taken)) return 0;
                bytes += taken;
                rest -= taken;
                continue;
            }
            if (!output->gathered && !(output->gathered = malloc(RECORD_SIZE))) {
                fail(tls, PHAROS_TLS_ERROR_NO_MEMORY);
                return 0;
            }
            size_t taken = RECORD_SIZE - waiting < rest ? RECORD_SIZE - waiting : rest;
            memcpy(output->gathered + waiting, bytes, taken);
            bytes += taken;
            rest -= taken;
            waiting += taken;
            if (waiting == RECORD_SIZE) {
                if (!write_record(tls, output->gathered, waiting)) return 0;
                waiting = 0;
            }
        }
    }
    return waiting == 0 || write_record(tls, output->gathered, waiting);
}

int pharos_tls_send(pharos_tls *tls, const pharos_tls_slice *slices, size_t count, pharos_tls_output *output) {
    if (tls->status == PHAROS_TLS_FAILED) return 0;
    if (!tls->is_established) {
        fail(tls, PHAROS_TLS_ERROR_ENDED);
        return 0;
    }
    window bytes = {NULL, 0, output};
    current = &bytes;
    size_t before = output->count;
    int is_sent = write_slices(tls, slices, count, output);
    // What another session writes next must not follow half of this.
    if (!is_sent) output->count = before;
    current = NULL;
    return is_sent;
}

void pharos_tls_close(pharos_tls *tls, pharos_tls_output *output) {
    if (tls->status == PHAROS_TLS_FAILED || !tls->is_established) return;
    window bytes = {NULL, 0, output};
    current = &bytes;
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
    current = NULL;
}

int pharos_tls_rekey(pharos_tls *tls, pharos_tls_output *output) {
    window bytes = {NULL, 0, output};
    current = &bytes;
    SSL_clear_options(tls->ssl, SSL_OP_NO_RENEGOTIATION);
    int is_begun = SSL_version(tls->ssl) >= TLS1_3_VERSION ? SSL_key_update(tls->ssl, SSL_KEY_UPDATE_REQUESTED)
                                                           : SSL_renegotiate(tls->ssl);
    if (is_begun) SSL_do_handshake(tls->ssl);
    ERR_clear_error();
    current = NULL;
    return is_begun;
}

// MARK: What was agreed on

int pharos_tls_is_established(const pharos_tls *tls) { return tls->is_established; }
int pharos_tls_is_resumed(const pharos_tls *tls) { return SSL_session_reused(tls->ssl); }
unsigned long pharos_tls_error(const pharos_tls *tls) { return tls->error; }
int pharos_tls_version(const pharos_tls *tls) { return SSL_version(tls->ssl); }

size_t pharos_tls_protocol(const pharos_tls *tls, const uint8_t **protocol) {
    unsigned int count = 0;
    SSL_get0_alpn_selected(tls->ssl, protocol, &count);
    return count;
}

const char *pharos_tls_server_name(const pharos_tls *tls) {
    return SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
}

const char *pharos_tls_cipher(const pharos_tls *tls) { return SSL_get_cipher_name(tls->ssl); }

pharos_tls_resumption *pharos_tls_resumption_of(const pharos_tls *tls) {
    SSL_SESSION *session = SSL_get_session(tls->ssl);
    // A copy, since OpenSSL spoils its own for resumption when a connection breaks off.
    return session && SSL_SESSION_is_resumable(session) ? (pharos_tls_resumption *)SSL_SESSION_dup(session) : NULL;
}

void pharos_tls_resumption_free(pharos_tls_resumption *resumption) { SSL_SESSION_free((SSL_SESSION *)resumption); }

void pharos_tls_describe(unsigned long error, char *target, size_t capacity) {
    const char *text = NULL;
    if (error & PHAROS_TLS_ERROR_VERIFY) {
        text = X509_verify_cert_error_string((long)(error & ~PHAROS_TLS_ERROR_VERIFY));
    } else if (error == PHAROS_TLS_ERROR_HANDSHAKE_TOO_LONG) {
        text = "the handshake is too long";
    } else if (error == PHAROS_TLS_ERROR_NO_DATA) {
        text = "too many records without data";
    } else if (error == PHAROS_TLS_ERROR_NO_MEMORY) {
        text = "out of memory";
    } else if (error == PHAROS_TLS_ERROR_BLOCKED) {
        text = "a message of the handshake has not come whole";
    } else if (error == PHAROS_TLS_ERROR_ENCRYPTED_KEY) {
        text = "the key is encrypted";
    } else if (error == PHAROS_TLS_ERROR_ENDED) {
        text = "the handshake is not done";
    } else if (ERR_SYSTEM_ERROR(error)) {
        text = strerror((int)ERR_GET_REASON(error));
    } else if (error) {
        text = ERR_reason_error_string(error);
    }
    snprintf(target, capacity, "%s", text ? text : "unknown");
}

void pharos_tls_output_free(pharos_tls_output *output) {
    free(output->bytes);
    free(output->gathered);
    *output = (pharos_tls_output) {0};
}
