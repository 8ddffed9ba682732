/* SHA-256 (FIPS 180-4): the fingerprint of files that results depend on; `sha256sum FILE` gives the
 * same. */
#ifndef VALENCE_BASE_SHA256_H
#define VALENCE_BASE_SHA256_H

#include <stddef.h>

#define SHA256_TEXT_BYTES 65

/* The digest of `size` bytes as 64 lower-case hexadecimal digits and a NUL. */
void sha256_text(const void *data, size_t size, char text[SHA256_TEXT_BYTES]);

#endif
