#ifndef C_PHAROS_TLS_INTERNAL_H
#define C_PHAROS_TLS_INTERNAL_H

#include "CPharosTLS.h"

#include <openssl/ssl.h>

// A context is an SSL_CTX; what is ours hangs on it and is freed with it, since sessions outlive the context's owner.
typedef struct {
    char *name;
    // NULL: the one that has this entry.
    SSL_CTX *context;
} pharos_tls_name;

typedef struct {
    pharos_tls_tickets *tickets;
    unsigned char *protocols;
    unsigned int protocols_count;
    pharos_tls_name *names;
    size_t names_count;
} pharos_tls_extras;

static inline SSL_CTX *pharos_ctx(const pharos_tls_context *context) { return (SSL_CTX *)context; }

// NULL: there is no memory.
pharos_tls_extras *pharos_tls_extras_of(const SSL_CTX *context);
pharos_tls_extras *pharos_tls_extras_add(SSL_CTX *context);

void pharos_tls_tickets_retain(pharos_tls_tickets *tickets);
void pharos_tls_tickets_use(SSL_CTX *context, pharos_tls_tickets *tickets);

#endif
