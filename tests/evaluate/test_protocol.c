/* Protocols: masks against those that NumPy draws from the published rules, and models measured
 * under them. */
#include <jansson.h>

#include "base/numpy_random.h"
#include "evaluate/protocol_mask.h"
#include "golden_store.h"
#include "valence/protocol.h"

/* ---- Masks against NumPy ---- */

/* The sequences that make_protocol_masks.py draws for. */
#define N_DRAWN 60
static const int64_t padded[VALENCE_N_MODALITIES] = {13, 12, 15};

static json_t *expected;

static const json_t *fixture(void)
{
    if (!expected)
        expected = json_load_file(VALENCE_TEST_DATA "/evaluate/protocol_masks.json", 0, NULL);
    assert_non_null(expected);
    return expected;
}

struct drawn {
    struct stream_map map;
    struct mask_clips clips;
    struct mask mask;
};

static void make_drawn(struct drawn *d, bool aligned)
{
    struct valence_error error;
    *d = (struct drawn){.map = {.index = {0, 1, 2, -1}}};
    d->clips = (struct mask_clips){.store = store, .map = &d->map, .n = N_DRAWN};
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        d->clips.rows[m] = calloc(N_DRAWN, sizeof(int64_t));
        d->clips.padded[m] = padded[aligned ? 0 : m];
        for (int i = 0; i < N_DRAWN; i++)
            d->clips.rows[m][i] = (i * 7 + (aligned ? 0 : 3 * m)) % 11 + 1;
    }
    assert_int_equal(mask_create(&d->clips, &d->mask, &error), 0);
}

static void free_drawn(struct drawn *d)
{
    mask_free(&d->mask);
    mask_clips_free(&d->clips);
}

static void draw(struct drawn *d, const char *name, double rate,
                 const struct valence_protocol_options *options)
{
    const struct valence_protocol_info *info = valence_protocol_find(name);
    const struct condition condition = {.rate = rate, .modality = -1};
    struct valence_error error;
    assert_non_null(info);
    if (mask_draw(protocol_of(info), &condition, options, &d->mask, &error))
        fail_msg("%s", error.text);
}

struct shares {
    double rows, modalities;
};

static struct shares shares_of(const struct drawn *d)
{
    double rows = 0, left = 0, absent = 0;
    for (int i = 0; i < N_DRAWN; i++)
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            int64_t stays = mask_rows_left(&d->mask, i, m);
            rows += (double)d->clips.rows[m][i];
            left += (double)stays;
            absent += stays == 0;
        }
    return (struct shares){1 - left / rows, absent / (3.0 * N_DRAWN)};
}

static void check_mask(const struct drawn *d, const json_t *numpy)
{
    char hash[VALENCE_MASK_HASH_BYTES];
    struct shares shares = shares_of(d);
    mask_hash(&d->mask, hash);
    assert_true(fabs(shares.rows - json_number_value(json_object_get(numpy, "rows"))) < 1e-12);
    assert_true(fabs(shares.modalities - json_number_value(json_object_get(numpy, "modalities"))) <
                1e-12);
    assert_string_equal(hash, json_string_value(json_object_get(numpy, "mask")));
}

static void test_masks_are_those_that_numpy_draws(void **state)
{
    (void)state;
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(fixture(), "masks"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "protocol"));
        double rate = json_number_value(json_object_get(entry, "rate"));
        struct valence_protocol_options options;
        struct drawn d;
        valence_protocol_options_default(&options);
        options.mask_seed = json_integer_value(json_object_get(entry, "seed"));
        make_drawn(&d, strcmp(name, "tmfm") == 0);
        draw(&d, name, rate, &options);
        check_mask(&d, entry);
        free_drawn(&d);
    }
    assert_true(i > 40);
}

static void test_the_ends_of_text_can_be_kept(void **state)
{
    (void)state;
    const json_t *numpy = json_object_get(fixture(), "text_ends");
    struct valence_protocol_options options;
    struct drawn d;
    valence_protocol_options_default(&options);
    options.keep_text_ends = true;
    make_drawn(&d, false);
    draw(&d, "erase", json_number_value(json_object_get(numpy, "rate")), &options);
    check_mask(&d, numpy);
    free_drawn(&d);
}

static void test_the_random_stream_is_numpys(void **state)
{
    (void)state;
    size_t i, k;
    json_t *entry, *value;
    json_array_foreach(json_object_get(fixture(), "streams"), i, entry)
    {
        struct numpy_random random;
        numpy_random_seed(&random, (uint32_t)json_integer_value(json_object_get(entry, "seed")));
        json_array_foreach(json_object_get(entry, "uniform"), k, value)
            assert_true(numpy_random_uniform(&random) == json_real_value(value));
        json_array_foreach(json_object_get(entry, "below_3"), k, value)
            assert_int_equal(numpy_random_below(&random, 3), json_integer_value(value));
        json_array_foreach(json_object_get(entry, "below_100"), k, value)
            assert_int_equal(numpy_random_below(&random, 100), json_integer_value(value));
        json_array_foreach(json_object_get(entry, "below_1"), k, value)
            assert_int_equal(numpy_random_below(&random, 1), json_integer_value(value));
        for (k = 0; k < 698; k++) /* beyond a refill of the 624 words */
            (void)numpy_random_uniform(&random);
        json_array_foreach(json_object_get(entry, "after"), k, value)
            assert_true(numpy_random_uniform(&random) == json_real_value(value));
    }
    assert_int_equal(i, 4);
}

static void test_the_area_is_numpys(void **state)
{
    (void)state;
    const json_t *area = json_object_get(fixture(), "area");
    const json_t *list = json_object_get(area, "values");
    double rates[11], values[11];
    for (int i = 0; i < 11; i++) {
        rates[i] = i / 10.0;
        values[i] = json_real_value(json_array_get(list, (size_t)i));
    }
    assert_true(fabs(valence_auilc(rates, values, 11) -
                     json_real_value(json_object_get(area, "auilc"))) < 1e-12);
    assert_true(isnan(valence_auilc(rates, values, 1)));
    assert_true(isnan(valence_auilc(NULL, values, 11)));
}

/* ---- Masks of our own stream ---- */

static double share_with(const struct drawn *d, int n_absent)
{
    double n = 0;
    for (int i = 0; i < N_DRAWN; i++)
        n += __builtin_popcount(d->mask.absent[i]) == n_absent;
    return n / N_DRAWN;
}

/* 60 clips in batches of 2: 30 of them, of which the rule's shares are 30ths. */
static void test_batches_lose_two_modalities_or_one(void **state)
{
    (void)state;
    static const double two[] = {.1, .2, .3, .5, .7, .9, 1}, one[] = {.1, .2, .3, .2, .1, 0, 0};
    struct valence_protocol_options options;
    struct drawn d;
    valence_protocol_options_default(&options);
    options.mask_batch = 2;
    make_drawn(&d, false);
    for (int i = 0; i < 7; i++) {
        draw(&d, "batch-modality", (i + 1) / 10.0, &options);
        assert_true(fabs(share_with(&d, 2) - two[i]) < 1e-9);
        assert_true(fabs(share_with(&d, 1) - one[i]) < 1e-9);
        assert_true(share_with(&d, 3) == 0);
    }
    free_drawn(&d);
}

/* 12 batches are measured against 10, so that at 0.7 two of them stay complete, as published. */
static void test_some_batches_stay_complete_as_published(void **state)
{
    (void)state;
    struct valence_protocol_options options;
    struct drawn d;
    valence_protocol_options_default(&options);
    options.mask_batch = 5;
    make_drawn(&d, false);
    draw(&d, "batch-modality", 0.7, &options);
    assert_true(fabs(share_with(&d, 0) - 2.0 / 12) < 1e-9);
    free_drawn(&d);
}

static void test_a_block_of_the_inner_moments_is_erased(void **state)
{
    (void)state;
    struct valence_protocol_options options;
    struct drawn d;
    valence_protocol_options_default(&options);
    make_drawn(&d, true);
    draw(&d, "stmfm", 0.5, &options);
    for (int i = 0; i < N_DRAWN; i++) {
        int64_t n = d.clips.rows[0][i], first = d.mask.offsets[0][i], begun = 0, ended = 0;
        int64_t block = n > 2 ? (int64_t)nearbyint((double)(n - 2) / 2) : 0;
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            assert_memory_equal(d.mask.kept[m] + first, d.mask.kept[0] + first, (size_t)n);
            assert_int_equal(mask_rows_left(&d.mask, i, m), n - block);
        }
        assert_true(d.mask.kept[0][first] && d.mask.kept[0][first + n - 1]);
        for (int64_t t = 1; t < n; t++) {
            begun += d.mask.kept[0][first + t - 1] && !d.mask.kept[0][first + t];
            ended += !d.mask.kept[0][first + t - 1] && d.mask.kept[0][first + t];
        }
        assert_true(begun == (block > 0) && ended == (block > 0));
    }
    free_drawn(&d);
}

static void test_drops_are_proper_subsets(void **state)
{
    (void)state;
    struct valence_protocol_options options;
    struct drawn d;
    int seen = 0;
    valence_protocol_options_default(&options);
    make_drawn(&d, false);
    draw(&d, "drop-rate", 1, &options);
    for (int i = 0; i < N_DRAWN; i++) {
        assert_true(d.mask.absent[i] > 0 && d.mask.absent[i] < VALENCE_ALL_MODALITIES);
        seen |= 1 << d.mask.absent[i];
    }
    assert_int_equal(seen, 0x7E); /* all six in 60 draws */
    draw(&d, "drop-rate", 0, &options);
    assert_true(share_with(&d, 0) == 1);
    free_drawn(&d);
}

static void test_unaligned_streams_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"tmfm", "stmfm"};
    const struct condition condition = {.rate = 0.5, .modality = -1};
    struct valence_protocol_options options;
    struct valence_error error;
    struct drawn d;
    int64_t clips[N_DRAWN] = {0};
    valence_protocol_options_default(&options);
    make_drawn(&d, false);
    d.clips.clips = clips;
    for (int i = 0; i < 2; i++) {
        enum protocol protocol = protocol_of(valence_protocol_find(names[i]));
        assert_int_equal(mask_draw(protocol, &condition, &options, &d.mask, &error),
                         VALENCE_ERROR_SHAPE);
        assert_non_null(strstr(error.text, "aligned"));
    }
    d.clips.clips = NULL;
    free_drawn(&d);
}

/* ---- Models under protocols ---- */

static struct valence_protocol_options few(void)
{
    struct valence_protocol_options options;
    valence_protocol_options_default(&options);
    options.scale = VALENCE_SCALE_SENTIMENT;
    options.n_resamples = 100;
    options.batch_size = 4;
    return options;
}

static const struct valence_protocol_evaluation *
measure(const char *name, const struct valence_protocol_options *options)
{
    const struct valence_protocol_evaluation *evaluation;
    struct valence_error error;
    if (valence_evaluate_protocol(model, store, name, options, NULL, &evaluation, &error))
        fail_msg("%s: %s", name, error.text);
    return evaluation;
}

static void check_scores(const struct valence_condition *condition, const char *name)
{
    const float *golden_scores = golden(name);
    for (int i = 0; i < N_CLIPS; i++)
        assert_true(fabsf(condition->scores[i] - golden_scores[i]) < 2e-5f * 4);
    free((void *)(uintptr_t)golden_scores);
}

static void test_text_missing_is_the_two_flows(void **state)
{
    (void)state;
    struct valence_protocol_options options = few();
    const struct valence_protocol_evaluation *e = measure("text-missing", &options);
    assert_int_equal(e->n_conditions, 2);
    assert_int_equal(e->n_clips, N_CLIPS);
    assert_int_equal(e->n_unlabelled, 1);
    assert_string_equal(e->conditions[0].name, "complete");
    assert_string_equal(e->conditions[1].name, "audio+video");
    check_scores(&e->conditions[0], "complete.score");
    check_scores(&e->conditions[1], "missing.score");
    assert_true(e->conditions[1].modalities_of[VALENCE_TEXT] == 1);
    assert_true(fabs(e->conditions[1].missing_modalities - 1.0 / 3) < 1e-12);
    assert_int_equal(e->conditions[1].n_unimagined, 0);
    assert_true(isnan(e->auilc[VALENCE_METRIC_MAE]));
    valence_protocol_evaluation_free(e);
}

static void test_a_rate_of_0_is_the_complete_flow_and_1_leaves_nothing(void **state)
{
    (void)state;
    static const double ends[] = {0, 1};
    static const char *const names[] = {"erase", "erase-random", "rmfm", "rmfm-same", "rmm"};
    struct valence_protocol_options options = few();
    options.rates = ends;
    options.n_rates = 2;
    for (int i = 0; i < 5; i++) {
        const struct valence_protocol_evaluation *e = measure(names[i], &options);
        check_scores(&e->conditions[0], "complete.score");
        assert_true(e->conditions[0].missing_rows == 0 && e->conditions[1].missing_rows == 1);
        assert_true(e->conditions[1].missing_modalities == 1);
        assert_int_equal(e->conditions[0].n_nothing, 0);
        assert_int_equal(e->conditions[1].n_nothing, N_CLIPS);
        double area = (e->conditions[0].metrics.values[VALENCE_METRIC_MAE] +
                       e->conditions[1].metrics.values[VALENCE_METRIC_MAE]) /
                      2;
        assert_true(i == 1 ? isnan(e->auilc[VALENCE_METRIC_MAE])
                           : fabs(e->auilc[VALENCE_METRIC_MAE] - area) < 1e-12);
        assert_true(fabs(e->mean[VALENCE_METRIC_MAE] - area) < 1e-12);
        valence_protocol_evaluation_free(e);
    }
}

static void test_scores_do_not_depend_on_the_batches(void **state)
{
    (void)state;
    for (int i = 0; i < valence_n_protocols(); i++) {
        const char *name = valence_protocol_get(i)->name;
        if (strcmp(name, "tmfm") == 0 || strcmp(name, "stmfm") == 0)
            continue; /* the golden clips are not aligned */
        struct valence_protocol_options options = few();
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            options.modality_rates[m] = 0.2 + 0.3 * m;
        const struct valence_protocol_evaluation *one = measure(name, &options);
        options.batch_size = 1;
        const struct valence_protocol_evaluation *other = measure(name, &options);
        assert_int_equal(one->n_conditions, other->n_conditions);
        for (int c = 0; c < one->n_conditions; c++) {
            assert_string_equal(one->conditions[c].mask, other->conditions[c].mask);
            for (int k = 0; k < N_CLIPS; k++)
                assert_true(fabsf(one->conditions[c].scores[k] - other->conditions[c].scores[k]) <
                            1e-5f);
        }
        valence_protocol_evaluation_free(one);
        valence_protocol_evaluation_free(other);
    }
}

static void test_erased_rows_are_zero_or_taken_out(void **state)
{
    (void)state;
    struct drawn d;
    make_drawn(&d, false);
    int64_t places[N_DRAWN], n = d.clips.rows[VALENCE_TEXT][4], left = 0;
    for (int i = 0; i < N_DRAWN; i++)
        places[i] = i;
    d.clips.places = places;
    unsigned char *kept = d.mask.kept[VALENCE_TEXT] + d.mask.offsets[VALENCE_TEXT][4];
    assert_true(n >= 5);
    kept[0] = kept[3] = 0;
    for (int type = 0; type < VALENCE_N_DTYPES; type++)
        for (int e = 0; e < VALENCE_N_ERASURES; e++) {
            float wide[22];
            uint16_t half[22];
            for (int i = 0; i < 2 * (int)n; i++) {
                wide[i] = (float)(i + 1);
                half[i] = (uint16_t)(i + 1);
            }
            d.mask.erasure[VALENCE_TEXT] = (enum valence_erasure)e;
            int64_t stays = mask_apply(&d.mask, 4, VALENCE_STREAM_TEXT, (enum valence_dtype)type, 2,
                                       n, type == VALENCE_F16 ? (void *)half : wide);
            assert_int_equal(stays, e == VALENCE_ERASURE_ZERO ? n : n - 2);
            left = 0;
            for (int64_t t = 0; t < n; t++)
                for (int64_t column = 0; column < 2; column++) {
                    int64_t at = 2 * (e == VALENCE_ERASURE_ZERO ? t : left) + column;
                    int64_t value = kept[t] ? 2 * t + column + 1 : 0;
                    if (kept[t] || e == VALENCE_ERASURE_ZERO)
                        assert_int_equal(type == VALENCE_F16 ? half[at] : (int64_t)wide[at], value);
                    left += column && kept[t];
                }
            assert_int_equal(left, n - 2);
        }
    d.clips.places = NULL;
    free_drawn(&d);
}

static void test_a_modality_without_rows_is_absent_where_they_are_removed(void **state)
{
    (void)state;
    static const double all[] = {1};
    struct valence_protocol_options options = few();
    options.rates = all;
    options.n_rates = 1;
    const struct valence_protocol_evaluation *zero = measure("erase", &options);
    options.erasure = VALENCE_ERASURE_REMOVE;
    const struct valence_protocol_evaluation *removed = measure("erase", &options);
    assert_string_equal(zero->conditions[0].mask, removed->conditions[0].mask);
    assert_int_equal(zero->conditions[0].n_unimagined, 0);
    assert_int_equal(removed->conditions[0].n_unimagined, N_CLIPS);
    /* The flow without text is taken, and reads simulated text. */
    assert_int_equal(removed->conditions[0].n_nothing, 0);
    assert_true(zero->conditions[0].scores[0] != removed->conditions[0].scores[0]);
    valence_protocol_evaluation_free(zero);
    valence_protocol_evaluation_free(removed);
}

static void test_subsets_drop_simulated_text_with_the_sound(void **state)
{
    (void)state;
    struct valence_protocol_options options = few();
    const struct valence_protocol_evaluation *e = measure("fixed", &options);
    assert_int_equal(e->n_conditions, 7);
    assert_string_equal(e->conditions[0].name, "audio");
    assert_string_equal(e->conditions[6].name, "complete");
    for (int c = 0; c < 7; c++) {
        int n_absent = 3 - (c < 3 ? 1 : c < 6 ? 2 : 3);
        assert_true(fabs(e->conditions[c].missing_modalities - n_absent / 3.0) < 1e-12);
        assert_int_equal(e->conditions[c].n_nothing, 0);
        /* the model imagines text alone */
        assert_int_equal(e->conditions[c].n_unimagined > 0, c != 4 && c != 6);
    }
    check_scores(&e->conditions[6], "complete.score");
    check_scores(&e->conditions[4], "missing.score");
    valence_protocol_evaluation_free(e);
}

static void test_noise_grows_with_its_share_and_deviation(void **state)
{
    (void)state;
    static const double shares[] = {0, 1};
    struct valence_protocol_options options = few();
    options.rates = shares;
    options.n_rates = 2;
    options.noisy_modalities = VALENCE_BIT(VALENCE_AUDIO);
    const struct valence_protocol_evaluation *e = measure("noise", &options);
    assert_int_equal(e->n_conditions, 2);
    assert_string_equal(e->conditions[1].name, "audio 1");
    check_scores(&e->conditions[0], "complete.score");
    assert_true(e->conditions[0].noisy == 0 && fabs(e->conditions[1].noisy - 1) < 1e-12);
    assert_true(e->conditions[1].missing_rows == 0);
    assert_true(e->conditions[0].scores[0] != e->conditions[1].scores[0]);
    valence_protocol_evaluation_free(e);
    options.noise = 0;
    e = measure("noise", &options);
    check_scores(&e->conditions[1], "complete.score");
    valence_protocol_evaluation_free(e);
}

static void test_every_kind_of_noise_is_its_own(void **state)
{
    (void)state;
    static const double all[] = {1};
    struct valence_protocol_options options = few();
    const struct valence_protocol_evaluation *e[VALENCE_N_NOISE_KINDS];
    options.rates = all;
    options.n_rates = 1;
    options.noisy_modalities = VALENCE_BIT(VALENCE_AUDIO);
    for (int kind = 0; kind < VALENCE_N_NOISE_KINDS; kind++) {
        options.noise_kind = (enum valence_noise_kind)kind;
        e[kind] = measure("noise", &options);
        assert_int_equal(e[kind]->noise_kind, kind);
        assert_string_equal(e[kind]->conditions[0].mask, e[0]->conditions[0].mask);
    }
    int n_of[2] = {0};
    for (int i = 0; i < N_CLIPS; i++) { /* hybrid: one or the other */
        float hybrid = e[VALENCE_NOISE_HYBRID]->conditions[0].scores[i];
        bool zeroed = fabsf(hybrid - e[VALENCE_NOISE_MISSING]->conditions[0].scores[i]) < 1e-5f;
        bool shaken = fabsf(hybrid - e[VALENCE_NOISE_GAUSSIAN]->conditions[0].scores[i]) < 1e-5f;
        assert_true(zeroed || shaken);
        n_of[zeroed]++;
    }
    assert_true(n_of[0] > 0 && n_of[1] > 0);
    for (int kind = 0; kind < VALENCE_N_NOISE_KINDS; kind++)
        valence_protocol_evaluation_free(e[kind]);
}

/* ---- Low-quality text ---- */

static void test_text_without_words_is_missing(void **state)
{
    (void)state;
    static const double ends[] = {0, 1};
    struct valence_protocol_options options = few();
    options.rates = ends;
    options.n_rates = 2;
    const struct valence_protocol_evaluation *e = measure("drop-words", &options);
    check_scores(&e->conditions[0], "complete.score");
    check_scores(&e->conditions[1], "missing.score");
    assert_true(e->conditions[0].rows_of[VALENCE_TEXT] == 0);
    assert_true(e->conditions[1].rows_of[VALENCE_TEXT] == 1);
    assert_true(e->conditions[1].rows_of[VALENCE_AUDIO] == 0);
    assert_true(e->conditions[1].modalities_of[VALENCE_TEXT] == 1);
    assert_int_equal(e->n_with_text, N_CLIPS);
    valence_protocol_evaluation_free(e);
}

static void test_replaced_words_are_words_of_the_store(void **state)
{
    (void)state;
    enum { WIDTH = 3, N_WORDS = 5, N_ROWS = 40 };
    float words[N_WORDS][WIDTH], rows[N_ROWS][WIDTH], again[N_ROWS][WIDTH];
    unsigned char kept[N_ROWS];
    const struct word_rows replacements = {N_WORDS, (char *)words};
    int64_t places[] = {0}, offsets[] = {0, N_ROWS}, n_rows[] = {N_ROWS}, no_rows[] = {0};
    unsigned char absent[] = {0}, noisy[] = {0};
    struct stream_map map = {.index = {0, 1, 2, -1}};
    struct mask_clips clips = {.store = store, .map = &map, .n = 1, .places = places};
    struct mask mask = {.clips = &clips,
                        .absent = absent,
                        .noisy = noisy,
                        .replacements = &replacements,
                        .word_key = 7};
    clips.rows[VALENCE_AUDIO] = clips.rows[VALENCE_VIDEO] = no_rows;
    clips.rows[VALENCE_TEXT] = n_rows;
    mask.kept[VALENCE_TEXT] = kept;
    mask.offsets[VALENCE_TEXT] = offsets;
    for (int i = 0; i < N_WORDS * WIDTH; i++)
        words[i / WIDTH][i % WIDTH] = (float)(1000 + i);
    int seen = 0;
    for (int pass = 0; pass < 2; pass++) { /* the second loses more, and the same of the first */
        float(*to)[WIDTH] = pass ? again : rows;
        for (int i = 0; i < N_ROWS; i++) {
            kept[i] = i % 2 && !(pass && i % 3 == 0);
            for (int k = 0; k < WIDTH; k++)
                to[i][k] = (float)(i * WIDTH + k);
        }
        assert_int_equal(mask_apply(&mask, 0, VALENCE_STREAM_TEXT, VALENCE_F32, WIDTH, N_ROWS, to),
                         N_ROWS);
        for (int i = 0; i < N_ROWS; i++) {
            int word = ((int)to[i][0] - 1000) / WIDTH;
            if (kept[i])
                assert_true(to[i][0] == (float)(i * WIDTH));
            else {
                assert_in_range(word, 0, N_WORDS - 1);
                assert_memory_equal(to[i], words[word], sizeof words[0]);
                seen |= 1 << word;
            }
            if (pass && i % 2 == 0)
                assert_memory_equal(rows[i], again[i], sizeof rows[0]);
        }
    }
    assert_int_equal(seen, (1 << N_WORDS) - 1);
    assert_int_equal(mask_absent(&mask, 0),
                     VALENCE_BIT(VALENCE_AUDIO) | VALENCE_BIT(VALENCE_VIDEO));
}

static void test_words_are_drawn_from_all_rows_of_text(void **state)
{
    (void)state;
    struct stream_map map = {.index = {-1, valence_store_find_stream(store, "text"), -1, -1},
                             .width = {1, 0, 1, 0},
                             .max_rows = 10000};
    struct word_rows first, second;
    struct valence_error error;
    map.width[VALENCE_TEXT] = valence_store_get_stream(store, map.index[VALENCE_TEXT])->width;
    size_t row_bytes =
        (size_t)map.width[VALENCE_TEXT] *
        valence_dtype_size(valence_store_get_stream(store, map.index[VALENCE_TEXT])->type);
    assert_int_equal(word_rows_draw(store, &map, 1, &first, &error), 0);
    assert_int_equal(word_rows_draw(store, &map, 1, &second, &error), 0);
    int64_t total = 0;
    for (int64_t clip = 0; clip < valence_store_n_clips(store); clip++)
        total += clip_rows(store, &map, clip, VALENCE_STREAM_TEXT);
    assert_int_equal(first.n, total); /* fewer than MAX_WORD_ROWS: all of them */
    assert_memory_equal(first.rows, second.rows, (size_t)first.n * row_bytes);
    word_rows_free(&first);
    word_rows_free(&second);
    map.index[VALENCE_TEXT] = -1;
    assert_int_equal(word_rows_draw(store, &map, 1, &first, &error), VALENCE_ERROR_NOT_FOUND);
    word_rows_free(&first);
}

static void test_replaced_words_change_scores_and_nothing_is_absent(void **state)
{
    (void)state;
    static const double rates[] = {0, 0.5, 1};
    struct valence_protocol_options options = few();
    options.rates = rates;
    options.n_rates = 3;
    const struct valence_protocol_evaluation *word = measure("replace-words", &options);
    options.replacement = VALENCE_REPLACEMENT_UNKNOWN;
    const struct valence_protocol_evaluation *unknown = measure("replace-words", &options);
    check_scores(&word->conditions[0], "complete.score");
    check_scores(&unknown->conditions[0], "complete.score");
    for (int c = 1; c < 3; c++) {
        assert_string_equal(word->conditions[c].mask, unknown->conditions[c].mask);
        assert_int_equal(word->conditions[c].n_unimagined, 0);
        assert_true(word->conditions[c].scores[0] != unknown->conditions[c].scores[0]);
    }
    assert_false(isnan(word->auilc[VALENCE_METRIC_MAE]));
    valence_protocol_evaluation_free(word);
    valence_protocol_evaluation_free(unknown);
}

static void test_intervals_hold_the_metric(void **state)
{
    (void)state;
    struct valence_protocol_options options = few();
    const struct valence_protocol_evaluation *e = measure("six-conditions", &options);
    assert_int_equal(e->n_conditions, 6);
    for (int c = 0; c < 6; c++) {
        struct valence_interval interval = e->conditions[c].intervals[VALENCE_METRIC_MAE];
        double value = e->conditions[c].metrics.values[VALENCE_METRIC_MAE];
        assert_true(interval.low <= value && value <= interval.high);
    }
    valence_protocol_evaluation_free(e);
}

/* ---- What is refused ---- */

static void refused(const char *name, const struct valence_protocol_options *options, int status,
                    const char *key)
{
    const struct valence_protocol_evaluation *evaluation;
    struct valence_error error;
    assert_int_equal(
        valence_evaluate_protocol(model, store, name, options, NULL, &evaluation, &error), status);
    assert_null(evaluation);
    assert_string_equal(error.key, key);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const double below[] = {-0.1}, beyond[] = {0, 1.5}, falling[] = {0.5, 0.2},
                        odd[] = {0.25}, none[] = {NAN}, half[] = {0.5};
    const struct {
        const char *name;
        const double *rates;
        int n;
    } wrong[] = {{"erase", below, 1},        {"erase", beyond, 2}, {"erase", falling, 2},
                 {"batch-modality", odd, 1}, {"erase", none, 1},   {"erase", half, 65},
                 {"erase", NULL, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct valence_protocol_options options = few();
        options.rates = wrong[i].rates;
        options.n_rates = wrong[i].n;
        refused(wrong[i].name, &options, VALENCE_ERROR_ARGUMENT, "rates");
    }
    struct valence_protocol_options options = few();
    options.rates = half;
    options.n_rates = 1;
    refused("fixed", &options, VALENCE_ERROR_ARGUMENT, "");
    options = few();
    refused("erased", &options, VALENCE_ERROR_NOT_FOUND, "protocol");
    refused(NULL, &options, VALENCE_ERROR_NOT_FOUND, "protocol");
    refused("imbalanced", &options, VALENCE_ERROR_ARGUMENT, "modality_rates");
    options.modality_rates[VALENCE_AUDIO] = 1.1;
    refused("imbalanced", &options, VALENCE_ERROR_ARGUMENT, "modality_rates");
    options = few();
    options.padded_rows[VALENCE_AUDIO] = 1;
    refused("erase", &options, VALENCE_ERROR_LIMIT, "padded_rows");
    options = few();
    options.mask_seed = (int64_t)1 << 32;
    refused("erase", &options, VALENCE_ERROR_ARGUMENT, "mask_seed");
    options = few();
    options.noise = NAN;
    refused("noise", &options, VALENCE_ERROR_ARGUMENT, "noise");
    options = few();
    options.noisy_modalities = 0;
    refused("noise", &options, VALENCE_ERROR_ARGUMENT, "noisy_modalities");
    options = few();
    options.mask_batch = 0;
    refused("batch-modality", &options, VALENCE_ERROR_ARGUMENT, "mask_batch");
    options = few();
    options.erasure = 7;
    refused("erase", &options, VALENCE_ERROR_ARGUMENT, "erasure");
    options = few();
    options.replacement = 7;
    refused("replace-words", &options, VALENCE_ERROR_ARGUMENT, "replacement");
    options = few();
    options.noise_kind = 7;
    refused("noise", &options, VALENCE_ERROR_ARGUMENT, "noise_kind");
    options = few();
    options.size++;
    refused("erase", &options, VALENCE_ERROR_ARGUMENT, "");
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done >= 8;
}

static void test_measuring_can_be_cancelled(void **state)
{
    (void)state;
    struct valence_protocol_options options = few();
    const struct valence_progress progress = {.report = cancel};
    const struct valence_protocol_evaluation *evaluation;
    struct valence_error error;
    options.batch_size = 2;
    assert_int_equal(
        valence_evaluate_protocol(model, store, "erase", &options, &progress, &evaluation, &error),
        VALENCE_ERROR_CANCELLED);
    assert_null(evaluation);
}

static void test_protocols_are_found_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < valence_n_protocols(); i++) {
        const struct valence_protocol_info *info = valence_protocol_get(i);
        assert_ptr_equal(valence_protocol_find(info->name), info);
        assert_true(info->source[0] && info->rule[0]);
        assert_true(!info->published_training == !info->published_selection);
        assert_true(!info->published_training == (strstr(info->name, "-words") != NULL));
    }
    assert_null(valence_protocol_get(-1));
    assert_null(valence_protocol_get(valence_n_protocols()));
    assert_null(valence_protocol_find("r1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks_are_those_that_numpy_draws),
        cmocka_unit_test(test_the_ends_of_text_can_be_kept),
        cmocka_unit_test(test_the_random_stream_is_numpys),
        cmocka_unit_test(test_the_area_is_numpys),
        cmocka_unit_test(test_batches_lose_two_modalities_or_one),
        cmocka_unit_test(test_some_batches_stay_complete_as_published),
        cmocka_unit_test(test_a_block_of_the_inner_moments_is_erased),
        cmocka_unit_test(test_drops_are_proper_subsets),
        cmocka_unit_test(test_unaligned_streams_are_refused),
        cmocka_unit_test(test_text_missing_is_the_two_flows),
        cmocka_unit_test(test_a_rate_of_0_is_the_complete_flow_and_1_leaves_nothing),
        cmocka_unit_test(test_scores_do_not_depend_on_the_batches),
        cmocka_unit_test(test_erased_rows_are_zero_or_taken_out),
        cmocka_unit_test(test_a_modality_without_rows_is_absent_where_they_are_removed),
        cmocka_unit_test(test_subsets_drop_simulated_text_with_the_sound),
        cmocka_unit_test(test_noise_grows_with_its_share_and_deviation),
        cmocka_unit_test(test_every_kind_of_noise_is_its_own),
        cmocka_unit_test(test_text_without_words_is_missing),
        cmocka_unit_test(test_replaced_words_are_words_of_the_store),
        cmocka_unit_test(test_words_are_drawn_from_all_rows_of_text),
        cmocka_unit_test(test_replaced_words_change_scores_and_nothing_is_absent),
        cmocka_unit_test(test_intervals_hold_the_metric),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_measuring_can_be_cancelled),
        cmocka_unit_test(test_protocols_are_found_by_name),
    };
    int failed = cmocka_run_group_tests(tests, make_all, remove_all);
    json_decref(expected);
    return failed;
}
