/* What a store's labels mean, for the figures that are computed from them. */
#include "data/label_scale.h"

#include <jansson.h>
#include <math.h>

#include "store/store_source.h"
#include "valence/evaluate.h"

/* As the store declares it, or as its import was asked to check it; false if neither is known.
 */
bool label_range(const struct valence_store *store, double *minimum, double *maximum)
{
    const struct valence_label_scale *declared = valence_store_label_scale(store);
    if (declared) {
        *minimum = declared->low;
        *maximum = declared->high;
        return true;
    }
    const json_t *range = json_object_get(store_source_json(store), "label_range");
    *minimum = json_number_value(json_array_get(range, 0));
    *maximum = json_number_value(json_array_get(range, 1));
    return json_array_size(range) == 2;
}

static enum valence_scale scale_of_range(double minimum, double maximum)
{
    if (minimum == -1 && maximum == 1)
        return VALENCE_SCALE_SIMS;
    return minimum == -3 && maximum == 3 ? VALENCE_SCALE_SENTIMENT : VALENCE_SCALE_OTHER;
}

enum valence_scale valence_store_scale(const struct valence_store *store)
{
    double declared_low, declared_high, low = INFINITY, high = -INFINITY;
    bool classes = true;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        double label = (double)valence_store_clip(store, i)->label;
        if (isnan(label))
            continue;
        classes = classes && (label == -1 || label == 0 || label == 1);
        low = fmin(low, label);
        high = fmax(high, label);
    }
    if (classes && low < high)
        return VALENCE_SCALE_CLASSES3;
    if (low < -3 || high > 3)
        return VALENCE_SCALE_OTHER;
    return label_range(store, &declared_low, &declared_high)
               ? scale_of_range(declared_low, declared_high)
               : VALENCE_SCALE_SENTIMENT;
}
