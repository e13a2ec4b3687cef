/// What stands behind csj_parser, shared by the sources of this folder.
#pragma once

#include <cstddef>
#include <cstdint>

#include "CSimdJSON.h"

namespace csj {

/// Finds the tokens of a text with the widest vectors that the processor has. Hides simdjson from the other sources.
class Indexer;

/// A container that is still open.
struct Frame {
    uint32_t open;
    /// Of the tokens before it, as in csj_extent.
    uint32_t excess;
    bool is_object;
};

struct Parser : csj_parser {
    Indexer *indexer;
    /// How many elements `extents` has room for.
    size_t extent_capacity;
    Frame frames[CSJ_MAX_DEPTH];
};

/// Whether the tokens that begin at `starts` make a JSON text, which must be a container or a string. Fills `extents`.
///
/// Control characters and UTF-8 in strings are left to who found the tokens; all else, the ends of the tokens included,
/// is checked here. `starts` must have the length behind its last token.
bool walk(Parser &parser, uint32_t count, uint32_t length) noexcept;

/// Checks a text all by itself, and tells what is wrong and where. Slower, for texts that are refused.
csj_result check(const uint8_t *text, size_t length) noexcept;

}  // namespace csj
