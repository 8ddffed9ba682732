/* Small stores with something to learn, for the tests of training. */
#ifndef TRAINING_STORE_H
#define TRAINING_STORE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "valence/store.h"

#define FOLDER_BYTES 64

/* A fresh folder below /tmp; remove_folder() takes it away with what is in it. */
static inline void make_folder(char folder[FOLDER_BYTES])
{
    snprintf(folder, FOLDER_BYTES, "/tmp/valence-train-XXXXXX");
    if (!mkdtemp(folder))
        abort();
}

static inline void remove_folder(const char *folder)
{
    char command[FOLDER_BYTES + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        abort();
}

static const struct valence_store_stream training_streams[VALENCE_N_STREAMS] = {
    {.name = "audio", .width = 5, .type = VALENCE_F16},
    {.name = "text", .width = 7, .type = VALENCE_F32},
    {.name = "video", .width = 4, .type = VALENCE_F16},
    {.name = "simulated_text", .width = 7, .type = VALENCE_F32}};

/* What a clip is made from. */
struct training_clip {
    const char *id;
    enum valence_split split;
    float label;
    int64_t n_rows[VALENCE_N_STREAMS];
};

/* Rows that hold the label, the text's most clearly, among noise that depends on the id alone. */
static inline int add_clip(struct valence_store_writer *writer, const struct training_clip *clip,
                           struct valence_error *error)
{
    static const double clarity[VALENCE_N_STREAMS] = {0.3, 1.0, 0.3, 0.7};
    struct random_source source = random_source(valence_clip_key(clip->id), 1);
    struct valence_clip_rows rows[VALENCE_N_STREAMS];
    float *values[VALENCE_N_STREAMS];
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t n = clip->n_rows[s] * training_streams[s].width;
        values[s] = malloc((size_t)(n ? n : 1) * sizeof(float));
        double signal = isnan(clip->label) ? 0 : clarity[s] * (double)clip->label;
        for (int64_t i = 0; i < n; i++)
            values[s][i] = (float)(0.5 * random_normal(&source) + (i % 2 ? signal : -signal));
        rows[s] =
            (struct valence_clip_rows){.stream = s, .n_rows = clip->n_rows[s], .rows = values[s]};
    }
    struct valence_clip record = {
        .id = clip->id, .group = "", .transcript = "", .split = clip->split, .label = clip->label};
    int status = valence_store_writer_add(writer, &record, rows, VALENCE_N_STREAMS, error);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        free(values[s]);
    return status;
}

/* A store of the n clips from `first` on, every fifth for validation, every tenth for the test;
 * `salt` changes the test part alone. */
static inline void make_training_clips(const char *path, int first, int n, int salt)
{
    struct valence_error error;
    struct valence_store_writer *writer;
    if (valence_store_writer_open(path, training_streams, VALENCE_N_STREAMS, NULL, &writer,
                                  &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    for (int i = first; i < first + n; i++) {
        bool test = i % 10 == 9;
        char id[32];
        snprintf(id, sizeof id, "clip-%d-%d", i, test ? salt : 0);
        struct random_source source = random_source((uint64_t)i, 2);
        struct training_clip clip = {.id = id,
                                     .split = test         ? VALENCE_TEST
                                              : i % 5 == 0 ? VALENCE_VALIDATION
                                                           : VALENCE_TRAIN,
                                     .label = (float)(6 * random_uniform(&source) - 3)};
        for (int s = 0; s < VALENCE_N_STREAMS; s++)
            clip.n_rows[s] = 1 + random_below(&source, 6);
        if (add_clip(writer, &clip, &error)) {
            fprintf(stderr, "%s\n", error.text);
            abort();
        }
    }
    if (valence_store_writer_finish(writer, &error) || valence_store_writer_close(writer, &error))
        abort();
}

static inline void make_training_store(const char *path, int n, int salt)
{
    make_training_clips(path, 0, n, salt);
}

/* The same clips in shards of `n_each`; stores PATH-0, PATH-1, ... are left beside it. */
static inline void make_training_shards(const char *path, int n_shards, int n_each)
{
    struct valence_error error;
    struct valence_store_merge_options options;
    valence_store_merge_options_default(&options);
    options.shards = true;
    for (int i = 0; i < n_shards; i++) {
        char part[300];
        const char *const parts[] = {part};
        snprintf(part, sizeof part, "%.255s-%d", path, i);
        make_training_clips(part, i * n_each, n_each, 0);
        if (valence_store_merge(parts, 1, path, &options, NULL, &error)) {
            fprintf(stderr, "%s\n", error.text);
            abort();
        }
    }
}

#endif
