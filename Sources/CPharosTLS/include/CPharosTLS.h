#ifndef C_PHAROS_TLS_H
#define C_PHAROS_TLS_H

#include <stddef.h>
#include <stdint.h>

// TLS by the system's OpenSSL (3.0 or newer) as a machine without IO: bytes go in, bytes come out.
//
// Contexts and ticket keys may be used by any thread at once. A session is used by one thread at a time.

// What new sessions are made of: certificates and keys, or whom a client trusts. Sessions keep what they need of it.
typedef struct pharos_tls_context pharos_tls_context;
typedef struct pharos_tls pharos_tls;
// Keys that seal session tickets; shared by contexts, so that clients resume after a reload.
typedef struct pharos_tls_tickets pharos_tls_tickets;
// What a client keeps of a session in order to resume it.
typedef struct pharos_tls_resumption pharos_tls_resumption;

// What a shard's sessions write to, one after the other: ciphertext that is to be sent. Grows as needed.
typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
    // One record's worth of plaintext, where several slices become one record.
    uint8_t *gathered;
} pharos_tls_output;

typedef struct {
    const void *base;
    size_t count;
} pharos_tls_slice;

enum {
    // Goes on with more input.
    PHAROS_TLS_OPEN = 0,
    // The room for plaintext is full, and there may be more.
    PHAROS_TLS_FULL = 1,
    // The peer has said that it sends nothing more.
    PHAROS_TLS_CLOSED = 2,
    // Nothing more can be done than to send the output, which may hold an alert.
    PHAROS_TLS_FAILED = 3,
};

typedef struct {
    size_t consumed;
    size_t produced;
    int status;
} pharos_tls_progress;

// Which step of making a context has failed.
enum {
    PHAROS_TLS_STEP_NONE = 0,
    PHAROS_TLS_STEP_CERTIFICATE = 1,
    PHAROS_TLS_STEP_KEY = 2,
    // Key and certificate do not belong together.
    PHAROS_TLS_STEP_MATCH = 3,
    PHAROS_TLS_STEP_AUTHORITIES = 4,
    PHAROS_TLS_STEP_OTHER = 5,
};

// Failures that are none of OpenSSL's: above all of its codes.
#define PHAROS_TLS_ERROR_HANDSHAKE_TOO_LONG (1UL << 40 | 1)
#define PHAROS_TLS_ERROR_NO_DATA (1UL << 40 | 2)
#define PHAROS_TLS_ERROR_NO_MEMORY (1UL << 40 | 3)
#define PHAROS_TLS_ERROR_BLOCKED (1UL << 40 | 4)
#define PHAROS_TLS_ERROR_ENDED (1UL << 40 | 5)
#define PHAROS_TLS_ERROR_ENCRYPTED_KEY (1UL << 40 | 6)
// A certificate's: the low bits are X509_V_ERR_*.
#define PHAROS_TLS_ERROR_VERIFY (1UL << 41)

// MARK: Tickets

// NULL: no memory, or no random numbers.
pharos_tls_tickets *pharos_tls_tickets_make(void);
void pharos_tls_tickets_free(pharos_tls_tickets *tickets);
// A new key seals from now on, the one before still opens. Happens by itself every 12 hours.
int pharos_tls_tickets_rotate(pharos_tls_tickets *tickets);

// MARK: Contexts

// `protocols`: ALPN, in the order of preference, as on the wire (each with its length in front). NULL: `step` and `error` say why.
pharos_tls_context *pharos_tls_server_make(
    const char *certificate_file, const char *key_file, const void *protocols, size_t protocols_count,
    pharos_tls_tickets *tickets, int *step, unsigned long *error);
// `authorities_file`: trusted instead of the system's; NULL: the system's.
pharos_tls_context *pharos_tls_client_make(
    const char *authorities_file, const void *protocols, size_t protocols_count, int *step, unsigned long *error);
// A client shows this certificate to servers that ask for one. 0: `step` and `error` say why not.
int pharos_tls_client_show(
    pharos_tls_context *context, const char *certificate_file, const char *key_file, int *step, unsigned long *error);
// A client takes whatever certificate a server shows: anybody may be it.
void pharos_tls_client_trust_all(pharos_tls_context *context);
// A server refuses clients without a certificate of these authorities. 0: `step` and `error` say why not.
int pharos_tls_server_ask_clients(
    pharos_tls_context *context, const char *authorities_file, int *step, unsigned long *error);
void pharos_tls_context_free(pharos_tls_context *context);
// Clients that ask for `name`, or one label in the place of a leading "*.", get `other`. 0: no memory.
int pharos_tls_context_add_name(pharos_tls_context *context, const char *name, const pharos_tls_context *other);
// The DNS name number `index` of the certificate, without a final zero; its bytes, 0 after the last.
size_t pharos_tls_context_certificate_name(
    const pharos_tls_context *context, size_t index, void *target, size_t capacity);
// Seconds since 1970 at which the certificate ends; 0: unknown.
int64_t pharos_tls_context_not_after(const pharos_tls_context *context);
// Clients and servers speak at least and at most this; for tests of what peers might do.
int pharos_tls_context_set_versions(pharos_tls_context *context, int least, int most);

// MARK: Sessions

// NULL: there is no memory, or the name is none.
pharos_tls *pharos_tls_accept(const pharos_tls_context *context);
// `name`: asked for, and what the certificate must be for: a DNS name or an IP address.
pharos_tls *pharos_tls_connect(
    const pharos_tls_context *context, const char *name, int is_address, const pharos_tls_resumption *resumption);
void pharos_tls_free(pharos_tls *tls);

// Consumes all input unless `plaintext` is full. A handshake of more than 32 kB is refused.
pharos_tls_progress pharos_tls_receive(
    pharos_tls *tls, const void *input, size_t count, void *plaintext, size_t capacity, pharos_tls_output *output);
// 0: failed, and nothing was appended.
int pharos_tls_send(pharos_tls *tls, const pharos_tls_slice *slices, size_t count, pharos_tls_output *output);
// Says that nothing more will be sent.
void pharos_tls_close(pharos_tls *tls, pharos_tls_output *output);

int pharos_tls_is_established(const pharos_tls *tls);
int pharos_tls_is_resumed(const pharos_tls *tls);
unsigned long pharos_tls_error(const pharos_tls *tls);
// 0x0303, 0x0304.
int pharos_tls_version(const pharos_tls *tls);
size_t pharos_tls_protocol(const pharos_tls *tls, const uint8_t **protocol);
const char *pharos_tls_server_name(const pharos_tls *tls);
const char *pharos_tls_cipher(const pharos_tls *tls);
// Asks the peer for new keys, TLS 1.3; begins a renegotiation, TLS 1.2. For tests. 0: refused.
int pharos_tls_rekey(pharos_tls *tls, pharos_tls_output *output);

pharos_tls_resumption *pharos_tls_resumption_of(const pharos_tls *tls);
void pharos_tls_resumption_free(pharos_tls_resumption *resumption);

// What an error means, in words, with a final zero.
void pharos_tls_describe(unsigned long error, char *target, size_t capacity);

void pharos_tls_output_free(pharos_tls_output *output);

#endif
