#include "media/cut_off.h"

#include <string.h>

static uint64_t big_endian(const unsigned char *bytes, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static uint64_t little_endian(const unsigned char *bytes, int n)
{
    uint64_t value = 0;
    for (int i = n - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* Real files have far fewer; a hostile one would be gone through for minutes. */
#define MAX_PARTS 100000

/* What lies beyond the file's end of `size` bytes from `position`. */
static int64_t beyond_end(const struct media_input *input, int64_t position, uint64_t size)
{
    uint64_t left = (uint64_t)(input->n_bytes - position);
    return size > left && size - left <= INT64_MAX ? (int64_t)(size - left) : 0;
}

/* ---- Chunks: RIFF (WAV, AVI) and AIFF ---- */

/* Writers that do not know the length yet put 0 or the largest size there is, whole or less some
 * header, with either sign. */
static bool is_placeholder(uint64_t size)
{
    return size == 0 || size >= 0xFFFFF000u || (size >= 0x7FFFF000u && size <= 0x7FFFFFFFu);
}

/* Looks for the chunk that holds the sound, and compares it. `ds64_size` is that of RF64's own
 * chunk, where 32 bits are too few. */
static int64_t check_chunks(const struct media_input *input, const char *wanted, bool big)
{
    unsigned char head[8], large[16];
    uint64_t ds64_size = 0;
    int64_t position = 12;
    for (int i = 0; i < MAX_PARTS && media_input_peek(input, position, head, sizeof head); i++) {
        uint64_t size = big ? big_endian(head + 4, 4) : little_endian(head + 4, 4);
        if (memcmp(head, "ds64", 4) == 0 &&
            media_input_peek(input, position + 8, large, sizeof large))
            ds64_size = little_endian(large + 8, 8);
        if (memcmp(head, wanted, 4) == 0) {
            if (size == 0xFFFFFFFFu && ds64_size)
                size = ds64_size;
            else if (is_placeholder(size))
                return 0;
            return beyond_end(input, position + 8, size);
        }
        position += 8 + (int64_t)size + (int64_t)(size & 1);
    }
    return 0;
}

/* AVI's parts follow one another; each says its size. */
static int64_t check_avi(const struct media_input *input)
{
    unsigned char head[8];
    int64_t position = 0;
    for (int i = 0; i < MAX_PARTS && media_input_peek(input, position, head, sizeof head) &&
                    memcmp(head, "RIFF", 4) == 0;
         i++) {
        uint64_t size = little_endian(head + 4, 4);
        if (is_placeholder(size))
            return 0;
        int64_t lacking = beyond_end(input, position + 8, size);
        if (lacking)
            return lacking;
        position += 8 + (int64_t)size + (int64_t)(size & 1);
    }
    return 0;
}

/* ---- AU, MP4, Matroska ---- */

static int64_t check_au(const struct media_input *input)
{
    unsigned char head[12];
    if (!media_input_peek(input, 0, head, sizeof head))
        return 0;
    uint64_t size = big_endian(head + 8, 4);
    return is_placeholder(size) ? 0 : beyond_end(input, (int64_t)big_endian(head + 4, 4), size);
}

/* The boxes at the top, each with its size before its name. */
static int64_t check_mp4(const struct media_input *input)
{
    unsigned char head[16];
    int64_t position = 0;
    for (int i = 0; i < MAX_PARTS && media_input_peek(input, position, head, 8); i++) {
        uint64_t size = big_endian(head, 4);
        if (size == 1 && media_input_peek(input, position, head, 16))
            size = big_endian(head + 8, 8);
        if (size < 8) /* 0: to the end of the file */
            return 0;
        int64_t lacking = beyond_end(input, position, size);
        if (lacking)
            return lacking;
        if (size > (uint64_t)(input->n_bytes - position))
            return 0; /* a size that is no size */
        position += (int64_t)size;
    }
    return 0;
}

/* EBML's numbers: the first byte's leading zeros say how many bytes follow. All ones: unknown. */
static bool read_ebml_size(const struct media_input *input, int64_t *position, uint64_t *size)
{
    unsigned char bytes[8];
    if (!media_input_peek(input, *position, bytes, 1) || bytes[0] == 0)
        return false;
    int length = __builtin_clz(bytes[0]) - 23;
    if (!media_input_peek(input, *position, bytes, (size_t)length))
        return false;
    uint64_t mask = (1ULL << (7 * length)) - 1;
    *size = big_endian(bytes, length) & mask;
    *position += length;
    return *size != mask;
}

static int64_t check_matroska(const struct media_input *input)
{
    static const unsigned char segment[] = {0x18, 0x53, 0x80, 0x67};
    unsigned char id[4];
    int64_t position = 4;
    uint64_t size;
    if (!read_ebml_size(input, &position, &size) || size > (uint64_t)input->n_bytes)
        return 0;
    position += (int64_t)size;
    if (!media_input_peek(input, position, id, sizeof id) || memcmp(id, segment, sizeof id) != 0)
        return 0;
    position += 4;
    return read_ebml_size(input, &position, &size) ? beyond_end(input, position, size) : 0;
}

/* ---- Ogg ---- */

/* Its pages declare no total: the last one must be whole. Returns what it lacks. */
static int64_t check_ogg(const struct media_input *input)
{
    enum { HEADER = 27, MAX_PAGE = HEADER + 255 + 255 * 255 };
    unsigned char page[HEADER + 255];
    int64_t first = input->n_bytes > 2 * MAX_PAGE ? input->n_bytes - 2 * MAX_PAGE : 0;
    for (int64_t i = input->n_bytes - HEADER; i >= first; i--) {
        if (!media_input_peek(input, i, page, HEADER) || memcmp(page, "OggS", 4) != 0)
            continue;
        int n_segments = page[26], size = HEADER + n_segments;
        if (!media_input_peek(input, i + HEADER, page + HEADER, (size_t)n_segments))
            return i + size - input->n_bytes;
        for (int j = 0; j < n_segments; j++)
            size += page[HEADER + j];
        return i + size > input->n_bytes ? i + size - input->n_bytes : 0;
    }
    return 0;
}

int64_t cut_off_bytes(const struct media_input *input)
{
    unsigned char head[12];
    if (!media_input_peek(input, 0, head, sizeof head))
        return 0;
    if ((memcmp(head, "RIFF", 4) == 0 || memcmp(head, "RF64", 4) == 0 ||
         memcmp(head, "BW64", 4) == 0) &&
        memcmp(head + 8, "WAVE", 4) == 0)
        return check_chunks(input, "data", false);
    if (memcmp(head, "RIFX", 4) == 0)
        return check_chunks(input, "data", true);
    if (memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "AVI ", 4) == 0)
        return check_avi(input);
    if (memcmp(head, "FORM", 4) == 0 && memcmp(head + 8, "AIF", 3) == 0)
        return check_chunks(input, "SSND", true);
    if (memcmp(head, ".snd", 4) == 0)
        return check_au(input);
    if (memcmp(head + 4, "ftyp", 4) == 0)
        return check_mp4(input);
    if (memcmp(head, "OggS", 4) == 0)
        return check_ogg(input);
    if (memcmp(head, "\x1A\x45\xDF\xA3", 4) == 0)
        return check_matroska(input);
    return 0;
}
