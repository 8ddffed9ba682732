/* Checkpoints: what is saved is what is loaded, and everything else is refused. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_writer.h"
#include "model/config_json.h"
#include "format/safetensors.h"
#include "model/checkpoint.h"
#include "network_cases.h"
#include "valence/reliability.h"
#include "valence/score.h"

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/valence-checkpoint-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* ---- Saving and loading ---- */

/* The smallest network, with everything that a checkpoint can hold. */
static struct checkpoint make_checkpoint(bool with_moments)
{
    struct checkpoint checkpoint = {.config = case_config(2, 2, 2, VALENCE_IMAGINATION_TEXT)};
    struct valence_error error;
    must(checkpoint_allocate(&checkpoint, with_moments, &error), &error);
    float *blocks[] = {checkpoint.parameters, checkpoint.first_moment, checkpoint.second_moment};
    for (int b = 0; b < (with_moments ? 3 : 1); b++) {
        struct random_source source = random_source(1, (uint64_t)b);
        for (int64_t i = 0; i < checkpoint.n_parameters; i++)
            blocks[b][i] = (float)random_normal(&source);
    }
    static const float mean[] = {1, 2, 3, 4}, deviation[] = {0.5, 0, 3, 1e-3f};
    static const float minimum[] = {-1, 2, -8, 3.9f}, maximum[] = {1e9f, 2, 1e9f, 1e9f};
    for (int s = 0; s < N_STREAMS; s++) {
        snprintf(checkpoint.stream_names[s], sizeof checkpoint.stream_names[s], "stream %d", s);
        if (s != VALENCE_STREAM_VIDEO)
            must(checkpoint_set_standardisation(
                     &checkpoint, s,
                     &(struct column_ranges){case_width(&checkpoint.config, s), mean, deviation,
                                             minimum, maximum},
                     &error),
                 &error);
    }
    must(calibration_allocate(&checkpoint.calibration, 3, 2, &error), &error);
    for (int i = 0; i < 2; i++)
        checkpoint.calibration.range[i] = i ? 3 : -3;
    for (int i = 0; i < 3; i++)
        checkpoint.calibration.labels[i] = (float)i;
    for (int i = 0; i < 6; i++)
        checkpoint.calibration.scores[i] = 0.5f * (float)i;
    for (int i = 0; i < 12; i++)
        checkpoint.calibration.distances[i] = (float)i;
    struct novelty *novelty = &checkpoint.novelty[VALENCE_STREAM_TEXT];
    int64_t n_columns = novelty_columns(case_width(&checkpoint.config, VALENCE_STREAM_TEXT));
    must(novelty_allocate(novelty, n_columns, 2, 3, &error), &error);
    for (int64_t i = 0; i < 2 * n_columns; i++)
        novelty->directions[i] = 0.25f * (float)i;
    for (int i = 0; i < 3; i++)
        novelty->validation[i] = (float)i;
    checkpoint.provenance = json_pack("{s:s}", "made_by", "a test");
    checkpoint.training = with_moments ? json_pack("{s:i, s:f}", "epoch", 7, "best", 0.1) : NULL;
    return checkpoint;
}

static void assert_json_equal(const json_t *a, const json_t *b)
{
    assert_true(a == b || json_equal(a, b));
}

static void assert_checkpoints_equal(const struct checkpoint *a, const struct checkpoint *b)
{
    size_t bytes = (size_t)a->n_parameters * sizeof(float);
    json_t *config_a = model_config_to_json(&a->config),
           *config_b = model_config_to_json(&b->config);
    assert_json_equal(config_a, config_b);
    json_decref(config_a);
    json_decref(config_b);
    assert_json_equal(a->provenance, b->provenance);
    assert_json_equal(a->training, b->training);
    assert_int_equal(a->n_parameters, b->n_parameters);
    assert_memory_equal(a->stream_names, b->stream_names, sizeof a->stream_names);
    assert_memory_equal(a->parameters, b->parameters, bytes);
    assert_int_equal(!a->first_moment, !b->first_moment);
    if (a->first_moment) {
        assert_memory_equal(a->first_moment, b->first_moment, bytes);
        assert_memory_equal(a->second_moment, b->second_moment, bytes);
    }
    assert_int_equal(a->calibration.n, b->calibration.n);
    assert_memory_equal(a->calibration.range, b->calibration.range, sizeof a->calibration.range);
    assert_memory_equal(a->calibration.labels, b->calibration.labels, 3 * sizeof(float));
    assert_memory_equal(a->calibration.scores, b->calibration.scores, 6 * sizeof(float));
    assert_memory_equal(a->calibration.distances, b->calibration.distances, 12 * sizeof(float));
    for (int s = 0; s < N_STREAMS; s++) {
        const struct novelty *x = &a->novelty[s], *y = &b->novelty[s];
        assert_int_equal(x->n_columns, y->n_columns);
        if (x->n_columns == 0)
            continue;
        assert_int_equal(x->n_directions, y->n_directions);
        assert_int_equal(x->n_validation, y->n_validation);
        assert_memory_equal(x->mean, y->mean, (size_t)x->n_columns * sizeof(float));
        assert_memory_equal(x->directions, y->directions,
                            (size_t)(x->n_directions * x->n_columns) * sizeof(float));
        assert_memory_equal(x->validation, y->validation, (size_t)x->n_validation * sizeof(float));
    }
    for (int s = 0; s < N_STREAMS; s++) {
        const struct standardisation *x = &a->standardisation, *y = &b->standardisation;
        size_t width = (size_t)case_width(&a->config, s) * sizeof(float);
        assert_int_equal(!x->mean[s], !y->mean[s]);
        if (x->mean[s]) {
            assert_memory_equal(x->mean[s], y->mean[s], width);
            assert_memory_equal(x->scale[s], y->scale[s], width);
            assert_memory_equal(x->low[s], y->low[s], width);
            assert_memory_equal(x->high[s], y->high[s], width);
        }
    }
}

static void test_what_is_saved_is_what_is_loaded(void **state)
{
    (void)state;
    for (int with_moments = 0; with_moments < 2; with_moments++) {
        struct checkpoint saved = make_checkpoint(with_moments), loaded;
        struct valence_error error;
        must(checkpoint_save(path, FILE_OVERWRITE, &saved, &error), &error);
        must(checkpoint_load(path, &loaded, &error), &error);
        assert_checkpoints_equal(&saved, &loaded);
        checkpoint_free(&saved);
        checkpoint_free(&loaded);
    }
}

static void test_a_file_depends_on_the_checkpoint_alone(void **state)
{
    (void)state;
    struct checkpoint checkpoint = make_checkpoint(true), loaded;
    struct valence_error error;
    struct file_map map;
    must(checkpoint_save(path, FILE_OVERWRITE, &checkpoint, &error), &error);
    must(file_map_open(&map, path, &error), &error);
    void *first = memcpy(keep((int64_t)map.size, 1), map.data, map.size);
    size_t size = map.size;
    file_map_close(&map);
    must(checkpoint_load(path, &loaded, &error), &error);
    must(checkpoint_save(path, FILE_OVERWRITE, &loaded, &error), &error); /* over the old one */
    must(file_map_open(&map, path, &error), &error);
    assert_int_equal(map.size, size);
    assert_memory_equal(map.data, first, size);
    file_map_close(&map);
    checkpoint_free(&checkpoint);
    checkpoint_free(&loaded);
}

/* The range in which values are kept is that of the training rows, standardised as they are. */
static void test_a_column_s_range_is_standardised(void **state)
{
    struct checkpoint checkpoint = {.config = case_config(4, 4, 1, VALENCE_IMAGINATION_TRANSITION)};
    const float mean[] = {2, -4}, deviation[] = {0.5f, 8}, minimum[] = {1, -20},
                maximum[] = {4, 12};
    struct valence_error error;
    (void)state;
    must(checkpoint_set_standardisation(
             &checkpoint, VALENCE_STREAM_AUDIO,
             &(struct column_ranges){2, mean, deviation, minimum, maximum}, &error),
         &error);
    const struct standardisation *made = &checkpoint.standardisation;
    const float low[] = {-2, -2}, high[] = {4, 2};
    for (int j = 0; j < 2; j++) {
        assert_true(made->mean[VALENCE_STREAM_AUDIO][j] == mean[j]);
        assert_true(made->scale[VALENCE_STREAM_AUDIO][j] == 1 / deviation[j]);
        assert_true(made->low[VALENCE_STREAM_AUDIO][j] == low[j]);
        assert_true(made->high[VALENCE_STREAM_AUDIO][j] == high[j]);
    }
    checkpoint_free(&checkpoint);
}

static void test_a_constant_column_is_scaled_to_zero(void **state)
{
    (void)state;
    struct checkpoint checkpoint = make_checkpoint(false);
    const float *scale = checkpoint.standardisation.scale[VALENCE_STREAM_AUDIO];
    assert_true(scale[0] == 2 && scale[1] == 0);
    checkpoint_free(&checkpoint);
}

static void test_a_loaded_model_scores_as_its_network(void **state)
{
    (void)state;
    static const int64_t lengths[] = {3, 4, 2, 5, 1, 7, 1, 2};
    struct checkpoint checkpoint = make_checkpoint(false);
    struct clips clips = make_clips(&checkpoint.config, 2, lengths);
    struct network *network = make_network(&checkpoint.config);
    struct flow_output outputs[2];
    struct valence_error error;
    must(network_forward(network, checkpoint.parameters, &checkpoint.standardisation, &clips.batch,
                         ALL_FLOWS, 2, outputs, &error),
         &error);
    must(checkpoint_save(path, FILE_OVERWRITE, &checkpoint, &error), &error);

    struct valence_model *model;
    struct valence_workspace *workspace;
    float scores[2][2];
    must(valence_model_load(path, &model, &error), &error);
    must(valence_workspace_create(model, &workspace, &error), &error);
    for (int f = 0; f < 2; f++) {
        struct valence_details details;
        must(valence_score(workspace, &clips.batch, ALL_FLOWS[f], scores[f], &details, &error),
             &error);
        for (int i = 0; i < 2; i++)
            assert_true(fabs((double)scores[f][i] - (double)outputs[f].score[i]) <= 1e-5);
        for (int i = 0; i < 6; i++)
            assert_true(fabs((double)details.modality_weights[i] -
                             (double)outputs[f].modality_weights[i]) <= 1e-5);
    }
    for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++) {
        const struct valence_reliability *reliability = valence_model_reliability(model, missing);
        assert_int_equal(reliability != NULL, missing == 0 || missing == 2);
        if (reliability) /* scores 0, 0.5, 1 and 1.5, 2, 2.5; labels 0, 1, 2 */
            assert_true(valence_reliability_estimate(reliability, 0, 0.9).error ==
                        (missing ? 1.0 : 0.5));
    }
    assert_null(valence_model_reliability(model, VALENCE_ALL_MODALITIES));
    clips.rows[0][0] = NAN;
    float before = scores[0][0];
    assert_int_equal(valence_score(workspace, &clips.batch, 0, scores[0], NULL, &error),
                     VALENCE_ERROR_DATA);
    assert_true(scores[0][0] == before);
    assert_int_equal(valence_score(workspace, &clips.batch, 7, scores[0], NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_workspace_free(workspace);
    valence_model_free(model);
    network_free(network);
    checkpoint_free(&checkpoint);
}

/* ---- Files with a fault ---- */

/* How a copy of a good checkpoint differs. Names are compared with strcmp; NULL changes nothing. */
struct change {
    const char *tensor;  /* this tensor ... */
    const char *renamed; /* ... has this name */
    bool left_out;       /* ... or is not there */
    bool transposed;     /* ... or has its dimensions swapped and one added */
    bool as_i32;         /* ... or this type */
    float value;         /* ... or ends with this value, where not 0 */
    const char *key;     /* this metadata key ... */
    const char *text;    /* ... has this text; NULL: is not there */
};

static void copy_metadata(const struct safetensors *file, struct safetensors_writer *writer,
                          const struct change *change)
{
    static const char *const keys[] = {"format",  "version",    "config",
                                       "streams", "provenance", "training"};
    struct valence_error error;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        bool changed = change->key && strcmp(change->key, keys[i]) == 0;
        const char *text = changed ? change->text : safetensors_metadata(file, keys[i]);
        if (text)
            must(safetensors_describe(writer, keys[i], text, &error), &error);
    }
}

static void declare_copy(struct safetensors_writer *writer, const struct safetensor *tensor,
                         const struct change *change, bool changed)
{
    struct valence_error error;
    int64_t swapped[] = {tensor->n_dims == 2 ? tensor->shape[1] : 1, tensor->shape[0], 1};
    must(safetensors_declare(writer, changed && change->renamed ? change->renamed : tensor->name,
                             changed && change->as_i32 ? ELEMENT_I32 : tensor->type,
                             changed && change->transposed ? 3 : tensor->n_dims,
                             changed && change->transposed ? swapped : tensor->shape, &error),
         &error);
}

static void write_copy(struct safetensors_writer *writer, const struct safetensor *tensor,
                       const struct change *change, bool changed)
{
    struct valence_error error;
    float *values = keep(tensor->count, sizeof *values);
    must(safetensor_read(tensor, values, &error), &error);
    if (changed && change->value != 0)
        values[tensor->count - 1] = change->value;
    must(safetensors_write(writer, values, tensor->bytes, &error), &error);
}

/* Rewrites the file at `path` with a change. */
static void rewrite(const struct change *change)
{
    struct valence_error error;
    struct safetensors *file;
    struct safetensors_writer *writer;
    must(safetensors_open(path, &file, &error), &error);
    must(safetensors_write_begin(path, FILE_OVERWRITE, &writer, &error), &error);
    copy_metadata(file, writer, change);
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < safetensors_n_tensors(file); i++) {
            const struct safetensor *tensor = safetensors_tensor(file, i);
            bool changed = change->tensor && strcmp(change->tensor, tensor->name) == 0;
            if (changed && change->left_out)
                continue;
            (pass ? write_copy : declare_copy)(writer, tensor, change, changed);
        }
    must(safetensors_write_commit(writer, &error), &error);
    safetensors_close(file);
}

static void assert_cleared(const struct checkpoint *checkpoint)
{
    assert_null(checkpoint->parameters);
    assert_null(checkpoint->first_moment);
    assert_null(checkpoint->provenance);
    assert_null(checkpoint->training);
    assert_int_equal(checkpoint->n_parameters, 0);
}

static void refuse(struct change change, int expected, const char *text)
{
    struct checkpoint checkpoint = make_checkpoint(true);
    struct valence_error error;
    must(checkpoint_save(path, FILE_OVERWRITE, &checkpoint, &error), &error);
    checkpoint_free(&checkpoint);
    rewrite(&change);
    memset(&checkpoint, 0xA5, sizeof checkpoint);
    int status = checkpoint_load(path, &checkpoint, &error);
    if (status != expected || !strstr(error.text, text) || !strstr(error.text, path))
        fail_msg("gave %d, \"%s\"; expected %d, \"%s\"", status, status ? error.text : "", expected,
                 text);
    assert_cleared(&checkpoint);
}

#define REFUSE(expected, text, ...)                                                                \
    refuse((struct change){__VA_ARGS__}, VALENCE_ERROR_##expected, text)

static void test_tensors_that_do_not_fit_are_named(void **state)
{
    (void)state;
    static const char *const names[] = {"fc_out_v.weight",
                                        "frame_dim_reshape_0.bias",
                                        "missing_text_imagination_mlp.encoder_0.0.weight",
                                        "optimizer.second_moment",
                                        "standardisation.text.scale",
                                        "calibration.range",
                                        "calibration.scores",
                                        "novelty.text.directions"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name = names[i];
        REFUSE(FORMAT, name, .tensor = name, .left_out = true);
        REFUSE(FORMAT, name, .tensor = name, .renamed = "another");
        REFUSE(SHAPE, name, .tensor = name, .transposed = true);
        REFUSE(SHAPE, name, .tensor = name, .as_i32 = true);
        REFUSE(DATA, name, .tensor = name, .value = NAN);
        REFUSE(DATA, name, .tensor = name, .value = -INFINITY);
    }
    REFUSE(FORMAT, "optimizer.second_moment", .tensor = "optimizer.first_moment", .left_out = true);
    REFUSE(FORMAT, "standardisation.text.scale", .tensor = "standardisation.text.mean",
           .left_out = true);
    REFUSE(FORMAT, "calibration.range", .tensor = "calibration.labels", .left_out = true);
    REFUSE(SHAPE, "calibration.labels", .tensor = "calibration.labels", .transposed = true);
    REFUSE(DATA, "calibration.labels", .tensor = "calibration.labels", .value = 3.5f);
    REFUSE(DATA, "calibration.labels", .tensor = "calibration.range", .value = 1);
    REFUSE(FORMAT, "novelty.text.validation", .tensor = "novelty.text.validation",
           .left_out = true);
    REFUSE(FORMAT, "novelty.text.directions", .tensor = "novelty.text.mean", .left_out = true);
    REFUSE(SHAPE, "novelty.text.mean", .tensor = "novelty.text.mean", .transposed = true);
    REFUSE(DATA, "novelty.text.validation", .tensor = "novelty.text.validation", .value = 0.5f);
    REFUSE(FORMAT, "fc_out_w.bias", .tensor = "standardisation.text.mean",
           .renamed = "fc_out_w.bias");
}

#define CONFIG(widths, d, rest)                                                                    \
    "{\"widths\": " widths ", \"d\": " d                                                           \
    ", \"o\": 2, \"imagination\": \"text\", \"dropout\": 0.3, "                                    \
    "\"attention_dropout\": 0.5, " rest "}"
#define WIDTHS "{\"audio\": 4, \"text\": 3, \"video\": 3}"
#define FLOWS  "\"flows\": [\"complete\", \"text_missing\"]"

static void test_descriptions_that_do_not_fit_are_named(void **state)
{
    (void)state;
    REFUSE(FORMAT, "not a checkpoint of valence", .key = "format");
    REFUSE(FORMAT, "not a checkpoint of valence", .key = "format", .text = "pt");
    REFUSE(UNSUPPORTED, "version 2", .key = "version", .text = "2");
    REFUSE(UNSUPPORTED, "version (none)", .key = "version");
    static const char *const keys[] = {"config", "streams", "provenance", "training"};
    static const char *const texts[] = {"", "{", "[]", "3", "null", "{\"a\": 1, \"a\": 1}", "{}x"};
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            REFUSE(FORMAT, keys[k], .key = keys[k], .text = texts[i]);
    REFUSE(FORMAT, "'config' is missing", .key = "config");
    REFUSE(FORMAT, "'streams' is missing", .key = "streams");
    REFUSE(FORMAT, "'streams'", .key = "streams", .text = "{\"audio\": 3}");
    REFUSE(FORMAT, "'sound'", .key = "streams", .text = "{\"sound\": \"x\"}");
    REFUSE(FORMAT, "'audio'", .key = "streams",
           .text =
               "{\"audio\": \"0123456789012345678901234567890123456789012345678901234567890123\"}");
}

static void test_configurations_that_do_not_fit_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        bool out_of_range;
    } configs[] = {
        {"{}", "config", false},
        {CONFIG(WIDTHS, "2", "\"flows\": []"), "0 flows", false},
        {CONFIG(WIDTHS, "2", "\"flows\": [\"complete\", \"nothing_missing\"]"), "flow 2", false},
        {CONFIG(WIDTHS, "2", "\"flows\": [3]"), "flow 1", false},
        {CONFIG(WIDTHS, "2", "\"flows\": 3"), "0 flows", false},
        {CONFIG(WIDTHS, "2", FLOWS ", \"more\": 1"), "config", false},
        {CONFIG("{\"audio\": 4}", "2", FLOWS), "config", false},
        {CONFIG(WIDTHS, "2.5", FLOWS), "config", false},
        {CONFIG(WIDTHS, "\"2\"", FLOWS), "config", false},
        {CONFIG(WIDTHS, "3", FLOWS), "d (model width) is 3", true},
        {CONFIG(WIDTHS, "9000000000000000000", FLOWS), "d (model width)", true},
        {CONFIG(WIDTHS, "2", "\"flows\": [\"text_missing\"]"), "must be complete", true},
    };
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++)
        refuse((struct change){.key = "config", .text = configs[i].text},
               configs[i].out_of_range ? VALENCE_ERROR_CONFIG : VALENCE_ERROR_FORMAT,
               configs[i].expected);
}

static void test_a_configuration_of_other_sizes_is_refused_before_it_takes_memory(void **state)
{
    (void)state;
    REFUSE(SHAPE, "frame_dim_reshape_0.weight", .key = "config",
           .text = CONFIG("{\"audio\": 65536, \"text\": 65536, \"video\": 65536}", "4096", FLOWS));
    REFUSE(SHAPE, "frame_dim_reshape_0.weight", .key = "config",
           .text = CONFIG(WIDTHS, "4", FLOWS));
    REFUSE(FORMAT, "missing_audio_imagination_mlp", .key = "config",
           .text = CONFIG(WIDTHS, "2", "\"flows\": [\"complete\", \"audio_missing\"]"));
    REFUSE(SHAPE, "optimizer.first_moment", .key = "config",
           .text = CONFIG(WIDTHS, "2", "\"flows\": [\"complete\"]"));
}

static void test_optional_descriptions_may_be_absent(void **state)
{
    (void)state;
    static const char *const keys[] = {"provenance", "training"};
    for (int k = 0; k < 2; k++) {
        struct checkpoint checkpoint = make_checkpoint(true);
        struct valence_error error;
        must(checkpoint_save(path, FILE_OVERWRITE, &checkpoint, &error), &error);
        checkpoint_free(&checkpoint);
        rewrite(&(struct change){.key = keys[k]});
        must(checkpoint_load(path, &checkpoint, &error), &error);
        assert_null(k ? checkpoint.training : checkpoint.provenance);
        checkpoint_free(&checkpoint);
    }
}

/* A good checkpoint's bytes. */
static unsigned char *good_bytes(size_t *size)
{
    struct checkpoint checkpoint = make_checkpoint(true);
    struct valence_error error;
    struct file_map map;
    must(checkpoint_save(path, FILE_OVERWRITE, &checkpoint, &error), &error);
    checkpoint_free(&checkpoint);
    must(file_map_open(&map, path, &error), &error);
    unsigned char *bytes = memcpy(keep((int64_t)map.size, 1), map.data, map.size);
    *size = map.size;
    file_map_close(&map);
    return bytes;
}

static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    size_t size;
    const unsigned char *bytes = good_bytes(&size);
    for (size_t length = 0; length < size; length += length < 300 || size - length < 300 ? 1 : 7) {
        unsigned char *exact =
            malloc(length + !length); /* lets a sanitizer see one byte too many */
        assert_non_null(memcpy(exact, bytes, length));
        struct checkpoint checkpoint;
        struct valence_error error;
        assert_true(checkpoint_load_memory(exact, length, "cut", &checkpoint, &error) < 0);
        assert_cleared(&checkpoint);
        free(exact);
    }
}

static void test_any_changed_byte_of_the_header_is_survived(void **state)
{
    (void)state;
    size_t size, loaded = 0;
    unsigned char *bytes = good_bytes(&size);
    size_t header = 8 + (size_t)bytes[0] + ((size_t)bytes[1] << 8);
    assert_true(header < size);
    for (size_t i = 0; i < header; i++) {
        static const unsigned char flips[] = {0x01, 0x80, 0x02};
        struct checkpoint checkpoint;
        struct valence_error error;
        bytes[i] ^= flips[i % 3];
        if (checkpoint_load_memory(bytes, size, "changed", &checkpoint, &error))
            assert_cleared(&checkpoint);
        else
            loaded++;
        checkpoint_free(&checkpoint);
        bytes[i] ^= flips[i % 3];
    }
    assert_true(loaded < header / 50); /* blanks behind the header's JSON */
}

static void test_any_changed_byte_of_the_tensors_is_noticed(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = good_bytes(&size);
    size_t header = 8 + (size_t)bytes[0] + ((size_t)bytes[1] << 8);
    for (size_t i = header; i < size; i += 1 + i % 9) {
        struct checkpoint checkpoint;
        struct valence_error error;
        bytes[i] ^= (unsigned char)(1u << i % 8);
        assert_int_equal(checkpoint_load_memory(bytes, size, "changed", &checkpoint, &error),
                         VALENCE_ERROR_DATA);
        bytes[i] ^= (unsigned char)(1u << i % 8);
    }
}

static void test_a_file_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    struct valence_error error;
    assert_int_equal(checkpoint_load("/nowhere/x.safetensors", &checkpoint, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_cleared(&checkpoint);
    checkpoint = make_checkpoint(false);
    assert_int_equal(checkpoint_save("/nowhere/x.safetensors", FILE_OVERWRITE, &checkpoint, &error),
                     VALENCE_ERROR_IO);
    checkpoint_free(&checkpoint);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_saved_is_what_is_loaded),
        cmocka_unit_test_teardown(test_a_file_depends_on_the_checkpoint_alone, release_kept),
        cmocka_unit_test(test_a_column_s_range_is_standardised),
        cmocka_unit_test(test_a_constant_column_is_scaled_to_zero),
        cmocka_unit_test_teardown(test_a_loaded_model_scores_as_its_network, release_kept),
        cmocka_unit_test_teardown(test_tensors_that_do_not_fit_are_named, release_kept),
        cmocka_unit_test_teardown(test_descriptions_that_do_not_fit_are_named, release_kept),
        cmocka_unit_test_teardown(test_configurations_that_do_not_fit_are_named, release_kept),
        cmocka_unit_test_teardown(
            test_a_configuration_of_other_sizes_is_refused_before_it_takes_memory, release_kept),
        cmocka_unit_test_teardown(test_optional_descriptions_may_be_absent, release_kept),
        cmocka_unit_test_teardown(test_every_truncation_is_an_error, release_kept),
        cmocka_unit_test_teardown(test_any_changed_byte_of_the_header_is_survived, release_kept),
        cmocka_unit_test_teardown(test_any_changed_byte_of_the_tensors_is_noticed, release_kept),
        cmocka_unit_test(test_a_file_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, make_folder, remove_folder);
}
