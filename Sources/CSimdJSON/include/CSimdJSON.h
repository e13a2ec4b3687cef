/// JSON texts validated and indexed in place.
///
/// A parser borrows a text, checks it against RFC 8259 in full (UTF-8 included) and remembers where its tokens begin.
/// Nodes are numbers of tokens; everything about them is read from the text itself, so numbers and strings stay byte
/// for byte as they were written. Nothing here throws, and no C++ shows.
#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Readable bytes that must lie behind a text. Their content does not matter.
#define CSJ_PADDING 64
/// The deepest nesting of arrays and objects that is accepted.
#define CSJ_MAX_DEPTH 1024
/// Bytes of the longest text that is accepted: positions are 32 bits wide, and blocks of 64 bytes must not wrap around.
#define CSJ_MAX_LENGTH 0xFFFFFF00u
/// In place of a node: there is none.
#define CSJ_NO_NODE 0xFFFFFFFFu

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/// What is known of a container, besides where it begins.
typedef struct csj_extent {
    /// The token that closes it.
    uint32_t close;
    /// The bytes of its tokens, less one for each token.
    uint32_t excess;
} csj_extent;

/// A reusable parser. The fields are for the inline functions below; they describe the text parsed last.
typedef struct csj_parser {
    const uint8_t *text;
    /// Where each token begins, in order, and behind the last one the length of the text.
    const uint32_t *starts;
    /// Written for tokens that open a container only.
    csj_extent *extents;
    /// The number of tokens; zero unless the last parse succeeded.
    uint32_t count;
} csj_parser;

/// The outcome of a parse.
typedef struct csj_result {
    /// What would have been right at `offset`, in words that live forever; NULL when the text is valid.
#if defined(__clang__)
    const char *_Nullable reason;
#else
    const char *reason;
#endif
    /// The first byte at which the text cannot be JSON any more; the length of the text if it ends too early.
    size_t offset;
} csj_result;

typedef enum csj_kind { csj_object, csj_array, csj_string, csj_number, csj_bool, csj_null } csj_kind;

/// Bytes of the text.
typedef struct csj_slice {
    const uint8_t *bytes;
    size_t count;
} csj_slice;

/// A new parser, or NULL when there is no memory for it.
#if defined(__clang__)
csj_parser *_Nullable csj_parser_create(void);
#else
csj_parser *csj_parser_create(void);
#endif

void csj_parser_destroy(csj_parser *parser);

/// Gives the index's memory back if it has grown beyond `bytes`. Nodes of the last text end here.
void csj_parser_trim(csj_parser *parser, size_t bytes);

/// Validates and indexes a text, which must stay as it is while its nodes are used. Token 0 is its root. Time and memory
/// are linear: up to 12 bytes for each token, and a token may be as short as a byte.
csj_result csj_parse(csj_parser *parser, const uint8_t *text, size_t length);

/// Writes a node without insignificant white space: exactly csj_minified_length bytes.
void csj_minify(const csj_parser *parser, uint32_t node, uint8_t *out);

/// Resolves the escapes of a string's content in place. Returns the count of bytes left, or -1, and then unspecified
/// bytes, if there is an escape of a surrogate without its partner. The content must come from a valid JSON string.
ptrdiff_t csj_unescape(uint8_t *content, size_t count);

/// Whether a string's content, escapes resolved, is exactly these ASCII bytes. False for what is not a string.
bool csj_string_equals(const csj_parser *parser, uint32_t node, const uint8_t *ascii, size_t count);

static inline bool csj_is_space(uint8_t byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static inline uint8_t csj_first_byte(const csj_parser *parser, uint32_t node) {
    return parser->text[parser->starts[node]];
}

static inline bool csj_is_container(const csj_parser *parser, uint32_t node) {
    // '[' and '{' differ in this one bit.
    return (csj_first_byte(parser, node) | 0x20) == '{';
}

static inline csj_kind csj_node_kind(const csj_parser *parser, uint32_t node) {
    switch (csj_first_byte(parser, node)) {
    case '{': return csj_object;
    case '[': return csj_array;
    case '"': return csj_string;
    case 't':
    case 'f': return csj_bool;
    case 'n': return csj_null;
    default: return csj_number;
    }
}

/// The last token of a node.
static inline uint32_t csj_last_token(const csj_parser *parser, uint32_t node) {
    return csj_is_container(parser, node) ? parser->extents[node].close : node;
}

/// Behind the last byte of a token. O(1), or the white space behind it.
static inline const uint8_t *csj_token_end(const csj_parser *parser, uint32_t token) {
    const uint8_t *start = parser->text + parser->starts[token];
    // Brackets, commas and colons: what most of the white space follows.
    if (*start != '"' && csj_is_space(start[1])) return start + 1;
    // Only white space lies between a token's end and the next token's start.
    const uint8_t *end = parser->text + parser->starts[token + 1];
    while (csj_is_space(end[-1])) end--;
    return end;
}

/// The bytes of a node, from its first to its last. O(1), or the white space behind it.
static inline csj_slice csj_source(const csj_parser *parser, uint32_t node) {
    const uint8_t *start = parser->text + parser->starts[node];
    const uint8_t *end = csj_is_container(parser, node)
        ? parser->text + parser->starts[parser->extents[node].close] + 1
        : csj_token_end(parser, node);
    csj_slice slice = {start, (size_t)(end - start)};
    return slice;
}

/// The first element of an array, the first name of an object, or CSJ_NO_NODE.
static inline uint32_t csj_first_child(const csj_parser *parser, uint32_t node) {
    if (!csj_is_container(parser, node) || parser->extents[node].close == node + 1) return CSJ_NO_NODE;
    return node + 1;
}

/// What follows a node in its container: a value after its name, then the next name. CSJ_NO_NODE after the last.
static inline uint32_t csj_next_sibling(const csj_parser *parser, uint32_t node) {
    uint32_t next = csj_last_token(parser, node) + 1;
    if (next >= parser->count) return CSJ_NO_NODE;
    uint8_t byte = csj_first_byte(parser, next);
    return byte == ',' || byte == ':' ? next + 1 : CSJ_NO_NODE;
}

/// The bytes of a node without insignificant white space. O(1), or the white space behind it.
static inline size_t csj_minified_length(const csj_parser *parser, uint32_t node) {
    if (!csj_is_container(parser, node)) return csj_source(parser, node).count;
    csj_extent extent = parser->extents[node];
    return (size_t)extent.excess + (extent.close - node + 1);
}

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#ifdef __cplusplus
}
#endif

#endif
