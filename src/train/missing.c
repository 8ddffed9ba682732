#include "train/missing.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/erase_rows.h"

const char *const missing_rates_names[N_MISSING_RATES] = {"fixed", "clip"};

/* What is drawn for a clip, kept apart. */
enum { DRAW_MODALITIES = 1, DRAW_RATE, DRAW_ROWS, DRAW_SPARED };

static uint64_t clip_key(const struct missing *missing, int64_t clip)
{
    return mix_keys(missing->key, valence_clip_key(valence_store_clip(missing->store, clip)->id));
}

/* ---- Whole modalities ---- */

static unsigned present(const struct missing *missing, int64_t clip)
{
    unsigned there = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (clip_rows(missing->store, missing->map, clip, (enum valence_stream)m) > 0)
            there |= VALENCE_BIT(m);
    return there;
}

/* The modalities that a clip loses. Of a clip that would lose all it has, one drawn stays. */
static unsigned absent(const struct missing *missing, int64_t clip)
{
    struct random_source source = random_source(clip_key(missing, clip), DRAW_MODALITIES);
    unsigned there = present(missing, clip), lost = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (random_uniform(&source) < missing->settings->modalities)
            lost |= VALENCE_BIT(m);
    lost &= there;
    if (!there || lost != there)
        return lost;
    int64_t stays = random_below(&source, __builtin_popcount(there));
    for (int m = 0;; m++)
        if (there & VALENCE_BIT(m) && stays-- == 0)
            return lost & ~VALENCE_BIT(m);
}

/* ---- Rows ---- */

static double rate_of(const struct missing *missing, int64_t clip, int modality)
{
    const struct missing_settings *settings = missing->settings;
    if (settings->rates == MISSING_FIXED)
        return settings->rows;
    if (missing->spared[clip] & VALENCE_BIT(modality))
        return 0;
    struct random_source source =
        random_source(mix_keys(clip_key(missing, clip), DRAW_RATE), (uint64_t)modality);
    return settings->rows * random_uniform(&source);
}

static int64_t apply(const void *user, int64_t clip, enum valence_stream stream,
                     enum valence_dtype type, int64_t width, int64_t n, void *rows)
{
    const struct missing *missing = user;
    bool simulated = stream == VALENCE_STREAM_SIMULATED_TEXT;
    /* Simulated text comes from the sound, and goes with it. */
    int modality = simulated ? VALENCE_AUDIO : (int)stream;
    if (missing->settings->modalities > 0 && absent(missing, clip) & VALENCE_BIT(modality))
        return 0;
    double rate = simulated ? 0 : rate_of(missing, clip, modality);
    if (rate <= 0)
        return n;
    struct random_source source =
        random_source(mix_keys(clip_key(missing, clip), DRAW_ROWS), (uint64_t)modality);
    struct row_eraser eraser = {.rows = rows,
                                .row_bytes = (size_t)width * valence_dtype_size(type),
                                .erasure = missing->settings->erased};
    for (int64_t i = 0; i < n; i++)
        erase_next(&eraser, random_uniform(&source) >= rate);
    return eraser.n_left;
}

/* ---- A pass ---- */

int missing_create(const struct missing_settings *settings, const struct valence_store *store,
                   const struct stream_map *map, struct missing *missing,
                   struct valence_error *error)
{
    *missing = (struct missing){.settings = settings,
                                .store = store,
                                .map = map,
                                .filter = {.apply = apply, .user = missing}};
    int64_t n = valence_store_n_clips(store);
    missing->spared = allocate(n, 1);
    return missing->spared ? VALENCE_OK : fail_memory(error, (size_t)n, "masks");
}

void missing_free(struct missing *missing)
{
    free(missing->spared);
    missing->spared = NULL;
}

bool missing_is_on(const struct missing_settings *settings)
{
    return settings->modalities > 0 || settings->rows > 0;
}

int missing_draw(struct missing *missing, uint64_t key, const int64_t *clips, int64_t n,
                 struct valence_error *error)
{
    missing->key = key;
    if (missing->settings->rates == MISSING_FIXED)
        return VALENCE_OK;
    /* Half of the clips lose no rows of a modality, whichever half. */
    int64_t *order = allocate(n, sizeof *order);
    if (!order)
        return fail_memory(error, (size_t)n * sizeof *order, "masks");
    for (int64_t i = 0; i < n; i++)
        missing->spared[clips[i]] = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        struct random_source source = random_source(mix_keys(key, DRAW_SPARED), (uint64_t)m);
        memcpy(order, clips, (size_t)n * sizeof *order);
        random_shuffle(&source, order, n);
        for (int64_t i = 0; i < n / 2; i++)
            missing->spared[order[i]] |= (unsigned char)VALENCE_BIT(m);
    }
    free(order);
    return VALENCE_OK;
}
