/* A store made from the golden inputs, and the golden model with and without a calibration set, for
 * the tests of evaluation and prediction. */
#ifndef GOLDEN_STORE_H
#define GOLDEN_STORE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "valence/store.h"
#include "format/safetensors.h"
#include "model/published.h"

#define GOLDEN  VALENCE_TEST_DATA "/golden/fusion/small-transition"
#define N_CLIPS 6 /* of the golden case; the store has six more */

static char folder[] = "/tmp/valence-evaluation-XXXXXX";
static char store_path[64], command[128];
static struct safetensors *cases;
static struct valence_model *model, *calibrated;
static struct valence_store *store;

/* ---- The store ---- */

static const struct valence_store_stream streams[VALENCE_N_STREAMS] = {
    {"audio", 20, VALENCE_F32},
    {"text", 24, VALENCE_F32},
    {"video", 12, VALENCE_F32},
    {"simulated_text", 24, VALENCE_F32}};

static inline const float *golden(const char *name)
{
    const struct safetensor *tensor = safetensors_find(cases, name);
    assert_non_null(tensor);
    float *values = calloc((size_t)tensor->count, sizeof *values);
    assert_non_null(values);
    assert_int_equal(safetensor_to_float(tensor, values, NULL), 0);
    return values;
}

/* Adds a clip with the rows of golden clip `i` in the streams of the set `present`. */
static inline void add_clip(struct valence_store_writer *writer, const char *id, int i,
                            unsigned present, enum valence_split split, float label)
{
    static const char *const names[] = {"in.audio", "in.text", "in.video", "in.simulated"};
    struct valence_clip_rows rows[VALENCE_N_STREAMS];
    const float *blocks[VALENCE_N_STREAMS];
    struct valence_error error;
    int n = 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        char name[64];
        int64_t lengths[N_CLIPS], first = 0;
        snprintf(name, sizeof name, "%s.lengths", names[s]);
        assert_int_equal(safetensor_to_int64(safetensors_find(cases, name), lengths, &error), 0);
        for (int before = 0; before < i; before++)
            first += lengths[before];
        blocks[s] = golden(names[s]);
        if (present & 1u << s)
            rows[n++] =
                (struct valence_clip_rows){s, lengths[i], blocks[s] + first * streams[s].width};
    }
    struct valence_clip clip = {
        .id = id, .group = "", .transcript = "", .split = split, .label = label};
    if (valence_store_writer_add(writer, &clip, rows, n, &error))
        fail_msg("%s", error.text);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        free((void *)(uintptr_t)blocks[s]);
}

static inline void make_store(void)
{
    struct valence_store_writer *writer;
    struct valence_error error;
    const float *labels = golden("in.labels");
    if (valence_store_writer_open(store_path, streams, VALENCE_N_STREAMS, NULL, &writer, &error))
        fail_msg("%s", error.text);
    for (int i = 0; i < N_CLIPS; i++) {
        char id[16];
        snprintf(id, sizeof id, "clip%d", i);
        add_clip(writer, id, i, 15, VALENCE_TEST, labels[i]);
    }
    add_clip(writer, "unlabelled", 0, 15, VALENCE_TEST, NAN);
    add_clip(writer, "textless", 1, 13, VALENCE_VALIDATION, 1);
    add_clip(writer, "deaf", 2, 6, VALENCE_TRAIN, -1);
    add_clip(writer, "audio only", 3, 1, VALENCE_TRAIN, NAN);
    add_clip(writer, "text only", 3, 2, VALENCE_TRAIN, NAN);
    add_clip(writer, "video only", 3, 4, VALENCE_TRAIN, NAN);
    assert_int_equal(valence_store_writer_set_source(writer, "{\"kind\": \"synthetic\"}", &error),
                     0);
    assert_int_equal(valence_store_writer_finish(writer, &error), 0);
    assert_int_equal(valence_store_writer_close(writer, &error), 0);
    free((void *)(uintptr_t)labels);
}

/* The golden model; with `errors`, knowing that it is off by 1/10, 2/10, ..., 9/10 in the complete
 * flow, twice as much in the other. It has no stream for the modality `unread`, unless that is
 * -1. */
static inline int make_model(bool errors, int unread, struct valence_model **made)
{
    struct valence_error error;
    struct checkpoint checkpoint;
    struct text unused = {.maximum = 10000};
    int status = published_load(GOLDEN ".weights.safetensors", VALENCE_IMAGINATION_TRANSITION,
                                &checkpoint, &unused, &error);
    text_free(&unused);
    if (!status && errors &&
        !(status = calibration_allocate(&checkpoint.calibration, 9, 2, &error))) {
        struct calibration *calibration = &checkpoint.calibration;
        calibration->range[0] = -3;
        calibration->range[1] = 3;
        for (int i = 0; i < 9; i++) {
            calibration->scores[i] = 0.1f * (float)(i + 1);
            calibration->scores[9 + i] = 0.2f * (float)(i + 1);
        }
    }
    if (!status && unread >= 0)
        checkpoint.stream_names[unread][0] = '\0';
    return status ? status : checkpoint_to_model(&checkpoint, made, &error);
}

static inline int make_all(void **state)
{
    (void)state;
    struct valence_error error;
    if (!mkdtemp(folder) || safetensors_open(GOLDEN ".cases.safetensors", &cases, &error))
        return -1;
    snprintf(store_path, sizeof store_path, "%s/store", folder);
    if (make_model(false, -1, &model) || make_model(true, -1, &calibrated))
        return -1;
    make_store();
    return valence_store_open(store_path, NULL, &store, &error);
}

static inline int remove_all(void **state)
{
    (void)state;
    valence_store_close(store);
    valence_model_free(model);
    valence_model_free(calibrated);
    safetensors_close(cases);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

#endif
