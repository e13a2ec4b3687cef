// Zstandard (RFC 8878).
#pragma once

#include <zstd.h>
#include <zstd_errors.h>
