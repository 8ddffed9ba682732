/* Which conditions a protocol has. */
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "evaluate/protocol_mask.h"

enum { A = 1 << VALENCE_AUDIO, T = 1 << VALENCE_TEXT, V = 1 << VALENCE_VIDEO };

/* The published rates, in tenths: first, last, and how many tenths lie between two. */
static const struct {
    int first, last, step;
} published_rates[N_PROTOCOLS] = {
    [PROTOCOL_ERASE] = {0, 10, 1},         [PROTOCOL_ERASE_RANDOM] = {0, 9, 1},
    [PROTOCOL_RMFM] = {0, 10, 1},          [PROTOCOL_RMFM_SAME] = {0, 10, 1},
    [PROTOCOL_RMM] = {0, 10, 1},           [PROTOCOL_TMFM] = {0, 10, 1},
    [PROTOCOL_STMFM] = {0, 10, 1},         [PROTOCOL_RANDOM_MODALITY] = {0, 7, 1},
    [PROTOCOL_BATCH_MODALITY] = {1, 7, 1}, [PROTOCOL_DROP_RATE] = {0, 10, 1},
    [PROTOCOL_NOISE] = {0, 10, 2},         [PROTOCOL_DROP_WORDS] = {0, 10, 1},
    [PROTOCOL_REPLACE_WORDS] = {0, 10, 1},
};

struct condition_list {
    struct condition *conditions;
    int n;
};

static struct condition *add(struct condition_list *list)
{
    struct condition *condition = &list->conditions[list->n++];
    *condition = (struct condition){.rate = NAN, .modality = -1};
    return condition;
}

/* What is there, "audio+text"; "complete" for all. */
static void add_subset(struct condition_list *list, unsigned there)
{
    struct condition *condition = add(list);
    size_t used = 0;
    condition->absent = VALENCE_ALL_MODALITIES & ~there;
    if (there == VALENCE_ALL_MODALITIES)
        snprintf(condition->name, sizeof condition->name, "complete");
    else
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            if (there & VALENCE_BIT(m))
                used += (size_t)snprintf(condition->name + used, sizeof condition->name - used,
                                         "%s%s", used ? "+" : "", valence_modality_names[m]);
}

static void add_rate(struct condition_list *list, double rate)
{
    struct condition *condition = add(list);
    condition->rate = rate;
    snprintf(condition->name, sizeof condition->name, "%g", rate);
}

static void add_noise(struct condition_list *list, double rate, int modality)
{
    struct condition *condition = add(list);
    condition->rate = rate;
    condition->modality = modality;
    snprintf(condition->name, sizeof condition->name, "%s %g", valence_modality_names[modality],
             rate);
}

/* The rates to measure; `own` has room for the published ones. */
static int rates_of(enum protocol protocol, const struct valence_protocol_options *options,
                    double own[MAX_CONDITIONS], const double **rates)
{
    int n = 0;
    *rates = options->rates;
    if (options->n_rates)
        return options->n_rates;
    for (int tenth = published_rates[protocol].first; tenth <= published_rates[protocol].last;
         tenth += published_rates[protocol].step)
        own[n++] = tenth / 10.0;
    *rates = own;
    return n;
}

static int add_rates(enum protocol protocol, const struct valence_protocol_options *options,
                     struct condition_list *list, struct valence_error *error)
{
    double own[MAX_CONDITIONS];
    const double *rates;
    int n = rates_of(protocol, options, own, &rates);
    if (protocol != PROTOCOL_NOISE) {
        for (int i = 0; i < n; i++)
            add_rate(list, rates[i]);
        return VALENCE_OK;
    }
    if (n * __builtin_popcount(options->noisy_modalities) > MAX_CONDITIONS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "rates",
                        "noise: %d rates for each modality are more than %d conditions", n,
                        MAX_CONDITIONS);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        for (int i = 0; i < n && options->noisy_modalities & VALENCE_BIT(m); i++)
            add_noise(list, rates[i], m);
    return VALENCE_OK;
}

/* DiCMoR's and IMDer's shares of batches are a table by tenths. */
static int check_batch_rates(const struct valence_protocol_options *options,
                             struct valence_error *error)
{
    for (int i = 0; i < options->n_rates; i++) {
        double tenths = 10 * options->rates[i];
        if (fabs(tenths - round(tenths)) > 1e-9 || tenths < 0.5 || tenths > 7.5)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "rates",
                            "batch-modality: its rates are 0.1, 0.2, ... 0.7, not %g",
                            options->rates[i]);
    }
    return VALENCE_OK;
}

static void add_imbalanced(struct condition_list *list,
                           const struct valence_protocol_options *options)
{
    struct condition *condition = add(list);
    size_t used = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (!isnan(options->modality_rates[m]) && used < sizeof condition->name)
            used += (size_t)snprintf(condition->name + used, sizeof condition->name - used,
                                     "%s%s %.3g", used ? ", " : "", valence_modality_names[m],
                                     options->modality_rates[m]);
}

int protocol_conditions(enum protocol protocol, const struct valence_protocol_options *options,
                        struct condition conditions[MAX_CONDITIONS], int *n,
                        struct valence_error *error)
{
    static const unsigned subsets[] = {A, T, V, A | T, A | V, T | V, A | T | V};
    struct condition_list list = {.conditions = conditions};
    const struct valence_protocol_info *info = valence_protocol_get((int)protocol);
    int status = VALENCE_OK;
    *n = 0;
    if (options->n_rates && !info->by_rate)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the protocol %s has no rates to choose",
                    info->name);
    if (protocol == PROTOCOL_BATCH_MODALITY)
        status = check_batch_rates(options, error);
    if (status)
        return status;
    if (protocol == PROTOCOL_TEXT_MISSING) {
        add_subset(&list, VALENCE_ALL_MODALITIES);
        add_subset(&list, A | V);
    } else if (protocol == PROTOCOL_IMBALANCED)
        add_imbalanced(&list, options);
    else if (info->by_rate)
        status = add_rates(protocol, options, &list, error);
    else
        for (int i = 0; i < (protocol == PROTOCOL_SIX_CONDITIONS ? 6 : 7); i++)
            add_subset(&list, subsets[i]);
    *n = list.n;
    return status;
}
