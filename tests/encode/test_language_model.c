/* Text streams on the fixtures' tiny Llama: what must not change a row, and which texts, options
 * and files are refused. */
#include "llm_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "encode/compute/backend.h"
#include "encode/llm/llm_context.h"

static char folder[] = "/tmp/test-language-model-XXXXXX";
static char scratch[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(scratch, sizeof scratch, "%s/scratch", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(scratch);
    return rmdir(folder);
}

struct opened {
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
};

static struct opened open_with(struct valence_encoder_options options)
{
    struct opened opened;
    struct valence_error error;
    options.size = sizeof options;
    assert_int_equal(valence_encoder_load(LLAMA, &options, &opened.encoder, &error), 0);
    assert_int_equal(valence_encoder_state_create(opened.encoder, &opened.state, &error), 0);
    return opened;
}

static void close_opened(struct opened *opened)
{
    valence_encoder_state_free(opened->state);
    valence_encoder_free(opened->encoder);
}

static struct valence_features encode(struct opened *opened, const char *const *texts, int64_t n)
{
    struct valence_error error;
    struct valence_features features;
    struct valence_encoder_input *inputs = calloc((size_t)n, sizeof *inputs);
    assert_non_null(inputs);
    for (int64_t i = 0; i < n; i++)
        inputs[i].text = texts[i];
    assert_int_equal(valence_encoder_encode(opened->state, inputs, n, NULL, &features, &error), 0);
    free(inputs);
    return features;
}

/* Words enough for `n` tokens and some. */
static char *long_text(int64_t n)
{
    static const char *const words[] = {"the", "story", "is", "great", "but", "slow"};
    struct random_source source = random_source(3, 0);
    char *text = malloc((size_t)n * 8 + 1), *end = text;
    assert_non_null(text);
    for (int64_t i = 0; i < n; i++)
        end += sprintf(end, "%s ", words[random_below(&source, 6)]);
    return text;
}

/* ---- Text streams ---- */

static void test_rows_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    enum { N = 90 };
    char *texts[N];
    struct opened opened = open_with((struct valence_encoder_options){
        .size = sizeof(struct valence_encoder_options), .batch_tokens = 64});
    for (int i = 0; i < N; i++)
        texts[i] = long_text(1 + i % 23);
    struct valence_features all = encode(&opened, (const char *const *)texts, N);
    for (int i = 0; i < N; i++) {
        struct valence_features one = encode(&opened, (const char *const *)&texts[i], 1);
        assert_int_equal(one.offsets[1], all.offsets[i + 1] - all.offsets[i]);
        assert_same(one.offsets[1] * one.width, one.rows, all.rows + all.offsets[i] * all.width,
                    5e-5);
        valence_features_free(&one);
        free(texts[i]);
    }
    valence_features_free(&all);
    close_opened(&opened);
}

static void test_layers_stand_beside_each_other_and_sum(void **state)
{
    (void)state;
    static const char *const lists[] = {"2", "-1", "raw", "2,-1,raw", "2+-1+raw"};
    const char *text = "the ending is great";
    struct valence_features is[5];
    for (int i = 0; i < 5; i++) {
        struct opened opened = open_with((struct valence_encoder_options){
            .size = sizeof(struct valence_encoder_options), .layers = lists[i]});
        is[i] = encode(&opened, &text, 1);
        close_opened(&opened);
    }
    assert_int_equal(is[3].width, 3 * is[0].width);
    for (int64_t r = 0; r < is[0].offsets[1]; r++)
        for (int64_t c = 0; c < is[0].width; c++) {
            int64_t at = r * is[0].width + c;
            for (int i = 0; i < 3; i++)
                assert_float_equal(is[3].rows[r * is[3].width + i * is[0].width + c],
                                   is[i].rows[at], 1e-5);
            assert_float_equal(is[4].rows[at], is[0].rows[at] + is[1].rows[at] + is[2].rows[at],
                               5e-5);
        }
    for (int i = 0; i < 5; i++)
        valence_features_free(&is[i]);
}

static void test_special_tokens_can_be_dropped(void **state)
{
    (void)state;
    const char *text = "i really like this one.";
    struct opened with = open_with((struct valence_encoder_options){0}),
                  without = open_with((struct valence_encoder_options){
                      .size = sizeof(struct valence_encoder_options), .drop_special = true});
    struct valence_features a = encode(&with, &text, 1), b = encode(&without, &text, 1);
    assert_int_equal(a.offsets[1], b.offsets[1] + 1); /* BOS */
    assert_same(b.offsets[1] * b.width, a.rows + a.width, b.rows, 0);
    valence_features_free(&a);
    valence_features_free(&b);
    close_opened(&with);
    close_opened(&without);
}

static void test_mean_is_one_row(void **state)
{
    (void)state;
    const char *texts[] = {"i really like this one.", "", "the story is slow"};
    struct opened rows = open_with((struct valence_encoder_options){
                      .size = sizeof(struct valence_encoder_options), .drop_special = true}),
                  mean = open_with((struct valence_encoder_options){
                      .size = sizeof(struct valence_encoder_options),
                      .drop_special = true,
                      .mean = true});
    struct valence_features a = encode(&rows, texts, 3), b = encode(&mean, texts, 3);
    assert_int_equal(b.offsets[3], 2);
    for (int i = 0; i < 3; i += 2)
        for (int64_t c = 0; c < a.width; c++) {
            double sum = 0;
            for (int64_t r = a.offsets[i]; r < a.offsets[i + 1]; r++)
                sum += a.rows[r * a.width + c];
            assert_float_equal(b.rows[b.offsets[i] * b.width + c],
                               sum / (double)(a.offsets[i + 1] - a.offsets[i]), 2e-5);
        }
    valence_features_free(&a);
    valence_features_free(&b);
    close_opened(&rows);
    close_opened(&mean);
}

static void test_blanks_around_a_text_do_not_matter(void **state)
{
    (void)state;
    const char *texts[] = {"the rest", " \n the rest\t\r\n", " \n\t", ""};
    struct opened opened = open_with((struct valence_encoder_options){0});
    struct valence_features is = encode(&opened, texts, 4);
    int64_t n = is.offsets[1];
    assert_int_equal(is.offsets[2], 2 * n);
    assert_int_equal(is.offsets[4], 2 * n); /* nothing has no rows, not even BOS */
    assert_same(n * is.width, is.rows, is.rows + n * is.width, 5e-5);
    valence_features_free(&is);
    close_opened(&opened);
}

/* Rows of tokens [first, end) behind BOS, computed at once. */
static float *rows_of_window(const char *text, int64_t first, int64_t end, const char *layers)
{
    struct valence_error error;
    struct weights weights;
    ggml_backend_dev_t device;
    struct language_model model;
    struct llm_context context;
    struct taps taps;
    llama_token *tokens;
    int64_t n;
    struct llm_context_sizes sizes = {.positions = 512, .batch = 512, .sequences = 1};
    assert_int_equal(backend_find_device("cpu", &device, &error), 0);
    assert_int_equal(weights_open(&weights, LLAMA, &error), 0);
    assert_int_equal(language_model_load(&model, &weights, device, &error), 0);
    assert_int_equal(language_model_parse_taps(&model, layers, &taps, &error), 0);
    assert_int_equal(language_model_tokenize(&model, text, strlen(text), true, &tokens, &n, &error),
                     0);
    assert_int_equal(llm_context_create(&context, &model, &sizes, &error), 0);
    float *rows = calloc((size_t)((end - first + 1) * taps.width), sizeof *rows);
    assert_non_null(rows);
    context.taps = &taps;
    context.only_taps = true;
    llm_batch_begin(&context, false);
    for (int64_t i = 0; i <= end - first; i++)
        llm_batch_add_token(&context, i ? tokens[first + i - 1] : tokens[0], i, 0, false,
                            (struct llm_row){rows + i * taps.width, 1});
    assert_int_equal(llm_batch_compute(&context, &error), 0);
    llm_context_free(&context);
    language_model_free(&model);
    free(tokens);
    return rows;
}

/* Windows of 200 that share 66: the first is [0, 200), the second BOS and [134, 333), of which
 * [200, 333) is kept. */
static void test_long_texts_are_computed_in_windows(void **state)
{
    (void)state;
    char *text = long_text(7000);
    struct opened opened =
        open_with((struct valence_encoder_options){.size = sizeof(struct valence_encoder_options),
                                                   .layers = "2",
                                                   .window_tokens = 200,
                                                   .batch_tokens = 64});
    struct valence_features all = encode(&opened, (const char *const *)&text, 1);
    int64_t width = all.width;
    assert_true(all.offsets[1] > 20000);
    float *first = rows_of_window(text, 1, 200, "2"), *second = rows_of_window(text, 134, 333, "2");
    assert_same(200 * width, all.rows, first, 5e-5);
    assert_same((333 - 200) * width, all.rows + 200 * width, second + 67 * width, 5e-5);
    free(first);
    free(second);
    valence_features_free(&all);
    close_opened(&opened);
    free(text);
}

static void test_fast_mode_is_near(void **state)
{
    (void)state;
    const char *text = "the story is slow but the ending is great.";
    struct opened exact = open_with((struct valence_encoder_options){0}),
                  fast = open_with((struct valence_encoder_options){
                      .size = sizeof(struct valence_encoder_options), .fast = true});
    struct valence_features a = encode(&exact, &text, 1), b = encode(&fast, &text, 1);
    assert_int_equal(a.offsets[1], b.offsets[1]);
    assert_same(a.offsets[1] * a.width, a.rows, b.rows, 0.05);
    valence_features_free(&a);
    valence_features_free(&b);
    close_opened(&exact);
    close_opened(&fast);
}

static int status_of(struct opened *opened, const char *text,
                     const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_features features;
    struct valence_encoder_input input = {.text = text};
    int status = valence_encoder_encode(opened->state, &input, 1, progress, &features, error);
    if (status)
        assert_null(features.rows);
    valence_features_free(&features);
    return status;
}

static void test_bad_texts_are_refused_and_the_state_goes_on(void **state)
{
    (void)state;
    struct valence_error error;
    int left = 0;
    struct valence_progress progress = {cancel, &left};
    struct opened opened = open_with((struct valence_encoder_options){0});
    assert_int_equal(status_of(&opened, "caf\xE9", NULL, &error), VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "UTF-8"));
    assert_int_equal(status_of(&opened, NULL, NULL, &error), VALENCE_ERROR_ARGUMENT);
    char *huge = malloc((2 << 20) + 1);
    assert_non_null(huge);
    memset(huge, 'a', 2 << 20);
    huge[2 << 20] = '\0';
    assert_int_equal(status_of(&opened, huge, NULL, &error), VALENCE_ERROR_LIMIT);
    free(huge);
    struct valence_features features; /* the first is in the batch already when the second fails */
    struct valence_encoder_input inputs[] = {{.text = "good"}, {.text = "caf\xE9"}};
    assert_int_equal(valence_encoder_encode(opened.state, inputs, 2, NULL, &features, &error),
                     VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "input 1"));
    assert_int_equal(status_of(&opened, "good", &progress, &error), VALENCE_ERROR_CANCELLED);
    assert_int_equal(status_of(&opened, "good", NULL, &error), 0);
    close_opened(&opened);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    static struct valence_encoder_options bad[] = {
        {.layers = "7"},      {.layers = "-8"},         {.layers = "conv"},
        {.layers = "1+"},     {.window_tokens = 1000},  {.window_tokens = 5},
        {.batch_tokens = -1}, {.batch_tokens = 1 << 20}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct valence_error error;
        struct valence_encoder *encoder;
        bad[i].size = sizeof bad[i];
        assert_int_equal(valence_encoder_load(LLAMA, &bad[i], &encoder, &error),
                         VALENCE_ERROR_ARGUMENT);
        assert_null(encoder);
    }
}

static void test_the_description_names_the_model(void **state)
{
    (void)state;
    struct opened opened = open_with((struct valence_encoder_options){
        .size = sizeof(struct valence_encoder_options), .layers = "-3"});
    const struct valence_encoder_description *is = valence_encoder_describe(opened.encoder);
    assert_string_equal(is->kind, "llm");
    assert_string_equal(is->architecture, "llama");
    assert_string_equal(is->source, "tiny-llama-f32.gguf");
    assert_string_equal(is->type, "f32");
    assert_string_equal(is->layers, "-3");
    assert_int_equal(strlen(is->fingerprint), 64);
    assert_int_equal(is->width, 64);
    assert_int_equal(is->n_layers, 6);
    assert_int_equal(is->context, 512);
    close_opened(&opened);
}

/* ---- Files ---- */

/* The tiny Llama with its header changed, or some tensors less. */
static void write_changed(void (*change)(struct gguf_context *header), const char *without)
{
    struct valence_error error;
    struct weights weights;
    static const char padding[64];
    assert_int_equal(weights_open(&weights, LLAMA, &error), 0);
    struct gguf_context *header = gguf_init_empty();
    gguf_set_kv(header, weights.gguf);
    if (change)
        change(header);
    FILE *file = fopen(scratch, "wb");
    assert_non_null(file);
    assert_int_equal(weights_load(&weights, &error), 0);
    struct ggml_tensor *tensor;
    for (tensor = ggml_get_first_tensor(weights.context); tensor;
         tensor = ggml_get_next_tensor(weights.context, tensor))
        if (!without || strcmp(tensor->name, without) != 0)
            gguf_add_tensor(header, tensor);
    size_t size = gguf_get_meta_size(header);
    void *meta = malloc(size);
    assert_non_null(meta);
    gguf_get_meta_data(header, meta);
    fwrite(meta, 1, size, file);
    for (tensor = ggml_get_first_tensor(weights.context); tensor;
         tensor = ggml_get_next_tensor(weights.context, tensor))
        if (!without || strcmp(tensor->name, without) != 0) {
            size_t bytes = ggml_nbytes(tensor);
            fwrite(weights_data(&weights, tensor), 1, bytes, file);
            fwrite(padding, 1, GGML_PAD(bytes, GGUF_DEFAULT_ALIGNMENT) - bytes, file);
        }
    assert_int_equal(fclose(file), 0);
    free(meta);
    gguf_free(header);
    weights_close(&weights);
}

static void assert_refused(int status, const char *text)
{
    struct valence_error error;
    struct valence_encoder *encoder;
    int is = valence_encoder_load(scratch, NULL, &encoder, &error);
    if (is != status || !strstr(error.text, text))
        fail_msg("status %d, not %d: %s", is, status, is ? error.text : "");
    assert_null(encoder);
}

static void not_causal(struct gguf_context *header)
{
    gguf_set_val_bool(header, "llama.attention.causal", false);
}

static void no_layers(struct gguf_context *header)
{
    gguf_set_val_u32(header, "llama.block_count", 0);
}

static void odd_heads(struct gguf_context *header)
{
    gguf_set_val_u32(header, "llama.attention.head_count_kv", 3);
}

static void wider(struct gguf_context *header)
{
    gguf_set_val_u32(header, "llama.embedding_length", 128);
}

static void unknown(struct gguf_context *header)
{
    gguf_set_val_str(header, "general.architecture", "lama");
    gguf_set_val_u32(header, "lama.embedding_length", 64);
    gguf_set_val_u32(header, "lama.block_count", 6);
    gguf_set_val_u32(header, "lama.context_length", 512);
}

static void no_such_token(struct gguf_context *header)
{
    gguf_set_val_u32(header, "tokenizer.ggml.bos_token_id", 320);
}

static void experts(struct gguf_context *header)
{
    gguf_set_val_u32(header, "llama.expert_used_count", 2);
}

static void short_context(struct gguf_context *header)
{
    gguf_set_val_u32(header, "llama.context_length", 1);
}

static void negative_epsilon(struct gguf_context *header)
{
    gguf_set_val_f32(header, "llama.attention.layer_norm_rms_epsilon", -1);
}

static void tokenizer_of_bert(struct gguf_context *header)
{
    gguf_set_val_str(header, "tokenizer.ggml.model", "bert");
}

static void empty_tokens(struct gguf_context *header)
{
    const char *tokens[320];
    for (int i = 0; i < 320; i++)
        tokens[i] = "";
    gguf_set_arr_str(header, "tokenizer.ggml.tokens", tokens, 320);
}

static void scores_of_nan(struct gguf_context *header)
{
    float scores[320] = {0};
    scores[7] = NAN;
    gguf_set_arr_data(header, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores, 320);
}

/* Each of these made llama.cpp abort, loop, or order pieces of words by chance. */
static void test_metadata_that_harm_are_refused(void **state)
{
    (void)state;
    write_changed(short_context, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "llama.context_length");
    write_changed(negative_epsilon, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "layer_norm_rms_epsilon");
    write_changed(tokenizer_of_bert, NULL);
    assert_refused(VALENCE_ERROR_UNSUPPORTED, "the tokenizer is 'bert'");
    write_changed(empty_tokens, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "");
    write_changed(scores_of_nan, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "number 7 is NaN");
}

static void test_unfit_models_are_refused_with_their_reason(void **state)
{
    (void)state;
    write_changed(NULL, "blk.3.ffn_up.weight");
    assert_refused(VALENCE_ERROR_FORMAT, "blk.3.ffn_up.weight");
    write_changed(not_causal, NULL);
    assert_refused(VALENCE_ERROR_UNSUPPORTED, "not causal");
    write_changed(no_layers, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "llama.block_count");
    write_changed(odd_heads, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "heads");
    write_changed(wider, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "");
    write_changed(unknown, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "lama");
    write_changed(no_such_token, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "bos_token_id");
    write_changed(experts, NULL);
    assert_refused(VALENCE_ERROR_FORMAT, "expert_used_count");
}

static void test_no_cut_of_a_model_loads(void **state)
{
    (void)state;
    struct valence_error error;
    struct file_map map;
    assert_int_equal(file_map_open(&map, LLAMA, &error), 0);
    static const double parts[] = {0, 0.0001, 0.001, 0.01, 0.5, 0.99};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        FILE *file = fopen(scratch, "wb");
        assert_non_null(file);
        fwrite(map.data, 1, (size_t)((double)map.size * parts[i]), file);
        fclose(file);
        struct valence_encoder *encoder;
        assert_int_not_equal(valence_encoder_load(scratch, NULL, &encoder, &error), 0);
        assert_null(encoder);
    }
    file_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_do_not_depend_on_the_batch),
        cmocka_unit_test(test_layers_stand_beside_each_other_and_sum),
        cmocka_unit_test(test_special_tokens_can_be_dropped),
        cmocka_unit_test(test_mean_is_one_row),
        cmocka_unit_test(test_blanks_around_a_text_do_not_matter),
        cmocka_unit_test(test_long_texts_are_computed_in_windows),
        cmocka_unit_test(test_fast_mode_is_near),
        cmocka_unit_test(test_bad_texts_are_refused_and_the_state_goes_on),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_the_description_names_the_model),
        cmocka_unit_test(test_unfit_models_are_refused_with_their_reason),
        cmocka_unit_test(test_metadata_that_harm_are_refused),
        cmocka_unit_test(test_no_cut_of_a_model_loads),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
