#include "encode/stores/store_encoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "encode/files/encode_report.h"
#include "store/store_extend.h"

void valence_encode_store_options_default(struct valence_encode_store_options *options)
{
    *options = (struct valence_encode_store_options){.size = sizeof *options, .dtype = VALENCE_F32};
}

int encode_store_options_read(struct valence_encode_store_options *own,
                              const struct valence_encode_store_options *options,
                              struct valence_error *error)
{
    valence_encode_store_options_default(own);
    return options_read(own, sizeof *own, options, error);
}

struct work {
    const struct store_encoder *encoder;
    const struct valence_encode_store_options *options;
    struct valence_encode_report *report;
    struct encoded_clip *encoded; /* (together) */
};

static int keep(struct work *work, const struct valence_clip *clip,
                const struct encoded_clip *encoded, struct made_rows *made,
                struct valence_error *error)
{
    for (int i = 0; i < 8; i++)
        work->report->n_flagged[i] += (encoded->flags >> i) & 1;
    *made = (struct made_rows){
        .n_rows = encoded->n_rows, .rows = encoded->rows, .metadata = encoded->metadata};
    return encode_report_add(work->report, clip->id, encoded->state, encoded->n_rows, VALENCE_OK,
                             NULL, NULL, error);
}

/* A clip alone, that may go without the stream. */
static int make_one(struct work *work, const struct valence_clip *clip,
                    const struct valence_progress *progress, struct made_rows *made,
                    struct valence_error *error)
{
    const struct store_encoder *encoder = work->encoder;
    work->encoded[0] = (struct encoded_clip){.state = VALENCE_ENCODED};
    int status = encoder->encode(encoder->self, &clip, 1, progress, work->encoded, error);
    if (!status)
        return keep(work, clip, work->encoded, made, error);
    if (!encode_may_skip(status))
        return status;
    if (!work->options->skip) {
        struct valence_error reason = *error;
        return fail_key(error, status, *reason.key ? reason.key : "skip", "%s", reason.text);
    }
    return encode_report_add(work->report, clip->id, VALENCE_ENCODE_SKIPPED, 0, status, error->text,
                             NULL, error);
}

static int make(void *self, const struct valence_clip *const *clips, int64_t n,
                const struct valence_progress *progress, struct made_rows *made,
                struct valence_error *error)
{
    struct work *work = self;
    const struct store_encoder *encoder = work->encoder;
    if (n == 1)
        return make_one(work, clips[0], progress, made, error);
    for (int64_t i = 0; i < n; i++)
        work->encoded[i] = (struct encoded_clip){.state = VALENCE_ENCODED};
    int status = encoder->encode(encoder->self, clips, n, progress, work->encoded, error);
    for (int64_t i = 0; i < n && !status; i++)
        status = keep(work, clips[i], &work->encoded[i], &made[i], error);
    return status;
}

/* Together, and where that fails clip by clip, to see whose fault it is. */
static int extend(struct work *work, const struct valence_store *store, const char *to,
                  struct stream_maker *maker, struct valence_error *error)
{
    int64_t n_made, n_before;
    int status = store_extend(store, to, work->options->overwrite, maker, work->options->progress,
                              &n_made, &n_before, error);
    if (status && encode_may_skip(status) && maker->batch > 1) {
        maker->batch = 1;
        status = store_extend(store, to, work->options->overwrite, maker, work->options->progress,
                              &n_made, &n_before, error);
    }
    if (!status)
        work->report->n_before = valence_store_n_clips(store) - work->report->n_inputs;
    return status;
}

int encode_store(const struct store_encoder *encoder, const char *from, const char *to,
                 const struct valence_encode_store_options *options,
                 struct valence_encode_report **report, struct valence_error *error)
{
    const char *stream = options->stream ? options->stream : encoder->stream;
    struct valence_store *store = NULL;
    struct valence_error unwanted;
    struct work work = {.encoder = encoder, .options = options};
    struct stream_maker maker = {.batch = encoder->together, .self = &work, .make = make};
    json_t *settings = json_loads(encoder->settings, 0, NULL);
    error = error ? error : &unwanted;
    work.report = encode_report_create(encoder->width);
    work.encoded = allocate(encoder->together, sizeof *work.encoded);
    maker.settings = settings;
    maker.stream.width = encoder->width;
    maker.stream.type = options->dtype;
    int status = settings && work.report && work.encoded
                     ? VALENCE_OK
                     : fail_memory(error, 0, "the encoder's settings");
    if (!status && strlen(stream) >= sizeof maker.stream.name)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "stream",
                          "the stream's name '%.80s' is longer than %zu bytes", stream,
                          sizeof maker.stream.name - 1);
    else if (!status)
        memcpy(maker.stream.name, stream, strlen(stream) + 1);
    if (!status)
        status = valence_store_open(from, NULL, &store, error);
    if (!status)
        status = extend(&work, store, to, &maker, error);
    if (status)
        valence_encode_report_free(work.report);
    *report = status ? NULL : work.report;
    valence_store_close(store);
    json_decref(settings);
    free(work.encoded);
    return status;
}
