#include "valence/synthesize.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "base/threads.h"
#include "format/csv.h"
#include "store/store_writer.h"
#include "exchange/synthetic_signal.h"
#include "valence/version.h"

enum purpose { SHAPE = 101, SPEAKER, CLIP };

/* Labels of MOSEI's shape, per mille, at -3, -2.67, ... 3. */
static const int label_weights[] = {4,  8,  14,  25, 28, 42, 62, 72, 60, 215,
                                    80, 98, 104, 66, 46, 38, 20, 12, 6};
#define N_LABELS (int)(sizeof label_weights / sizeof label_weights[0])

/* Durations: log-normal around 5.9 s, 95 in 100 below 16.7 s; audio at 50 frames a second. */
#define MEDIAN_AUDIO_ROWS  293.0
#define DURATION_DEVIATION 0.636
#define MIN_AUDIO_ROWS     34
#define MAX_AUDIO_ROWS     2500
#define WORDS_PER_ROW      0.065
#define FRAMES_PER_ROW     0.488
#define CLIPS_PER_SPEAKER  7
#define MAX_CLIPS          100000000

void valence_synthesize_options_default(struct valence_synthesize_options *options)
{
    *options = (struct valence_synthesize_options){
        .size = sizeof *options,
        .n_train = 1000,
        .n_validation = 200,
        .n_test = 300,
        .audio_width = 64,
        .text_width = 96,
        .video_width = 48,
        .type = VALENCE_F16,
    };
}

/* ---- The shape of clips ---- */

static float draw_label(struct random_source *source)
{
    int64_t at = random_below(source, 1000);
    int step = 0;
    while (at >= label_weights[step])
        at -= label_weights[step++];
    return (float)(step - N_LABELS / 2) / 3.0f;
}

/* `typical` rows give or take `deviation` of them, at least 2. */
static int64_t vary(struct random_source *source, double typical, double deviation)
{
    int64_t n = llround(typical * exp(deviation * random_normal(source)));
    return n < 2 ? 2 : n;
}

static void draw_shape(uint64_t key, struct synthetic_clip *clip)
{
    struct random_source source = random_source(key, SHAPE);
    clip->label = draw_label(&source);
    int64_t audio = vary(&source, MEDIAN_AUDIO_ROWS, DURATION_DEVIATION);
    audio = audio < MIN_AUDIO_ROWS   ? MIN_AUDIO_ROWS
            : audio > MAX_AUDIO_ROWS ? MAX_AUDIO_ROWS
                                     : audio;
    int64_t text = vary(&source, (double)audio * WORDS_PER_ROW, 0.15);
    clip->n_rows[VALENCE_STREAM_AUDIO] = audio;
    clip->n_rows[VALENCE_STREAM_TEXT] = text;
    clip->n_rows[VALENCE_STREAM_VIDEO] = vary(&source, (double)audio * FRAMES_PER_ROW, 0.13);
    clip->n_rows[VALENCE_STREAM_SIMULATED_TEXT] = vary(&source, (double)text, 0.06);
}

/* The row of a file of lengths that was read last. */
static int read_shape(const char *path, const struct csv_reader *lengths,
                      const int columns[VALENCE_N_STREAMS + 1], struct synthetic_clip *clip,
                      struct valence_error *error)
{
    double value;
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        int status = csv_number(lengths, columns[i], &value, error);
        if (status)
            return status;
        if (!(value >= 0 && value <= VALENCE_STORE_MAX_ROWS) || value != floor(value))
            return fail(error, VALENCE_ERROR_DATA, "%s:%lld: '%.60s' is not a number of rows", path,
                        (long long)csv_line(lengths), csv_field(lengths, columns[i]));
        clip->n_rows[i] = (int64_t)value;
    }
    int status = csv_number(lengths, columns[VALENCE_N_STREAMS], &value, error);
    clip->label = (float)value;
    return status;
}

/* ---- The store ---- */

struct synthesizer {
    const struct valence_synthesize_options *options;
    int64_t n_clips[VALENCE_N_SPLITS], widths[VALENCE_N_MODALITIES];
    struct synthetic_corpus corpus;
    struct valence_store_writer *writer;
    /* of the file of lengths */
    struct synthetic_clip *shapes;
    int64_t n_shapes, shapes_capacity;
    float *rows[VALENCE_N_STREAMS];
    int64_t capacities[VALENCE_N_STREAMS]; /* values */
};

static int add_clip(struct synthesizer *maker, enum valence_split split, int64_t index,
                    struct synthetic_clip *shape, int64_t n_speakers, struct valence_error *error)
{
    uint64_t seed = maker->options->seed;
    struct random_source source = random_source(mix_keys(shape->key, SPEAKER), 0);
    int64_t speaker = random_below(&source, n_speakers);
    shape->speaker = mix_keys(mix_keys(seed, SPEAKER), (uint64_t)split << 40 | (uint64_t)speaker);
    char id[64], group[64];
    snprintf(id, sizeof id, "%s-%05lld", valence_split_names[split], (long long)index);
    snprintf(group, sizeof group, "%s-speaker-%03lld", valence_split_names[split],
             (long long)speaker);
    if (valence_store_writer_has(maker->writer, id))
        return VALENCE_OK;
    struct valence_clip_rows streams[VALENCE_N_STREAMS];
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        int64_t n_values = shape->n_rows[i] * maker->corpus.widths[i];
        void *rows = maker->rows[i];
        int status = grow_array(&rows, &maker->capacities[i], n_values, sizeof(float), INT64_MAX,
                                "values of a synthetic clip", error);
        maker->rows[i] = rows;
        if (status)
            return status;
        synthetic_rows(&maker->corpus, shape, (enum valence_stream)i, maker->rows[i]);
        streams[i] = (struct valence_clip_rows){i, shape->n_rows[i], maker->rows[i]};
    }
    struct valence_clip clip = {
        .id = id, .group = group, .transcript = "", .split = split, .label = shape->label};
    return valence_store_writer_add(maker->writer, &clip, streams, VALENCE_N_STREAMS, error);
}

static uint64_t clip_key(uint64_t seed, int split, int64_t index)
{
    return mix_keys(mix_keys(seed, CLIP), (uint64_t)split << 40 | (uint64_t)index);
}

static int report(const struct valence_progress *progress, int64_t done, int64_t total,
                  struct valence_error *error)
{
    struct valence_progress_event event = {"synthesizing", done, total, "clips", NULL};
    return progress && progress->report(progress->user, &event)
               ? fail(error, VALENCE_ERROR_CANCELLED, "synthesizing was cancelled")
               : VALENCE_OK;
}

static int draw_clips(struct synthesizer *maker, const struct valence_progress *progress,
                      struct valence_error *error)
{
    const int64_t *n_clips = maker->n_clips;
    int64_t total = n_clips[0] + n_clips[1] + n_clips[2], done = 0;
    for (int split = 0; split < VALENCE_N_SPLITS; split++)
        for (int64_t i = 0; i < n_clips[split]; i++) {
            struct synthetic_clip shape = {.key = clip_key(maker->options->seed, split, i)};
            draw_shape(shape.key, &shape);
            int status = report(progress, done++, total, error);
            if (!status)
                status = add_clip(maker, (enum valence_split)split, i, &shape,
                                  1 + n_clips[split] / CLIPS_PER_SPEAKER, error);
            if (status)
                return status;
        }
    return VALENCE_OK;
}

static int add_shape(struct synthesizer *maker, const struct synthetic_clip *shape,
                     struct valence_error *error)
{
    void *shapes = maker->shapes;
    int status = grow_array(&shapes, &maker->shapes_capacity, maker->n_shapes + 1,
                            sizeof *maker->shapes, MAX_CLIPS, "clips", error);
    maker->shapes = shapes;
    if (!status)
        maker->shapes[maker->n_shapes++] = *shape;
    return status;
}

/* The whole file, before the store is begun: a mistake in it leaves nothing behind. */
static int read_lengths(struct synthesizer *maker, struct valence_error *error)
{
    static const char *const names[] = {"audio", "text", "video", "simulated", "label"};
    const char *path = maker->options->lengths_path;
    int columns[VALENCE_N_STREAMS + 1];
    struct csv_reader *lengths;
    int status = csv_open(path, ',', &lengths, error);
    for (int i = 0; i <= VALENCE_N_STREAMS && !status; i++)
        status = csv_need_column(lengths, names[i], &columns[i], error);
    bool more = true;
    while (!status) {
        struct synthetic_clip shape = {
            .key = clip_key(maker->options->seed, VALENCE_TRAIN, maker->n_shapes)};
        status = csv_next(lengths, &more, error);
        if (status || !more)
            break;
        status = read_shape(path, lengths, columns, &shape, error);
        if (!status)
            status = add_shape(maker, &shape, error);
    }
    csv_close(lengths);
    return status;
}

static int copy_shapes(struct synthesizer *maker, const struct valence_progress *progress,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < maker->n_shapes && !status; i++) {
        status = report(progress, i, maker->n_shapes, error);
        if (!status)
            status = add_clip(maker, VALENCE_TRAIN, i, &maker->shapes[i], CLIPS_PER_SPEAKER, error);
    }
    return status;
}

static json_t *source_of(const struct synthesizer *maker)
{
    const int64_t *n_clips = maker->n_clips, *widths = maker->widths;
    const char *lengths = maker->options->lengths_path;
    return json_pack("{s:s, s:s, s:I, s:[I,I,I], s:[I,I,I], s:s*}", "kind", "synthetic", "version",
                     valence_version(), "seed", (json_int_t)maker->options->seed, "clips",
                     (json_int_t)n_clips[0], (json_int_t)n_clips[1], (json_int_t)n_clips[2],
                     "widths", (json_int_t)widths[0], (json_int_t)widths[1], (json_int_t)widths[2],
                     "lengths", lengths ? path_name(lengths) : NULL);
}

static int open_store(struct synthesizer *maker, const char *path, struct valence_error *error)
{
    struct valence_store_stream streams[VALENCE_N_STREAMS];
    struct valence_store_writer_options options;
    valence_store_writer_options_default(&options);
    options.overwrite = maker->options->overwrite;
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        streams[i].width = maker->corpus.widths[i];
        streams[i].type = maker->options->type;
        snprintf(streams[i].name, sizeof streams[i].name, "%s", valence_stream_names[i]);
    }
    return valence_store_writer_open(path, streams, VALENCE_N_STREAMS, &options, &maker->writer,
                                     error);
}

static int check(const struct synthesizer *maker, struct valence_error *error)
{
    static const char *const width_keys[] = {"audio_width", "text_width", "video_width"};
    static const char *const clip_keys[] = {"n_train", "n_validation", "n_test"};
    for (int i = 0; i < VALENCE_N_MODALITIES; i++)
        if (maker->widths[i] < 1 || maker->widths[i] > VALENCE_STORE_MAX_WIDTH)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, width_keys[i],
                            "%s width %lld is not 1 to %d", valence_modality_names[i],
                            (long long)maker->widths[i], VALENCE_STORE_MAX_WIDTH);
    for (int i = 0; i < VALENCE_N_SPLITS; i++)
        if (maker->n_clips[i] < 0 || maker->n_clips[i] > MAX_CLIPS)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, clip_keys[i],
                            "%lld clips cannot be made", (long long)maker->n_clips[i]);
    if (maker->options->threads < 0 || maker->options->threads > 4096)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "threads", "%d threads are not 0 to 4096",
                        maker->options->threads);
    if ((unsigned)maker->options->type >= VALENCE_N_DTYPES)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "dtype", "unknown element type %d",
                        (int)maker->options->type);
    return VALENCE_OK;
}

int valence_synthesize(const char *path, const struct valence_synthesize_options *given,
                       const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_synthesize_options options;
    valence_synthesize_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    struct synthesizer maker = {
        .options = &options,
        .n_clips = {options.n_train, options.n_validation, options.n_test},
        .widths = {options.audio_width, options.text_width, options.video_width},
    };
    if (!status)
        status = check(&maker, error);
    int n_threads = threads_count();
    if (!status && options.threads > 0)
        threads_set(options.threads);
    if (!status)
        status = synthetic_corpus_create(&maker.corpus, options.seed, maker.widths, error);
    if (!status && options.lengths_path)
        status = read_lengths(&maker, error);
    if (!status)
        status = open_store(&maker, path, error);
    if (!status)
        status = store_writer_set_source(maker.writer, source_of(&maker), error);
    if (!status)
        status = options.lengths_path ? copy_shapes(&maker, progress, error)
                                      : draw_clips(&maker, progress, error);
    if (!status)
        status = valence_store_writer_finish(maker.writer, error);
    int closed = valence_store_writer_close(maker.writer, status ? NULL : error);
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        free(maker.rows[i]);
    free(maker.shapes);
    synthetic_corpus_free(&maker.corpus);
    threads_set(n_threads);
    return status ? status : closed;
}
