#include "keys.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <pthread.h>

// Looked up once: by name it would be searched for with every signature.
static EVP_MD *sha256, *sha384, *sha512;

static void fetch_digests(void) {
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    sha384 = EVP_MD_fetch(NULL, "SHA2-384", NULL);
    sha512 = EVP_MD_fetch(NULL, "SHA2-512", NULL);
}

static const EVP_MD *digest_of(int bits) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_digests);
    switch (bits) {
    case 256: return sha256;
    case 384: return sha384;
    case 512: return sha512;
    default: return NULL;
    }
}

// Bytes of each of the two numbers of a curve's signature; 0: the key is on none.
static size_t number_size(const pharos_key *key) {
    switch (pharos_key_kind(key)) {
    case PHAROS_KEY_P256: return 32;
    case PHAROS_KEY_P384: return 48;
    case PHAROS_KEY_P521: return 66;
    default: return 0;
    }
}

// Two numbers of `size` bytes to DER; its bytes, or -1.
static int to_der(const unsigned char *numbers, size_t size, unsigned char *der) {
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(numbers, (int)size, NULL), *s = BN_bin2bn(numbers + size, (int)size, NULL);
    int count = -1;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
        // They are the pair's from here on.
        r = s = NULL;
        count = i2d_ECDSA_SIG(pair, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return count;
}

static int from_der(const unsigned char *der, size_t count, size_t size, unsigned char *numbers) {
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)count);
    int is_written = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), numbers, (int)size) > 0
        && BN_bn2binpad(ECDSA_SIG_get0_s(pair), numbers + size, (int)size) > 0;
    ECDSA_SIG_free(pair);
    return is_written;
}

int pharos_verify(
    const pharos_key *key, int digest, const void *signature, size_t signature_count, const void *message, size_t count) {
    const EVP_MD *hash = pharos_key_kind(key) == PHAROS_KEY_ED25519 ? NULL : digest_of(digest);
    if (!hash && pharos_key_kind(key) != PHAROS_KEY_ED25519) return 0;
    unsigned char der[160];
    size_t size = number_size(key);
    if (size > 0) {
        if (signature_count != 2 * size) return 0;
        int der_count = to_der(signature, size, der);
        if (der_count <= 0) return 0;
        signature = der;
        signature_count = (size_t)der_count;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    // RSA pads as PKCS #1 v1.5 unless told otherwise.
    int is_valid = context && EVP_DigestVerifyInit(context, NULL, hash, NULL, pharos_evp(key)) > 0
        && EVP_DigestVerify(context, signature, signature_count, message, count) == 1;
    EVP_MD_CTX_free(context);
    // A wrong signature leaves its reasons in the queue, where the next caller would find them.
    ERR_clear_error();
    return is_valid;
}

ptrdiff_t pharos_sign(
    const pharos_key *key, int digest, const void *message, size_t count, void *target, size_t capacity) {
    const EVP_MD *hash = pharos_key_kind(key) == PHAROS_KEY_ED25519 ? NULL : digest_of(digest);
    if (!hash && pharos_key_kind(key) != PHAROS_KEY_ED25519) return -1;
    unsigned char der[160];
    size_t size = number_size(key);
    size_t written = size > 0 ? sizeof der : capacity;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int is_signed = context && EVP_DigestSignInit(context, NULL, hash, NULL, pharos_evp(key)) > 0
        && EVP_DigestSign(context, size > 0 ? der : target, &written, message, count) > 0;
    EVP_MD_CTX_free(context);
    if (is_signed && size > 0) {
        is_signed = 2 * size <= capacity && from_der(der, written, size, target);
        written = 2 * size;
    }
    ERR_clear_error();
    return is_signed ? (ptrdiff_t)written : -1;
}

ptrdiff_t pharos_hmac(
    int digest, const void *secret, size_t secret_count, const void *message, size_t count, void *target,
    size_t capacity) {
    const EVP_MD *hash = digest_of(digest);
    if (!hash || capacity < (size_t)digest / 8) return -1;
    unsigned int written = 0;
    if (!HMAC(hash, secret_count > 0 ? secret : "", (int)secret_count, message, count, target, &written)) {
        ERR_clear_error();
        return -1;
    }
    return (ptrdiff_t)written;
}

int pharos_is_same(const void *one, const void *other, size_t count) { return CRYPTO_memcmp(one, other, count) == 0; }
