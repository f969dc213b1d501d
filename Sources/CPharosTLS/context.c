#include "internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static int extras_index = -1;

static void free_extras(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argument, void *more) {
    (void)parent, (void)data, (void)index, (void)argument, (void)more;
    pharos_tls_extras *extras = pointer;
    if (!extras) return;
    for (size_t number = 0; number < extras->names_count; number++) {
        free(extras->names[number].name);
        SSL_CTX_free(extras->names[number].context);
    }
    free(extras->names);
    free(extras->protocols);
    pharos_tls_tickets_free(extras->tickets);
    free(extras);
}

static void make_index(void) { extras_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_extras); }

pharos_tls_extras *pharos_tls_extras_of(const SSL_CTX *context) {
    return extras_index < 0 ? NULL : SSL_CTX_get_ex_data(context, extras_index);
}

pharos_tls_extras *pharos_tls_extras_add(SSL_CTX *context) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_index);
    pharos_tls_extras *extras = extras_index < 0 ? NULL : calloc(1, sizeof *extras);
    if (extras && SSL_CTX_set_ex_data(context, extras_index, extras)) return extras;
    free(extras);
    return NULL;
}

// Without it OpenSSL would ask the terminal. `data`: where to note that a password is needed.
static int no_password(char *target, int capacity, int is_writing, void *data) {
    (void)target, (void)capacity, (void)is_writing;
    if (data) *(int *)data = 1;
    return -1;
}

static SSL_CTX *make_context(const SSL_METHOD *method, const void *protocols, size_t protocols_count) {
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context) return NULL;
    pharos_tls_extras *extras = pharos_tls_extras_add(context);
    if (!extras || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)) {
        SSL_CTX_free(context);
        return NULL;
    }
    if (protocols_count > 0) {
        extras->protocols = malloc(protocols_count);
        if (!extras->protocols) {
            SSL_CTX_free(context);
            return NULL;
        }
        memcpy(extras->protocols, protocols, protocols_count);
        extras->protocols_count = (unsigned int)protocols_count;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Idle sessions hold no buffers. Without retries a record that carries no data comes back to be counted.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    // Sessions are in their tickets. A cache here would hold each of them for hours.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    return context;
}

// MARK: What a client asks for

static int choose_protocol(
    SSL *ssl, const unsigned char **chosen, unsigned char *chosen_count, const unsigned char *offered,
    unsigned int offered_count, void *argument) {
    (void)argument;
    pharos_tls_extras *extras = pharos_tls_extras_of(SSL_get_SSL_CTX(ssl));
    if (!extras || extras->protocols_count == 0) return SSL_TLSEXT_ERR_NOACK;
    unsigned char *choice = NULL;
    int outcome = SSL_select_next_proto(
        &choice, chosen_count, extras->protocols, extras->protocols_count, offered, offered_count);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = choice;
    return SSL_TLSEXT_ERR_OK;
}

static const pharos_tls_name *find_name(const pharos_tls_extras *extras, const char *name) {
    for (size_t index = 0; index < extras->names_count; index++) {
        if (strcasecmp(extras->names[index].name, name) == 0) return &extras->names[index];
    }
    const char *rest = strchr(name, '.');
    if (!rest || rest == name) return NULL;
    for (size_t index = 0; index < extras->names_count; index++) {
        const char *pattern = extras->names[index].name;
        if (pattern[0] == '*' && strcasecmp(pattern + 1, rest) == 0) return &extras->names[index];
    }
    return NULL;
}

static int choose_context(SSL *ssl, int *alert, void *argument) {
    (void)alert, (void)argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    pharos_tls_extras *extras = pharos_tls_extras_of(SSL_get_SSL_CTX(ssl));
    if (!name || !extras) return SSL_TLSEXT_ERR_NOACK;
    const pharos_tls_name *found = find_name(extras, name);
    // A client that asks for another name gets the first certificate, and judges for itself.
    if (!found) return SSL_TLSEXT_ERR_NOACK;
    if (found->context) SSL_set_SSL_CTX(ssl, found->context);
    return SSL_TLSEXT_ERR_OK;
}

// MARK: Making

static int note(int *step, unsigned long *error, int at) {
    *step = at;
    // The first error is the cause; those behind it say where it passed.
    *error = ERR_peek_error();
    ERR_clear_error();
    return 0;
}

static pharos_tls_context *failed(SSL_CTX *context, int *step, unsigned long *error, int at) {
    note(step, error, at);
    SSL_CTX_free(context);
    return NULL;
}

static EVP_PKEY *read_key(const char *file, int *is_encrypted) {
    BIO *bio = BIO_new_file(file, "r");
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, is_encrypted) : NULL;
    BIO_free(bio);
    return key;
}

// The certificate with its chain, and its key. 0: `step` and `error` say why not.
static int use_identity(
    SSL_CTX *context, const char *certificate_file, const char *key_file, int *step, unsigned long *error) {
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1) {
        return note(step, error, PHAROS_TLS_STEP_CERTIFICATE);
    }
    int is_encrypted = 0;
    EVP_PKEY *key = read_key(key_file, &is_encrypted);
    if (!key) {
        note(step, error, PHAROS_TLS_STEP_KEY);
        if (is_encrypted) *error = PHAROS_TLS_ERROR_ENCRYPTED_KEY;
        return 0;
    }
    // Decoders that did not fit leave their errors behind.
    ERR_clear_error();
    int is_used = SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    return is_used ? 1 : note(step, error, PHAROS_TLS_STEP_MATCH);
}

pharos_tls_context *pharos_tls_server_make(
    const char *certificate_file, const char *key_file, const void *protocols, size_t protocols_count,
    pharos_tls_tickets *tickets, int *step, unsigned long *error) {
    ERR_clear_error();
    SSL_CTX *context = make_context(TLS_server_method(), protocols, protocols_count);
    if (!context) return failed(NULL, step, error, PHAROS_TLS_STEP_OTHER);
    if (!use_identity(context, certificate_file, key_file, step, error)) {
        SSL_CTX_free(context);
        return NULL;
    }
    // A session can be resumed with every context that opens its ticket.
    static const unsigned char scope[] = "pharos";
    SSL_CTX_set_session_id_context(context, scope, sizeof scope - 1);
    SSL_CTX_set_num_tickets(context, 1);
    pharos_tls_tickets_use(context, tickets);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_tlsext_servername_callback(context, choose_context);
    ERR_clear_error();
    return (pharos_tls_context *)context;
}

pharos_tls_context *pharos_tls_client_make(
    const char *authorities_file, const void *protocols, size_t protocols_count, int *step, unsigned long *error) {
    ERR_clear_error();
    SSL_CTX *context = make_context(TLS_client_method(), protocols, protocols_count);
    if (!context) return failed(NULL, step, error, PHAROS_TLS_STEP_OTHER);
    int is_trusting = authorities_file ? SSL_CTX_load_verify_file(context, authorities_file)
                                       : SSL_CTX_set_default_verify_paths(context);
    if (is_trusting != 1) return failed(context, step, error, PHAROS_TLS_STEP_AUTHORITIES);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    // 0 is success here.
    if (protocols_count > 0 && SSL_CTX_set_alpn_protos(context, protocols, (unsigned int)protocols_count) != 0) {
        return failed(context, step, error, PHAROS_TLS_STEP_OTHER);
    }
    ERR_clear_error();
    return (pharos_tls_context *)context;
}

int pharos_tls_client_show(
    pharos_tls_context *context, const char *certificate_file, const char *key_file, int *step, unsigned long *error) {
    ERR_clear_error();
    if (!use_identity(pharos_ctx(context), certificate_file, key_file, step, error)) return 0;
    ERR_clear_error();
    return 1;
}

void pharos_tls_client_trust_all(pharos_tls_context *context) {
    SSL_CTX_set_verify(pharos_ctx(context), SSL_VERIFY_NONE, NULL);
}

int pharos_tls_server_ask_clients(
    pharos_tls_context *context, const char *authorities_file, int *step, unsigned long *error) {
    ERR_clear_error();
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(authorities_file);
    if (!names || SSL_CTX_load_verify_file(pharos_ctx(context), authorities_file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return note(step, error, PHAROS_TLS_STEP_AUTHORITIES);
    }
    // Clients are told which authorities they may come with.
    SSL_CTX_set_client_CA_list(pharos_ctx(context), names);
    SSL_CTX_set_verify(pharos_ctx(context), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    ERR_clear_error();
    return 1;
}

void pharos_tls_context_free(pharos_tls_context *context) { SSL_CTX_free(pharos_ctx(context)); }

int pharos_tls_context_add_name(pharos_tls_context *context, const char *name, const pharos_tls_context *other) {
    pharos_tls_extras *extras = pharos_tls_extras_of(pharos_ctx(context));
    pharos_tls_name *grown = realloc(extras->names, (extras->names_count + 1) * sizeof *grown);
    if (!grown) return 0;
    extras->names = grown;
    char *copy = strdup(name);
    if (!copy) return 0;
    // A context that held itself would never be freed: NULL stands for itself.
    if (other != context) SSL_CTX_up_ref(pharos_ctx(other));
    grown[extras->names_count++] = (pharos_tls_name) {copy, other == context ? NULL : pharos_ctx(other)};
    return 1;
}

size_t pharos_tls_context_certificate_name(
    const pharos_tls_context *context, size_t index, void *target, size_t capacity) {
    X509 *certificate = SSL_CTX_get0_certificate(pharos_ctx(context));
    GENERAL_NAMES *names = certificate ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
    size_t count = 0;
    for (int number = 0; number < sk_GENERAL_NAME_num(names); number++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, number);
        if (name->type != GEN_DNS || index-- > 0) continue;
        int length = ASN1_STRING_length(name->d.dNSName);
        if (length > 0 && (size_t)length <= capacity) {
            memcpy(target, ASN1_STRING_get0_data(name->d.dNSName), (size_t)length);
            count = (size_t)length;
        }
        break;
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return count;
}

int64_t pharos_tls_context_not_after(const pharos_tls_context *context) {
    X509 *certificate = SSL_CTX_get0_certificate(pharos_ctx(context));
    struct tm parts;
    if (!certificate || !ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts)) return 0;
    return timegm(&parts);
}

int pharos_tls_context_set_versions(pharos_tls_context *context, int least, int most) {
    SSL_CTX_set_security_level(pharos_ctx(context), least < TLS1_2_VERSION ? 0 : 2);
    return SSL_CTX_set_min_proto_version(pharos_ctx(context), least)
        && SSL_CTX_set_max_proto_version(pharos_ctx(context), most);
}
