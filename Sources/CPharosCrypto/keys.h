#ifndef PHAROS_KEYS_H
#define PHAROS_KEYS_H

#include "CPharosCrypto.h"

#include <openssl/evp.h>

static inline EVP_PKEY *pharos_evp(const pharos_key *key) { return (EVP_PKEY *)key; }

#endif
