#include "format/png_write.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/fail.h"
#include "base/memory.h"

static void put_big_endian(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Length, name, data, and the checksum of name and data. */
static void put_chunk(FILE *stream, const char name[4], const uint8_t *data, size_t bytes)
{
    uint8_t number[4];
    uint32_t checksum = (uint32_t)crc32_z(0, (const uint8_t *)name, 4);
    if (bytes)
        checksum = (uint32_t)crc32_z(checksum, data, bytes);
    put_big_endian(number, (uint32_t)bytes);
    fwrite(number, 1, 4, stream);
    fwrite(name, 1, 4, stream);
    if (bytes)
        fwrite(data, 1, bytes, stream);
    put_big_endian(number, checksum);
    fwrite(number, 1, 4, stream);
}

/* Rows, each behind the number of its filter, 0 (none), deflated; *packed is free()d. */
static int pack(int64_t width, int64_t height, const uint8_t *pixels, uint8_t **packed,
                uLongf *bytes, struct valence_error *error)
{
    size_t size = (size_t)(height * (width + 1));
    uint8_t *rows = allocate((int64_t)size, 1);
    *bytes = compressBound((uLong)size);
    *packed = allocate((int64_t)*bytes, 1);
    for (int64_t y = 0; rows && y < height; y++)
        memcpy(rows + y * (width + 1) + 1, pixels + y * width, (size_t)width);
    bool good = rows && *packed && compress2(*packed, bytes, rows, (uLong)size, 6) == Z_OK;
    free(rows);
    return good ? VALENCE_OK : fail_memory(error, 2 * size, "a picture");
}

int png_write(FILE *stream, int64_t width, int64_t height, const uint8_t *pixels,
              const uint8_t palette[256 * 3], struct valence_error *error)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    uint8_t header[13] = {[8] = 8, [9] = 3}; /* bits a pixel, indices of a palette */
    uint8_t *packed;
    uLongf bytes;
    if (width < 1 || height < 1 || width > PNG_MAX_SIDE || height > PNG_MAX_SIDE)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a picture of %lld x %lld pixels",
                    (long long)width, (long long)height);
    int status = pack(width, height, pixels, &packed, &bytes, error);
    if (!status) {
        put_big_endian(header, (uint32_t)width);
        put_big_endian(header + 4, (uint32_t)height);
        fwrite(signature, 1, sizeof signature, stream);
        put_chunk(stream, "IHDR", header, sizeof header);
        put_chunk(stream, "PLTE", palette, 256 * 3);
        put_chunk(stream, "IDAT", packed, (size_t)bytes);
        put_chunk(stream, "IEND", NULL, 0);
    }
    free(packed);
    return status;
}
