#include "score_inputs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"
#include "valence/error.h"
#include "valence/media.h"
#include "valence/transcript.h"

#define MAX_TEXT_BYTES ((size_t)64 << 20)

static int no_memory(struct valence_error *error)
{
    return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "the list of files");
}

/* ---- What a file is ---- */

static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    return dot && (!slash || dot > slash) ? dot + 1 : "";
}

static bool is_one_of(const char *ending, const char *const *endings)
{
    for (; *endings; endings++)
        if (strcasecmp(ending, *endings) == 0)
            return true;
    return false;
}

static const char *const text_endings[] = {"txt", "text", "md", NULL};
static const char *const table_endings[] = {"csv", "tsv", NULL};
static const char *const media_endings[] = {
    "wav", "flac", "mp3", "m4a", "aac",  "ogg",  "oga", "opus", "wma", "aif", "aiff", "mp4",
    "m4v", "mkv",  "mov", "mpg", "mpeg", "webm", "avi", "wmv",  "flv", "3gp", "ts",   NULL};

static enum score_input_kind kind_of(const char *path)
{
    const char *ending = ending_of(path);
    return is_one_of(ending, text_endings)    ? SCORE_TEXT_FILE
           : is_one_of(ending, table_endings) ? SCORE_TABLE
                                              : SCORE_RECORDING;
}

/* "https:" and the like: letters, a colon and two slashes. */
static bool is_url(const char *path)
{
    size_t n = 0;
    while (isalpha((unsigned char)path[n]))
        n++;
    return n > 1 && strncmp(path + n, "://", 3) == 0;
}

/* ---- The list ---- */

static int add(struct score_inputs *inputs, enum score_input_kind kind, const char *path,
               const char *id, bool is_temporary, struct valence_error *error)
{
    if (inputs->n == inputs->capacity) {
        int64_t capacity = 2 * inputs->capacity + 16;
        struct score_input *grown = realloc(inputs->list, (size_t)capacity * sizeof *inputs->list);
        if (!grown)
            return no_memory(error);
        inputs->list = grown;
        inputs->capacity = capacity;
    }
    struct score_input *input = &inputs->list[inputs->n];
    *input = (struct score_input){kind, strdup(path), strdup(id), is_temporary};
    inputs->n++;
    return input->path && input->id ? VALENCE_OK : no_memory(error);
}

void score_inputs_free(struct score_inputs *inputs)
{
    for (int64_t i = 0; i < inputs->n; i++) {
        if (inputs->list[i].is_temporary && inputs->list[i].path)
            unlink(inputs->list[i].path);
        free(inputs->list[i].path);
        free(inputs->list[i].id);
    }
    free(inputs->list);
    *inputs = (struct score_inputs){0};
}

static int list_folder(struct score_inputs *inputs, const char *folder, struct valence_error *error)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    int64_t before = inputs->n;
    int status = VALENCE_OK;
    if (n < 0)
        return valence_fail(error, VALENCE_ERROR_IO, NULL, "%s: cannot read the folder: %s", folder,
                            strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name, *ending = ending_of(name);
        size_t room = strlen(folder) + strlen(name) + 2;
        char *path = malloc(room);
        if (path)
            snprintf(path, room, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/",
                     name);
        bool is_usual = is_one_of(ending, media_endings) || is_one_of(ending, text_endings);
        if (!path)
            status = status ? status : no_memory(error);
        else if (!status && name[0] != '.' && !is_folder(path)) {
            inputs->n_passed_over += !is_usual;
            if (is_usual)
                status = add(inputs, kind_of(path), path, path, false, error);
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (!status && inputs->n == before)
        status = valence_fail(error, VALENCE_ERROR_DATA, NULL,
                              "%s: the folder holds no sound, video or text file", folder);
    return status;
}

/* ---- Standard input ---- */

static int copy_input(int descriptor, const char *path, struct valence_error *error)
{
    static char piece[1 << 16];
    ssize_t n;
    while ((n = read(STDIN_FILENO, piece, sizeof piece)) > 0)
        for (ssize_t done = 0, wrote; done < n; done += wrote)
            if ((wrote = write(descriptor, piece + done, (size_t)(n - done))) < 0)
                return valence_fail(
                    error, errno == ENOSPC ? VALENCE_ERROR_DISK_FULL : VALENCE_ERROR_IO, NULL,
                    "%s: cannot keep standard input: %s", path, strerror(errno));
    if (n < 0)
        return valence_fail(error, VALENCE_ERROR_IO, NULL, "standard input: cannot read it: %s",
                            strerror(errno));
    return VALENCE_OK;
}

/* Media that FFmpeg knows, or else a text. */
static enum score_input_kind look_at(const char *path)
{
    struct valence_media *media;
    int status = valence_media_open(path, NULL, &media, NULL);
    valence_media_close(media);
    return status == VALENCE_ERROR_UNSUPPORTED ? SCORE_TEXT_FILE : SCORE_RECORDING;
}

/* It is read several times (sound, pictures, segments), which a pipe does not allow. */
static int keep_standard_input(struct score_inputs *inputs, struct valence_error *error)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/valence-score-XXXXXX", folder && *folder ? folder : "/tmp");
    int descriptor = mkstemp(path);
    if (descriptor < 0)
        return valence_fail(error, VALENCE_ERROR_IO, NULL, "%s: cannot make the file: %s", path,
                            strerror(errno));
    int status = add(inputs, SCORE_RECORDING, path, "-", true, error);
    if (!status)
        status = copy_input(descriptor, path, error);
    close(descriptor);
    if (!status)
        inputs->list[inputs->n - 1].kind = look_at(path);
    return status;
}

int score_inputs_list(struct score_inputs *inputs, const char *const *arguments, int64_t n,
                      struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n && !status; i++) {
        const char *argument = arguments[i];
        if (is_url(argument))
            status = valence_fail(
                error, VALENCE_ERROR_ARGUMENT, NULL,
                "%s: valence opens no network addresses (download the file first)", argument);
        else if (strcmp(argument, "-") == 0)
            status = keep_standard_input(inputs, error);
        else if (is_folder(argument))
            status = list_folder(inputs, argument, error);
        else
            status = add(inputs, kind_of(argument), argument, argument, false, error);
    }
    return status;
}

/* ---- Texts ---- */

int score_read_text(const char *path, char **text, struct valence_error *error)
{
    struct valence_transcript_read_options options;
    struct valence_transcript *transcript;
    struct stat about;
    *text = NULL;
    if (stat(path, &about) == 0 && (size_t)about.st_size > MAX_TEXT_BYTES)
        return valence_fail(error, VALENCE_ERROR_LIMIT, NULL, "%s: the text is larger than 64 MiB",
                            path);
    valence_transcript_read_options_default(&options);
    options.format = VALENCE_TRANSCRIPT_TEXT;
    int status = valence_transcript_read(path, &options, &transcript, error);
    if (status)
        return status;
    status = valence_transcript_text(transcript, 0, INFINITY, text, error);
    valence_transcript_free(transcript);
    return status;
}
