// The content of strings. The text is known to be valid here: every escape is complete.

#include <cstring>

#include "Parser.hpp"

namespace {

uint32_t hex_value(uint8_t digit) { return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10; }

uint32_t hex4(const uint8_t *p) {
    return hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 | hex_value(p[3]);
}

constexpr uint32_t lone_surrogate = 0xFFFFFFFF;

/// Reads the escape at the backslash `p`, and moves behind it. Its character, or lone_surrogate.
uint32_t read_escape(const uint8_t *&p, const uint8_t *end) {
    uint8_t letter = p[1];
    p += 2;
    switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return letter;
    }
    uint32_t unit = hex4(p);
    p += 4;
    if (unit < 0xD800 || unit > 0xDFFF) return unit;
    if (unit > 0xDBFF || end - p < 6 || p[0] != '\\' || p[1] != 'u') return lone_surrogate;
    uint32_t low = hex4(p + 2);
    if (low < 0xDC00 || low > 0xDFFF) return lone_surrogate;
    p += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

uint8_t *write_utf8(uint8_t *out, uint32_t character) {
    auto tail = [](uint32_t bits) { return static_cast<uint8_t>(0x80 | (bits & 0x3F)); };
    if (character < 0x80) {
        *out++ = static_cast<uint8_t>(character);
    } else if (character < 0x800) {
        *out++ = static_cast<uint8_t>(0xC0 | character >> 6);
        *out++ = tail(character);
    } else if (character < 0x10000) {
        *out++ = static_cast<uint8_t>(0xE0 | character >> 12);
        *out++ = tail(character >> 6);
        *out++ = tail(character);
    } else {
        *out++ = static_cast<uint8_t>(0xF0 | character >> 18);
        *out++ = tail(character >> 12);
        *out++ = tail(character >> 6);
        *out++ = tail(character);
    }
    return out;
}

}  // namespace

extern "C" ptrdiff_t csj_unescape(uint8_t *content, size_t count) {
    if (count == 0) return 0;
    const uint8_t *const end = content + count;
    const uint8_t *p = static_cast<const uint8_t *>(std::memchr(content, '\\', count));
    if (!p) return static_cast<ptrdiff_t>(count);
    // An escape is longer than its character, so what is written stays behind what is read.
    uint8_t *out = content + (p - content);
    while (p < end) {
        uint32_t character = read_escape(p, end);
        if (character == lone_surrogate) return -1;
        out = write_utf8(out, character);
        auto next = static_cast<const uint8_t *>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
        const size_t plain = static_cast<size_t>((next ? next : end) - p);
        std::memmove(out, p, plain);
        out += plain;
        p += plain;
    }
    return out - content;
}

extern "C" bool csj_string_equals(const csj_parser *parser, uint32_t node, const uint8_t *ascii, size_t count) {
    const uint8_t *p = parser->text + parser->starts[node];
    if (*p++ != '"') return false;
    // No escape reaches over the next token, which begins behind the closing quote.
    const uint8_t *const end = parser->text + parser->starts[node + 1];
    for (size_t i = 0; i < count; i++) {
        if (*p == '"') return false;
        uint32_t character = *p == '\\' ? read_escape(p, end) : *p++;
        if (character != ascii[i]) return false;
    }
    return *p == '"';
}
