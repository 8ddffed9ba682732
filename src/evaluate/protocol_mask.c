/* A mask's life, and what it does to a clip's rows. */
#include "evaluate/protocol_mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/element.h"
#include "base/fail.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/erase_rows.h"

/* ---- The clips of a split ---- */

static int list_clips(enum valence_split split, struct mask_clips *clips,
                      struct valence_error *error)
{
    int64_t n_clips = valence_store_n_clips(clips->store);
    clips->places = allocate(n_clips, sizeof *clips->places);
    clips->clips = allocate(n_clips, sizeof *clips->clips);
    if (!clips->places || !clips->clips)
        return fail_memory(error, (size_t)n_clips * sizeof *clips->clips, "the list of clips");
    for (int64_t clip = 0; clip < n_clips; clip++) {
        bool is_in = valence_store_clip(clips->store, clip)->split == split;
        clips->places[clip] = is_in ? clips->n : -1;
        if (is_in)
            clips->clips[clips->n++] = clip;
    }
    return VALENCE_OK;
}

/* The longest clip of all parts: published arrays of one data set are padded to one length. */
static int find_length(struct mask_clips *clips, int modality, int64_t wanted,
                       struct valence_error *error)
{
    const struct valence_store *store = clips->store;
    int64_t longest = 0;
    for (int64_t clip = 0; clip < valence_store_n_clips(store); clip++) {
        int64_t n = clip_rows(store, clips->map, clip, (enum valence_stream)modality);
        longest = n > longest ? n : longest;
        if (wanted && n > wanted)
            return fail_key(error, VALENCE_ERROR_LIMIT, "padded_rows",
                            "%s: clip '%s' has %lld rows of %s, more than the padded length %lld",
                            valence_store_path(store), valence_store_clip(store, clip)->id,
                            (long long)n, valence_modality_names[modality], (long long)wanted);
    }
    clips->padded[modality] = wanted ? wanted : longest;
    return VALENCE_OK;
}

int mask_clips_make(const struct valence_store *store, const struct stream_map *map,
                    const struct valence_protocol_options *options, struct mask_clips *clips,
                    struct valence_error *error)
{
    *clips = (struct mask_clips){.store = store, .map = map};
    int status = list_clips(options->split, clips, error);
    for (int m = 0; m < VALENCE_N_MODALITIES && !status; m++) {
        clips->rows[m] = allocate(clips->n, sizeof *clips->rows[m]);
        if (!clips->rows[m])
            return fail_memory(error, (size_t)clips->n * sizeof(int64_t), "the lengths of clips");
        for (int64_t i = 0; i < clips->n; i++)
            clips->rows[m][i] = clip_rows(store, map, clips->clips[i], (enum valence_stream)m);
        status = find_length(clips, m, options->padded_rows[m], error);
    }
    return status;
}

void mask_clips_free(struct mask_clips *clips)
{
    free(clips->clips);
    free(clips->places);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        free(clips->rows[m]);
    *clips = (struct mask_clips){0};
}

/* ---- A mask ---- */

int mask_create(const struct mask_clips *clips, struct mask *mask, struct valence_error *error)
{
    *mask = (struct mask){.clips = clips};
    mask->absent = allocate(clips->n, 1);
    mask->noisy = allocate(clips->n, 1);
    bool complete = mask->absent && mask->noisy;
    int64_t n_rows = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES && complete; m++) {
        int64_t *offsets = mask->offsets[m] = allocate(clips->n + 1, sizeof *offsets);
        complete = offsets != NULL;
        for (int64_t i = 0; i < clips->n && complete; i++)
            offsets[i + 1] = offsets[i] + clips->rows[m][i];
        n_rows = complete ? offsets[clips->n] : 0;
        mask->kept[m] = allocate(n_rows, 1);
        complete = complete && mask->kept[m];
        if (complete)
            memset(mask->kept[m], 1, (size_t)n_rows);
    }
    return complete ? VALENCE_OK : fail_memory(error, (size_t)n_rows, "a mask");
}

void mask_free(struct mask *mask)
{
    free(mask->absent);
    free(mask->noisy);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        free(mask->kept[m]);
        free(mask->offsets[m]);
    }
    *mask = (struct mask){0};
}

void mask_hash(const struct mask *mask, char text[VALENCE_MASK_HASH_BYTES])
{
    struct sha256 digest;
    sha256_begin(&digest);
    for (int64_t i = 0; i < mask->clips->n; i++) {
        sha256_add(&digest, &mask->absent[i], 1);
        sha256_add(&digest, &mask->noisy[i], 1);
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            sha256_add(&digest, mask->kept[m] + mask->offsets[m][i],
                       (size_t)mask->clips->rows[m][i]);
    }
    sha256_end(&digest, text);
}

int64_t mask_rows_left(const struct mask *mask, int64_t place, int modality)
{
    const unsigned char *kept = mask->kept[modality] + mask->offsets[modality][place];
    int64_t left = 0;
    if (mask->absent[place] & VALENCE_BIT(modality))
        return 0;
    for (int64_t i = 0; i < mask->clips->rows[modality][place]; i++)
        left += kept[i];
    return left;
}

/* An erased row that is zero, or another word, is still a row. */
unsigned mask_absent(const struct mask *mask, int64_t place)
{
    unsigned absent = mask->absent[place];
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (mask->erasure[m] == VALENCE_ERASURE_REMOVE ? mask_rows_left(mask, place, m) == 0
                                                       : mask->clips->rows[m][place] == 0)
            absent |= VALENCE_BIT(m);
    return absent;
}

bool mask_has_simulated_text(const struct mask *mask, int64_t place)
{
    return !(mask->absent[place] & VALENCE_BIT(VALENCE_AUDIO)) &&
           clip_rows(mask->clips->store, mask->clips->map, mask->clips->clips[place],
                     VALENCE_STREAM_SIMULATED_TEXT) > 0;
}

/* ---- Rows ---- */

/* A clip's noise is a function of its id, the modality and the seed. */
static struct random_source noise_source(const struct mask *mask, int64_t clip, int modality)
{
    uint64_t key = valence_clip_key(valence_store_clip(mask->clips->store, clip)->id);
    return random_source(mix_keys(mask->noise_key, key), (uint64_t)modality);
}

static void add_gaussian(const struct mask *mask, int64_t clip, int modality,
                         enum valence_dtype type, int64_t width, int64_t n, void *rows)
{
    const float *scale = mask->scale[modality];
    struct random_source source = noise_source(mask, clip, modality);
    for (int64_t i = 0; i < n * width; i++) {
        double drawn = random_normal(&source);
        double deviation = !scale ? 1 : scale[i % width] == 0 ? 0 : 1 / (double)scale[i % width];
        float value = element_at(rows, type, i) + (float)(mask->noise * deviation * drawn);
        if (type == VALENCE_F16) /* whose largest value is 65504 */
            ((uint16_t *)rows)[i] = float_to_half(fmaxf(fminf(value, 65504), -65504));
        else
            ((float *)rows)[i] = value;
    }
}

/* Of hybrid noise, which of the two a clip gets is drawn from a stream of its own. */
static bool is_zeroed(const struct mask *mask, int64_t clip, int modality)
{
    struct random_source source = noise_source(mask, clip, VALENCE_N_MODALITIES + modality);
    return mask->noise_kind == VALENCE_NOISE_MISSING ||
           (mask->noise_kind == VALENCE_NOISE_HYBRID && random_uniform(&source) < 0.5);
}

static void add_noise(const struct mask *mask, int64_t clip, int modality, enum valence_dtype type,
                      int64_t width, int64_t n, void *rows)
{
    if (is_zeroed(mask, clip, modality))
        memset(rows, 0, (size_t)(n * width) * valence_dtype_size(type));
    else
        add_gaussian(mask, clip, modality, type, width, n, rows);
}

/* What takes the place of a word depends on the clip and the place alone. */
static void replace_words(const struct mask *mask, int64_t clip, const unsigned char *kept,
                          size_t row_bytes, int64_t n, char *rows)
{
    uint64_t key = valence_clip_key(valence_store_clip(mask->clips->store, clip)->id);
    struct random_source source = random_source(mask->word_key, key);
    for (int64_t i = 0; i < n; i++) {
        int64_t word = random_below(&source, mask->replacements->n);
        if (!kept[i])
            memcpy(rows + (size_t)i * row_bytes,
                   mask->replacements->rows + (size_t)word * row_bytes, row_bytes);
    }
}

int64_t mask_apply(const void *user, int64_t clip, enum valence_stream stream,
                   enum valence_dtype type, int64_t width, int64_t n, void *rows)
{
    const struct mask *mask = user;
    int64_t place = mask->clips->places[clip];
    int m = (int)stream;
    if (stream == VALENCE_STREAM_SIMULATED_TEXT)
        return mask_has_simulated_text(mask, place) ? n : 0;
    if (mask->absent[place] & VALENCE_BIT(m))
        return 0;
    if (mask->noisy[place] & VALENCE_BIT(m))
        add_noise(mask, clip, m, type, width, n, rows);
    const unsigned char *kept = mask->kept[m] + mask->offsets[m][place];
    size_t row_bytes = (size_t)width * valence_dtype_size(type);
    if (m == VALENCE_TEXT && mask->replacements) {
        replace_words(mask, clip, kept, row_bytes, n, rows);
        return n;
    }
    struct row_eraser eraser = {.rows = rows, .row_bytes = row_bytes, .erasure = mask->erasure[m]};
    for (int64_t i = 0; i < n; i++)
        erase_next(&eraser, kept[i]);
    return eraser.n_left;
}
