/* The page of scores: the results as JSON, and beside them what the page shows of the files. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "report/page.h"
#include "score_page/recording_file.h"
#include "valence/output.h"
#include "valence/score_report.h"
#include "valence/score_json.h"
#include "valence/version.h"

#define MAX_PICTURES   48
#define MAX_TITLE      120
#define MAX_RECORDINGS ((int64_t)1 << 20)

static const char *const styles[] = {"tokens.css",   "base.css",  "recording.css", "player.css",
                                     "timeline.css", "words.css", "cues.css",      "table.css",
                                     "print.css",    NULL};
static const char *const scripts[] = {
    "dom.js",       "format.js", "tone.js",       "theme.js", "player.js", "axis.js",
    "timeline.js",  "words.js",  "tracks.js",     "cues.js",  "table.js",  "score_table.js",
    "recording.js", "score.js",  "score_page.js", NULL};

/* A file that the page carries. */
struct carried {
    struct text base64;
};

struct valence_score_report {
    struct valence_score_report_options options;
    struct valence_media_options media_options;
    char *path, *title, *language;
    struct valence_output *output;
    /* the document of scores */
    FILE *stream;
    char *scores;
    size_t n_scores_bytes;
    struct valence_score_json *json;
    /* an entry for each recording: null, or what the page shows of its file */
    json_t *media;
    struct carried *carried;
    int64_t n_carried, capacity;
    int64_t n_embedded_bytes;
    char first[MAX_TITLE + 1]; /* the first recording's name */
};

/* ---- Options ---- */

void valence_score_report_options_default(struct valence_score_report_options *options)
{
    *options = (struct valence_score_report_options){
        .size = sizeof *options, .max_embedded_bytes = (int64_t)64 << 20, .n_pictures = 12};
}

static int read_options(struct valence_score_report_options *options,
                        const struct valence_score_report_options *given,
                        struct valence_error *error)
{
    valence_score_report_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (status)
        return status;
    if (options->n_pictures < 0 || options->n_pictures > MAX_PICTURES)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "n_pictures",
                        "%lld pictures are not within 0 ... %d", (long long)options->n_pictures,
                        MAX_PICTURES);
    if (options->max_embedded_bytes < 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "max_embedded_bytes",
                        "a limit of %lld bytes is negative",
                        (long long)options->max_embedded_bytes);
    return VALENCE_OK;
}

/* Counts a file that the page is to carry. */
static int count_embedded(const struct valence_score_report_options *options, const char *path,
                          int64_t *n_bytes, struct valence_error *error)
{
    struct stat about;
    if (!options->embed || !path || stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return VALENCE_OK;
    *n_bytes += (int64_t)about.st_size;
    if (*n_bytes <= options->max_embedded_bytes)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_LIMIT, "embed",
                    "%s: with it the page would carry %.1f MiB of recordings, and may carry %.1f "
                    "MiB",
                    path, (double)*n_bytes / 1048576,
                    (double)options->max_embedded_bytes / 1048576);
}

int valence_score_report_check(const char *path, const char *const *media, int64_t n,
                               const struct valence_score_report_options *given,
                               struct valence_error *error)
{
    struct valence_score_report_options options;
    int64_t n_bytes = 0;
    int status = read_options(&options, given, error);
    if (!status)
        status = valence_output_check(path, options.overwrite, error);
    for (int64_t i = 0; i < n && !status; i++)
        status = count_embedded(&options, media[i], &n_bytes, error);
    return status;
}

/* ---- Opening ---- */

static int no_memory(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
}

static void free_report(struct valence_score_report *report)
{
    valence_score_json_close(report->json);
    if (report->stream)
        fclose(report->stream);
    for (int64_t i = 0; i < report->n_carried; i++)
        text_free(&report->carried[i].base64);
    free(report->carried);
    free(report->scores);
    free(report->path);
    free(report->title);
    free(report->language);
    json_decref(report->media);
    free(report);
}

/* Copies of what the caller's options point to. */
static int keep_options(struct valence_score_report *report, const char *path,
                        struct valence_error *error)
{
    struct valence_score_report_options *options = &report->options;
    valence_media_options_default(&report->media_options);
    int status =
        options_read(&report->media_options, sizeof report->media_options, options->media, error);
    if (status)
        return status;
    options->media = &report->media_options;
    report->path = strdup(path);
    report->title = options->title ? strdup(options->title) : NULL;
    report->language = options->language ? strdup(options->language) : NULL;
    if (!report->path || (options->title && !report->title) ||
        (options->language && !report->language))
        return no_memory(error);
    return VALENCE_OK;
}

static int begin(struct valence_score_report *report, const struct valence_scorer *scorer,
                 const char *run, struct valence_error *error)
{
    report->media = json_array();
    report->stream = open_memstream(&report->scores, &report->n_scores_bytes);
    if (!report->media || !report->stream)
        return no_memory(error);
    return valence_score_json_open(report->stream, scorer, run, &report->json, error);
}

int valence_score_report_open(const char *path, const struct valence_scorer *scorer,
                              const char *run, const struct valence_score_report_options *options,
                              struct valence_score_report **report, struct valence_error *error)
{
    *report = NULL;
    struct valence_score_report *made = allocate(1, sizeof *made);
    if (!made)
        return no_memory(error);
    int status = read_options(&made->options, options, error);
    if (!status)
        status = keep_options(made, path, error);
    if (!status)
        status = begin(made, scorer, run, error);
    if (!status) /* last: a caller's abort would have to remove it */
        status = valence_output_open(path, made->options.overwrite, &made->output, error);
    if (status)
        free_report(made);
    else
        *report = made;
    return status;
}

/* ---- A recording's file ---- */

/* Adds `value`, which is taken over; false where memory is short. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0;
}

static json_t *text_value(const char *text)
{
    struct text repaired = {.maximum = SIZE_MAX / 2};
    text_append_repaired(&repaired, text, strlen(text));
    json_t *value = repaired.failed ? NULL : json_stringn(repaired.data, repaired.length);
    text_free(&repaired);
    return value;
}

/* The page carries the file as an element of its own, "file-N". */
static int carry(struct valence_score_report *report, const char *path, json_t *entry,
                 struct valence_error *error)
{
    char id[32];
    struct valence_media *media;
    int status = count_embedded(&report->options, path, &report->n_embedded_bytes, error);
    if (!status)
        status = grow_array((void **)&report->carried, &report->capacity, report->n_carried + 1,
                            sizeof *report->carried, MAX_RECORDINGS, "recordings", error);
    if (!status)
        status = valence_media_open(path, &report->media_options, &media, error);
    if (status)
        return status;
    const struct valence_media_info *info = valence_media_get_info(media);
    snprintf(id, sizeof id, "file-%lld", (long long)report->n_carried);
    if (!put(entry, "carried", json_string(id)) ||
        !put(entry, "type", json_string(recording_type(info->format, info->video_codec != NULL))))
        status = no_memory(error);
    valence_media_close(media);
    struct carried *carried = &report->carried[report->n_carried];
    *carried = (struct carried){{0}};
    if (!status)
        status = recording_bytes(path, &carried->base64, error);
    if (status)
        text_free(&carried->base64);
    else
        report->n_carried++;
    return status;
}

static int link_to(struct valence_score_report *report, const char *path, json_t *entry,
                   struct valence_error *error)
{
    struct text address = {0};
    int status = recording_address(report->path, path, &address, error);
    if (!status && !put(entry, "address", json_stringn(address.data, address.length)))
        status = no_memory(error);
    text_free(&address);
    return status;
}

/* The time that the page's charts show: the one part that was scored, or all of the recording. */
static void times_of(const struct valence_recording_score *score, double *from, double *to)
{
    const struct valence_scored_segment *last = &score->segments[score->n_segments - 1];
    *from = score->n_segments == 1 ? last->start : 0;
    *to = score->n_segments == 1 ? last->end : fmax(score->seconds, last->end);
}

static int add_pictures(json_t *entry, const struct recording_picture *pictures, int64_t n,
                        struct valence_error *error)
{
    json_t *list = json_array();
    bool whole = list != NULL;
    for (int64_t i = 0; i < n && whole; i++) {
        json_t *picture = json_object();
        whole =
            picture && put(picture, "time", json_real(pictures[i].time)) &&
            put(picture, "jpeg", json_stringn(pictures[i].jpeg.data, pictures[i].jpeg.length)) &&
            json_array_append(list, picture) == 0;
        json_decref(picture);
    }
    if (whole && put(entry, "pictures", json_incref(list))) {
        json_decref(list);
        return VALENCE_OK;
    }
    json_decref(list);
    return no_memory(error);
}

/* Pictures are an extra: a file that breaks off here has its scores all the same. */
static int show_pictures(struct valence_score_report *report, const char *path,
                         const struct valence_recording_score *score, json_t *entry,
                         const struct valence_progress *progress, struct valence_error *error)
{
    struct recording_picture pictures[MAX_PICTURES];
    struct valence_error own = {0};
    int64_t n;
    double from, to;
    times_of(score, &from, &to);
    int status = recording_pictures_make(path, &report->media_options, from, to,
                                         report->options.n_pictures, pictures, &n, progress, &own);
    if (status == VALENCE_ERROR_MEMORY || status == VALENCE_ERROR_CANCELLED) {
        if (error)
            *error = own;
    } else {
        int problem = status;
        status = add_pictures(entry, pictures, n, error);
        if (!status && problem && !put(entry, "problem", text_value(own.text)))
            status = no_memory(error);
    }
    recording_pictures_free(pictures, n);
    return status;
}

static int describe_file(struct valence_score_report *report, const char *path,
                         const struct valence_recording_score *score, json_t *entry,
                         const struct valence_progress *progress, struct valence_error *error)
{
    if (!put(entry, "kind", json_string(score->has_pictures ? "video" : "audio")))
        return no_memory(error);
    int status = report->options.embed ? carry(report, path, entry, error)
                                       : link_to(report, path, entry, error);
    if (!status && score->has_pictures && report->options.n_pictures > 0)
        status = show_pictures(report, path, score, entry, progress, error);
    return status;
}

/* ---- Adding ---- */

static void keep_name(struct valence_score_report *report, const char *id)
{
    const char *name = path_name(id);
    if (json_array_size(report->media) == 0)
        snprintf(report->first, sizeof report->first, "%.*s", MAX_TITLE, *name ? name : id);
}

int valence_score_report_add(struct valence_score_report *report, const char *id, const char *media,
                             const struct valence_recording_score *score,
                             const struct valence_progress *progress, struct valence_error *error)
{
    bool has_file = media && score->seconds > 0 && score->n_segments > 0;
    json_t *entry = has_file ? json_object() : json_null();
    int status = entry ? VALENCE_OK : no_memory(error);
    keep_name(report, id);
    if (!status && has_file)
        status = describe_file(report, media, score, entry, progress, error);
    if (!status && json_array_append(report->media, entry) != 0)
        status = no_memory(error);
    json_decref(entry);
    return status ? status : valence_score_json_add(report->json, id, score, error);
}

int valence_score_report_add_failure(struct valence_score_report *report, const char *id,
                                     const char *why, struct valence_error *error)
{
    keep_name(report, id);
    if (json_array_append_new(report->media, json_null()) != 0)
        return no_memory(error);
    return valence_score_json_add_failure(report->json, id, why, error);
}

/* ---- Writing ---- */

struct writing {
    const struct valence_score_report *report;
    const char *page; /* JSON */
};

static void write_data(FILE *stream, void *user)
{
    const struct writing *writing = user;
    const struct valence_score_report *report = writing->report;
    page_write_json(stream, "scores", report->scores, report->n_scores_bytes);
    page_write_json(stream, "page", writing->page, strlen(writing->page));
    for (int64_t i = 0; i < report->n_carried; i++) {
        const struct text *base64 = &report->carried[i].base64;
        fprintf(stream, "<script type=\"text/plain\" id=\"file-%lld\">", (long long)i);
        fwrite(base64->data, 1, base64->length, stream);
        fputs("</script>\n", stream);
    }
}

static char *page_to_json(const struct valence_score_report *report)
{
    json_t *page = json_object();
    char *text = NULL;
    if (page && put(page, "version", json_string(valence_version())) &&
        put(page, "language", report->language ? text_value(report->language) : json_null()) &&
        json_object_set(page, "media", report->media) == 0)
        text = json_dumps(page, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(page);
    return text;
}

static int write_page(struct valence_score_report *report, const char *page_json,
                      struct valence_error *error)
{
    char title[64];
    size_t n = json_array_size(report->media);
    struct writing writing = {report, page_json};
    bool is_linked = !report->options.embed, has_files = false;
    for (size_t i = 0; i < n; i++)
        has_files = has_files || json_is_object(json_array_get(report->media, i));
    snprintf(title, sizeof title, "%zu recordings and texts", n);
    const struct page page = {.title = report->title ? report->title
                                       : n == 1      ? report->first
                                                     : title,
                              .styles = styles,
                              .scripts = scripts,
                              .media_source = !has_files  ? "'none'"
                                              : is_linked ? "'self' file:"
                                                          : "blob:",
                              .write_data = write_data,
                              .user = &writing};
    return page_write(valence_output_stream(report->output), &page, error);
}

int valence_score_report_commit(struct valence_score_report *report, struct valence_error *error)
{
    valence_score_json_close(report->json);
    report->json = NULL;
    bool failed = fflush(report->stream) != 0 || ferror(report->stream);
    char *page = failed ? NULL : page_to_json(report);
    int status = page ? write_page(report, page, error) : no_memory(error);
    free(page);
    if (status)
        valence_output_abort(report->output);
    else
        status = valence_output_commit(report->output, error);
    free_report(report);
    return status;
}

void valence_score_report_abort(struct valence_score_report *report)
{
    if (!report)
        return;
    valence_output_abort(report->output);
    free_report(report);
}
