#include "models/package_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "format/archive.h"
#include "format/tar_gz.h"

#define PIECE_BYTES (1 << 20)

/* A member that is read from its beginning, of either kind of archive. */
struct member {
    struct archive *archive;
    struct archive_member *zipped;
    struct tar_gz *tar;
    uint64_t size, at;
};

static int open_member(struct member *member, const char *package, const char *name,
                       struct valence_error *error)
{
    *member = (struct member){0};
    if (path_has_ending(package, ".tgz")) {
        int status = tar_gz_open(package, name, &member->tar, error);
        member->size = status ? 0 : tar_gz_size(member->tar);
        return status;
    }
    int status = archive_open(package, &member->archive, error);
    if (status)
        return status;
    int64_t index = archive_find(member->archive, name);
    status = index >= 0 ? archive_member_open(member->archive, index, &member->zipped, error)
                        : fail(error, VALENCE_ERROR_FORMAT, "%s: holds no %s", package, name);
    if (status)
        archive_close(member->archive);
    else
        member->size = archive_member_size(member->zipped);
    return status;
}

static void close_member(struct member *member)
{
    if (member->zipped) {
        archive_member_close(member->zipped);
        archive_close(member->archive);
    }
    tar_gz_close(member->tar);
}

static int read_member(struct member *member, void *out, size_t bytes, struct valence_error *error)
{
    int status = member->tar ? tar_gz_read(member->tar, out, bytes, error)
                             : archive_member_read(member->zipped, member->at, out, bytes, error);
    member->at += bytes;
    return status;
}

static int copy_member(struct member *member, const struct file_writer *writer,
                       struct valence_error *error)
{
    unsigned char *piece = malloc(PIECE_BYTES);
    int status = piece ? VALENCE_OK : fail_memory(error, PIECE_BYTES, "a piece of a file");
    while (member->at < member->size && !status) {
        uint64_t left = member->size - member->at;
        size_t bytes = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        status = read_member(member, piece, bytes, error);
        if (!status && fwrite(piece, 1, bytes, writer->stream) != bytes)
            status = file_write_failure(writer, error);
    }
    free(piece);
    return status;
}

int package_unpack(const char *package, const char *member, const char *to,
                   struct valence_error *error)
{
    struct member from;
    struct file_writer writer;
    int status = open_member(&from, package, member, error);
    if (status)
        return status;
    status = file_write_begin(&writer, to, FILE_OVERWRITE, error);
    if (!status) {
        status = copy_member(&from, &writer, error);
        if (status)
            file_write_abort(&writer);
        else
            status = file_write_commit(&writer, error);
    }
    close_member(&from);
    return status;
}
