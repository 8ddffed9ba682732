#include "train/train_state.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"

/* One table for both directions. */
#define COUNTS(X)                                                                                  \
    X(epoch)                                                                                       \
    X(n_batches)                                                                                   \
    X(step)                                                                                        \
    X(n_clips)                                                                                     \
    X(best_epoch)                                                                                  \
    X(since_best)                                                                                  \
    X(log_bytes)
#define VALUES(X)                                                                                  \
    X("sum_complete", sums.complete)                                                               \
    X("sum_missing", sums.missing)                                                                 \
    X("sum_rep", sums.rep)                                                                         \
    X("sum_cross", sums.cross)                                                                     \
    X("sum_feature", sums.feature)                                                                 \
    X("sum_rnc", sums.rnc)                                                                         \
    X("sum_total", sums.total)                                                                     \
    X("sum_norm", norm_sum)                                                                        \
    X("best_value", best_value)

json_t *train_state_to_json(const struct train_state *state, int n_flows)
{
    char key[17];
    snprintf(key, sizeof key, "%016" PRIx64, state->data_key); /* JSON integers are signed */
    json_t *object = json_object(), *best = json_array();
    int failed = !object || !best;
#define PUT_COUNT(name) failed |= json_object_set_new(object, #name, json_integer(state->name));
    COUNTS(PUT_COUNT)
#undef PUT_COUNT
#define PUT_VALUE(name, field) failed |= json_object_set_new(object, name, json_real(state->field));
    VALUES(PUT_VALUE)
#undef PUT_VALUE
    if (state->ridge_penalty > 0)
        failed |= json_object_set_new(object, "ridge_penalty", json_real(state->ridge_penalty));
    for (int f = 0; f < n_flows; f++)
        failed |= json_array_append_new(best, json_real(state->best_mae[f]));
    failed |= json_object_set_new(object, "best_mae", best);
    failed |= json_object_set_new(object, "data", json_string(key));
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool read_count(const json_t *object, const char *name, int64_t *count)
{
    const json_t *value = json_object_get(object, name);
    *count = (int64_t)json_integer_value(value);
    return json_is_integer(value) && *count >= 0;
}

static bool read_value(const json_t *object, const char *name, double *number)
{
    const json_t *value = json_object_get(object, name);
    *number = json_number_value(value);
    return json_is_number(value);
}

int train_state_from_json(const json_t *object, int n_flows, const char *name,
                          struct train_state *state, struct valence_error *error)
{
    *state = (struct train_state){0};
    bool good = json_is_object(object);
#define GET_COUNT(field) good = good && read_count(object, #field, &state->field);
    COUNTS(GET_COUNT)
#undef GET_COUNT
#define GET_VALUE(key, field) good = good && read_value(object, key, &state->field);
    VALUES(GET_VALUE)
#undef GET_VALUE
    const json_t *best = json_object_get(object, "best_mae");
    state->ridge_penalty = json_number_value(json_object_get(object, "ridge_penalty"));
    good = good && json_array_size(best) == (size_t)n_flows;
    for (int f = 0; f < n_flows && good; f++)
        state->best_mae[f] = json_number_value(json_array_get(best, (size_t)f));
    const char *key = json_string_value(json_object_get(object, "data"));
    good = good && key && state->best_epoch <= state->epoch;
    if (!good)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: its \"training\" state is damaged", name);
    state->data_key = strtoull(key, NULL, 16);
    return VALENCE_OK;
}
