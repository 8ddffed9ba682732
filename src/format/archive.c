#include "format/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>
#include <zlib.h>

#include "base/fail.h"
#include "base/memory.h"

/* Deflate codes at most 258 bytes in a bit for the length and one for the distance: 1032 bytes per
 * byte. */
#define MAX_DEFLATE_RATIO 1032

struct named_member {
    const char *name; /* owned by zip */
    int64_t index;
};

struct archive {
    struct byte_source source;
    uint64_t position; /* libzip's in the source */
    zip_t *zip;
    int64_t n_members;
    struct named_member *by_name; /* sorted */
    bool *verified;               /* by index: the checksum of the whole member is right */
};

struct archive_member {
    struct archive *archive;
    int64_t index;
    zip_file_t *file;
    uint64_t size;
    uint64_t position;
    bool is_stored;
};

/* ---- Archives ---- */

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct named_member *)left)->name,
                  ((const struct named_member *)right)->name);
}

static int list_members(struct archive *archive, struct valence_error *error)
{
    archive->n_members = zip_get_num_entries(archive->zip, 0);
    archive->by_name = allocate(archive->n_members, sizeof *archive->by_name);
    archive->verified = allocate(archive->n_members, sizeof *archive->verified);
    if (!archive->by_name || !archive->verified)
        return fail_memory(error, (size_t)archive->n_members * sizeof *archive->by_name,
                           "the list of members");
    for (int64_t i = 0; i < archive->n_members; i++) {
        const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!name)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: member %lld has no readable name",
                        archive->source.name, (long long)i);
        archive->by_name[i] = (struct named_member){name, i};
    }
    qsort(archive->by_name, (size_t)archive->n_members, sizeof *archive->by_name, compare_names);
    for (int64_t i = 1; i < archive->n_members; i++)
        if (compare_names(archive->by_name + i - 1, archive->by_name + i) == 0)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: two members are named '%.200s'",
                        archive->source.name, archive->by_name[i].name);
    return VALENCE_OK;
}

/* libzip's view of the source. */
static zip_int64_t serve(void *user, void *data, zip_uint64_t length, zip_source_cmd_t command)
{
    struct archive *archive = user;
    switch (command) {
    case ZIP_SOURCE_OPEN:
        archive->position = 0;
        return 0;
    case ZIP_SOURCE_READ: {
        uint64_t left = archive->source.size - archive->position;
        size_t bytes = (size_t)(length < left ? length : left);
        if (byte_source_read(&archive->source, archive->position, data, bytes, NULL))
            return -1;
        archive->position += bytes;
        return (zip_int64_t)bytes;
    }
    case ZIP_SOURCE_SEEK: {
        zip_int64_t to = zip_source_seek_compute_offset(archive->position, archive->source.size,
                                                        data, length, NULL);
        archive->position = to < 0 ? archive->position : (uint64_t)to;
        return to < 0 ? -1 : 0;
    }
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)archive->position;
    case ZIP_SOURCE_STAT: {
        zip_stat_t *status = data;
        zip_stat_init(status);
        status->size = archive->source.size;
        status->valid = ZIP_STAT_SIZE;
        return sizeof *status;
    }
    case ZIP_SOURCE_ERROR: {
        int codes[2] = {ZIP_ER_READ, EIO}; /* the only thing that fails */
        memcpy(data, codes, sizeof codes);
        return sizeof codes;
    }
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    default: /* CLOSE and FREE: archive_close() does it */
        return 0;
    }
}

static int open_zip(struct archive *archive, struct valence_error *error)
{
    const char *kind = byte_source_kind(&archive->source);
    if (kind ? strncmp(kind, "a zip", 5) != 0
             : byte_source_is_text(
                   &archive->source)) /* to libzip an empty file is a valid archive */
        return byte_source_refuse(&archive->source, "a zip archive", error);
    zip_error_t zip_error;
    errno = 0;
    zip_error_init(&zip_error);
    zip_source_t *source = zip_source_function_create(serve, archive, &zip_error);
    if (source)
        archive->zip = zip_open_from_source(source, ZIP_RDONLY, &zip_error);
    int status = VALENCE_OK;
    if (!archive->zip) {
        /* Where memory is short for a directory, libzip goes on looking for another one. */
        status = zip_error_code_zip(&zip_error) == ZIP_ER_MEMORY || errno == ENOMEM
                     ? fail_memory(error, 0, archive->source.name)
                     : fail(error, VALENCE_ERROR_FORMAT,
                            "%s: not a zip archive that can be read (is the file damaged or cut "
                            "off?): %s",
                            archive->source.name, zip_error_strerror(&zip_error));
        zip_source_free(source);
    }
    zip_error_fini(&zip_error);
    return status;
}

/* Takes over `source`. */
static int open_source(struct byte_source *source, struct archive **archive,
                       struct valence_error *error)
{
    struct archive *opened = calloc(1, sizeof *opened);
    if (!opened) {
        byte_source_close(source);
        return fail_memory(error, sizeof *opened, "an archive");
    }
    opened->source = *source;
    int status = open_zip(opened, error);
    if (!status)
        status = list_members(opened, error);
    if (status)
        archive_close(opened);
    else
        *archive = opened;
    return status;
}

int archive_open(const char *path, struct archive **archive, struct valence_error *error)
{
    *archive = NULL;
    struct byte_source source;
    int status = byte_source_open(path, &source, error);
    return status ? status : open_source(&source, archive, error);
}

int archive_open_memory(const void *data, size_t size, const char *name, struct archive **archive,
                        struct valence_error *error)
{
    *archive = NULL;
    struct byte_source source;
    int status = byte_source_open_memory(data, size, name, &source, error);
    return status ? status : open_source(&source, archive, error);
}

void archive_close(struct archive *archive)
{
    if (!archive)
        return;
    if (archive->zip)
        zip_discard(archive->zip);
    free(archive->by_name);
    free(archive->verified);
    byte_source_close(&archive->source);
    free(archive);
}

const char *archive_file_name(const struct archive *archive)
{
    return archive->source.name;
}

int64_t archive_n_members(const struct archive *archive)
{
    return archive->n_members;
}

const char *archive_member_name(const struct archive *archive, int64_t index)
{
    return zip_get_name(archive->zip, (zip_uint64_t)index, ZIP_FL_ENC_RAW);
}

int64_t archive_find(const struct archive *archive, const char *name)
{
    struct named_member key = {.name = name};
    const struct named_member *found = bsearch(&key, archive->by_name, (size_t)archive->n_members,
                                               sizeof *archive->by_name, compare_names);
    return found ? found->index : -1;
}

/* ---- Members ---- */

static int bad_member(const struct archive *archive, int64_t index, int status, const char *what,
                      struct valence_error *error)
{
    return fail(error, status, "%s: member '%.200s': %s", archive->source.name,
                archive_member_name(archive, index), what);
}

/* What the archive claims, as far as it can be true. */
static int check_claims(const struct archive *archive, int64_t index, zip_stat_t *claims,
                        struct valence_error *error)
{
    zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive->zip, (zip_uint64_t)index, 0, claims) != 0 ||
        (claims->valid & needed) != needed || claims->comp_size > archive->source.size)
        return bad_member(archive, index, VALENCE_ERROR_FORMAT, "its directory entry is wrong",
                          error);
    if (claims->valid & ZIP_STAT_ENCRYPTION_METHOD && claims->encryption_method != ZIP_EM_NONE)
        return bad_member(archive, index, VALENCE_ERROR_UNSUPPORTED, "it is encrypted", error);
    bool is_stored = claims->comp_method == ZIP_CM_STORE;
    if (!is_stored && claims->comp_method != ZIP_CM_DEFLATE)
        return bad_member(archive, index, VALENCE_ERROR_UNSUPPORTED,
                          "it is compressed by something else than deflate", error);
    if (is_stored ? claims->size != claims->comp_size
                  : claims->size / MAX_DEFLATE_RATIO > claims->comp_size)
        return bad_member(archive, index, VALENCE_ERROR_FORMAT,
                          "its compressed bytes cannot yield the size it claims", error);
    return VALENCE_OK;
}

static int zip_failure(const struct archive_member *member, zip_error_t *problem,
                       struct valence_error *error)
{
    bool no_memory = zip_error_code_zip(problem) == ZIP_ER_MEMORY ||
                     (zip_error_code_zip(problem) == ZIP_ER_ZLIB &&
                      zip_error_code_system(problem) == Z_MEM_ERROR);
    return bad_member(member->archive, member->index,
                      no_memory ? VALENCE_ERROR_MEMORY : VALENCE_ERROR_FORMAT,
                      zip_error_strerror(problem), error);
}

static int start(struct archive_member *member, struct valence_error *error)
{
    if (member->file)
        zip_fclose(member->file);
    member->position = 0;
    member->file = zip_fopen_index(member->archive->zip, (zip_uint64_t)member->index, 0);
    if (!member->file)
        return zip_failure(member, zip_get_error(member->archive->zip), error);
    return VALENCE_OK;
}

int archive_member_open(struct archive *archive, int64_t index, struct archive_member **member,
                        struct valence_error *error)
{
    *member = NULL;
    zip_stat_t claims;
    int status = check_claims(archive, index, &claims, error);
    if (status)
        return status;
    struct archive_member *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, archive->source.name);
    *opened = (struct archive_member){.archive = archive,
                                      .index = index,
                                      .size = claims.size,
                                      .is_stored = claims.comp_method == ZIP_CM_STORE};
    status = start(opened, error);
    if (status)
        free(opened);
    else
        *member = opened;
    return status;
}

void archive_member_close(struct archive_member *member)
{
    if (!member)
        return;
    if (member->file)
        zip_fclose(member->file);
    free(member);
}

uint64_t archive_member_size(const struct archive_member *member)
{
    return member->size;
}

bool archive_member_is_stored(const struct archive_member *member)
{
    return member->is_stored;
}

static int next_bytes(struct archive_member *member, void *out, size_t bytes,
                      struct valence_error *error)
{
    zip_int64_t got = bytes ? zip_fread(member->file, out, bytes) : 0;
    if (got < 0)
        return zip_failure(member, zip_file_get_error(member->file), error);
    if (got != (zip_int64_t)bytes)
        return bad_member(member->archive, member->index, VALENCE_ERROR_FORMAT,
                          "it ends before the size it claims", error);
    member->position += bytes;
    return VALENCE_OK;
}

static int go_to(struct archive_member *member, uint64_t position, struct valence_error *error)
{
    if (position == member->position)
        return VALENCE_OK;
    if (member->is_stored) {
        if (zip_fseek(member->file, (zip_int64_t)position, SEEK_SET) != 0)
            return zip_failure(member, zip_file_get_error(member->file), error);
        member->position = position;
        return VALENCE_OK;
    }
    int status = position < member->position ? start(member, error) : VALENCE_OK;
    unsigned char skipped[16384];
    while (!status && member->position < position) {
        uint64_t left = position - member->position;
        status = next_bytes(member, skipped, left < sizeof skipped ? (size_t)left : sizeof skipped,
                            error);
    }
    return status;
}

/* Asking for the byte behind the last makes libzip compare the checksum of what was read in a
 * row. */
static int check_end(struct archive_member *member, struct valence_error *error)
{
    unsigned char beyond;
    return zip_fread(member->file, &beyond, 1) == 0
               ? VALENCE_OK
               : bad_member(member->archive, member->index, VALENCE_ERROR_FORMAT,
                            "its checksum or size is wrong (is the file damaged?)", error);
}

int archive_member_verify(struct archive_member *member, struct valence_error *error)
{
    bool *verified = &member->archive->verified[member->index];
    unsigned char piece[65536];
    if (*verified)
        return VALENCE_OK;
    int status = start(member, error);
    if (status)
        return status;
    while (!status && member->position < member->size) {
        uint64_t left = member->size - member->position;
        status =
            next_bytes(member, piece, left < sizeof piece ? (size_t)left : sizeof piece, error);
    }
    if (!status)
        status = check_end(member, error);
    *verified = !status;
    if (!status)
        return start(member, error);
    zip_fclose(member->file); /* it cannot be used after an error */
    member->file = NULL;
    return status;
}

int archive_member_read(struct archive_member *member, uint64_t position, void *out, size_t bytes,
                        struct valence_error *error)
{
    if (position > member->size || bytes > member->size - position)
        return bad_member(member->archive, member->index, VALENCE_ERROR_FORMAT,
                          "it is shorter than its contents should be", error);
    /* libzip's stream cannot be used after an error: start again. */
    int status = member->file ? VALENCE_OK : start(member, error);
    if (!status)
        status = go_to(member, position, error);
    if (!status)
        status = next_bytes(member, out, bytes, error);
    if (!status && member->position == member->size)
        status = check_end(member, error);
    if (status && member->file) {
        zip_fclose(member->file);
        member->file = NULL;
    }
    return status;
}

int archive_read(struct archive *archive, int64_t index, size_t maximum, void **data, size_t *size,
                 struct valence_error *error)
{
    *data = NULL;
    struct archive_member *member;
    int status = archive_member_open(archive, index, &member, error);
    if (status)
        return status;
    if (member->size > maximum)
        status = fail(error, VALENCE_ERROR_LIMIT,
                      "%s: member '%.200s' has %llu bytes, more than the %zu allowed",
                      archive->source.name, archive_member_name(archive, index),
                      (unsigned long long)member->size, maximum);
    void *bytes = status ? NULL : malloc(member->size ? (size_t)member->size : 1);
    if (!status && !bytes)
        status = fail_memory(error, (size_t)member->size, archive->source.name);
    if (!status)
        status = archive_member_read(member, 0, bytes, (size_t)member->size, error);
    if (status)
        free(bytes);
    else {
        *data = bytes;
        *size = (size_t)member->size;
    }
    archive_member_close(member);
    return status;
}
