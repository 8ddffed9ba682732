/* How the protocols draw their masks.
 *
 * Sources: the published code, as docs/protocols.md tells for each. Where NumPy's stream is drawn
 * from, the order of the draws is the published one: text, audio, video in the rules for rows and
 * in CIDer's, audio, text, video in GCNet's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/numpy_random.h"
#include "base/random.h"
#include "evaluate/protocol_mask.h"

enum { A = VALENCE_AUDIO, T = VALENCE_TEXT, V = VALENCE_VIDEO, N_M = VALENCE_N_MODALITIES };

static const int text_first[N_M] = {T, A, V};

/* What the library's own stream is drawn for. */
enum { PURPOSE_MASK = 0x6D61736B, PURPOSE_NOISE = 0x6E6F6973, PURPOSE_WORDS = 0x776F7264 };

static uint64_t seed_of(enum protocol protocol, const struct valence_protocol_options *options)
{
    return (uint64_t)(options->mask_seed >= 0 ? options->mask_seed
                                              : valence_protocol_get((int)protocol)->seed);
}

/* ---- Rows ---- */

/* One clip's draws for one modality: a row stays where its number is above the rate, and those
 * beyond the clip's end are drawn too, as for the published padded arrays. */
static void draw_rows(struct mask *mask, int64_t i, int m, double rate, struct numpy_random *random)
{
    unsigned char *kept = mask->kept[m] + mask->offsets[m][i];
    int64_t n = mask->clips->rows[m][i];
    for (int64_t t = 0; t < mask->clips->padded[m]; t++) {
        bool stays = numpy_random_uniform(random) > rate;
        if (t < n)
            kept[t] = stays;
    }
}

static void draw_modality(struct mask *mask, int m, double rate, struct numpy_random *random)
{
    for (int64_t i = 0; i < mask->clips->n; i++)
        draw_rows(mask, i, m, rate, random);
}

/* A stream of its own for each modality. TFR-Net and EMT-DLFR have the seeds 111, 1111 and 11111
 * for text, audio and vision; MMSA and LNLN one for all. */
static void draw_erase(enum protocol protocol, const struct valence_protocol_options *options,
                       double rate, struct mask *mask)
{
    static const uint32_t seeds[N_M] = {[T] = 111, [A] = 1111, [V] = 11111};
    bool own = protocol == PROTOCOL_ERASE && options->mask_seed < 0;
    struct numpy_random random;
    for (int m = 0; m < N_M; m++) {
        numpy_random_seed(&random, own ? seeds[m] : (uint32_t)seed_of(protocol, options));
        draw_modality(mask, m, rate, &random);
    }
}

/* The text of erase alone, with its seed and its draws. */
static void draw_words(uint64_t seed, double rate, struct mask *mask)
{
    struct numpy_random random;
    numpy_random_seed(&random, (uint32_t)seed);
    draw_modality(mask, T, rate, &random);
}

/* rmfm draws one array over the concatenated modalities, rmfm-same one after the other. */
static void draw_cider_rows(enum protocol protocol, uint64_t seed, double rate, struct mask *mask)
{
    struct numpy_random random;
    numpy_random_seed(&random, (uint32_t)seed);
    if (protocol == PROTOCOL_RMFM_SAME)
        for (int m = 0; m < N_M; m++)
            draw_modality(mask, text_first[m], rate, &random);
    else
        for (int64_t i = 0; i < mask->clips->n; i++)
            for (int m = 0; m < N_M; m++)
                draw_rows(mask, i, text_first[m], rate, &random);
}

/* The modality that is read and gives the moments of aligned streams; -1 where none is read. */
static int check_aligned(const struct mask_clips *clips, const char *protocol, int *moments,
                         struct valence_error *error)
{
    *moments = -1;
    for (int m = 0; m < N_M; m++) {
        if (clips->map->index[m] < 0)
            continue;
        int first = *moments = *moments < 0 ? m : *moments;
        for (int64_t i = 0; i < clips->n; i++)
            if (clips->rows[m][i] != clips->rows[first][i])
                return fail(error, VALENCE_ERROR_SHAPE,
                            "%s: %s is for aligned streams, but clip '%s' has %lld rows of %s and "
                            "%lld of %s",
                            valence_store_path(clips->store), protocol,
                            valence_store_clip(clips->store, clips->clips[i])->id,
                            (long long)clips->rows[first][i], valence_modality_names[first],
                            (long long)clips->rows[m][i], valence_modality_names[m]);
    }
    return VALENCE_OK;
}

static void copy_moments(struct mask *mask, int moments)
{
    const struct mask_clips *clips = mask->clips;
    for (int m = 0; m < N_M; m++)
        if (m != moments && clips->map->index[m] >= 0)
            memcpy(mask->kept[m], mask->kept[moments], (size_t)mask->offsets[m][clips->n]);
}

/* One block of the inner rows, its place drawn for each clip. */
static void draw_blocks(uint64_t seed, double rate, int moments, struct mask *mask)
{
    struct random_source source = random_source(seed, PURPOSE_MASK);
    for (int64_t i = 0; i < mask->clips->n; i++) {
        int64_t n = mask->clips->rows[moments][i];
        int64_t block = n > 2 ? (int64_t)nearbyint((double)(n - 2) * rate) : 0;
        unsigned char *kept = mask->kept[moments] + mask->offsets[moments][i];
        memset(kept, 1, (size_t)n);
        if (block > 0)
            memset(kept + 1 + random_below(&source, n - block - 1), 0, (size_t)block);
    }
}

static int draw_aligned(enum protocol protocol, uint64_t seed, double rate, struct mask *mask,
                        struct valence_error *error)
{
    int moments;
    int status =
        check_aligned(mask->clips, valence_protocol_get((int)protocol)->name, &moments, error);
    if (status || moments < 0)
        return status;
    struct numpy_random random;
    numpy_random_seed(&random, (uint32_t)seed);
    if (protocol == PROTOCOL_TMFM)
        draw_modality(mask, moments, rate, &random);
    else
        draw_blocks(seed, rate, moments, mask);
    copy_moments(mask, moments);
    return VALENCE_OK;
}

static void keep_text_ends(struct mask *mask)
{
    for (int64_t i = 0; i < mask->clips->n; i++) {
        int64_t n = mask->clips->rows[T][i];
        unsigned char *kept = mask->kept[T] + mask->offsets[T][i];
        if (n > 0)
            kept[0] = kept[n - 1] = 1;
    }
}

/* ---- Whole modalities ---- */

static void draw_rmm(uint64_t seed, double rate, struct mask *mask)
{
    struct numpy_random random;
    numpy_random_seed(&random, (uint32_t)seed);
    for (int64_t i = 0; i < mask->clips->n; i++)
        for (int m = 0; m < N_M; m++)
            if (!(numpy_random_uniform(&random) > rate))
                mask->absent[i] |= (unsigned char)VALENCE_BIT(text_first[m]);
}

/* Adds to `there` every cell whose draw from 0 ... 99 is below `percent`; gives how many cells that
 * hit were there before. */
static int64_t draw_cells(struct numpy_random *random, int64_t n, int percent,
                          const unsigned char *before, unsigned char *there)
{
    int64_t overlap = 0;
    for (int64_t cell = 0; cell < n; cell++) {
        bool hit = (int)numpy_random_below(random, 100) < percent;
        overlap += hit && before[cell];
        there[cell] = hit || before[cell];
    }
    return overlap;
}

/* Until the share of modalities that stay is right within 0.005. `cells` holds (n, 3), `kept` too.
 * The published loop has no end where no draw gets there. With fewer than 34 clips no number of
 * cells may be that near; the nearest is taken then, which changes nothing where the loop ends. */
static int draw_cells_until_right(struct numpy_random *random, int64_t n, double stays,
                                  unsigned char *kept, unsigned char *cells,
                                  struct valence_error *error)
{
    enum { TRIALS = 1000 };
    double all = 3 * (double)n, more = all * stays - (double)n;
    double tolerance = fmax(0.005, 0.5 / all + 1e-9);
    for (int trial = 0; trial < TRIALS; trial++) {
        memset(kept, 0, (size_t)n * N_M);
        for (int64_t i = 0; i < n; i++)
            kept[i * N_M + numpy_random_below(random, N_M)] = 1;
        int64_t overlap = draw_cells(random, n * N_M, (int)(more / all * 100), kept, cells);
        double wanted = more / (1 - (double)overlap / more);
        if (!(wanted >= 0 && wanted <= 100 * all))
            continue;
        (void)draw_cells(random, n * N_M, (int)(wanted / all * 100), kept, cells);
        double sum = 0;
        for (int64_t cell = 0; cell < n * N_M; cell++)
            sum += cells[cell];
        if (fabs(stays - sum / all) < tolerance)
            return VALENCE_OK;
    }
    return fail_key(error, VALENCE_ERROR_ARGUMENT, "rates",
                    "random-modality: its rule does not reach a rate of %g with %lld clips in %d "
                    "trials",
                    1 - stays, (long long)n, TRIALS);
}

static int draw_random_modality(uint64_t seed, double rate, struct mask *mask,
                                struct valence_error *error)
{
    double stays = 1 - rate;
    int64_t n = mask->clips->n, drawn = n < 32 ? 32 : n;
    unsigned char *kept = allocate(drawn * N_M, 1), *cells = allocate(drawn * N_M, 1);
    int status = kept && cells ? VALENCE_OK : fail_memory(error, (size_t)drawn * 2 * N_M, "a mask");
    struct numpy_random random;
    numpy_random_seed(&random, (uint32_t)seed);
    if (!status && stays <= 1.0 / N_M)
        for (int64_t i = 0; i < n; i++) /* not `drawn`: the published rule returns before that */
            cells[i * N_M + numpy_random_below(&random, N_M)] = 1;
    else if (!status && rate == 0)
        memset(cells, 1, (size_t)drawn * N_M);
    else if (!status)
        status = draw_cells_until_right(&random, drawn, stays, kept, cells, error);
    for (int64_t i = 0; i < n && !status; i++)
        for (int m = 0; m < N_M; m++)
            if (!cells[i * N_M + m])
                mask->absent[i] |= (unsigned char)VALENCE_BIT(m);
    free(kept);
    free(cells);
    return status;
}

/* A proper subset of the modalities with `n_absent` of them. */
static unsigned char draw_subset(struct random_source *source, int n_absent)
{
    unsigned one = VALENCE_BIT(random_below(source, N_M));
    return (unsigned char)(n_absent == 1 ? one : VALENCE_ALL_MODALITIES & ~one);
}

/* The clips are shuffled into batches, as the published loader does. */
static int draw_batches(uint64_t seed, double rate, int64_t batch, struct mask *mask,
                        struct valence_error *error)
{
    static const double two[] = {.1, .2, .3, .5, .7, .9, 1}, one[] = {.1, .2, .3, .2, .1, 0, 0};
    int64_t n = mask->clips->n, n_batches = (n + batch - 1) / batch;
    int64_t tens = 10 * (int64_t)nearbyint((double)n_batches / 10);
    double all = (double)(tens ? tens : n_batches);
    int column = (int)lround(10 * rate) - 1;
    struct random_source source = random_source(seed, PURPOSE_MASK);
    int64_t *order = allocate(n, sizeof *order);
    if (!order)
        return fail_memory(error, (size_t)n * sizeof *order, "the order of clips");
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    random_shuffle(&source, order, n);
    for (int64_t b = 0; b < n_batches; b++) {
        double place = (double)b / all;
        int n_absent = place < two[column] - 1e-9                 ? 2
                       : place < two[column] + one[column] - 1e-9 ? 1
                                                                  : 0;
        unsigned char absent = n_absent ? draw_subset(&source, n_absent) : 0;
        for (int64_t i = b * batch; i < n && i < (b + 1) * batch; i++)
            mask->absent[order[i]] = absent;
    }
    free(order);
    return VALENCE_OK;
}

static void draw_drops(uint64_t seed, double rate, struct mask *mask)
{
    struct random_source source = random_source(seed, PURPOSE_MASK);
    for (int64_t i = 0; i < mask->clips->n; i++) {
        bool drops = random_uniform(&source) < rate;
        int n_absent = 1 + (int)random_below(&source, 2);
        unsigned char absent = draw_subset(&source, n_absent);
        mask->absent[i] = drops ? absent : 0;
    }
}

static void draw_imbalanced(uint64_t seed, const double *rates, struct mask *mask)
{
    struct random_source source = random_source(seed, PURPOSE_MASK);
    for (int64_t i = 0; i < mask->clips->n; i++)
        for (int m = 0; m < N_M; m++)
            if (random_uniform(&source) < (isnan(rates[m]) ? 0 : rates[m]))
                mask->absent[i] |= (unsigned char)VALENCE_BIT(m);
}

/* The same clips for every modality, and those of a smaller share among those of a larger one. */
static void draw_noisy(uint64_t seed, double rate, int modality, struct mask *mask)
{
    struct random_source source = random_source(seed, PURPOSE_MASK);
    for (int64_t i = 0; i < mask->clips->n; i++)
        if (random_uniform(&source) < rate)
            mask->noisy[i] |= (unsigned char)VALENCE_BIT(modality);
}

/* ---- Any of them ---- */

static void clear(struct mask *mask, unsigned absent)
{
    memset(mask->absent, (int)absent, (size_t)mask->clips->n);
    memset(mask->noisy, 0, (size_t)mask->clips->n);
    for (int m = 0; m < N_M; m++)
        memset(mask->kept[m], 1, (size_t)mask->offsets[m][mask->clips->n]);
}

int mask_draw(enum protocol protocol, const struct condition *condition,
              const struct valence_protocol_options *options, struct mask *mask,
              struct valence_error *error)
{
    uint64_t seed = seed_of(protocol, options);
    double rate = condition->rate;
    int status = VALENCE_OK;
    clear(mask, condition->absent);
    for (int m = 0; m < N_M; m++)
        mask->erasure[m] = options->erasure;
    mask->noise_kind = options->noise_kind;
    mask->noise = options->noise;
    mask->noise_key = mix_keys(seed, PURPOSE_NOISE);
    mask->word_key = mix_keys(seed, PURPOSE_WORDS);
    switch (protocol) {
    case PROTOCOL_ERASE:
    case PROTOCOL_ERASE_RANDOM:
        draw_erase(protocol, options, rate, mask);
        break;
    case PROTOCOL_RMFM:
    case PROTOCOL_RMFM_SAME:
        draw_cider_rows(protocol, seed, rate, mask);
        break;
    case PROTOCOL_TMFM:
    case PROTOCOL_STMFM:
        status = draw_aligned(protocol, seed, rate, mask, error);
        break;
    case PROTOCOL_RMM:
        draw_rmm(seed, rate, mask);
        break;
    case PROTOCOL_RANDOM_MODALITY:
        status = draw_random_modality(seed, rate, mask, error);
        break;
    case PROTOCOL_BATCH_MODALITY:
        status = draw_batches(seed, rate, options->mask_batch, mask, error);
        break;
    case PROTOCOL_DROP_RATE:
        draw_drops(seed, rate, mask);
        break;
    case PROTOCOL_IMBALANCED:
        draw_imbalanced(seed, options->modality_rates, mask);
        break;
    case PROTOCOL_NOISE:
        draw_noisy(seed, rate, condition->modality, mask);
        break;
    case PROTOCOL_DROP_WORDS:
        mask->erasure[T] = VALENCE_ERASURE_REMOVE;
        draw_words(seed, rate, mask);
        break;
    case PROTOCOL_REPLACE_WORDS:
        mask->erasure[T] = VALENCE_ERASURE_ZERO;
        draw_words(seed, rate, mask);
        break;
    default: /* the condition says it all */
        break;
    }
    if (!status && options->keep_text_ends)
        keep_text_ends(mask);
    return status;
}
