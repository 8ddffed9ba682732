/* Input: 'z' and a gzipped tar archive, or any other byte and a tar archive, which is given its
 * checksums and compressed here so that mutations reach it. The member "package/a" is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "format/tar_gz.h"

#define MAX_PIECE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_member(const uint8_t *data, size_t size)
{
    struct tar_gz *tar;
    struct valence_error error;
    unsigned char piece[MAX_PIECE];
    if (tar_gz_open_memory(data, size, "input", "package/a", &tar, &error) != VALENCE_OK)
        return;
    for (uint64_t left = tar_gz_size(tar); left > 0;) {
        size_t bytes = left < MAX_PIECE ? (size_t)left : MAX_PIECE;
        if (tar_gz_read(tar, piece, bytes, &error) != VALENCE_OK)
            break;
        left -= bytes;
    }
    tar_gz_close(tar);
}

/* Corrects the checksum of every block that looks like a header. */
static void correct(uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 512 <= size; at += 512) {
        unsigned sum = 0;
        if (memcmp(data + at + 257, "ustar", 5) != 0)
            continue;
        memset(data + at + 148, ' ', 8);
        for (int i = 0; i < 512; i++)
            sum += data[at + (size_t)i];
        snprintf((char *)data + at + 148, 8, "%06o", sum);
    }
}

static void compress_and_read(uint8_t *data, size_t size)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    size_t room = deflateBound(&stream, (uLong)size);
    uint8_t *packed = malloc(room);
    stream.next_in = data;
    stream.avail_in = (uInt)size;
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    if (packed && deflate(&stream, Z_FINISH) == Z_STREAM_END)
        read_member(packed, room - stream.avail_out);
    deflateEnd(&stream);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = size > 1 ? malloc(size - 1) : NULL;
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    if (data[0] == 'z') {
        read_member(copy, size - 1);
    } else {
        correct(copy, size - 1);
        compress_and_read(copy, size - 1);
    }
    free(copy);
    return 0;
}
