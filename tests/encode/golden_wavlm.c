/* golden-wavlm FOLDER: converts every WavLM model in FOLDER (or in its subfolders), from each of
 * its weight files, and compares every stored tensor of cases.safetensors, whatever the sizes. The
 * limits are those of the fixtures' description, for values up to 10, growing with larger ones. */
#include "golden.h"

#include <dirent.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/file.h"
#include "encode/compute/backend.h"
#include "encode/wavlm/wavlm.h"

#define RELATIVE 5e-6

struct fixture {
    const char *folder, *weights; /* "model.safetensors" */
    struct safetensors *cases;
    char work[64];          /* a temporary folder */
    const char *checkpoint; /* what is converted: that folder, or a file of the authors' layout */
    struct tally *tally;
};

static char *join(const char *folder, const char *name)
{
    return must_have(path_join(folder, name));
}

/* ---- Encoding ---- */

/* The converted model in the temporary folder. */
static char *convert(const struct fixture *fixture, const char *type)
{
    struct valence_error error;
    char name[32];
    snprintf(name, sizeof name, "%s.gguf", type);
    char *path = join(fixture->work, name);
    struct valence_convert_options options = {
        .size = sizeof options, .overwrite = true, .type = type};
    must_work(
        valence_convert(VALENCE_CONVERT_WAVLM, fixture->checkpoint, path, &options, NULL, &error),
        &error);
    return path;
}

static struct valence_features encode(const char *path, const char *layers, bool plain,
                                      int64_t n_samples, const float *samples)
{
    struct valence_error error;
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
    struct valence_features features;
    struct valence_encoder_options options = {
        .size = sizeof options, .layers = layers, .plain = plain};
    struct valence_encoder_input input = {.samples = samples, .n_samples = n_samples};
    must_work(valence_encoder_load(path, &options, &encoder, &error), &error);
    must_work(valence_encoder_state_create(encoder, &state, &error), &error);
    must_work(valence_encoder_encode(state, &input, 1, NULL, &features, &error), &error);
    valence_encoder_state_free(state);
    valence_encoder_free(encoder);
    return features;
}

/* ---- Comparing ---- */

static const struct safetensor *find(const struct fixture *fixture, const char *name,
                                     const char *suffix)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", name, suffix);
    return safetensors_find(fixture->cases, full);
}

static void describe(char text[160], const struct fixture *fixture, const char *way,
                     const char *name, const char *tensor)
{
    snprintf(text, 160, "%s/%s %s %s.%s", path_name(fixture->folder), fixture->weights, way, name,
             tensor);
}

/* Compares what is stored of one layer: the whole, some frames of it, or means and deviations. */
static void compare_layer(const struct fixture *fixture, const char *way, const char *name,
                          const char *layer, const struct valence_features *features, double limit)
{
    char what[160], suffix[64];
    int64_t rows = features->offsets[1], width = features->width;
    const struct safetensor *stored = find(fixture, name, layer);
    float *want;
    if (stored) {
        want = values_of(stored);
        describe(what, fixture, way, name, layer);
        double scale = largest_of(stored->count, want) / 10;
        bool fits = stored->count == rows * width;
        if (fits)
            compare(fixture->tally, what, stored->count, features->rows, want,
                    limit * (scale > 1 ? scale : 1), RELATIVE);
        else
            verdict(fixture->tally, what, false, "has another shape");
        free(want);
    }
    snprintf(suffix, sizeof suffix, "%s.every50", layer);
    if ((stored = find(fixture, name, suffix))) {
        want = values_of(stored);
        describe(what, fixture, way, name, suffix);
        float *is = must_have(malloc((size_t)stored->count * sizeof *is));
        for (int64_t i = 0; i < stored->count / width; i++)
            memcpy(is + i * width, features->rows + i * 50 * width, (size_t)width * sizeof *is);
        compare(fixture->tally, what, stored->count, is, want, limit, RELATIVE);
        free(is);
        free(want);
    }
    for (int moment = 0; moment < 2; moment++) {
        snprintf(suffix, sizeof suffix, "%s.%s", layer, moment ? "std" : "mean");
        if (!(stored = find(fixture, name, suffix)))
            continue;
        want = values_of(stored);
        describe(what, fixture, way, name, suffix);
        float *is = must_have(malloc((size_t)width * sizeof *is));
        for (int64_t c = 0; c < width; c++) {
            double sum = 0, squares = 0;
            for (int64_t i = 0; i < rows; i++)
                sum += features->rows[i * width + c];
            for (int64_t i = 0; i < rows; i++)
                squares += pow(features->rows[i * width + c] - sum / (double)rows, 2);
            is[c] = (float)(moment ? sqrt(squares / (double)rows) : sum / (double)rows);
        }
        compare(fixture->tally, what, width, is, want, 2e-6, RELATIVE);
        free(is);
        free(want);
    }
}

static void check_case(const struct fixture *fixture, const struct wavlm *model, const char *path,
                       const char *name, bool plain)
{
    const struct safetensor *stored = find(fixture, name, "waveform");
    float *samples = values_of(stored);
    const char *way = plain ? "plain" : "fused";
    for (int64_t i = -2; i <= model->n_layers; i++) {
        char layer[32], tensor[32];
        if (i < 0)
            strcpy(layer, i == -2 ? "conv" : "final");
        else
            snprintf(layer, sizeof layer, "%" PRId64, i);
        snprintf(tensor, sizeof tensor, i < 0 ? "%s%s" : "hidden.%s",
                 i == -2 ? "conv_features"
                 : i < 0 ? "last_hidden"
                         : layer,
                 "");
        double limit = model->stable ? (i == -2   ? 2e-5
                                        : i == -1 ? 2.5e-5
                                                  : 5e-5)
                                     : (i == -2 ? 1e-5 : 2e-5);
        struct valence_features features = encode(path, layer, plain, stored->count, samples);
        compare_layer(fixture, way, name, tensor, &features, limit);
        valence_features_free(&features);
    }
    free(samples);
}

static void check_normalized(const struct fixture *fixture, const struct wavlm *model,
                             const char *name)
{
    char what[160];
    const struct safetensor *stored = find(fixture, name, "normalized");
    if (!stored)
        return;
    float *samples = values_of(find(fixture, name, "waveform")), *want = values_of(stored);
    float *is = must_have(malloc((size_t)stored->count * sizeof *is));
    wavlm_normalize(model, samples, stored->count, is);
    describe(what, fixture, "", name, "normalized");
    compare(fixture->tally, what, stored->count, is, want, 5e-6, RELATIVE);
    free(samples);
    free(want);
    free(is);
}

static void check_buckets(const struct fixture *fixture, const struct wavlm *model)
{
    const struct safetensor *stored = safetensors_find(fixture->cases, "rel_bucket");
    if (!stored)
        return;
    float *want = values_of(stored);
    int64_t wrong = 0;
    for (int64_t i = 0; i < stored->count; i++)
        wrong += wavlm_bucket(model, i - stored->count / 2) != (int64_t)want[i];
    char measured[64];
    snprintf(measured, sizeof measured, "%" PRId64 " of %" PRId64 " differ", wrong, stored->count);
    verdict(fixture->tally, "rel_bucket", wrong == 0, measured);
    free(want);
}

/* The last hidden state from quantised matrices against that from f32. */
static void check_quantised(const struct fixture *fixture, const char *f32, const char *name)
{
    static const struct {
        const char *type;
        double least;
    } types[] = {{"f16", 0.9999}, {"bf16", 0.999}, {"q8_0", 0.999}};
    const struct safetensor *stored = find(fixture, name, "waveform");
    float *samples = values_of(stored);
    struct valence_features want = encode(f32, "final", false, stored->count, samples);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char *path = convert(fixture, types[i].type), what[160], measured[64];
        for (int plain = 0; plain < 2; plain++) {
            struct valence_features is = encode(path, "final", plain, stored->count, samples);
            double cosine = least_cosine(want.offsets[1], want.width, is.rows, want.rows);
            snprintf(measured, sizeof measured, "least cosine %.6f (limit %g)", cosine,
                     types[i].least);
            describe(what, fixture, plain ? "plain" : "fused", name, types[i].type);
            verdict(fixture->tally, what, cosine >= types[i].least, measured);
            valence_features_free(&is);
        }
        unlink(path);
        free(path);
    }
    valence_features_free(&want);
    free(samples);
}

/* ---- Folders ---- */

static void check_cases(const struct fixture *fixture)
{
    struct valence_error error;
    struct wavlm model;
    struct weights weights;
    ggml_backend_dev_t device;
    char *path = convert(fixture, "f32");
    must_work(weights_open(&weights, path, &error), &error);
    must_work(backend_find_device("cpu", &device, &error), &error);
    must_work(wavlm_load(&model, &weights, device, true, &error), &error);
    check_buckets(fixture, &model);
    for (int64_t i = 0; i < safetensors_n_tensors(fixture->cases); i++) {
        char name[64];
        int length = 0;
        const char *full = safetensors_tensor(fixture->cases, i)->name;
        if (sscanf(full, "%60[^.].waveform%n", name, &length) != 1 || full[length] || !length)
            continue;
        check_normalized(fixture, &model, name);
        check_case(fixture, &model, path, name, false);
        check_case(fixture, &model, path, name, true);
        check_quantised(fixture, path, name);
    }
    wavlm_free(&model);
    unlink(path);
    free(path);
}

static void link_into(const struct fixture *fixture, const char *name)
{
    char *from = join(fixture->folder, name), *to = join(fixture->work, name);
    char *absolute = must_have(realpath(from, NULL));
    if (symlink(absolute, to)) {
        perror(to);
        exit(2);
    }
    free(absolute);
    free(from);
    free(to);
}

static void unlink_from(const struct fixture *fixture, const char *name)
{
    char *path = join(fixture->work, name);
    unlink(path);
    free(path);
}

/* One checkpoint of the folder: Hugging Face's weights, which belong to the two configurations, or
 * an authors' file. */
static void check_weights(const char *folder, const char *name, struct tally *tally)
{
    struct valence_error error;
    struct fixture fixture = {folder, name, NULL, "/tmp/golden-wavlm-XXXXXX", NULL, tally};
    const char *names[] = {"config.json", "preprocessor_config.json", name};
    char *cases = join(folder, "cases.safetensors"), *path = join(folder, name);
    int n_links = path_has_ending(name, ".pt") ? 0 : 3;
    must_work(safetensors_open(cases, &fixture.cases, &error), &error);
    must_have(mkdtemp(fixture.work));
    fixture.checkpoint = n_links ? fixture.work : path;
    for (int i = 0; i < n_links; i++)
        link_into(&fixture, names[i]);
    check_cases(&fixture);
    for (int i = 0; i < n_links; i++)
        unlink_from(&fixture, names[i]);
    rmdir(fixture.work);
    safetensors_close(fixture.cases);
    free(cases);
    free(path);
}

static void check_model(const char *path, struct tally *tally)
{
    DIR *folder = must_have(opendir(path));
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, "model.safetensors") == 0 ||
            strcmp(entry->d_name, "pytorch_model.bin") == 0 ||
            path_has_ending(entry->d_name, ".pt"))
            check_weights(path, entry->d_name, tally);
    closedir(folder);
}

static bool is_model(const char *folder)
{
    char *path = join(folder, "cases.safetensors");
    bool is = path_exists(path);
    free(path);
    return is;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: golden-wavlm FOLDER\n");
        return 2;
    }
    if (is_model(argv[1]))
        check_model(argv[1], &tally);
    DIR *folder = opendir(argv[1]);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char *path = join(argv[1], entry->d_name);
        if (entry->d_name[0] != '.' && path_is_folder(path) && is_model(path))
            check_model(path, &tally);
        free(path);
    }
    if (folder)
        closedir(folder);
    return conclude(&tally);
}
