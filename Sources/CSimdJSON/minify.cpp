// Writing a node without the white space between its tokens.

#include <cstring>

#include "Parser.hpp"

extern "C" void csj_minify(const csj_parser *parser, uint32_t node, uint8_t *out) {
    const csj_slice whole = csj_source(parser, node);
    const size_t length = csj_minified_length(parser, node);
    if (whole.count == length) {
        std::memcpy(out, whole.bytes, length);
        return;
    }
    // Copies runs of tokens that touch each other. Up to 16 bytes are copied as 16: behind a run there is padding to
    // read, and what is written too much gets overwritten by the next run, as long as there is room for it.
    constexpr size_t step = 16;
    static_assert(step <= CSJ_PADDING, "a short run is read with what lies behind it");
    uint8_t *const room_end = out + length;
    const uint32_t last = csj_last_token(parser, node);
    for (uint32_t token = node; token <= last;) {
        const uint8_t *const start = parser->text + parser->starts[token];
        while (token < last && !csj_is_space(parser->text[parser->starts[token + 1] - 1])) token++;
        const uint8_t *const end = csj_token_end(parser, token++);
        const size_t count = static_cast<size_t>(end - start);
        if (count <= step && static_cast<size_t>(room_end - out) >= step) {
            std::memcpy(out, start, step);
        } else {
            std::memcpy(out, start, count);
        }
        out += count;
    }
}
