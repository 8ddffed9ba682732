#include "score_page/recording_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "valence/output.h"

#define MAX_ADDRESS_BYTES ((size_t)64 << 10)

/* ---- Addresses ---- */

/* The real folder that the page will stand in; free() it. */
static char *folder_of(const char *page, bool is_standard)
{
    const char *name = path_name(page);
    if (is_standard || name == page)
        return realpath(".", NULL);
    char *folder = strndup(page, (size_t)(name - page));
    char *whole = folder ? realpath(folder, NULL) : NULL;
    free(folder);
    return whole;
}

/* Letters, digits and what no part of an address is ended by. */
static void append_escaped(struct text *address, const char *path)
{
    for (; *path; path++)
        if (isascii((unsigned char)*path) &&
            (isalnum((unsigned char)*path) || strchr("-._~/", *path)))
            text_append(address, path, 1);
        else
            text_format(address, "%%%02X", (unsigned)(unsigned char)*path);
}

/* Both are real: absolute, without links and dots. */
static void append_relative(struct text *address, const char *folder, const char *path)
{
    size_t common = 0; /* length of the folders that both have, with the slash behind them */
    size_t i = 0;
    if (strcmp(folder, "/") == 0)
        folder = "";
    for (; folder[i] && folder[i] == path[i]; i++)
        if (folder[i] == '/')
            common = i + 1;
    if (!folder[i] && path[i] == '/')
        common = i + 1;
    for (const char *at = folder + (common < strlen(folder) ? common : strlen(folder)); *at;) {
        text_format(address, "../");
        const char *slash = strchr(at, '/');
        at = slash ? slash + 1 : at + strlen(at);
    }
    if (address->length == 0)
        text_format(address, "./"); /* "a:b.mp4" would be a scheme */
    append_escaped(address, path + common);
}

int recording_address(const char *page, const char *path, struct text *address,
                      struct valence_error *error)
{
    char *folder = folder_of(page, valence_output_is_standard(page));
    int number = errno;
    char *file = folder ? realpath(path, NULL) : NULL;
    int status = VALENCE_OK;
    if (!folder)
        status = fail_errno(error, number, "%s: cannot find its folder", page);
    else if (!file)
        status = fail_errno(error, errno, "%s: cannot find the file", path);
    address->maximum = MAX_ADDRESS_BYTES;
    if (!status)
        append_relative(address, folder, file);
    if (!status && address->failed)
        status = fail_text(address, error, VALENCE_ERROR_LIMIT, "%s: the path is too long", path);
    free(folder);
    free(file);
    return status;
}

/* ---- Bytes ---- */

const char *recording_type(const char *format, bool has_pictures)
{
    static const struct {
        const char *format, *film, *sound;
    } types[] = {{"mov,mp4,m4a,3gp,3g2,mj2", "video/mp4", "audio/mp4"},
                 {"matroska,webm", "video/webm", "audio/webm"},
                 {"ogg", "video/ogg", "audio/ogg"},
                 {"wav", "audio/wav", "audio/wav"},
                 {"mp3", "audio/mpeg", "audio/mpeg"},
                 {"flac", "audio/flac", "audio/flac"},
                 {"aac", "audio/aac", "audio/aac"},
                 {"mpeg", "video/mpeg", "audio/mpeg"},
                 {"avi", "video/x-msvideo", "video/x-msvideo"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].format, format) == 0)
            return has_pictures ? types[i].film : types[i].sound;
    return "application/octet-stream";
}

int recording_bytes(const char *path, struct text *base64, struct valence_error *error)
{
    enum { PIECE = 3 << 14 }; /* a multiple of 3: no padding in between */
    int descriptor;
    size_t size;
    int status = file_open(path, &descriptor, &size, error);
    if (status)
        return status;
    uint8_t *piece = malloc(PIECE);
    if (!piece)
        status = fail_memory(error, PIECE, "a piece of a file");
    base64->maximum = size / 3 * 4 + 8;
    for (size_t at = 0, n; !status && at < size; at += n) {
        n = size - at < PIECE ? size - at : PIECE;
        status = file_read_at(descriptor, path, at, piece, n, error);
        if (!status)
            text_append_base64(base64, piece, n);
    }
    if (!status && base64->failed)
        status = fail_memory(error, size / 3 * 4, "a file in a page");
    free(piece);
    close(descriptor);
    return status;
}
