#pragma once
// The functions of one algorithm, SHA256_Init and the like: several times cheaper for inputs as
// short as events than EVP_Digest, for which OpenSSL 3 deprecates them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
