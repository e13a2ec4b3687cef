// Stage 2: an iterative walk over the tokens. The stack is an array of fixed depth, so no text can overflow it.

#include "tokens.hpp"

namespace csj {

/// Where the walk is, and the steps that it is made of.
struct Walk {
    const uint8_t *const text;
    const uint8_t *const limit;
    /// The token being looked at. Behind the last token stands the length of the text.
    const uint32_t *token;
    /// Bytes of all strings, numbers and literals so far, less one each.
    size_t excess = 0;

    CSJ_INLINE const uint8_t *start() const { return text + *token; }

    /// Moves behind a string, number or literal that ends at `end`. False if there is no end, or neither white space
    /// nor the next token nor the end of the text is there.
    CSJ_INLINE bool pass(const uint8_t *end) {
        const uint8_t *const next = text + token[1];
        if (!end || (end != next && !(end < next && csj_is_space(*end)))) return false;
        excess += static_cast<size_t>(end - start()) - 1;
        token++;
        return true;
    }

    /// Moves behind a string.
    CSJ_INLINE bool pass_string() { return *start() == '"' && pass(string_end(start(), limit)); }

    /// Moves behind a number or a literal.
    CSJ_INLINE bool pass_atom() {
        const uint8_t first = *start();
        return pass(is_digit(first) || first == '-' ? number_end(start()) : literal_end(start()));
    }
};

/// As walk, for a text whose first token opens a container and whose last one closes one.
///
/// So behind every token but a closing one there is another, and each number has something behind it: the walk needs to
/// look for the end of the text at closing tokens only.
static bool walk_container(Parser &parser, const uint32_t *const end, const uint32_t length) noexcept {
    const uint32_t *const starts = parser.starts;
    Frame *const bottom = parser.frames;
    Frame *const top = bottom + CSJ_MAX_DEPTH;
    Frame *frame = bottom;  // behind the innermost open container
    Walk walk = {parser.text, parser.text + length, starts};
    if (*walk.start() == '[') goto open_array;

open_object:
    if (frame == top) return false;
    *frame++ = {static_cast<uint32_t>(walk.token - starts), static_cast<uint32_t>(walk.excess), true};
    walk.token++;
    if (*walk.start() == '}') goto close;
member:
    if (!walk.pass_string()) return false;
    if (*walk.start() != ':') return false;
    walk.token++;
    switch (*walk.start()) {
    case '"':
        if (!walk.pass_string()) return false;
        break;
    case '{':
        goto open_object;
    case '[':
        goto open_array;
    default:
        if (!walk.pass_atom()) return false;
    }
after_member:
    if (*walk.start() == ',') {
        walk.token++;
        goto member;
    }
    if (*walk.start() == '}') goto close;
    return false;

open_array:
    if (frame == top) return false;
    *frame++ = {static_cast<uint32_t>(walk.token - starts), static_cast<uint32_t>(walk.excess), false};
    walk.token++;
    if (*walk.start() == ']') goto close;
element:
    switch (*walk.start()) {
    case '"':
        if (!walk.pass_string()) return false;
        break;
    case '{':
        goto open_object;
    case '[':
        goto open_array;
    default:
        if (!walk.pass_atom()) return false;
    }
after_element:
    if (*walk.start() == ',') {
        walk.token++;
        goto element;
    }
    if (*walk.start() == ']') goto close;
    return false;

close:
    frame--;
    parser.extents[frame->open] = {
        static_cast<uint32_t>(walk.token - starts), static_cast<uint32_t>(walk.excess) - frame->excess};
    walk.token++;
    if (frame == bottom) return walk.token == end;
    if (walk.token == end) return false;
    if (frame[-1].is_object) goto after_member;
    goto after_element;
}

bool walk(Parser &parser, const uint32_t count, const uint32_t length) noexcept {
    if (count == 0) return false;
    const uint8_t first = parser.text[parser.starts[0]];
    if (first == '{' || first == '[') {
        const uint8_t last = parser.text[parser.starts[count - 1]];
        if (last != '}' && last != ']') return false;
        return walk_container(parser, parser.starts + count, length);
    }
    if (count != 1) return false;
    Walk walk = {parser.text, parser.text + length, parser.starts};
    return walk.pass_string();
}

}  // namespace csj
