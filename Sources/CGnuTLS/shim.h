// GnuTLS, which libmicrohttpd brings along.
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

/// Frees what GnuTLS has allocated for its caller: the library's function is in a variable, which Swift does not read.
static inline void gnutls_release(void *memory) { gnutls_free(memory); }
