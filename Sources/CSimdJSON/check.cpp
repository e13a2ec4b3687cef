// The grammar once more, byte by byte: slower than the walk, but it says where a text is wrong and what would be right
// there.

#include "tokens.hpp"

namespace csj {

namespace {

constexpr const char *expected_value = "expected a value";
constexpr const char *no_byte_order_mark = "expected a value: JSON does not begin with a byte order mark";
constexpr const char *expected_element_or_end = "expected a value or ']'";
constexpr const char *expected_name = "expected the name of a member in double quotes";
constexpr const char *expected_name_or_end = "expected the name of a member in double quotes, or '}'";
constexpr const char *expected_colon = "expected ':' after the name of a member";
constexpr const char *expected_next_element = "expected ',' or ']' after an element";
constexpr const char *expected_next_member = "expected ',' or '}' after a member";
constexpr const char *expected_end = "expected the end of the text after the value";
constexpr const char *expected_true = "expected the literal true";
constexpr const char *expected_false = "expected the literal false";
constexpr const char *expected_null = "expected the literal null";
constexpr const char *expected_digit = "expected a digit";
constexpr const char *needless_zero = "a number must not begin with a needless zero";
constexpr const char *expected_closing_quote = "expected the closing quote of a string";
constexpr const char *control_character = "a control character in a string must be written as an escape";
constexpr const char *expected_utf8 = "expected valid UTF-8 in a string";
constexpr const char *expected_escape = "expected one of \", \\, /, b, f, n, r, t or u after a backslash in a string";
constexpr const char *expected_hex_digits = "expected four hexadecimal digits after \\u";

#define CSJ_DIGITS_OF(number) #number
#define CSJ_TOO_DEEP(depth) "nested deeper than " CSJ_DIGITS_OF(depth) " levels"
constexpr const char *too_deep = CSJ_TOO_DEEP(CSJ_MAX_DEPTH);

bool is_in(uint8_t byte, uint8_t lowest, uint8_t highest) { return byte >= lowest && byte <= highest; }

/// Reads a text from its first byte to its last. Each step moves behind what it reads, or records what is wrong at `p`.
class Reader {
public:
    Reader(const uint8_t *text, const uint8_t *limit) : p(text), limit(limit) {}

    /// The byte being looked at.
    const uint8_t *p;
    const char *reason = nullptr;

    bool read_text() {
        if (limit - p >= 3 && std::memcmp(p, "\xEF\xBB\xBF", 3) == 0) return fail(no_byte_order_mark);
        for (;;) {
            skip_space();
            if (at('{') || at('[')) {
                if (!open()) return false;
                if (!at(closing_byte())) {
                    if (p == limit && !is_in_object()) return fail(expected_element_or_end);
                    if (is_in_object() && !read_name(expected_name_or_end)) return false;
                    continue;
                }
            } else if (!read_scalar()) {
                return false;
            }
            skip_space();
            while (depth > 0 && at(closing_byte())) {
                p++;
                depth--;
                skip_space();
            }
            if (depth == 0) return p == limit || fail(expected_end);
            if (!at(',')) return fail(is_in_object() ? expected_next_member : expected_next_element);
            p++;
            if (is_in_object() && !read_name(expected_name)) return false;
        }
    }

private:
    const uint8_t *const limit;
    uint32_t depth = 0;
    /// A bit for each open container: whether it is an object.
    uint64_t objects[(CSJ_MAX_DEPTH + 63) / 64] = {};

    bool at(uint8_t byte) const { return p < limit && *p == byte; }

    bool fail(const char *why) {
        reason = why;
        return false;
    }

    void skip_space() {
        while (p < limit && csj_is_space(*p)) p++;
    }

    bool is_in_object() const { return objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1; }

    uint8_t closing_byte() const { return is_in_object() ? '}' : ']'; }

    bool open() {
        if (depth == CSJ_MAX_DEPTH) return fail(too_deep);
        const uint64_t bit = uint64_t{1} << (depth % 64);
        uint64_t &word = objects[depth / 64];
        word = at('{') ? word | bit : word & ~bit;
        depth++;
        p++;
        skip_space();
        return true;
    }

    /// A name and its colon.
    bool read_name(const char *missing) {
        skip_space();
        if (!at('"')) return fail(missing);
        if (!read_string()) return false;
        skip_space();
        if (!at(':')) return fail(expected_colon);
        p++;
        return true;
    }

    bool read_scalar() {
        switch (p < limit ? *p : 0) {
        case '"': return read_string();
        case 't': return read_literal("true", expected_true);
        case 'f': return read_literal("false", expected_false);
        case 'n': return read_literal("null", expected_null);
        case '-': return p++, read_number();
        default: return p < limit && is_digit(*p) ? read_number() : fail(expected_value);
        }
    }

    bool read_literal(const char *word, const char *missing) {
        for (; *word; word++, p++) {
            if (!at(static_cast<uint8_t>(*word))) return fail(missing);
        }
        return true;
    }

    bool read_digits() {
        if (p == limit || !is_digit(*p)) return fail(expected_digit);
        while (p < limit && is_digit(*p)) p++;
        return true;
    }

    /// A number, from behind its minus sign.
    bool read_number() {
        if (at('0')) {
            p++;
            if (p < limit && is_digit(*p)) return fail(needless_zero);
        } else if (!read_digits()) {
            return false;
        }
        if (at('.')) {
            p++;
            if (!read_digits()) return false;
        }
        if (at('e') || at('E')) {
            p++;
            if (at('+') || at('-')) p++;
            if (!read_digits()) return false;
        }
        return true;
    }

    bool read_string() {
        for (p++; p < limit;) {
            if (*p == '"') {
                p++;
                return true;
            }
            if (*p < 0x20) return fail(control_character);
            if (*p == '\\') {
                if (!read_escape()) return false;
            } else if (*p < 0x80) {
                p++;
            } else if (!read_character()) {
                return fail(expected_utf8);
            }
        }
        return fail(expected_closing_quote);
    }

    bool read_escape() {
        p++;
        if (p == limit || !std::memchr("\"\\/bfnrtu", *p, 9)) return fail(expected_escape);
        if (*p++ != 'u') return true;
        for (int i = 0; i < 4; i++, p++) {
            if (p == limit || !is_hex_digit(*p)) return fail(expected_hex_digits);
        }
        return true;
    }

    /// A character that takes more than one byte of UTF-8.
    bool read_character() {
        const uint8_t lead = *p;
        if (!is_in(lead, 0xC2, 0xF4)) return false;
        // The range of the second byte shuts out overlong forms, surrogates, and what lies above U+10FFFF.
        uint8_t lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        uint8_t highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        p++;
        for (int left = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3; left > 0; left--, p++) {
            if (p == limit || !is_in(*p, lowest, highest)) return false;
            lowest = 0x80;
            highest = 0xBF;
        }
        return true;
    }
};

}  // namespace

csj_result check(const uint8_t *text, const size_t length) noexcept {
    Reader reader(text, text + length);
    reader.read_text();
    return {reader.reason, static_cast<size_t>(reader.p - text)};
}

}  // namespace csj
