#include "encode/files/file_encoder.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "encode/files/encode_report.h"
#include "encode/files/input_files.h"

void valence_encode_options_default(struct valence_encode_options *options)
{
    *options = (struct valence_encode_options){.size = sizeof *options};
}

struct work {
    const struct file_encoder *encoder;
    const struct valence_encode_options *options;
    struct input_files inputs;
    struct feature_output output;
    struct valence_encode_report *report;
    int64_t *pending; /* (together) indices of inputs that are encoded next */
    const char **paths;
    struct file_said *said;
    int64_t n_pending;
    int64_t done;               /* inputs */
    struct valence_error first; /* why the first one was skipped */
};

/* ---- Progress ---- */

/* Files are what the caller counts, unless there is one alone. */
static int report_files(void *user, const struct valence_progress_event *event)
{
    const struct work *work = user;
    const struct valence_progress *progress = work->options->progress;
    int64_t now = work->done < work->inputs.n ? work->done : work->inputs.n - 1;
    struct valence_progress_event files = {event->stage, work->done, work->inputs.n, "files",
                                           work->inputs.files[now].name};
    if (!progress)
        return 0;
    return progress->report(progress->user, work->inputs.n > 1 ? &files : event);
}

/* ---- Some files ---- */

static int keep(struct work *work, int64_t input, int64_t n_rows, const float *rows,
                const struct file_said *said, struct valence_error *error)
{
    const struct input_file *file = &work->inputs.files[input];
    int status = feature_output_add(&work->output, file->name, n_rows, rows, error);
    if (!status)
        status = encode_report_add(work->report, file->path, VALENCE_ENCODED, n_rows, VALENCE_OK,
                                   said->warning, said->notes, error);
    for (int i = 0; i < 8 && !status; i++)
        work->report->n_flagged[i] += (said->flags >> i) & 1;
    return status;
}

/* One that failed: left out, or the end. */
static int leave_out(struct work *work, int64_t input, int status, struct valence_error *error)
{
    const char *path = work->inputs.files[input].path;
    if (!encode_may_skip(status))
        return status;
    if (!work->options->skip) {
        struct valence_error reason = *error;
        return fail_key(error, status, *reason.key ? reason.key : "skip", "%s", reason.text);
    }
    if (!work->first.status)
        work->first = *error;
    return encode_report_add(work->report, path, VALENCE_ENCODE_SKIPPED, 0, status, error->text,
                             NULL, error);
}

static void forget(struct file_said *said, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        free(said[i].warning);
        free(said[i].notes);
        said[i] = (struct file_said){0};
    }
}

static int encode_some(struct work *work, int64_t first, int64_t n, struct valence_error *error)
{
    const struct file_encoder *encoder = work->encoder;
    struct valence_progress progress = {report_files, work};
    struct valence_features features = {0};
    int status = encoder->encode(encoder->self, work->paths + first, n, &progress, &features,
                                 work->said, error);
    bool encoded = !status;
    for (int64_t i = 0; i < n && !status; i++)
        status = keep(work, work->pending[first + i], features.offsets[i + 1] - features.offsets[i],
                      features.rows + features.offsets[i] * features.width, &work->said[i], error);
    valence_features_free(&features);
    forget(work->said, n);
    if (encoded)
        return status;
    if (n == 1 || !encode_may_skip(status))
        return leave_out(work, work->pending[first], status, error);
    status = VALENCE_OK; /* one by one, to see whose fault it is */
    for (int64_t i = first; i < first + n && !status; i++)
        status = encode_some(work, i, 1, error);
    return status;
}

static int encode_pending(struct work *work, struct valence_error *error)
{
    int64_t n = work->n_pending;
    work->n_pending = 0;
    return n ? encode_some(work, 0, n, error) : VALENCE_OK;
}

/* ---- All of them ---- */

/* The input is encoded with the next ones, or was before. */
static int take_input(struct work *work, int64_t input, struct valence_error *error)
{
    const struct input_file *file = &work->inputs.files[input];
    bool found;
    int64_t n_rows;
    int status = feature_output_find(&work->output, file->name, &found, &n_rows, error);
    if (status)
        return status;
    if (found) { /* in the order of the inputs */
        status = encode_pending(work, error);
        return status ? status
                      : encode_report_add(work->report, file->path, VALENCE_ENCODED_BEFORE, n_rows,
                                          VALENCE_OK, NULL, NULL, error);
    }
    work->pending[work->n_pending] = input;
    work->paths[work->n_pending++] = file->path;
    return VALENCE_OK;
}

static int encode_all(struct work *work, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < work->inputs.n && !status; i++) {
        status = take_input(work, i, error);
        if (!status && work->n_pending == work->encoder->together) {
            status = encode_pending(work, error);
            work->done = i + 1;
        }
    }
    if (!status)
        status = encode_pending(work, error);
    if (!status && work->report->n_encoded + work->report->n_before == 0) {
        *error = work->first;
        status = fail_within(work->first.status, error, "none of %lld inputs could be encoded",
                             (long long)work->inputs.n);
    }
    return status ? status : feature_output_commit(&work->output, error);
}

static int begin(struct work *work, const char *const *inputs, int64_t n_inputs, const char *output,
                 struct valence_error *error)
{
    const struct file_encoder *encoder = work->encoder;
    work->pending = allocate(encoder->together, sizeof *work->pending);
    work->paths = allocate(encoder->together, sizeof *work->paths);
    work->said = allocate(encoder->together, sizeof *work->said);
    work->report = encode_report_create(encoder->width);
    if (!work->pending || !work->paths || !work->said || !work->report)
        return fail_memory(error, (size_t)encoder->together * 16, "a list of files");
    int status = input_files_list(&work->inputs, inputs, n_inputs, encoder->endings,
                                  feature_output_has_names(output), error);
    return status ? status
                  : feature_output_begin(&work->output, output, encoder->width, encoder->notes,
                                         encoder->n_notes, work->options->overwrite, error);
}

int encode_many_files(const struct file_encoder *encoder, const char *const *inputs,
                      int64_t n_inputs, const char *output,
                      const struct valence_encode_options *options,
                      struct valence_encode_report **report, struct valence_error *error)
{
    struct valence_encode_options own;
    struct valence_error unwanted;
    struct work work = {.encoder = encoder, .options = &own};
    *report = NULL;
    error = error ? error : &unwanted; /* reasons are kept in it */
    valence_encode_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status)
        status = begin(&work, inputs, n_inputs, output, error);
    if (!status)
        status = encode_all(&work, error);
    if (status)
        valence_encode_report_free(work.report);
    else
        *report = work.report;
    feature_output_free(&work.output);
    input_files_free(&work.inputs);
    free(work.pending);
    free(work.paths);
    free(work.said);
    return status;
}
