#include "format/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "format/spool.h"

/* ---- Opening ---- */

static const char *kind_of_file(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a pipe, which can be read only once (give it as standard input)"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a terminal or other device"
                            : "a device";
}

int byte_source_open_memory(const void *data, size_t size, const char *name,
                            struct byte_source *source, struct valence_error *error)
{
    *source = (struct byte_source){
        .name = strdup(name), .file = -1, .bytes = data ? data : (const void *)"", .size = size};
    return source->name ? VALENCE_OK : fail_memory(error, strlen(name), name);
}

/* Without O_NONBLOCK opening a pipe would wait for a writer. */
int byte_source_open(const char *path, struct byte_source *source, struct valence_error *error)
{
    struct stat status;
    char own[32]; /* also the way to "-" */
    *source = (struct byte_source){.file = -1};
    int descriptor = spool_descriptor(path);
    if (descriptor >= 0) {
        int spooled = spool_input(descriptor, path, error);
        if (spooled)
            return spooled;
        snprintf(own, sizeof own, "/proc/self/fd/%d", descriptor);
    }
    int file = open(descriptor < 0 ? path : own, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return errno == ENOENT ? fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file", path)
                               : fail_errno(error, errno, "%s: cannot open", path);
    int result = VALENCE_OK;
    if (fstat(file, &status) != 0)
        result = fail_errno(error, errno, "%s: cannot read its size", path);
    else if (!S_ISREG(status.st_mode))
        result = fail(error, VALENCE_ERROR_ARGUMENT, "%s: %s, not a regular file", path,
                      kind_of_file(status.st_mode));
    else if (!(source->name = strdup(path)))
        result = fail_memory(error, strlen(path), path);
    if (result) {
        close(file);
        return result;
    }
    source->file = file;
    source->size = (uint64_t)status.st_size;
    return VALENCE_OK;
}

void byte_source_close(struct byte_source *source)
{
    if (source->name && source->file >= 0)
        close(source->file);
    free(source->name);
    *source = (struct byte_source){.file = -1};
}

int byte_source_read(const struct byte_source *source, uint64_t position, void *out, size_t bytes,
                     struct valence_error *error)
{
    if (position > source->size || bytes > source->size - position)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: ends at byte %llu (is it cut off?)",
                    source->name, (unsigned long long)source->size);
    if (source->bytes) {
        if (bytes)
            memcpy(out, source->bytes + position, bytes);
        return VALENCE_OK;
    }
    return file_read_at(source->file, source->name, position, out, bytes, error);
}

int byte_source_add_to_digest(const struct byte_source *source, uint64_t position, uint64_t bytes,
                              struct sha256 *digest, struct valence_error *error)
{
    unsigned char chunk[32 * 1024];
    int status = VALENCE_OK;
    while (bytes > 0 && !status) {
        size_t n = bytes < sizeof chunk ? (size_t)bytes : sizeof chunk;
        status = byte_source_read(source, position, chunk, n, error);
        if (!status)
            sha256_add(digest, chunk, n);
        position += n;
        bytes -= n;
    }
    return status;
}

int byte_source_digest(const struct byte_source *source, uint64_t position,
                       char text[SHA256_TEXT_BYTES], struct valence_error *error)
{
    struct sha256 digest;
    uint64_t bytes = position < source->size ? source->size - position : 0;
    sha256_begin(&digest);
    int status = byte_source_add_to_digest(source, position, bytes, &digest, error);
    sha256_end(&digest, text);
    return status;
}

/* ---- What it is ---- */

#define LOOKED_AT 64

static bool begins_with(const unsigned char *start, size_t size, const char *wanted, size_t length)
{
    return size >= length && memcmp(start, wanted, length) == 0;
}

/* Behind blanks and a byte order mark, in any case. */
static bool begins_with_tag(const unsigned char *start, size_t size, const char *tag)
{
    size_t at = begins_with(start, size, "\xEF\xBB\xBF", 3) ? 3 : 0;
    while (at < size && start[at] && strchr(" \t\r\n", start[at]))
        at++;
    return size - at >= strlen(tag) && strncasecmp((const char *)start + at, tag, strlen(tag)) == 0;
}

/* A table may begin with a column PAR1; a Parquet file continues with bytes that are not text. */
static bool is_binary(const unsigned char *start, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (start[i] < '\t' || start[i] >= 0x80)
            return true;
    return false;
}

/* An object or an array, by its first two characters that are no blanks: tables and pickles do not
 * begin so. */
static bool is_json(const unsigned char *start, size_t size)
{
    size_t at = begins_with(start, size, "\xEF\xBB\xBF", 3) ? 3 : 0;
    char two[3] = "";
    for (int n = 0; n < 2 && at < size && start[at]; at++)
        if (!strchr(" \t\r\n", start[at]))
            two[n++] = (char)start[at];
    return two[1] && ((two[0] == '{' && strchr("\"}", two[1])) ||
                      (two[0] == '[' && strchr("\"[]{-0123456789", two[1])));
}

const char *byte_source_kind(const struct byte_source *source)
{
    static const struct {
        const char *start;
        size_t length;
        bool is_binary;
        const char *kind;
    } kinds[] = {
        {"\x1F\x8B", 2, true, "a gzip file (unpack it with gunzip)"},
        {"BZh", 3, true, "a bzip2 file (unpack it with bunzip2)"},
        {"\xFD\x37zXZ", 5, true, "an xz file (unpack it with unxz)"},
        {"\x28\xB5\x2F\xFD", 4, true, "a Zstandard file (unpack it with unzstd)"},
        {"7z\xBC\xAF", 4, true, "a 7-Zip archive (unpack it)"},
        {"Rar!", 4, true, "a RAR archive (unpack it)"},
        {"PK\x03\x04", 4, true, "a zip archive"},
        {"PK\x05\x06", 4, true, "an empty zip archive"},
        {"version https://git-lfs", 23, false,
         "a pointer of Git LFS, not the file itself (fetch it with git lfs pull)"},
        {"\x89HDF\r\n\x1A\n", 8, true, "an HDF5 file"},
        {"\x93NUMPY", 6, true, "a NumPy array (.npy)"},
        {"%PDF", 4, true, "a PDF document"},
        {"GGUF", 4, true, "a GGUF file"},
        {"SQLite format 3", 15, true, "an SQLite database"},
        {"\x80\x02", 2, true, BYTE_SOURCE_PICKLE},
        {"\x80\x03", 2, true, BYTE_SOURCE_PICKLE},
        {"\x80\x04", 2, true, BYTE_SOURCE_PICKLE},
        {"\x80\x05", 2, true, BYTE_SOURCE_PICKLE},
        {"PAR1", 4, true, "a Parquet file"},
    };
    unsigned char start[LOOKED_AT];
    size_t size = source->size < sizeof start ? (size_t)source->size : sizeof start;
    if (size == 0)
        return "an empty file";
    if (byte_source_read(source, 0, start, size, NULL))
        return NULL;
    bool binary = is_binary(start, size);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((binary || !kinds[i].is_binary) &&
            begins_with(start, size, kinds[i].start, kinds[i].length))
            return kinds[i].kind;
    if (begins_with_tag(start, size, "<!doctype") || begins_with_tag(start, size, "<html"))
        return "a web page (the download failed or needs a login)";
    if (begins_with_tag(start, size, "<?xml"))
        return "an XML document (the download failed or needs a login)";
    return is_json(start, size) ? "a JSON document" : NULL;
}

bool byte_source_is_text(const struct byte_source *source)
{
    unsigned char start[LOOKED_AT];
    size_t size = source->size < sizeof start ? (size_t)source->size : sizeof start;
    return size > 0 && byte_source_read(source, 0, start, size, NULL) == VALENCE_OK &&
           !is_binary(start, size);
}

int byte_source_refuse(const struct byte_source *source, const char *expected,
                       struct valence_error *error)
{
    const char *kind = byte_source_kind(source);
    if (!kind && byte_source_is_text(source))
        kind = "a text file";
    return fail(error, VALENCE_ERROR_FORMAT, "%s: %s%snot %s", source->name, kind ? kind : "",
                kind ? ", " : "", expected);
}
