/* What a store's labels mean, for the figures that are computed from them. */
#include "data/label_scale.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
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

/* ---- Classes ---- */

const struct valence_label_scale *label_classes(const struct valence_store *store)
{
    const struct valence_label_scale *scale = valence_store_label_scale(store);
    return scale && scale->n_classes ? scale : NULL;
}

int label_class_find(const struct valence_label_scale *scale, const char *name)
{
    for (int i = 0; i < scale->n_classes; i++)
        if (strcmp(scale->classes[i], name) == 0)
            return i;
    return -1;
}

static int add_class(struct valence_label_scale *scale, const char *name, size_t length,
                     struct valence_error *error)
{
    if (length == 0 || length >= VALENCE_CLASS_NAME_BYTES)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "label_classes",
                        "the name of a class has 1 to %d bytes, not '%.*s'",
                        VALENCE_CLASS_NAME_BYTES - 1, (int)length, name);
    if (scale->n_classes == VALENCE_MAX_CLASSES)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "label_classes",
                        "there are more than %d classes", VALENCE_MAX_CLASSES);
    char *own = scale->classes[scale->n_classes];
    memcpy(own, name, length);
    own[length] = '\0';
    if (label_class_find(scale, own) >= 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "label_classes", "class '%s' is named twice",
                        own);
    scale->n_classes++;
    return VALENCE_OK;
}

int label_classes_parse(const char *list, struct valence_label_scale *scale,
                        struct valence_error *error)
{
    *scale = (struct valence_label_scale){.name = "classes"};
    int status = VALENCE_OK;
    for (const char *at = list; !status; at++) {
        size_t length = strcspn(at, ",");
        status = add_class(scale, at, length, error);
        at += length;
        if (*at == '\0')
            break;
    }
    if (!status && scale->n_classes < 2)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "label_classes",
                          "'%s' is one class; there are 2 or more, as in anger,joy,neutral", list);
    scale->high = scale->n_classes - 1;
    return status;
}

void label_classes_list(const struct valence_label_scale *scale, char *list, size_t room)
{
    size_t used = 0;
    list[0] = '\0';
    for (int i = 0; i < scale->n_classes && used < room; i++)
        used +=
            (size_t)snprintf(list + used, room - used, "%s%s", i ? ", " : "", scale->classes[i]);
}

/* ---- Scales ---- */

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
    if (label_classes(store))
        return VALENCE_SCALE_CLASSES;
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
