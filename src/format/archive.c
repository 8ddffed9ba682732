#include "format/archive.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

/* Deflate codes at most 258 bytes in a bit for the length and one for the distance: 1032 bytes per
 * byte. */
#define MAX_DEFLATE_RATIO 1032

struct named_member {
    const char *name; /* owned by zip */
    int64_t index;
};

struct archive {
    char *name;
    struct file_map map; /* empty where the bytes belong to the caller */
    size_t size;
    zip_t *zip;
    int64_t n_members;
    struct named_member *by_name; /* sorted */
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
    if (!archive->by_name)
        return fail_memory(error, (size_t)archive->n_members * sizeof *archive->by_name,
                           "the list of members");
    for (int64_t i = 0; i < archive->n_members; i++) {
        const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!name)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: member %lld has no readable name",
                        archive->name, (long long)i);
        archive->by_name[i] = (struct named_member){name, i};
    }
    qsort(archive->by_name, (size_t)archive->n_members, sizeof *archive->by_name, compare_names);
    for (int64_t i = 1; i < archive->n_members; i++)
        if (compare_names(archive->by_name + i - 1, archive->by_name + i) == 0)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: two members are named '%.200s'",
                        archive->name, archive->by_name[i].name);
    return VALENCE_OK;
}

static int open_zip(struct archive *archive, const void *data, struct valence_error *error)
{
    if (archive->size == 0) /* to libzip a valid archive without members */
        return fail(error, VALENCE_ERROR_FORMAT, "%s: empty, no zip archive", archive->name);
    zip_error_t zip_error;
    zip_error_init(&zip_error);
    zip_source_t *source = zip_source_buffer_create(data, archive->size, 0, &zip_error);
    if (source)
        archive->zip = zip_open_from_source(source, ZIP_RDONLY, &zip_error);
    int status = VALENCE_OK;
    if (!archive->zip) {
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: no readable zip archive: %s", archive->name,
                      zip_error_strerror(&zip_error));
        zip_source_free(source);
    }
    zip_error_fini(&zip_error);
    return status;
}

/* Takes over `map`. */
static int open_bytes(struct file_map map, const void *data, size_t size, const char *name,
                      struct archive **archive, struct valence_error *error)
{
    struct archive *opened = calloc(1, sizeof *opened);
    if (!opened) {
        file_map_close(&map);
        return fail_memory(error, sizeof *opened, name);
    }
    opened->map = map;
    opened->size = size;
    opened->name = strdup(name);
    int status =
        opened->name ? open_zip(opened, data, error) : fail_memory(error, strlen(name), name);
    if (!status)
        status = list_members(opened, error);
    if (status) {
        archive_close(opened);
        return status;
    }
    *archive = opened;
    return VALENCE_OK;
}

int archive_open(const char *path, struct archive **archive, struct valence_error *error)
{
    *archive = NULL;
    struct file_map map;
    int status = file_map_open(&map, path, error);
    return status ? status : open_bytes(map, map.data, map.size, path, archive, error);
}

int archive_open_memory(const void *data, size_t size, const char *name, struct archive **archive,
                        struct valence_error *error)
{
    *archive = NULL;
    return open_bytes((struct file_map){0}, data, size, name, archive, error);
}

void archive_close(struct archive *archive)
{
    if (!archive)
        return;
    if (archive->zip)
        zip_discard(archive->zip);
    free(archive->by_name);
    free(archive->name);
    file_map_close(&archive->map);
    free(archive);
}

const char *archive_file_name(const struct archive *archive)
{
    return archive->name;
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
    return fail(error, status, "%s: member '%.200s': %s", archive->name,
                archive_member_name(archive, index), what);
}

/* What the archive claims, as far as it can be true. */
static int check_claims(const struct archive *archive, int64_t index, zip_stat_t *claims,
                        struct valence_error *error)
{
    zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive->zip, (zip_uint64_t)index, 0, claims) != 0 ||
        (claims->valid & needed) != needed || claims->comp_size > archive->size)
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

static int start(struct archive_member *member, struct valence_error *error)
{
    if (member->file)
        zip_fclose(member->file);
    member->position = 0;
    member->file = zip_fopen_index(member->archive->zip, (zip_uint64_t)member->index, 0);
    if (!member->file)
        return bad_member(member->archive, member->index, VALENCE_ERROR_FORMAT,
                          zip_strerror(member->archive->zip), error);
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
        return fail_memory(error, sizeof *opened, archive->name);
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
    if (got != (zip_int64_t)bytes)
        return bad_member(
            member->archive, member->index, VALENCE_ERROR_FORMAT,
            got < 0 ? zip_file_strerror(member->file) : "it ends before the size it claims", error);
    member->position += bytes;
    file_map_was_read(&member->archive->map, bytes);
    return VALENCE_OK;
}

static int go_to(struct archive_member *member, uint64_t position, struct valence_error *error)
{
    if (position == member->position)
        return VALENCE_OK;
    if (member->is_stored) {
        if (zip_fseek(member->file, (zip_int64_t)position, SEEK_SET) != 0)
            return bad_member(member->archive, member->index, VALENCE_ERROR_FORMAT,
                              zip_file_strerror(member->file), error);
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

int archive_member_read(struct archive_member *member, uint64_t position, void *out, size_t bytes,
                        struct valence_error *error)
{
    if (position > member->size || bytes > member->size - position)
        return bad_member(member->archive, member->index, VALENCE_ERROR_FORMAT,
                          "it is shorter than what it should hold", error);
    /* After an error libzip's stream is of no use: begin anew. */
    int status = member->file ? VALENCE_OK : start(member, error);
    if (!status)
        status = go_to(member, position, error);
    if (!status)
        status = next_bytes(member, out, bytes, error);
    /* Asking for the byte after the last makes libzip verify the checksum of what was read in a
     * row. */
    unsigned char beyond;
    if (!status && member->position == member->size && zip_fread(member->file, &beyond, 1) != 0)
        status = bad_member(member->archive, member->index, VALENCE_ERROR_FORMAT,
                            "its checksum or size is wrong (is the file damaged?)", error);
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
        status =
            fail(error, VALENCE_ERROR_LIMIT,
                 "%s: member '%.200s' has %llu bytes, more than the %zu allowed", archive->name,
                 archive_member_name(archive, index), (unsigned long long)member->size, maximum);
    void *bytes = status ? NULL : malloc(member->size ? (size_t)member->size : 1);
    if (!status && !bytes)
        status = fail_memory(error, (size_t)member->size, archive->name);
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
