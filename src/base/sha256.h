/* SHA-256 (FIPS 180-4): the fingerprint of files that results depend on; `sha256sum FILE` gives the
 * same. */
#ifndef VALENCE_BASE_SHA256_H
#define VALENCE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_TEXT_BYTES 65

/* A digest of what is added piece by piece. */
struct sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    unsigned char rest[64]; /* of the last, incomplete block */
};

void sha256_begin(struct sha256 *digest);
void sha256_add(struct sha256 *digest, const void *data, size_t size);

/* As 64 lower-case hexadecimal digits and a NUL. */
void sha256_end(struct sha256 *digest, char text[SHA256_TEXT_BYTES]);

/* Of `size` bytes at once. */
void sha256_text(const void *data, size_t size, char text[SHA256_TEXT_BYTES]);

#endif
