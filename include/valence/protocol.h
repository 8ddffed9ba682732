/* Protocols: fixed rules by which something is missing, and models measured under them.
 *
 * A protocol has *conditions*: rates of missing rows, subsets of modalities, shares of noisy clips.
 * For each, a *mask* says what every clip of a split loses; the model then scores what is left.
 * Where a published rule draws from NumPy's random stream, the masks here are its masks bit for bit
 * (docs/protocols.md says where, and which published tables you can compare with).
 *
 *     valence_evaluate_protocol(model, store, "erase", NULL, NULL, &evaluation, &error);
 *     for (int c = 0; c < evaluation->n_conditions; c++)
 *         printf("%s %.3f\n", evaluation->conditions[c].name,
 *                evaluation->conditions[c].metrics.values[VALENCE_METRIC_MAE]);
 */
#ifndef VALENCE_PROTOCOL_H
#define VALENCE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/collective.h"
#include "valence/error.h"
#include "valence/evaluate.h"
#include "valence/metrics.h"
#include "valence/model.h"
#include "valence/progress.h"
#include "valence/run.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The protocols there are ---- */

/* Where a protocol's masks come from. */
enum valence_mask_random {
    VALENCE_MASK_FIXED, /* nothing is drawn */
    VALENCE_MASK_NUMPY, /* NumPy's legacy stream: the published masks, bit for bit */
    VALENCE_MASK_OWN,   /* the library's counter-based stream: the published rule, other draws */
    VALENCE_N_MASK_RANDOMS
};
/* "fixed", "numpy", "valence" */
extern VALENCE_API const char *const valence_mask_random_names[VALENCE_MAX_NAMES];

struct valence_protocol_info {
    const char *name;
    /* the work that defined it */
    const char *source;
    /* the rule, in one sentence */
    const char *rule;
    enum valence_mask_random random;
    /* how the published figures were made: the models trained, and what chose their epochs; NULL
     * where none are published */
    const char *published_training, *published_selection;
    /* the published epochs were chosen on the part that the figures are of */
    bool chosen_on_test;
    /* the conditions are rates: of missing rows, modalities, batches, or of noisy clips */
    bool by_rate;
    /* the published tables have the area under the curve over the rates */
    bool has_auilc;
    /* seed of the published masks, or 1 where none is known; erase has one for each modality */
    int64_t seed;
};

VALENCE_API int valence_n_protocols(void);

/* NULL for an unknown index or name. Never freed. */
VALENCE_API const struct valence_protocol_info *valence_protocol_get(int i);
VALENCE_API const struct valence_protocol_info *valence_protocol_find(const char *name);

/* ---- Measuring ---- */

/* What becomes of an erased row. A modality that is absent as a whole always becomes an empty
 * sequence, and the model's flow that imagines it is taken, where one was trained. */
enum valence_erasure {
    VALENCE_ERASURE_ZERO,   /* its values become 0, as published; the sequence keeps its length */
    VALENCE_ERASURE_REMOVE, /* it is taken out; a modality without rows is then absent */
    VALENCE_N_ERASURES
};
/* "zero", "remove" */
extern VALENCE_API const char *const valence_erasure_names[VALENCE_MAX_NAMES];

/* What takes the place of a replaced row of text. */
enum valence_replacement {
    VALENCE_REPLACEMENT_WORD,    /* another row of text of the store, drawn at random */
    VALENCE_REPLACEMENT_UNKNOWN, /* 0, as an erased row: the nearest to [UNK] here */
    VALENCE_N_REPLACEMENTS
};
/* "word", "unknown" */
extern VALENCE_API const char *const valence_replacement_names[VALENCE_MAX_NAMES];

/* What noise does to a clip's rows of a modality. */
enum valence_noise_kind {
    VALENCE_NOISE_GAUSSIAN,
    VALENCE_NOISE_MISSING, /* they become 0 */
    VALENCE_NOISE_HYBRID,  /* one or the other, drawn for each clip */
    VALENCE_N_NOISE_KINDS
};
/* "gaussian", "missing", "hybrid" */
extern VALENCE_API const char *const valence_noise_kind_names[VALENCE_MAX_NAMES];

struct valence_protocol_options {
    size_t size;              /* set by valence_protocol_options_default() */
    enum valence_split split; /* test */
    int scale;                /* enum valence_scale, or -1: valence_store_scale() */
    /* Rates to measure, each from 0 to 1, ascending; NULL and 0: the protocol's own. */
    const double *rates;
    int n_rates;
    /* imbalanced: how likely each modality is absent, by enum valence_modality; NaN at first, and
     * to be set for every modality that the model reads. */
    double modality_rates[VALENCE_MAX_MODALITIES];
    /* Of the masks; -1: the published one. With a seed given, all modalities of erase share it, as
     * they do in MMSA. */
    int64_t mask_seed;
    /* Rows for which a mask is drawn, by enum valence_modality: the length to which the published
     * arrays are padded. 0: the longest clip of the store. */
    int64_t padded_rows[VALENCE_MAX_MODALITIES];
    /* The first and the last row of text stay, as the published rules have it for [CLS] and [SEP];
     * for stores whose text rows begin and end with them. */
    bool keep_text_ends;
    enum valence_erasure erasure; /* zero */
    /* noise: its deviation, in deviations of each column over the training rows (in the stored
     * units where the model does not standardise a stream), 1; and the modalities that get it, one
     * after the other. */
    double noise;
    unsigned noisy_modalities;
    /* batch-modality: clips of a batch that lose the same modalities, 32. */
    int64_t mask_batch;
    int64_t n_resamples; /* for intervals of the metrics, 2000; 0: none */
    uint64_t seed;       /* of the resampling, 1 */
    int64_t batch_size;  /* clips computed together, 64 */
    int64_t max_rows;    /* of a stream of a clip, 10000; longer ones are cut at their end */
    /* as in struct valence_evaluate_options */
    const char *label_values, *label_map, *text_stream;
    enum valence_replacement replacement; /* replace-words: word */
    enum valence_noise_kind noise_kind;   /* noise: gaussian */
    /* as in struct valence_evaluate_options */
    const struct valence_collective *collective;
};
VALENCE_API void valence_protocol_options_default(struct valence_protocol_options *options);

/* 64 hexadecimal digits and a NUL. */
#define VALENCE_MASK_HASH_BYTES 65

/* A condition, and how the model does under it. Shares are over the clips measured and the
 * modalities that the model reads. */
struct valence_condition {
    char name[48]; /* "0.3", "audio+text", "audio 0.2" */
    double rate;   /* NaN where the condition is no rate */

    /* Of the rows that the clips have, the share that is erased or absent; of the modalities of all
     * clips, the share without a row left; both together, and by enum valence_modality (NaN for
     * one that the model does not read). */
    double missing_rows, missing_modalities;
    double rows_of[VALENCE_MAX_MODALITIES], modalities_of[VALENCE_MAX_MODALITIES];
    double noisy; /* share of clips with noise */
    /* clips without a row left, simulated text included where the flow reads it */
    int64_t n_nothing;
    /* clips that lack a modality which no trained flow imagines for them */
    int64_t n_unimagined;
    /* SHA-256 of the mask of all clips of the split: docs/protocols.md has the order of its bytes
     */
    char mask[VALENCE_MASK_HASH_BYTES];

    /* by enum valence_metric: the epoch of the model that the metric is of, where epochs were
     * chosen as published; else 0, the model that was given */
    int64_t epochs[VALENCE_MAX_METRICS];
    int64_t n_unscored; /* left out of the metrics: values too large for the network */
    float *scores;      /* (n_clips); NaN where unscored */
    struct valence_metrics metrics;
    struct valence_interval *intervals; /* (VALENCE_N_METRICS); NaN without resamples */
    /* The metrics over clips whose label is not 0, which fixed's published MAE and Corr are. */
    struct valence_metrics nonzero_metrics;
};

/* The ids belong to the store. */
struct valence_protocol_evaluation {
    const struct valence_protocol_info *protocol;
    enum valence_split split;
    enum valence_scale scale;
    bool synthetic;
    bool as_published; /* by valence_evaluate_protocol_as_published() */
    enum valence_data_match data;
    int64_t n_resamples;
    int64_t mask_seed; /* as drawn with; -1: those of erase's modalities */
    int64_t padded_rows[VALENCE_MAX_MODALITIES]; /* as drawn with */
    enum valence_erasure erasure;
    enum valence_replacement replacement;
    enum valence_noise_kind noise_kind;
    /* drop-words and replace-words: of the clips with text, how many have a row for each word of
     * their transcript; in the others a row is a part of a word, or the store has no transcript. */
    int64_t n_word_rows, n_with_text;

    int64_t n_clips;
    int64_t *clips; /* (n_clips): indices in the store */
    float *labels;  /* (n_clips) */
    int64_t n_unlabelled, n_empty, n_cut;

    int n_conditions;
    struct valence_condition *conditions;
    /* By enum valence_metric: the area under the curve over the rates, NaN where the protocol has
     * none; and the mean over the conditions. */
    double auilc[VALENCE_MAX_METRICS], mean[VALENCE_MAX_METRICS];

    /* As in struct valence_evaluation. */
    char clips_sha256[65], trained_on[64];
    const char *configuration;
};

/* Measures a model under every condition of the protocol `name`. *evaluation is NULL on failure;
 * free with valence_protocol_evaluation_free(), which takes NULL. `options` and `progress` may be
 * NULL.
 *
 * Errors: NOT_FOUND for an unknown protocol, and as valence_evaluate(); ARGUMENT for options out of
 * range or not of this protocol, naming them; SHAPE where the protocol needs aligned streams and
 * the clips' lengths differ, or a stream has another width; LIMIT where a clip is longer than
 * padded_rows; CANCELLED; those of reading the store; MEMORY. */
VALENCE_API int valence_evaluate_protocol(const struct valence_model *model,
                                          const struct valence_store *store, const char *name,
                                          const struct valence_protocol_options *options,
                                          const struct valence_progress *progress,
                                          const struct valence_protocol_evaluation **evaluation,
                                          struct valence_error *error);
/* The same, with the epochs chosen as for the published figures, for a comparison with
 * these: among the kept epochs of a run's model (valence/run.h), on the part that is measured where
 * chosen_on_test is set. erase-random takes for each metric the epoch that is best at a rate of
 * 0.5; fixed takes for each subset the epoch with the best F1 (MAE on scales without one). Such
 * figures are better than what the model gives on new clips. A condition's scores and
 * nonzero_metrics are then those of the epoch that its MAE is of. drop-rate measures the validation
 * part, whatever `options` say. The other protocols were selected on validation: the run's own
 * model is measured.
 *
 * Errors: as above; NOT_FOUND with key "keep_epochs" where the run has kept no epochs; ARGUMENT for
 * erase-random without the rate 0.5. */
VALENCE_API int valence_evaluate_protocol_as_published(
    const struct valence_run *run, int model, const struct valence_store *store, const char *name,
    const struct valence_protocol_options *options, const struct valence_progress *progress,
    const struct valence_protocol_evaluation **evaluation, struct valence_error *error);
VALENCE_API void
valence_protocol_evaluation_free(const struct valence_protocol_evaluation *evaluation);

/* The area under a curve: the sum of (values[i] + values[i+1]) / 2 * (rates[i+1] - rates[i]), not
 * divided by the range of the rates, as published (EMT-DLFR). NaN for fewer than two values, or
 * where one is NaN. It has no errors; NULL gives NaN. */
VALENCE_API double valence_auilc(const double *rates, const double *values, int n);

#ifdef __cplusplus
}
#endif
#endif
