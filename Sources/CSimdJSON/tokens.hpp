/// The tokens that have a grammar of their own: strings, numbers and literals, where they end and whether they are
/// right.
///
/// A token is read from its first byte, and nothing is assumed about where it ends. All of these read up to 16 bytes at
/// once, so up to 15 behind the text.
#pragma once

#include <cstring>

#include "Parser.hpp"

#if defined(__SSE2__) && !defined(CSJ_NO_SIMD)
#include <emmintrin.h>
#define CSJ_SSE2 1
#endif

namespace csj {

#define CSJ_INLINE inline __attribute__((always_inline))

CSJ_INLINE bool is_digit(uint8_t byte) { return static_cast<uint8_t>(byte - '0') < 10; }

CSJ_INLINE bool is_hex_digit(uint8_t byte) { return is_digit(byte) || static_cast<uint8_t>((byte | 0x20) - 'a') < 6; }

/// The first quote or backslash at or behind `p`; or, if there is none before `limit`, some place not before `limit`.
CSJ_INLINE const uint8_t *plain_end(const uint8_t *p, const uint8_t *limit) {
#if CSJ_SSE2
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    do {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
        const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        const unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(found));
        if (mask) return p + __builtin_ctz(mask);
        p += sizeof(bytes);
    } while (p < limit);
    return p;
#else
    constexpr uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    const auto has_zero = [](uint64_t word) { return (word - ones) & ~word & tops; };
    for (; p < limit; p += sizeof(uint64_t)) {
        uint64_t word;
        std::memcpy(&word, p, sizeof(word));
        if (has_zero(word ^ ones * '"') | has_zero(word ^ ones * '\\')) break;
    }
    while (p < limit && *p != '"' && *p != '\\') p++;
    return p;
#endif
}

/// Where an escape ends whose letter, behind the backslash, is at `p`; NULL if it is none.
CSJ_INLINE const uint8_t *escape_end(const uint8_t *p) {
    switch (*p) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return p + 1;
    case 'u':
        return is_hex_digit(p[1]) && is_hex_digit(p[2]) && is_hex_digit(p[3]) && is_hex_digit(p[4]) ? p + 5 : nullptr;
    default:
        return nullptr;
    }
}

/// Where a string ends whose first escape or closing quote is at `p`; NULL if an escape is wrong or it has no end.
inline __attribute__((noinline)) const uint8_t *escaped_string_end(const uint8_t *p, const uint8_t *limit) {
    while (p < limit) {
        if (*p == '"') return p + 1;
        // An escape that goes on behind the limit leads there too.
        p = escape_end(p + 1);
        if (!p || p >= limit) return nullptr;
        p = plain_end(p, limit);
    }
    return nullptr;
}

/// Where a string ends whose opening quote is at `p`; NULL if an escape is wrong or it has no end before `limit`.
CSJ_INLINE const uint8_t *string_end(const uint8_t *p, const uint8_t *limit) {
    p = plain_end(p + 1, limit);
    if (__builtin_expect(p < limit && *p == '"', 1)) return p + 1;
    return escaped_string_end(p, limit);
}

/// The first byte at or behind `p` that is no digit. There must be one in the text.
CSJ_INLINE const uint8_t *digits_end(const uint8_t *p) {
#if CSJ_SSE2
    // Lengths of numbers are hard to predict, so up to 16 digits are taken without a branch on how many there are.
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    for (;; p += sizeof(__m128i)) {
        const __m128i bytes = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)), zero);
        const __m128i are_digits = _mm_cmpeq_epi8(_mm_min_epu8(bytes, nine), bytes);
        const unsigned digits = static_cast<unsigned>(_mm_movemask_epi8(are_digits));
        if (__builtin_expect(digits != 0xFFFF, 1)) return p + __builtin_ctz(~digits);
    }
#else
    while (is_digit(*p)) p++;
    return p;
#endif
}

/// Where a number ends that begins at `p` with a minus sign or a digit; NULL if it is none. Something else than a
/// number must follow in the text.
CSJ_INLINE const uint8_t *number_end(const uint8_t *p) {
    p += *p == '-';
    const uint8_t *end = digits_end(p);
    if (end == p || (*p == '0' && end != p + 1)) return nullptr;
    if (*end == '.') {
        p = end + 1;
        end = digits_end(p);
        if (end == p) return nullptr;
    }
    if ((*end | 0x20) == 'e') {
        p = end + 1;
        p += *p == '+' || *p == '-';
        end = digits_end(p);
        if (end == p) return nullptr;
    }
    return end;
}

/// Where a literal ends that begins at `p`; NULL if it is none.
CSJ_INLINE const uint8_t *literal_end(const uint8_t *p) {
    if (std::memcmp(p, "true", 4) == 0 || std::memcmp(p, "null", 4) == 0) return p + 4;
    return std::memcmp(p, "false", 5) == 0 ? p + 5 : nullptr;
}

}  // namespace csj
