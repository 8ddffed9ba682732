/* The settings that a sweep tries: all combinations, one key at a time, or random draws. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "base/text.h"
#include "experiment/variants.h"
#include "train/train_config.h"

#define MAX_RANGES      16
#define MAX_VALUES      200 /* of a key */
#define VALUE_BYTES     64
#define SWEEP_KEY_BYTES 64

const char *const valence_sweep_method_names[VALENCE_MAX_NAMES] = {"grid", "one", "random"};

/* A key and its values. */
struct range {
    char key[SWEEP_KEY_BYTES];
    int n;
    char values[MAX_VALUES][VALUE_BYTES];
    /* of numbers from LOW to HIGH, which random draws may lie between */
    bool is_interval, is_logarithmic, is_integer;
    double low, high;
};

/* One variant with its memory. */
struct setting {
    char name[VALUE_BYTES];
    int n;
    char texts[MAX_RANGES][SWEEP_KEY_BYTES + VALUE_BYTES];
    const char *assignments[MAX_RANGES];
};

struct sweep {
    int n;
    struct setting *settings;
    struct valence_variant *variants;
};

/* ---- Reading "KEY=LOW:HIGH:STEP" ---- */

static int add_value(struct range *range, const char *text, size_t length,
                     struct valence_error *error)
{
    if (range->n == MAX_VALUES)
        return fail_key(error, VALENCE_ERROR_LIMIT, range->key, "%s: more than %d values",
                        range->key, MAX_VALUES);
    if (length == 0 || length >= VALUE_BYTES)
        return fail_key(error, VALENCE_ERROR_CONFIG, range->key, "%s: a value is empty or too long",
                        range->key);
    snprintf(range->values[range->n++], VALUE_BYTES, "%.*s", (int)length, text);
    return VALENCE_OK;
}

static int add_number(struct range *range, double value, struct valence_error *error)
{
    char text[NUMBER_TEXT_BYTES];
    format_double(value, range->is_integer ? 17 : 9, text);
    return add_value(range, text, strlen(text), error);
}

/* LOW:HIGH:STEP, or LOW:HIGH:*FACTOR. */
static int read_interval(struct range *range, const char *text, struct valence_error *error)
{
    char low[VALUE_BYTES], high[VALUE_BYTES], step_text[VALUE_BYTES];
    double step = 0;
    bool good = sscanf(text, "%63[^:]:%63[^:]:%63[^:]", low, high, step_text) == 3;
    range->is_logarithmic = good && step_text[0] == '*';
    good = good && parse_double(low, &range->low) && parse_double(high, &range->high) &&
           parse_double(step_text + range->is_logarithmic, &step) && isfinite(range->low) &&
           isfinite(range->high) && isfinite(step);
    if (!good)
        return fail_key(error, VALENCE_ERROR_CONFIG, range->key,
                        "%s=%.100s: this is not LOW:HIGH:STEP or LOW:HIGH:*FACTOR", range->key,
                        text);
    if (range->low > range->high || !(step > (range->is_logarithmic ? 1 : 0)) ||
        (range->is_logarithmic && !(range->low > 0)))
        return fail_key(error, VALENCE_ERROR_CONFIG, range->key,
                        "%s=%.100s: the range is empty: LOW must not be above HIGH, STEP must be "
                        "above 0, FACTOR above 1, and LOW above 0 with a FACTOR",
                        range->key, text);
    range->is_interval = true;
    double n = range->is_logarithmic ? log(range->high / range->low) / log(step)
                                     : (range->high - range->low) / step;
    if (n >= MAX_VALUES)
        return fail_key(error, VALENCE_ERROR_LIMIT, range->key, "%s: more than %d values",
                        range->key, MAX_VALUES);
    int status = VALENCE_OK;
    for (int i = 0; i <= (int)(n + 1e-9) && !status; i++)
        status = add_number(
            range, range->is_logarithmic ? range->low * pow(step, i) : range->low + i * step,
            error);
    return status;
}

/* "a,b,c"; a list in brackets is one value. */
static int read_list(struct range *range, const char *text, struct valence_error *error)
{
    int status = VALENCE_OK, depth = 0;
    const char *from = text;
    for (const char *at = text; !status; at++) {
        depth += *at == '[' ? 1 : *at == ']' ? -1 : 0;
        if (*at && (*at != ',' || depth > 0))
            continue;
        status = add_value(range, from, (size_t)(at - from), error);
        from = at + 1;
        if (!*at)
            break;
    }
    return status;
}

/* Each value must be one of the key, and another one than those before: "0" and "0.0" are one. */
static int check_values(const struct valence_train_config *config, const struct range *range,
                        struct valence_error *error)
{
    struct valence_train_config own = *config;
    char(*read)[VALENCE_CONFIG_VALUE_BYTES] = allocate(range->n, sizeof *read);
    int status = read ? VALENCE_OK : fail_memory(error, sizeof *read, "the values of a key");
    for (int i = 0; i < range->n && !status; i++) {
        status = valence_train_config_set(&own, range->key, range->values[i], error);
        if (!status)
            status = valence_train_config_get(&own, range->key, read[i], sizeof *read, error);
        for (int j = 0; j < i && !status; j++)
            if (strcmp(read[i], read[j]) == 0)
                status = fail_key(error, VALENCE_ERROR_CONFIG, range->key,
                                  "%s: the value %s is given twice", range->key, range->values[i]);
    }
    free(read);
    return status;
}

static int read_range(const struct valence_train_config *config, const char *text,
                      struct range *range, struct valence_error *error)
{
    const char *equals = text ? strchr(text, '=') : NULL;
    *range = (struct range){.n = 0};
    if (!equals || equals == text || equals - text >= SWEEP_KEY_BYTES || !equals[1])
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "'%.100s' is not KEY=LOW:HIGH:STEP or KEY=VALUE,VALUE,...", text ? text : "");
    snprintf(range->key, sizeof range->key, "%.*s", (int)(equals - text), text);
    const struct valence_config_key *key = valence_train_key_find(range->key);
    range->is_integer = key && key->type == VALENCE_CONFIG_INTEGER;
    int status;
    if (strchr(equals + 1, ':'))
        status = read_interval(range, equals + 1, error);
    else
        status = read_list(range, equals + 1, error);
    return status ? status : check_values(config, range, error);
}

/* ---- Settings ---- */

static struct setting *add_setting(struct sweep *sweep, struct valence_error *error)
{
    if (sweep->n == VALENCE_MAX_VARIANTS) {
        fail_key(error, VALENCE_ERROR_LIMIT, "vary", "the sweep has more than %d settings",
                 VALENCE_MAX_VARIANTS);
        return NULL;
    }
    return &sweep->settings[sweep->n++];
}

static void put(struct setting *setting, const char *key, const char *value)
{
    snprintf(setting->texts[setting->n], sizeof setting->texts[0], "%s=%s", key, value);
    setting->n++;
}

/* "losses.rnc=0.2+losses.rep=0", or a number where that is no name of a folder. */
static void name_setting(struct setting *setting, int number)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_.+=";
    char name[MAX_RANGES * (SWEEP_KEY_BYTES + VALUE_BYTES)];
    size_t used = 0;
    for (int i = 0; i < setting->n; i++)
        used += (size_t)snprintf(name + used, sizeof name - used, "%s%s", i ? "+" : "",
                                 setting->texts[i]);
    if (used < sizeof setting->name && strspn(name, allowed) == used)
        memcpy(setting->name, name, used + 1);
    else
        snprintf(setting->name, sizeof setting->name, "setting-%d", number);
}

static int add_grid(struct sweep *sweep, const struct range *ranges, int n,
                    struct valence_error *error)
{
    int at[MAX_RANGES] = {0}, digit;
    do {
        struct setting *setting = add_setting(sweep, error);
        if (!setting)
            return VALENCE_ERROR_LIMIT;
        for (int i = 0; i < n; i++)
            put(setting, ranges[i].key, ranges[i].values[at[i]]);
        for (digit = n - 1; digit >= 0 && ++at[digit] == ranges[digit].n; digit--)
            at[digit] = 0;
    } while (digit >= 0);
    return VALENCE_OK;
}

static int add_one_at_a_time(struct sweep *sweep, const struct range *ranges, int n,
                             struct valence_error *error)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < ranges[i].n; j++) {
            struct setting *setting = add_setting(sweep, error);
            if (!setting)
                return VALENCE_ERROR_LIMIT;
            put(setting, ranges[i].key, ranges[i].values[j]);
        }
    return VALENCE_OK;
}

/* A value between the ends of an interval, or one of a list. */
static void draw(const struct range *range, struct random_source *source, char value[VALUE_BYTES])
{
    char text[NUMBER_TEXT_BYTES];
    if (!range->is_interval) {
        memcpy(value, range->values[random_below(source, range->n)], VALUE_BYTES);
        return;
    }
    double at = random_uniform(source);
    double drawn = range->is_logarithmic ? range->low * pow(range->high / range->low, at)
                                         : range->low + at * (range->high - range->low);
    if (range->is_integer)
        drawn = fmin(range->high, floor(range->low + at * (range->high - range->low + 1)));
    format_double(drawn, range->is_integer ? 17 : 4, text);
    snprintf(value, VALUE_BYTES, "%s", text);
}

/* Whether the last setting is an earlier one. */
static bool is_repeated(const struct sweep *sweep)
{
    const struct setting *last = &sweep->settings[sweep->n - 1];
    for (int i = 1; i < sweep->n - 1; i++) {
        bool same = true;
        for (int j = 0; j < last->n && same; j++)
            same = strcmp(sweep->settings[i].texts[j], last->texts[j]) == 0;
        if (same)
            return true;
    }
    return false;
}

/* Few values may have fewer settings than draws, which no number of tries could find. */
static int add_draws(struct sweep *sweep, const struct range *ranges, int n,
                     const struct valence_sweep_options *options, struct valence_error *error)
{
    enum { MAX_TRIES = 1000 };
    for (int64_t i = 0; i < options->n_draws; i++) {
        struct random_source source = random_source(options->seed, (uint64_t)i);
        struct setting *setting = add_setting(sweep, error);
        char value[VALUE_BYTES];
        int tries = 0;
        if (!setting)
            return VALENCE_ERROR_LIMIT;
        do {
            setting->n = 0;
            for (int j = 0; j < n; j++) {
                draw(&ranges[j], &source, value);
                put(setting, ranges[j].key, value);
            }
        } while (is_repeated(sweep) && ++tries < MAX_TRIES);
        if (tries == MAX_TRIES)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "n_draws",
                            "only %lld different settings were found for %lld draws", (long long)i,
                            (long long)options->n_draws);
    }
    return VALENCE_OK;
}

/* ---- The whole ---- */

void valence_sweep_options_default(struct valence_sweep_options *options)
{
    *options = (struct valence_sweep_options){
        .size = sizeof *options, .method = VALENCE_SWEEP_ONE, .n_draws = 20, .seed = 1};
}

static void make_variants(struct sweep *sweep)
{
    for (int i = 0; i < sweep->n; i++) {
        struct setting *setting = &sweep->settings[i];
        if (i > 0)
            name_setting(setting, i);
        for (int j = 0; j < setting->n; j++)
            setting->assignments[j] = setting->texts[j];
        sweep->variants[i] =
            (struct valence_variant){setting->name, setting->assignments, setting->n};
    }
}

static int fill(struct sweep *sweep, const struct valence_train_config *config,
                const char *const *texts, int n, const struct valence_sweep_options *options,
                struct valence_error *error)
{
    struct range *ranges = allocate(n, sizeof *ranges);
    int status = ranges ? VALENCE_OK : fail_memory(error, sizeof *ranges, "the ranges");
    for (int i = 0; i < n && !status; i++) {
        status = read_range(config, texts[i], &ranges[i], error);
        for (int j = 0; j < i && !status; j++)
            if (strcmp(ranges[i].key, ranges[j].key) == 0)
                status = fail_key(error, VALENCE_ERROR_CONFIG, ranges[i].key,
                                  "%s has two ranges; give it one, with all values", ranges[i].key);
    }
    if (!status) {
        struct setting *base = add_setting(sweep, error); /* the configuration as it is */
        snprintf(base->name, sizeof base->name, "base");
        status = options->method == VALENCE_SWEEP_GRID ? add_grid(sweep, ranges, n, error)
                 : options->method == VALENCE_SWEEP_ONE
                     ? add_one_at_a_time(sweep, ranges, n, error)
                     : add_draws(sweep, ranges, n, options, error);
    }
    free(ranges);
    return status;
}

int valence_sweep_create(const struct valence_train_config *config, const char *const *ranges,
                         int n_ranges, const struct valence_sweep_options *given,
                         const struct valence_variant **variants, int *n,
                         struct valence_error *error)
{
    struct valence_sweep_options options;
    *variants = NULL;
    *n = 0;
    valence_sweep_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (!status && (!config || !ranges || n_ranges < 1 || n_ranges > MAX_RANGES))
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "a sweep needs a configuration and 1 to %d keys to vary", MAX_RANGES);
    if (!status && ((unsigned)options.method >= VALENCE_N_SWEEP_METHODS || options.n_draws < 1 ||
                    options.n_draws >= VALENCE_MAX_VARIANTS))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "n_draws", "a sweep has 1 to %d draws",
                          VALENCE_MAX_VARIANTS - 1);
    if (status)
        return status;
    struct sweep made = {0};
    made.settings = allocate(VALENCE_MAX_VARIANTS, sizeof *made.settings);
    made.variants = allocate(VALENCE_MAX_VARIANTS, sizeof *made.variants);
    status = made.settings && made.variants ? fill(&made, config, ranges, n_ranges, &options, error)
                                            : fail_memory(error, 1 << 20, "the settings");
    if (!status) {
        make_variants(&made);
        status = variants_copy(made.variants, made.n, variants, error);
    }
    *n = status ? 0 : made.n;
    free(made.settings);
    free(made.variants);
    return status;
}
