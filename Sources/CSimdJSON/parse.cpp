// Parsing: simdjson's stage 1, then the walk over what it found. The only source that knows simdjson.

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include <simdjson.h>

#include "Parser.hpp"

namespace csj {

static_assert(CSJ_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson may read this far behind a text");
static_assert(CSJ_MAX_LENGTH <= simdjson::SIMDJSON_MAXSIZE_BYTES, "simdjson refuses longer texts");

class Indexer {
public:
    static Indexer *create() noexcept {
        // A parser of simdjson's is the way to the best implementation that is the same in its versions from 1.0 on.
        // The depth is that of its own second stage, which is not used.
        simdjson::dom::parser parser;
        if (parser.allocate(minimum_capacity, 1) != simdjson::SUCCESS) return nullptr;
        return new (std::nothrow) Indexer(std::move(parser.implementation));
    }

    /// Makes room for the tokens of a text. False when there is no memory.
    bool reserve(size_t length) noexcept {
        if (length <= stages->capacity() && stages->capacity() > 0) return true;
        return stages->set_capacity(rounded(length)) == simdjson::SUCCESS;
    }

    /// False if the text cannot be JSON; the tokens are unspecified then.
    bool index(const uint8_t *text, size_t length) noexcept {
        return stages->stage1(text, length, simdjson::stage1_mode::regular) == simdjson::SUCCESS;
    }

    uint32_t *starts() const noexcept { return stages->structural_indexes.get(); }
    uint32_t count() const noexcept { return stages->n_structural_indexes; }
    size_t bytes() const noexcept { return stages->capacity() * sizeof(uint32_t); }

    /// Gives back all but the least memory. On failure nothing is left, and the next reserve tries again.
    void shrink() noexcept { (void)stages->set_capacity(minimum_capacity); }

private:
    static constexpr size_t minimum_capacity = 4096;

    explicit Indexer(std::unique_ptr<simdjson::internal::dom_parser_implementation> stages) noexcept
        : stages(std::move(stages)) {}

    /// Doubles small capacities, so that a parser settles soon; large ones follow the text, as they are given back
    /// soon.
    static size_t rounded(size_t length) noexcept {
        size_t capacity = minimum_capacity;
        while (capacity < length && capacity < (size_t{1} << 18)) capacity *= 2;
        return std::max(capacity, length);
    }

    std::unique_ptr<simdjson::internal::dom_parser_implementation> stages;
};

static bool reserve_extents(Parser &parser, size_t count) noexcept {
    if (count <= parser.extent_capacity) return true;
    size_t capacity = std::max(count, std::min(parser.extent_capacity * 2, size_t{1} << 18));
    // Not initialized on purpose: of a large index only the pages with tokens that open a container get touched.
    auto extents = new (std::nothrow) csj_extent[capacity];
    if (!extents) return false;
    delete[] parser.extents;
    parser.extents = extents;
    parser.extent_capacity = capacity;
    return true;
}

static constexpr const char *no_memory = "not enough memory to index the text";

/// Tells why a text was refused.
static csj_result refuse(const uint8_t *text, size_t length) noexcept {
    const csj_result result = check(text, length);
    return result.reason ? result : csj_result{"refused, but no fault was found", 0};
}

static csj_result parse(Parser &parser, const uint8_t *text, size_t length) noexcept {
    if (length > CSJ_MAX_LENGTH) return {"a text must be shorter than 4 GiB", CSJ_MAX_LENGTH};
    if (!parser.indexer->reserve(length)) return {no_memory, 0};
    uint32_t *const starts = parser.indexer->starts();
    parser.text = text;
    parser.starts = starts;

    size_t first = 0;
    while (first < length && csj_is_space(text[first])) first++;
    const bool needs_index = first < length && (text[first] == '{' || text[first] == '[' || text[first] == '"');
    uint32_t count = 1;
    if (needs_index) {
        if (!parser.indexer->index(text, length)) return refuse(text, length);
        count = parser.indexer->count();
        if (!reserve_extents(parser, count)) return {no_memory, 0};
        starts[count] = static_cast<uint32_t>(length);
        if (!walk(parser, count, static_cast<uint32_t>(length))) return refuse(text, length);
    } else {
        // A number or a literal: no sooner indexed than read.
        const csj_result result = check(text, length);
        if (result.reason) return result;
        starts[0] = static_cast<uint32_t>(first);
        starts[1] = static_cast<uint32_t>(length);
    }
    parser.count = count;
    return {nullptr, 0};
}

}  // namespace csj

using csj::Parser;

extern "C" csj_parser *csj_parser_create(void) {
    auto parser = new (std::nothrow) Parser;
    if (!parser) return nullptr;
    parser->text = nullptr;
    parser->starts = nullptr;
    parser->extents = nullptr;
    parser->count = 0;
    parser->extent_capacity = 0;
    parser->indexer = csj::Indexer::create();
    if (!parser->indexer || !csj::reserve_extents(*parser, 1024)) {
        csj_parser_destroy(parser);
        return nullptr;
    }
    return parser;
}

extern "C" void csj_parser_destroy(csj_parser *face) {
    auto parser = static_cast<Parser *>(face);
    delete[] parser->extents;
    delete parser->indexer;
    delete parser;
}

extern "C" void csj_parser_trim(csj_parser *face, size_t bytes) {
    auto parser = static_cast<Parser *>(face);
    if (parser->indexer->bytes() + parser->extent_capacity * sizeof(csj_extent) <= bytes) return;
    parser->count = 0;
    parser->indexer->shrink();
    parser->starts = parser->indexer->starts();
    delete[] parser->extents;
    parser->extents = nullptr;
    parser->extent_capacity = 0;
}

extern "C" csj_result csj_parse(csj_parser *face, const uint8_t *text, size_t length) {
    auto parser = static_cast<Parser *>(face);
    parser->count = 0;
    return csj::parse(*parser, text, length);
}
