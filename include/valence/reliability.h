/* How far off a score is likely to be, from how far off the scores of other clips were.
 *
 * A calibration set is clips that the model was not trained on, with their scores and labels; for a
 * trained model it is the validation part. Labels lie in a range, and a score beyond it counts as
 * its nearer end. The clips are grouped into regions by their score: up to five, of about equally
 * many clips. In the region of a new score, the mean of |score - label| is the error to expect, and
 *
 *     score - q ... score + q,   q the k-th smallest |score - label|,   k = ceil((n + 1) level),
 *
 * with n the region's clips, holds the new clip's label with a probability of at least `level` (and
 * at most 1 / (n + 1) more, without ties). That is true in each region, whatever the model and the
 * distribution, as long as new clips come from where the calibration set does (split conformal
 * prediction, Mondrian by region). Where k > n no finite interval is that sure, and the interval is
 * the labels' whole range. An interval lies within the range and always contains its score.
 *
 * The epoch of a run was chosen on the same validation part, which makes these errors slightly
 * smaller than those of new clips; the coverage on a test part shows by how much
 * (valence/evaluate.h).
 *
 * Source: Vovk, Gammerman, Shafer, "Algorithmic learning in a random world" (2005), chapter 4; Lei
 * et al., "Distribution-free predictive inference for regression" (JASA 2018). */
#ifndef VALENCE_RELIABILITY_H
#define VALENCE_RELIABILITY_H

#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VALENCE_MAX_REGIONS 5

/* What options and requests may ask for as the `level` of an interval. */
#define VALENCE_MIN_LEVEL 0.01
#define VALENCE_MAX_LEVEL 0.999

struct valence_reliability; /* of the scores of one flow; only read once made */

/* From the scores and labels of `n` clips, all finite; they are copied as far as needed. Labels lie
 * in [minimum, maximum]; so will intervals. *reliability is NULL on failure; free with
 * valence_reliability_free(), which takes NULL. Errors: ARGUMENT for no clips, NULL, or an empty
 * range; MEMORY. */
VALENCE_API int valence_reliability_create(const float *scores, const float *labels, int64_t n,
                                           double minimum, double maximum,
                                           struct valence_reliability **reliability,
                                           struct valence_error *error);
VALENCE_API void valence_reliability_free(struct valence_reliability *reliability);

struct valence_estimate {
    double error; /* expected |score - label| */
    double low;   /* the interval, within the labels' range */
    double high;
};

/* `score` is finite, `level` in (0, 1): 0.9. Thread-safe. */
VALENCE_API struct valence_estimate
valence_reliability_estimate(const struct valence_reliability *reliability, float score,
                             double level);

/* The regions from the lowest scores to the highest, 1 ... VALENCE_MAX_REGIONS. */
struct valence_region {
    double from; /* scores with from <= score < to; the first has -INFINITY */
    double to;   /* the last has INFINITY */
    /* of the calibration set; a clip whose score is a boundary counts for neither side */
    int64_t n_clips;
    double error; /* mean |score - label| */
};
VALENCE_API int valence_reliability_n_regions(const struct valence_reliability *reliability);

/* `region` is 0 ... n_regions - 1; any other gives NaN and 0. */
VALENCE_API struct valence_region
valence_reliability_region(const struct valence_reliability *reliability, int region);

/* Of a loaded model's scores in the flow that misses `missing`, for clips that have everything else
 * that the model reads. It belongs to the model. NULL where the model was not trained with that
 * flow, and for checkpoints without a calibration set (only a run's best.safetensors has one). */
VALENCE_API const struct valence_reliability *
valence_model_reliability(const struct valence_model *model, unsigned missing);

#ifdef __cplusplus
}
#endif
#endif
