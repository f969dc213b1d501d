#include "internal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Tickets of the key before are still taken, so one may live for 12 to 24 hours; OpenSSL lets none live longer than 2.
enum { KEY_LIFE = 12 * 3600 };

typedef struct {
    unsigned char name[16];
    unsigned char cipher[32];
    unsigned char mac[32];
    time_t made_at;
} ticket_key;

struct pharos_tls_tickets {
    atomic_int references;
    pthread_mutex_t lock;
    ticket_key current;
    ticket_key previous;
};

static int make_key(ticket_key *key) {
    key->made_at = time(NULL);
    return RAND_bytes(key->name, sizeof key->name) > 0 && RAND_priv_bytes(key->cipher, sizeof key->cipher) > 0
        && RAND_priv_bytes(key->mac, sizeof key->mac) > 0;
}

pharos_tls_tickets *pharos_tls_tickets_make(void) {
    pharos_tls_tickets *tickets = calloc(1, sizeof *tickets);
    if (!tickets) return NULL;
    // The previous key opens nothing that was ever sealed.
    if (!make_key(&tickets->current) || !make_key(&tickets->previous)) {
        free(tickets);
        return NULL;
    }
    atomic_init(&tickets->references, 1);
    pthread_mutex_init(&tickets->lock, NULL);
    return tickets;
}

void pharos_tls_tickets_retain(pharos_tls_tickets *tickets) {
    atomic_fetch_add_explicit(&tickets->references, 1, memory_order_relaxed);
}

void pharos_tls_tickets_free(pharos_tls_tickets *tickets) {
    if (!tickets || atomic_fetch_sub_explicit(&tickets->references, 1, memory_order_acq_rel) != 1) return;
    pthread_mutex_destroy(&tickets->lock);
    OPENSSL_cleanse(tickets, sizeof *tickets);
    free(tickets);
}

static int rotate(pharos_tls_tickets *tickets) {
    ticket_key fresh;
    if (!make_key(&fresh)) return 0;
    tickets->previous = tickets->current;
    tickets->current = fresh;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return 1;
}

int pharos_tls_tickets_rotate(pharos_tls_tickets *tickets) {
    pthread_mutex_lock(&tickets->lock);
    int is_rotated = rotate(tickets);
    pthread_mutex_unlock(&tickets->lock);
    return is_rotated;
}

static int initialize(const ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters) > 0
        && EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, seals) > 0;
}

// 1: use the key; 2: use it, and give the client a new ticket; 0: there is none, so a full handshake; -1: broken.
static int choose_key(
    SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals) {
    pharos_tls_extras *extras = pharos_tls_extras_of(SSL_get_SSL_CTX(ssl));
    if (!extras || !extras->tickets) return -1;
    pharos_tls_tickets *tickets = extras->tickets;
    ticket_key key;
    int result = 1;
    pthread_mutex_lock(&tickets->lock);
    if (seals) {
        if (time(NULL) - tickets->current.made_at >= KEY_LIFE) rotate(tickets);
        key = tickets->current;
    } else if (memcmp(name, tickets->current.name, sizeof key.name) == 0) {
        key = tickets->current;
    } else if (memcmp(name, tickets->previous.name, sizeof key.name) == 0
               && time(NULL) - tickets->previous.made_at < 2 * KEY_LIFE) {
        key = tickets->previous;
        result = 2;
    } else {
        result = 0;
    }
    pthread_mutex_unlock(&tickets->lock);
    if (result == 0) return 0;
    if (seals) {
        memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) <= 0) result = -1;
    }
    if (result > 0 && !initialize(&key, iv, cipher, mac, seals)) result = -1;
    OPENSSL_cleanse(&key, sizeof key);
    return result;
}

void pharos_tls_tickets_use(SSL_CTX *context, pharos_tls_tickets *tickets) {
    pharos_tls_tickets_retain(tickets);
    pharos_tls_extras_of(context)->tickets = tickets;
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, choose_key);
}
