// XXH3 as inline functions (libxxhash-dev ships the implementation in its headers), so that hashing a short key costs
// no call. xxHash renames its inlined functions by macros, which Swift does not see: hence the wrappers.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

/// XXH3, 64 bits.
static inline uint64_t xxh3_hash(const void *bytes, size_t count) {
    return XXH3_64bits(bytes, count);
}

/// XXH3, 64 bits, with a secret of at least 136 bytes.
static inline uint64_t xxh3_hash_with_secret(const void *bytes, size_t count, const void *secret, size_t secret_count) {
    return XXH3_64bits_withSecret(bytes, count, secret, secret_count);
}
