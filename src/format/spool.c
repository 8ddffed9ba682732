#include "format/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/text.h"

#define PIECE_BYTES (256 << 10)

int spool_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    long long number;
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0)
        return STDIN_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) == 0 && parse_int64(path + length, &number) &&
            number >= 0 && number < 1 << 20)
            return (int)number;
    }
    return -1;
}

static int write_all(int file, const char *piece, size_t bytes, const char *name,
                     struct valence_error *error)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t put = write(file, piece + done, bytes - done);
        if (put < 0)
            return fail_errno(error, errno, "%s: cannot be kept in memory", name);
        done += (size_t)put;
    }
    return VALENCE_OK;
}

static int copy(int from, int to, const char *name, struct valence_error *error)
{
    unsigned long long total = 0;
    char *piece = malloc(PIECE_BYTES);
    int status = piece ? VALENCE_OK : fail_memory(error, PIECE_BYTES, name);
    while (!status) {
        ssize_t got = read(from, piece, PIECE_BYTES);
        if (got == 0)
            break;
        if (got < 0)
            status = errno == EINTR ? fail(error, VALENCE_ERROR_CANCELLED, "%s: interrupted", name)
                                    : fail_errno(error, errno, "%s: cannot read", name);
        else if ((total += (unsigned long long)got) > SPOOL_MAX_BYTES)
            status = fail(error, VALENCE_ERROR_LIMIT,
                          "%s: more than 1 GiB comes through this pipe (write it to a file)", name);
        else
            status = write_all(to, piece, (size_t)got, name, error);
    }
    free(piece);
    return status;
}

int spool_input(int descriptor, const char *name, struct valence_error *error)
{
    struct stat found;
    if (fstat(descriptor, &found) != 0)
        return fail_errno(error, errno, "%s: cannot open", name);
    if (!S_ISFIFO(found.st_mode) && !S_ISSOCK(found.st_mode) && !S_ISCHR(found.st_mode))
        return VALENCE_OK;
    int memory = memfd_create("valence-input", MFD_CLOEXEC);
    if (memory < 0)
        return fail_errno(error, errno, "%s: cannot be kept in memory", name);
    int status = copy(descriptor, memory, name, error);
    if (!status && dup2(memory, descriptor) < 0)
        status = fail_errno(error, errno, "%s: cannot be kept in memory", name);
    close(memory);
    return status;
}
