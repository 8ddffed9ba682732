#include "extract/plan.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "valence/transcript.h"

#define MAX_CLIPS 100000000
#define MAX_DEPTH 32

/* ---- Clips ---- */

void planned_clip_free(struct planned_clip *clip)
{
    free(clip->id);
    free(clip->group);
    free(clip->file);
    free(clip->path);
    free(clip->transcript);
    free(clip->transcript_file);
    free(clip->problem);
    *clip = (struct planned_clip){0};
}

void plan_free(struct plan *plan)
{
    for (int64_t i = 0; i < plan->n; i++)
        planned_clip_free(&plan->clips[i]);
    free(plan->clips);
    *plan = (struct plan){0};
}

/* A pipe or a device would be waited for, and cannot be read twice. */
static int look_at_file(struct planned_clip *clip, struct valence_error *error)
{
    struct stat status;
    struct text problem = {.maximum = 1 << 16};
    if (clip->problem || stat(clip->path, &status) != 0)
        return VALENCE_OK; /* what is not there is found out later */
    clip->bytes = status.st_size;
    if (S_ISREG(status.st_mode))
        return VALENCE_OK;
    text_format(&problem, "%s: is not a regular file", clip->path);
    clip->problem = problem.failed ? NULL : problem.data;
    clip->problem_status = VALENCE_ERROR_UNSUPPORTED;
    return clip->problem ? VALENCE_OK : fail_memory(error, problem.length, "a path");
}

int plan_add(struct plan *plan, struct planned_clip *clip, struct valence_error *error)
{
    bool is_whole = clip->id && clip->group && clip->file && clip->path && clip->transcript;
    int status = is_whole ? look_at_file(clip, error) : VALENCE_OK;
    if (status) {
        planned_clip_free(clip);
        return status;
    }
    status = is_whole ? grow_array((void **)&plan->clips, &plan->capacity, plan->n + 1,
                                   sizeof *plan->clips, MAX_CLIPS, "clips", error)
                      : fail_memory(error, 0, "a clip");
    if (status)
        planned_clip_free(clip);
    else
        plan->clips[plan->n++] = *clip;
    return status;
}

/* ---- Parts ---- */

struct plan_part plan_even_part(const struct plan *plan, int64_t number, int64_t of)
{
    int64_t first = plan->n * (number - 1) / of, end = plan->n * number / of;
    return (struct plan_part){.number = number, .of = of, .first = first, .n = end - first};
}

/* How many clips are left for the last `n_left` pieces: the square of their share of the pieces, so
 * that sizes fall in a line, and at least one for each. */
static int64_t clips_left(int64_t n_clips, int64_t n_left, int64_t n_pieces)
{
    int64_t share = n_clips * n_left; /* the square by parts, as it can exceed 64 bits */
    int64_t square = (share / n_pieces * n_left + share % n_pieces * n_left / n_pieces) / n_pieces;
    return square > n_left ? square : n_left;
}

struct plan_part plan_piece(const struct plan *plan, int64_t number, int64_t of)
{
    int64_t before = clips_left(plan->n, of - number + 1, of);
    int64_t after = clips_left(plan->n, of - number, of);
    return (struct plan_part){
        .number = number, .of = of, .first = plan->n - before, .n = before - after};
}

/* ---- Names ---- */

char *path_without_ending(const char *path)
{
    char *stem = strdup(path);
    char *name = stem ? strrchr(stem, '/') : NULL;
    name = name ? name + 1 : stem;
    char *dot = name ? strrchr(name, '.') : NULL;
    if (dot && dot != name)
        *dot = '\0';
    return stem;
}

static int read_transcript(struct planned_clip *clip, const char *path, struct valence_error *error)
{
    struct valence_transcript *read;
    int status = valence_transcript_read(path, NULL, &read, error);
    if (status)
        return status;
    status = valence_transcript_text(read, clip->start, clip->end, &clip->transcript, error);
    valence_transcript_free(read);
    return status ? fail_within(status, error, "%s", path) : VALENCE_OK;
}

int plan_read_transcript(struct planned_clip *clip, const char *path, struct valence_error *error)
{
    struct valence_error reason;
    char *file = strdup(path);
    if (!file)
        return fail_memory(error, strlen(path), "a path");
    free(clip->transcript_file);
    clip->transcript_file = file;
    clip->transcript = NULL;
    int status = read_transcript(clip, file, &reason);
    if (!status)
        return VALENCE_OK;
    clip->transcript = strdup("");
    clip->problem = strdup(reason.text);
    clip->problem_status = status;
    if (status == VALENCE_ERROR_MEMORY || !clip->transcript || !clip->problem)
        return fail_memory(error, strlen(path), "a transcript");
    return VALENCE_OK;
}

/* ---- Folders ---- */

static const char *const media_endings[] = {
    ".mp4", ".m4v", ".mov",  ".mkv", ".webm", ".avi",  ".mpg",  ".mpeg", ".wmv", ".flv",
    ".ts",  ".mts", ".3gp",  ".ogv", ".vob",  ".wav",  ".flac", ".mp3",  ".m4a", ".aac",
    ".ogg", ".oga", ".opus", ".wma", ".aif",  ".aiff", ".au",   ".amr"};
static const char *const transcript_endings[] = {".srt", ".vtt", ".TextGrid", ".txt"};

static bool is_media(const char *name)
{
    for (size_t i = 0; i < sizeof media_endings / sizeof *media_endings; i++)
        if (path_has_ending(name, media_endings[i]))
            return true;
    return false;
}

/* The transcript that stands beside a file under its name: "" where there is none. */
static int find_transcript(const char *stem, struct planned_clip *clip, struct valence_error *error)
{
    for (size_t i = 0; i < sizeof transcript_endings / sizeof *transcript_endings; i++) {
        struct text path = {.maximum = 1 << 16};
        text_format(&path, "%s%s", stem, transcript_endings[i]);
        if (path.failed)
            return fail_memory(error, strlen(stem), "a path");
        bool is_there = path_exists(path.data);
        int status = is_there ? plan_read_transcript(clip, path.data, error) : VALENCE_OK;
        text_free(&path);
        if (is_there)
            return status;
    }
    clip->transcript = strdup("");
    return clip->transcript ? VALENCE_OK : fail_memory(error, 1, "a transcript");
}

/* The folder that a file lies in below the input may say its split. */
static enum valence_split split_of(const char *file, enum valence_split standard)
{
    const char *slash = strchr(file, '/');
    char name[32] = "";
    if (!slash || (size_t)(slash - file) >= sizeof name)
        return standard;
    memcpy(name, file, (size_t)(slash - file));
    int split = valence_split_from_name(name);
    return split < 0 ? standard : (enum valence_split)split;
}

/* `file` is the name below the input, "" for the input itself. */
static int add_file(struct plan *plan, const struct valence_extract_config *config,
                    const char *path, const char *file, struct valence_error *error)
{
    char *stem = path_without_ending(path);
    struct planned_clip clip = {.end = INFINITY,
                                .label = NAN,
                                .split = split_of(file, config->split),
                                .id = path_without_ending(file),
                                .group = path_without_ending(file),
                                .file = strdup(file),
                                .path = strdup(path)};
    int status =
        stem ? find_transcript(stem, &clip, error) : fail_memory(error, strlen(path), "a path");
    free(stem);
    if (!status)
        return plan_add(plan, &clip, error);
    planned_clip_free(&clip);
    return status;
}

static int add_folder(struct plan *plan, const struct valence_extract_config *config,
                      const char *folder, const char *below, int depth,
                      struct valence_error *error);

static int add_entry(struct plan *plan, const struct valence_extract_config *config,
                     const char *folder, const char *below, const char *name, int depth,
                     struct valence_error *error)
{
    char *path = path_join(folder, name), *file = *below ? path_join(below, name) : strdup(name);
    int status = path && file ? VALENCE_OK : fail_memory(error, strlen(name), "a path");
    if (!status && path_is_folder(path))
        status = add_folder(plan, config, path, file, depth + 1, error);
    else if (!status && is_media(name))
        status = add_file(plan, config, path, file, error);
    free(path);
    free(file);
    return status;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct plan *plan, const struct valence_extract_config *config,
                      const char *folder, const char *below, int depth, struct valence_error *error)
{
    struct dirent **entries;
    if (depth > MAX_DEPTH)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: folders lie more than %d deep", folder,
                    MAX_DEPTH);
    int n = scandir(folder, &entries, not_hidden, compare_names), status = VALENCE_OK;
    if (n < 0)
        return fail_errno(error, errno, "%s: cannot be read", folder);
    for (int i = 0; i < n; i++) {
        if (!status)
            status = add_entry(plan, config, folder, below, entries[i]->d_name, depth, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* ---- Ids ---- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(struct planned_clip *const *)a)->id, (*(struct planned_clip *const *)b)->id);
}

/* Files of one name ("a.mp4", "a.wav") keep their ending; any other id that is there twice is an
 * error. */
static int check_ids(struct plan *plan, bool is_table, struct valence_error *error)
{
    struct planned_clip **sorted = allocate(plan->n, sizeof(void *));
    if (!sorted)
        return fail_memory(error, (size_t)plan->n * sizeof *sorted, "the clips");
    for (int64_t i = 0; i < plan->n; i++)
        sorted[i] = &plan->clips[i];
    qsort(sorted, (size_t)plan->n, sizeof *sorted, compare_ids);
    int status = VALENCE_OK;
    for (int64_t i = 0, end; i < plan->n && !status; i = end) {
        for (end = i + 1; end < plan->n && strcmp(sorted[i]->id, sorted[end]->id) == 0;)
            end++;
        if (end == i + 1)
            continue;
        if (is_table)
            status = fail(error, VALENCE_ERROR_EXISTS, "%s and %s: both clips are called '%s'",
                          sorted[i]->file, sorted[i + 1]->file, sorted[i]->id);
        for (int64_t j = i; j < end && !status; j++) {
            char *id = strdup(sorted[j]->file);
            if (!id)
                status = fail_memory(error, 0, "an id");
            free(id ? sorted[j]->id : NULL);
            sorted[j]->id = id ? id : sorted[j]->id;
        }
    }
    for (int64_t i = 0; i < plan->n && !status; i++)
        if (strlen(sorted[i]->id) >= VALENCE_STORE_ID_BYTES - 8)
            status = fail(error, VALENCE_ERROR_LIMIT,
                          "'%.80s...': an id has at most %d bytes (use a table with a column 'id')",
                          sorted[i]->id, VALENCE_STORE_ID_BYTES - 8);
    free(sorted);
    return status;
}

/* ---- Looking at the files ---- */

static char *copy_numbered(const char *id, int64_t number)
{
    struct text text = {.maximum = VALENCE_STORE_ID_BYTES};
    text_format(&text, "%s_%04" PRId64, id, number);
    if (text.failed)
        text_free(&text);
    return text.data;
}

/* Adds the pieces of a file that is longer than a clip should be. */
static int cut(struct plan *plan, const struct planned_clip *clip, double duration,
               const struct valence_extract_config *config, struct valence_error *error)
{
    int64_t n = (int64_t)ceil(duration / config->cut_seconds);
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n && !status; i++) {
        struct planned_clip piece = {.id = copy_numbered(clip->id, i + 1),
                                     .group = strdup(clip->group),
                                     .file = strdup(clip->file),
                                     .path = strdup(clip->path),
                                     .start = duration / (double)n * (double)i,
                                     .end = i == n - 1 ? INFINITY
                                                       : duration / (double)n * (double)(i + 1),
                                     .has_range = true,
                                     .seconds = duration / (double)n,
                                     .split = clip->split,
                                     .label = clip->label};
        if (clip->transcript_file)
            status = plan_read_transcript(&piece, clip->transcript_file, error);
        else if (!(piece.transcript = strdup(clip->transcript)))
            status = fail_memory(error, 0, "a transcript");
        if (status)
            planned_clip_free(&piece);
        else
            status = plan_add(plan, &piece, error);
    }
    return status;
}

/* What a file holds and how long it is; nothing where it cannot be read, which the extraction will
 * find and record. */
static double look_at(struct plan *plan, const char *path,
                      const struct valence_media_options *options)
{
    struct valence_media *media;
    struct valence_error problem;
    if (valence_media_open(path, options, &media, &problem)) {
        if (!plan->problem.status)
            plan->problem = problem;
        return NAN;
    }
    const struct valence_media_info *info = valence_media_get_info(media);
    double duration = info->duration;
    plan->found.sound = plan->found.sound || info->n_audio_streams > 0;
    plan->found.pictures = plan->found.pictures || info->n_video_streams > 0;
    valence_media_close(media);
    return duration;
}

/* Whether a file must be looked at: to be cut, or because `auto` does not know yet. */
static bool wants_look(const struct plan *plan, const struct valence_extract_config *config,
                       const struct planned_clip *clip)
{
    return !clip->problem && ((!clip->has_range && config->cut_seconds > 0) ||
                              (strcmp(config->audio, "auto") == 0 && !plan->found.sound) ||
                              (config->video == VIDEO_AUTO && !plan->found.pictures));
}

/* Lengths that are not known yet, by the sizes of files: to open them all would take longer than it
 * is worth, since only the order of the work depends on it. */
static void estimate_seconds(struct plan *plan)
{
    double seconds = 0, bytes = 0;
    for (int64_t i = 0; i < plan->n; i++)
        if (!plan->clips[i].has_range && isfinite(plan->clips[i].seconds)) {
            seconds += plan->clips[i].seconds;
            bytes += (double)plan->clips[i].bytes;
        }
    double seconds_of_byte = seconds > 0 && bytes > 0 ? seconds / bytes : 1;
    for (int64_t i = 0; i < plan->n; i++) {
        struct planned_clip *clip = &plan->clips[i];
        double whole = seconds_of_byte * (double)clip->bytes;
        if (!isfinite(clip->seconds))
            clip->seconds = whole > clip->start ? whole - clip->start : 0;
    }
}

/* Goes through the clips and makes the plan anew, with long files cut. */
static int look_at_files(struct plan *plan, const struct valence_extract_config *config,
                         const struct valence_progress *progress, struct valence_error *error)
{
    struct plan listed = *plan;
    struct valence_media_options options = extract_config_media(config);
    int status = VALENCE_OK;
    *plan = (struct plan){.found = listed.found};
    for (int64_t i = 0; i < listed.n; i++) {
        struct planned_clip *clip = &listed.clips[i];
        struct valence_progress_event event = {"looking at files", i, listed.n, "files", NULL};
        double duration = NAN;
        plan->found.transcripts = plan->found.transcripts || *clip->transcript;
        if (!status && progress && progress->report(progress->user, &event))
            status = fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
        if (!status && wants_look(plan, config, clip))
            duration = look_at(plan, clip->path, &options);
        clip->seconds = clip->has_range ? clip->end - clip->start : duration;
        bool is_long =
            !clip->has_range && config->cut_seconds > 0 && duration > config->cut_seconds;
        if (!status && is_long)
            status = cut(plan, clip, duration, config, error);
        else if (!status && !(status = plan_add(plan, clip, error)))
            continue; /* it is the plan's now */
        if (status || is_long)
            planned_clip_free(clip);
    }
    free(listed.clips);
    if (!status)
        estimate_seconds(plan);
    return status;
}

int plan_make(struct plan *plan, const struct valence_extract_config *config,
              const struct valence_progress *progress, struct valence_error *error)
{
    bool is_table =
        path_has_ending(config->input, ".csv") || path_has_ending(config->input, ".tsv");
    int status;
    *plan = (struct plan){0};
    if (!*config->input)
        return fail_key(error, VALENCE_ERROR_CONFIG, "input",
                        "the input is missing: a folder, a file or a table");
    if (!path_exists(config->input))
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file or folder", config->input);
    if (path_is_folder(config->input))
        status = add_folder(plan, config, config->input, "", 0, error);
    else if (is_table)
        status = plan_read_table(plan, config, error);
    else
        status = add_file(plan, config, config->input, path_name(config->input), error);
    if (!status && plan->n == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND,
                      "%s: the folder holds no file with a usual ending of sound or video",
                      config->input);
    if (!status)
        status = check_ids(plan, is_table, error);
    return status ? status : look_at_files(plan, config, progress, error);
}
