// zlib, for gzip (RFC 1952), and its functions that are macros, which Swift cannot call.
#pragma once

#include <zlib.h>

/// 15 bits of window, which is the most; and 16 more to say that the format is gzip.
enum { zlib_gzip_window = 15 + 16 };

static inline int zlib_deflate_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, zlib_gzip_window, 8, Z_DEFAULT_STRATEGY);
}

static inline int zlib_inflate_init(z_stream *stream) { return inflateInit2(stream, zlib_gzip_window); }
