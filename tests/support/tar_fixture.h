/* Small gzipped tar archives, made in the test. */
#ifndef VALENCE_TESTS_TAR_FIXTURE_H
#define VALENCE_TESTS_TAR_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include <zlib.h>

struct tar_fixture {
    unsigned char bytes[64 * 1024];
    size_t n;
};

/* A member of type '0' (file), '5' (folder), 'x' (pax records), 'L' (GNU's long name), ... */
static inline void tar_add(struct tar_fixture *tar, const char *prefix, const char *name, char type,
                           const void *data, size_t size)
{
    char *header = (char *)tar->bytes + tar->n;
    unsigned sum = 0;
    memset(header, 0, 512);
    snprintf(header, 101, "%s", name);
    snprintf(header + 124, 12, "%011zo", size);
    memset(header + 148, ' ', 8);
    header[156] = type;
    memcpy(header + 257, "ustar\00000", 8);
    snprintf(header + 345, 155, "%s", prefix);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    tar->n += 512;
    memcpy(tar->bytes + tar->n, data, size);
    memset(tar->bytes + tar->n + size, 0, 512);
    tar->n += (size + 511) / 512 * 512;
}

/* Ends the archive and compresses it; gives the number of bytes in `out`. */
static inline size_t tar_compress(struct tar_fixture *tar, unsigned char *out, size_t room)
{
    z_stream stream = {0};
    memset(tar->bytes + tar->n, 0, 1024);
    deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = tar->bytes;
    stream.avail_in = (uInt)tar->n + 1024;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return room - stream.avail_out;
}

#endif
