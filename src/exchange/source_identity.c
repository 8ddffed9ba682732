#include "exchange/source_identity.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/text.h"
#include "format/byte_source.h"

#define WHOLE_BYTES  ((uint64_t)1 << 30) /* files up to this are hashed whole */
#define SAMPLE_STEP  16                  /* of larger ones a piece in so many */
#define PIECE_BYTES  ((size_t)1 << 20)
#define HASH_START   0xcbf29ce484222325u
#define HASH_FACTOR  0x9e3779b97f4a7c15u
#define DIGITS_BYTES 20

/* ---- Hashing ---- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * HASH_FACTOR;
    return hash ^ hash >> 29;
}

/* Eight bytes at a time in four chains, which is faster than any disk. It finds accidents, not
 * forgeries. */
static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t n)
{
    uint64_t lanes[4] = {hash, hash + 1, hash + 2, hash + 3}, words[4];
    size_t at = 0;
    for (; n - at >= sizeof words; at += sizeof words) {
        memcpy(words, bytes + at, sizeof words);
        for (int i = 0; i < 4; i++)
            lanes[i] = mix(lanes[i], words[i]);
    }
    for (int i = 0; i < 4; i++)
        hash = mix(hash, lanes[i]);
    for (; at < n; at++)
        hash = mix(hash, bytes[at]);
    return mix(hash, n);
}

static int hash_source(const struct byte_source *source, uint64_t *hash,
                       struct valence_error *error)
{
    uint64_t size = source->size;
    unsigned char *piece = malloc(PIECE_BYTES);
    uint64_t step = size > WHOLE_BYTES ? SAMPLE_STEP * PIECE_BYTES : PIECE_BYTES;
    int status = piece ? VALENCE_OK : fail_memory(error, PIECE_BYTES, "a piece of a file");
    *hash = HASH_START;
    for (uint64_t at = 0; at < size && !status; at += step) {
        size_t n = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        status = byte_source_read(source, at, piece, n, error);
        *hash = status ? 0 : hash_bytes(*hash, piece, n);
    }
    free(piece);
    return status;
}

static void write_digits(uint64_t hash, char digits[DIGITS_BYTES])
{
    snprintf(digits, DIGITS_BYTES, "%016llx", (unsigned long long)hash);
}

/* Why there is no JSON of it. */
static void fail_name(const char *path, struct valence_error *error)
{
    if (is_utf8(path, strlen(path)))
        fail_memory(error, 0, "a source's identity");
    else
        fail(error, VALENCE_ERROR_ARGUMENT, "%s: its name is not UTF-8", path);
}

json_t *identity_of_file(const char *path, struct valence_error *error)
{
    struct byte_source source;
    struct stat file;
    uint64_t hash = 0;
    char digits[DIGITS_BYTES];
    int status = byte_source_open(path, &source, error);
    uint64_t size = source.size;
    if (!status)
        status = hash_source(&source, &hash, error);
    byte_source_close(&source);
    if (!status && stat(path, &file) != 0)
        status = fail_errno(error, errno, "%s: cannot read its time", path);
    if (status)
        return NULL;
    write_digits(hash, digits);
    json_t *identity =
        json_pack("{s:s, s:I, s:I, s:s}", "name", path_name(path), "bytes", (json_int_t)size,
                  "modified", (json_int_t)file.st_mtime, "hash", digits);
    if (identity && size > WHOLE_BYTES &&
        json_object_set_new(identity, "sampled", json_true()) != 0) {
        json_decref(identity);
        fail_memory(error, 0, "a source's identity");
        return NULL;
    }
    if (!identity)
        fail_name(path, error);
    return identity;
}

/* The files' hashes are added up, so that their order does not matter. */
json_t *identity_of_folder(const char *path, struct valence_error *error)
{
    DIR *folder = opendir(path);
    uint64_t hash = 0;
    int64_t n = 0, bytes = 0;
    if (!folder) {
        fail_errno(error, errno, "%s: cannot read the folder", path);
        return NULL;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat file;
        if (!path_has_ending(entry->d_name, ".npy") ||
            fstatat(dirfd(folder), entry->d_name, &file, 0) != 0)
            continue;
        uint64_t one =
            hash_bytes(HASH_START, (const unsigned char *)entry->d_name, strlen(entry->d_name));
        one = mix(mix(one, (uint64_t)file.st_size), (uint64_t)file.st_mtim.tv_sec);
        hash += mix(one, (uint64_t)file.st_mtim.tv_nsec);
        bytes += file.st_size;
        n++;
    }
    closedir(folder);
    char digits[DIGITS_BYTES];
    write_digits(hash, digits);
    json_t *identity = json_pack("{s:s, s:I, s:I, s:s}", "name", path_name(path), "files",
                                 (json_int_t)n, "bytes", (json_int_t)bytes, "hash", digits);
    if (!identity)
        fail_name(path, error);
    return identity;
}

/* ---- Comparing ---- */

/* Files: that of a whole hash is the same whatever its time. */
static bool is_ignored(const char *key, const json_t *object)
{
    return strcmp(key, "version") == 0 ||
           (strcmp(key, "modified") == 0 && !json_object_get(object, "sampled"));
}

static bool compare(const json_t *before, const json_t *now, const char *name,
                    char difference[DIFFERENCE_BYTES]);

/* What differs of a file or a folder. */
static void describe_change(const json_t *before, const json_t *now,
                            char difference[DIFFERENCE_BYTES])
{
    const char *name = json_string_value(json_object_get(now, "name"));
    const char *was = json_string_value(json_object_get(before, "name"));
    long long bytes = json_integer_value(json_object_get(now, "bytes"));
    long long bytes_before = json_integer_value(json_object_get(before, "bytes"));
    if (!was || !name || strcmp(was, name) != 0)
        snprintf(difference, DIFFERENCE_BYTES, "it was made from '%.160s', not from '%.160s'",
                 was ? was : "", name ? name : "");
    else if (bytes != bytes_before)
        snprintf(difference, DIFFERENCE_BYTES,
                 "'%.160s' has changed since: it had %lld bytes, now it has %lld", name,
                 bytes_before, bytes);
    else
        snprintf(difference, DIFFERENCE_BYTES, "'%.160s' has changed since: as many bytes, but %s",
                 name,
                 json_object_get(now, "files") ? "other names, sizes or times of its files"
                                               : "other content");
}

static bool compare_objects(const json_t *before, const json_t *now, const char *name,
                            char difference[DIFFERENCE_BYTES])
{
    const char *key;
    json_t *value;
    bool is_file = json_object_get(now, "hash") != NULL;
    bool same = true;
    json_object_foreach((json_t *)(uintptr_t)now, key, value)
    {
        if (same && !is_ignored(key, now))
            same = compare(json_object_get(before, key), value, is_file ? name : key, difference);
    }
    json_object_foreach((json_t *)(uintptr_t)before, key, value)
    {
        if (same && !is_ignored(key, before) && !json_object_get(now, key))
            same = compare(value, NULL, key, difference);
    }
    if (!same && is_file)
        describe_change(before, now, difference);
    return same;
}

static bool compare_arrays(const json_t *before, const json_t *now, const char *name,
                           char difference[DIFFERENCE_BYTES])
{
    bool same = json_array_size(before) == json_array_size(now);
    if (!same)
        snprintf(difference, DIFFERENCE_BYTES, "%.60s: there were %zu, now there are %zu", name,
                 json_array_size(before), json_array_size(now));
    for (size_t i = 0; same && i < json_array_size(now); i++)
        same = compare(json_array_get(before, i), json_array_get(now, i), name, difference);
    return same;
}

static bool compare(const json_t *before, const json_t *now, const char *name,
                    char difference[DIFFERENCE_BYTES])
{
    if (json_is_object(before) && json_is_object(now))
        return compare_objects(before, now, name, difference);
    if (json_is_array(before) && json_is_array(now) && json_is_object(json_array_get(now, 0)))
        return compare_arrays(before, now, name, difference);
    bool nothing_before = !before || json_is_null(before), nothing_now = !now || json_is_null(now);
    if (json_equal(before, now) || (nothing_before && nothing_now))
        return true;
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    char *was = json_dumps(before, flags), *is = json_dumps(now, flags);
    snprintf(difference, DIFFERENCE_BYTES, "its %.60s was %.160s, not %.160s", name,
             nothing_before || !was ? "not set" : was, nothing_now || !is ? "left out" : is);
    free(was);
    free(is);
    return false;
}

bool identity_is_same(const json_t *recorded, const json_t *wanted,
                      char difference[DIFFERENCE_BYTES])
{
    difference[0] = '\0';
    return compare_objects(recorded, wanted, "source", difference);
}
