#include "media/media_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/error.h>
#include <libavutil/mem.h>

#include "base/fail.h"

#define BUFFER_BYTES (64 * 1024)

/* ---- What the libraries call ---- */

static int read_memory(struct media_input *input, uint8_t *to, int n)
{
    int64_t left = input->n_bytes - input->position; /* negative beyond the end */
    if (left <= 0 || n <= 0)
        return AVERROR_EOF;
    n = left < n ? (int)left : n;
    memcpy(to, input->data + input->position, (size_t)n);
    input->position += n;
    return n;
}

static int read_some(void *user, uint8_t *to, int n)
{
    struct media_input *input = user;
    if (input->descriptor < 0)
        return read_memory(input, to, n);
    ssize_t got;
    do {
        got = input->n_bytes < 0 ? read(input->descriptor, to, (size_t)n)
                                 : pread(input->descriptor, to, (size_t)n, (off_t)input->position);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        input->problem = errno;
        return AVERROR(errno);
    }
    input->position += got;
    return got ? (int)got : AVERROR_EOF;
}

static int64_t seek(void *user, int64_t offset, int whence)
{
    struct media_input *input = user;
    if (whence & AVSEEK_SIZE)
        return input->n_bytes;
    whence &= ~AVSEEK_FORCE;
    int64_t from = whence == SEEK_CUR ? input->position : whence == SEEK_END ? input->n_bytes : 0;
    if (offset < -from || offset > INT64_MAX - from)
        return AVERROR(EINVAL);
    return input->position = from + offset; /* beyond the end nothing is read */
}

/* ---- Opening ---- */

static int make_io(struct media_input *input, struct valence_error *error)
{
    unsigned char *buffer = av_malloc(BUFFER_BYTES);
    if (buffer)
        input->io = avio_alloc_context(buffer, BUFFER_BYTES, 0, input, read_some, NULL,
                                       input->n_bytes < 0 ? NULL : seek);
    if (input->io)
        return VALENCE_OK;
    av_free(buffer);
    media_input_close(input);
    return fail_memory(error, BUFFER_BYTES, "reading a media file");
}

static int use_descriptor(struct media_input *input, struct valence_error *error)
{
    struct stat status;
    if (fstat(input->descriptor, &status))
        return fail_errno(error, errno, "%s: cannot be read", input->name);
    if (S_ISDIR(status.st_mode))
        return fail(error, VALENCE_ERROR_IO, "%s: is a folder, not a media file", input->name);
    input->n_bytes = S_ISREG(status.st_mode) ? (int64_t)status.st_size : -1;
    return make_io(input, error);
}

int media_input_open(struct media_input *input, const char *path, struct valence_error *error)
{
    *input = (struct media_input){.name = path, .is_owned = true};
    input->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (input->descriptor < 0 && errno == ENOENT)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file", path);
    if (input->descriptor < 0)
        return fail_errno(error, errno, "%s: cannot be opened", path);
    int status = use_descriptor(input, error);
    if (status)
        media_input_close(input);
    return status;
}

int media_input_open_descriptor(struct media_input *input, int descriptor, const char *name,
                                struct valence_error *error)
{
    *input = (struct media_input){.name = name, .descriptor = descriptor};
    if (descriptor < 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: %d is not a file descriptor", name,
                    descriptor);
    return use_descriptor(input, error);
}

int media_input_open_memory(struct media_input *input, const void *data, size_t n_bytes,
                            const char *name, struct valence_error *error)
{
    *input = (struct media_input){
        .name = name, .descriptor = -1, .data = data, .n_bytes = (int64_t)n_bytes};
    return make_io(input, error);
}

void media_input_close(struct media_input *input)
{
    if (input->io)
        av_freep(&input->io->buffer);
    avio_context_free(&input->io);
    if (input->is_owned && input->descriptor >= 0)
        close(input->descriptor);
    input->is_owned = false;
}

bool media_input_peek(const struct media_input *input, int64_t position, void *to, size_t n)
{
    if (input->n_bytes < 0 || position < 0 || position > input->n_bytes ||
        (int64_t)n > input->n_bytes - position)
        return false;
    if (input->descriptor < 0) {
        memcpy(to, input->data + position, n);
        return true;
    }
    return pread(input->descriptor, to, n, (off_t)position) == (ssize_t)n;
}
