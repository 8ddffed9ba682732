/* CRC-32C (Castagnoli), the checksum of what a store holds: polynomial 0x1EDC6F41, reflected, as in
 * RFC 3720. Uses the processor's instruction where it has one (x86-64: SSE 4.2), tables elsewhere;
 * the result is the same. */
#ifndef VALENCE_BASE_CRC32C_H
#define VALENCE_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `size` bytes that follow others whose checksum is `crc`; begin with 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

/* The same by tables alone, for comparison. */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t size);

#endif
