#include "keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

static const char *group_name(int kind) {
    switch (kind) {
    case PHAROS_KEY_P256: return "prime256v1";
    case PHAROS_KEY_P384: return "secp384r1";
    case PHAROS_KEY_P521: return "secp521r1";
    default: return NULL;
    }
}

// An even modulus or an exponent of 1 would let anybody sign, a huge exponent would keep us busy.
static int is_sound_rsa(const EVP_PKEY *key) {
    BIGNUM *modulus = NULL, *exponent = NULL;
    int is_sound = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus)
        && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) && BN_is_odd(modulus) && BN_is_odd(exponent)
        && BN_num_bits(exponent) >= 2 && BN_num_bits(exponent) <= 33;
    BN_free(modulus);
    BN_free(exponent);
    return is_sound;
}

int pharos_key_kind(const pharos_key *key) {
    const EVP_PKEY *pkey = pharos_evp(key);
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA: return PHAROS_KEY_RSA;
    case EVP_PKEY_ED25519: return PHAROS_KEY_ED25519;
    case EVP_PKEY_EC: {
        char name[64];
        size_t count = 0;
        if (!EVP_PKEY_get_group_name((EVP_PKEY *)pkey, name, sizeof name, &count)) return 0;
        for (int kind = PHAROS_KEY_P256; kind <= PHAROS_KEY_P521; kind++) {
            const char *known = group_name(kind);
            if (known && strcmp(known, name) == 0) return kind;
        }
        return 0;
    }
    default: return 0;
    }
}

int pharos_key_bits(const pharos_key *key) { return EVP_PKEY_get_bits(pharos_evp(key)); }

void pharos_key_free(pharos_key *key) { EVP_PKEY_free((EVP_PKEY *)key); }

// The key, if it is one that we work with; else it is freed.
static pharos_key *checked(EVP_PKEY *pkey) {
    pharos_key *key = (pharos_key *)pkey;
    int kind = pkey ? pharos_key_kind(key) : 0;
    if (kind == 0 || (kind == PHAROS_KEY_RSA && !is_sound_rsa(pkey))) {
        EVP_PKEY_free(pkey);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

static pharos_key *from_pem(const void *text, size_t count, int selection) {
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", NULL, NULL, selection, NULL, NULL);
    const unsigned char *rest = text;
    // There is no terminal to ask for a pass phrase.
    if (!decoder || !OSSL_DECODER_CTX_set_passphrase(decoder, (const unsigned char *)"", 0)
        || !OSSL_DECODER_from_data(decoder, &rest, &count)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OSSL_DECODER_CTX_free(decoder);
    return checked(key);
}

pharos_key *pharos_key_public_pem(const void *text, size_t count) {
    return from_pem(text, count, EVP_PKEY_PUBLIC_KEY);
}

pharos_key *pharos_key_private_pem(const void *text, size_t count) { return from_pem(text, count, EVP_PKEY_KEYPAIR); }

static pharos_key *from_parameters(const char *type, OSSL_PARAM *parameters) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!context || !parameters || EVP_PKEY_fromdata_init(context) <= 0
        || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return checked(key);
}

pharos_key *pharos_key_rsa(const void *modulus, size_t modulus_count, const void *exponent, size_t exponent_count) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_count, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)exponent_count, NULL);
    OSSL_PARAM *parameters = NULL;
    if (builder && n && e && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n)
        && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e)) {
        parameters = OSSL_PARAM_BLD_to_param(builder);
    }
    pharos_key *key = from_parameters("RSA", parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return key;
}

pharos_key *pharos_key_point(int kind, const void *point, size_t count) {
    const char *group = group_name(kind);
    if (!group) return NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, count),
        OSSL_PARAM_construct_end(),
    };
    pharos_key *key = from_parameters("EC", parameters);
    if (!key) return NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new((EVP_PKEY *)key, NULL);
    int is_on_curve = context && EVP_PKEY_public_check(context) > 0;
    EVP_PKEY_CTX_free(context);
    if (is_on_curve) return key;
    ERR_clear_error();
    pharos_key_free(key);
    return NULL;
}

pharos_key *pharos_key_ed25519_public(const void *bytes) {
    return checked(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, 32));
}

pharos_key *pharos_key_ed25519_seed(const void *seed) {
    return checked(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32));
}

pharos_key *pharos_key_make(int kind) {
    const char *group = group_name(kind);
    return group ? checked(EVP_EC_gen(group)) : NULL;
}

ptrdiff_t pharos_key_pem(const pharos_key *key, int is_private, void *target, size_t capacity) {
    int selection = is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    const char *structure = is_private ? "PrivateKeyInfo" : "SubjectPublicKeyInfo";
    OSSL_ENCODER_CTX *encoder = OSSL_ENCODER_CTX_new_for_pkey(pharos_evp(key), selection, "PEM", structure, NULL);
    unsigned char *next = target;
    size_t room = capacity;
    int is_written = encoder && OSSL_ENCODER_to_data(encoder, &next, &room);
    OSSL_ENCODER_CTX_free(encoder);
    ERR_clear_error();
    return is_written ? (ptrdiff_t)(capacity - room) : -1;
}

ptrdiff_t pharos_key_write_point(const pharos_key *key, void *target, size_t capacity) {
    size_t count = 0;
    if (!EVP_PKEY_get_octet_string_param(
            pharos_evp(key), OSSL_PKEY_PARAM_PUB_KEY, target, capacity, &count)) {
        ERR_clear_error();
        return -1;
    }
    return (ptrdiff_t)count;
}
