#ifndef C_PHAROS_CRYPTO_H
#define C_PHAROS_CRYPTO_H

#include <stddef.h>

// Signatures and authentication codes by the system's OpenSSL (3.0 or newer). Any thread; keys may be used by several at once.

// A public key or a pair: RSA, a NIST curve, Ed25519.
typedef struct pharos_key pharos_key;

// `kind` of a key: RSA, the bits of a curve, Ed25519; 0 for everything else.
enum {
    PHAROS_KEY_RSA = 1,
    PHAROS_KEY_ED25519 = 2,
    PHAROS_KEY_P256 = 256,
    PHAROS_KEY_P384 = 384,
    PHAROS_KEY_P521 = 521,
};

// NULL when the text or the numbers are no sound key of a kind above. Encrypted PEM texts are none.
pharos_key *pharos_key_public_pem(const void *text, size_t count);
pharos_key *pharos_key_private_pem(const void *text, size_t count);
// Big-endian numbers, of an RSA public key.
pharos_key *pharos_key_rsa(const void *modulus, size_t modulus_count, const void *exponent, size_t exponent_count);
// The uncompressed form of a point on a curve (SEC 1, section 2.3.3).
pharos_key *pharos_key_point(int kind, const void *point, size_t count);
// 32 bytes each (RFC 8032, section 5.1.5): the public key, the seed of a pair.
pharos_key *pharos_key_ed25519_public(const void *bytes);
pharos_key *pharos_key_ed25519_seed(const void *seed);
// A new pair on a curve.
pharos_key *pharos_key_make(int kind);
void pharos_key_free(pharos_key *key);

int pharos_key_kind(const pharos_key *key);
// Bits of the modulus, or of the curve.
int pharos_key_bits(const pharos_key *key);
// The key as PEM text, PKCS #8 or SubjectPublicKeyInfo; its bytes, or -1.
ptrdiff_t pharos_key_pem(const pharos_key *key, int is_private, void *target, size_t capacity);
// The uncompressed form of its point; its bytes, or -1.
ptrdiff_t pharos_key_write_point(const pharos_key *key, void *target, size_t capacity);

// `digest`: the bits of SHA-2; ignored for Ed25519, which has its own. RSA: PKCS #1 v1.5. Curves: both numbers in their
// full size, one after the other (RFC 7518, section 3.4).
int pharos_verify(
    const pharos_key *key, int digest, const void *signature, size_t signature_count, const void *message, size_t count);
// The signature's bytes, or -1.
ptrdiff_t pharos_sign(
    const pharos_key *key, int digest, const void *message, size_t count, void *target, size_t capacity);

// HMAC with SHA-2; the bytes of the code, or -1.
ptrdiff_t pharos_hmac(
    int digest, const void *secret, size_t secret_count, const void *message, size_t count, void *target, size_t capacity);
// Whether the bytes are the same; takes the same time for all that are as long.
int pharos_is_same(const void *one, const void *other, size_t count);

#endif
