/* golden-fusion FOLDER: checks the network against every fixture in a folder of the layout that
 * tests/golden/fusion has (its README states the computation). NAME.json with
 * NAME.cases.safetensors and NAME.weights.pt or .safetensors is a network of any sizes; rnc.json
 * and metrics.json are the loss and the figures alone.
 *
 * Tolerances: outputs 2e-5 of a tensor's largest magnitude, gradients and parameters after Adam
 * 1e-4 of theirs, loss terms 1e-5 relative, metrics 1e-9.
 *
 * One parameter has a gradient of 0 in theory, the last layer's bias (orgin_linear_change.2.bias)
 * under a loss of differences. In float it is rounding noise, which depends on the order of sums
 * and so on the number of threads: for small-transition -7.0e-9 with one thread and 4.7e-9 with
 * two, of a whole gradient of 21. Adam divides by the gradient's size. Where the weight is small
 * (0.0025, so that weight decay adds 2.5e-8), this noise and epsilon (1e-8) decide how far a step
 * goes, and after five steps the weight was 1.3e-4 from the fixture's with one thread and 3e-6 with
 * two. So such a parameter is held to the sum of the learning rates instead, which is as far as
 * Adam goes. */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "format/safetensors.h"
#include "kernels/adam.h"
#include "kernels/rank_n_contrast.h"
#include "model/network.h"
#include "model/parameters.h"
#include "model/published.h"
#include "train/schedule.h"
#include "valence/metrics.h"

#define OUTPUT_TOLERANCE   2e-5
#define GRADIENT_TOLERANCE 1e-4
/* Some gradients are 0 in theory (the last layer's bias under a loss of differences) and rounding
 * noise in practice: they are held to this share of the whole gradient instead. */
#define GRADIENT_FLOOR   1e-4
#define GRADIENT_NONE    1e-12 /* what is 0 in theory, in the fixtures' double precision */
#define LOSS_TOLERANCE   1e-5
#define METRIC_TOLERANCE 1e-9

static int n_checks, n_failures;
static double worst; /* of all checks: error in units of the tolerance */

static void check(const char *where, const char *what, double error, double tolerance)
{
    n_checks++;
    double ratio = error / tolerance;
    if (ratio > worst)
        worst = ratio;
    if (!(ratio <= 1)) { /* catches NaN */
        n_failures++;
        printf("FAILED %s: %s: error %.3g, allowed %.3g\n", where, what, error, tolerance);
    }
}

static void must(int status, const struct valence_error *error)
{
    if (status) {
        printf("FAILED %s\n", error->text);
        exit(1);
    }
}

/* ---- Fixtures ---- */

static struct safetensors *open_tensors(const char *folder, const char *name, const char *ending)
{
    char path[4096];
    struct valence_error error;
    struct safetensors *file;
    snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    must(safetensors_open(path, &file, &error), &error);
    return file;
}

static float *read_floats(const struct safetensors *file, const char *name, int64_t *n)
{
    const struct safetensor *tensor = safetensors_find(file, name);
    if (!tensor) {
        printf("FAILED fixture has no tensor %s\n", name);
        exit(1);
    }
    float *values = malloc((size_t)(tensor->count + 1) * sizeof *values);
    struct valence_error error;
    must(safetensor_to_float(tensor, values, &error), &error);
    if (n)
        *n = tensor->count;
    return values;
}

/* Largest difference to `name` in units of its largest magnitude, or of `floor` where that is
 * larger, against a tolerance. */
static void compare(const char *where, const struct safetensors *file, const char *name,
                    const float *values, double tolerance, double floor)
{
    int64_t n;
    float *wanted = read_floats(file, name, &n);
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)values[i] - (double)wanted[i]);
        largest = fmax(largest, fabs((double)wanted[i]));
        difference = d > difference || isnan(d) ? d : difference;
    }
    check(where, name, difference, tolerance * fmax(largest, floor));
    free(wanted);
}

struct fixture {
    const char *name;
    json_t *json;
    struct safetensors *cases;
    struct valence_batch batch;
    float *rows[VALENCE_N_STREAMS];
    int64_t *offsets[VALENCE_N_STREAMS];
    uint64_t *keys;
    float *labels;
};

static void read_batch(struct fixture *fixture, const struct valence_model_config *config)
{
    static const char *const names[] = {"audio", "text", "video", "simulated"};
    struct valence_error error;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        char name[64];
        snprintf(name, sizeof name, "in.%s", names[s]);
        fixture->rows[s] = read_floats(fixture->cases, name, NULL);
        snprintf(name, sizeof name, "in.%s.lengths", names[s]);
        const struct safetensor *lengths = safetensors_find(fixture->cases, name);
        int64_t *offsets = calloc((size_t)lengths->count + 1, sizeof *offsets);
        must(safetensor_to_int64(lengths, offsets + 1, &error), &error);
        for (int64_t i = 0; i < lengths->count; i++)
            offsets[i + 1] += offsets[i];
        fixture->offsets[s] = offsets;
        fixture->batch.n_clips = lengths->count;
        fixture->batch.streams[s] =
            (struct valence_rows){fixture->rows[s], VALENCE_F32,
                                  config->widths[s == 3 ? VALENCE_TEXT : s], offsets, NULL};
    }
    fixture->labels = read_floats(fixture->cases, "in.labels", NULL);
    fixture->keys = calloc((size_t)fixture->batch.n_clips, sizeof *fixture->keys);
    fixture->batch.labels = fixture->labels;
    fixture->batch.keys = fixture->keys;
}

static void free_fixture(struct fixture *fixture)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        free(fixture->rows[s]);
        free(fixture->offsets[s]);
    }
    free(fixture->labels);
    free(fixture->keys);
    safetensors_close(fixture->cases);
    json_decref(fixture->json);
}

/* ---- The network ---- */

/* A flow's (B, Q, 3, o) cross outputs: the text column as (B, Q, o). */
static float *text_column(const float *cross, int64_t rows, int64_t o)
{
    float *column = malloc((size_t)(rows * o) * sizeof *column);
    for (int64_t i = 0; i < rows; i++)
        memcpy(column + i * o, cross + (i * 3 + VALENCE_TEXT) * o, (size_t)o * sizeof *column);
    return column;
}

/* The text view's query of each clip: (B, d). */
static float *text_queries(const float *queries, int64_t n_clips, int64_t d)
{
    float *rows = malloc((size_t)(n_clips * d) * sizeof *rows);
    for (int64_t i = 0; i < n_clips; i++)
        memcpy(rows + i * d, queries + (i * VALENCE_N_VIEWS + VALENCE_VIEW_TEXT) * d,
               (size_t)d * sizeof *rows);
    return rows;
}

/* The fixtures pad attention weights to the longest clip, (B, T) or (B, Q, T); ours are packed. */
static float *pad_weights(const float *packed, int64_t n_queries, int64_t n_clips,
                          const int64_t *offsets)
{
    int64_t longest = 1;
    for (int64_t i = 0; i < n_clips; i++)
        longest = offsets[i + 1] - offsets[i] > longest ? offsets[i + 1] - offsets[i] : longest;
    float *padded = calloc((size_t)(n_clips * n_queries * longest), sizeof *padded);
    for (int64_t i = 0; i < n_clips; i++) {
        int64_t n = offsets[i + 1] - offsets[i];
        for (int64_t q = 0; q < n_queries; q++)
            memcpy(padded + (i * n_queries + q) * longest, packed + n_queries * offsets[i] + q * n,
                   (size_t)n * sizeof *padded);
    }
    return padded;
}

static void check_flow(const char *where, const struct fixture *fixture,
                       const struct valence_model_config *config, const char *flow,
                       const struct flow_output *out, unsigned missing)
{
    int64_t n_clips = fixture->batch.n_clips;
    float *text_rep = text_queries(out->queries, n_clips, config->d);
    float *cross_text = text_column(out->cross, n_clips * VALENCE_N_VIEWS, config->o);
    const struct {
        const char *name;
        const float *values;
    } outputs[] = {{"score", out->score},
                   {"feature", out->feature},
                   {"rnc_feature", out->rnc_feature},
                   {"text_rep", text_rep},
                   {"cross_text", cross_text},
                   {"modality_weights", out->modality_weights},
                   {"view_weights", out->view_weights},
                   {"queries", out->queries}};
    char name[96];
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        snprintf(name, sizeof name, "%s.%s", flow, outputs[i].name);
        compare(where, fixture->cases, name, outputs[i].values, OUTPUT_TOLERANCE, 0);
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        bool simulated = m == VALENCE_TEXT && missing;
        const int64_t *offsets = fixture->offsets[simulated ? VALENCE_STREAM_SIMULATED_TEXT : m];
        float *pool = pad_weights(out->pool_weights[m], 1, n_clips, offsets);
        float *cross = pad_weights(out->cross_weights[m], VALENCE_N_VIEWS, n_clips, offsets);
        snprintf(name, sizeof name, "%s.pool_weights.%s", flow, valence_modality_names[m]);
        compare(where, fixture->cases, name, pool, OUTPUT_TOLERANCE, 0);
        snprintf(name, sizeof name, "%s.cross_weights.%s", flow, valence_modality_names[m]);
        compare(where, fixture->cases, name, cross, OUTPUT_TOLERANCE, 0);
        free(pool);
        free(cross);
    }
    free(text_rep);
    free(cross_text);
}

static void check_loss_terms(const char *where, const json_t *wanted,
                             const struct loss_terms *terms)
{
    const struct {
        const char *name;
        double value;
    } all[] = {{"complete", terms->complete}, {"missing", terms->missing}, {"rep", terms->rep},
               {"cross", terms->cross},       {"feature", terms->feature}, {"rnc", terms->rnc},
               {"total", terms->total}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double value = json_number_value(json_object_get(wanted, all[i].name));
        check(where, all[i].name, fabs(all[i].value - value),
              LOSS_TOLERANCE * fmax(fabs(value), 1e-6));
    }
}

/* Every parameter's gradient, or where those are not stored their norms. */
static void check_gradients(const char *where, const struct fixture *fixture, const char *weighting,
                            const struct parameter_table *table, const float *gradients)
{
    json_t *norms = json_object_get(json_object_get(fixture->json, weighting), "grad_norms");
    double floor = GRADIENT_FLOOR * gradient_norm(table->n_values, gradients);
    for (int i = 0; i < table->n; i++) {
        const struct parameter *parameter = &table->parameters[i];
        const float *gradient = gradients + parameter->offset;
        char name[128];
        snprintf(name, sizeof name, "grad.%s.%s", weighting, parameter->name);
        if (norms) {
            double wanted = json_number_value(json_object_get(norms, parameter->name));
            double norm = gradient_norm(parameter->n_values, gradient);
            check(where, name, fabs(norm - wanted), GRADIENT_TOLERANCE * fmax(wanted, floor));
        } else {
            compare(where, fixture->cases, name, gradient, GRADIENT_TOLERANCE, floor);
        }
    }
}

/* Whether the fixture's gradient of a parameter is 0. */
static bool has_no_gradient(const struct fixture *fixture, const char *parameter)
{
    char name[128];
    int64_t n;
    double largest = 0;
    snprintf(name, sizeof name, "grad.paper.%s", parameter);
    if (!safetensors_find(fixture->cases, name))
        return false;
    float *wanted = read_floats(fixture->cases, name, &n);
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)wanted[i]));
    free(wanted);
    return largest < GRADIENT_NONE;
}

static const struct {
    const char *name;
    struct loss_weights weights;
} WEIGHTINGS[] = {{"paper", {0.5, 0.5, 0.1, 0.7, 0.1, 0.8}},
                  {"released", {0.5, 0.5, 0, 0, 0.13, 0.5}}};

static void check_adam(const char *where, const struct fixture *fixture, struct network *network,
                       const struct checkpoint *checkpoint, const struct parameter_table *table)
{
    json_t *adam = json_object_get(fixture->json, "adam");
    json_t *totals = json_object_get(adam, "totals");
    struct schedule schedule = {.warm_up_epochs =
                                    json_integer_value(json_object_get(adam, "warm_up")),
                                .step_every = json_integer_value(json_object_get(adam, "every")),
                                .gamma = 0.9};
    size_t n = (size_t)table->n_values, n_steps = json_array_size(totals);
    double reach = 0; /* the sum of the learning rates */
    float *gradients = calloc(n, sizeof *gradients);
    float *first = calloc(n, sizeof *first), *second = calloc(n, sizeof *second);
    for (size_t step = 0; step < n_steps; step++) {
        struct loss_terms terms;
        struct valence_error error;
        must(network_gradients(network, checkpoint->parameters, NULL, &fixture->batch,
                               checkpoint->config.flows, checkpoint->config.n_flows,
                               &WEIGHTINGS[0].weights, 0, gradients, &terms, &error),
             &error);
        double wanted = json_number_value(json_array_get(totals, step));
        /* After a step the loss carries the gradients' tolerance: Adam moves a parameter by the
         * learning rate in the direction of its gradient's sign, however small that is (PyTorch in
         * float is off by 1e-5 here, too). */
        check(where, "total before an Adam step", fabs(terms.total - wanted),
              (step ? GRADIENT_TOLERANCE : LOSS_TOLERANCE) * wanted);
        struct adam_options options = {
            .learning_rate = json_number_value(json_object_get(adam, "lr")) *
                             schedule_factor(&schedule, (int64_t)step),
            .beta1 = 0.9,
            .beta2 = 0.999,
            .epsilon = 1e-8,
            .weight_decay = json_number_value(json_object_get(adam, "weight_decay")),
            .gradient_scale = 1};
        reach += options.learning_rate;
        adam_step(&options, (int64_t)step + 1, table->n_values, checkpoint->parameters, gradients,
                  first, second);
    }
    for (int i = 0; i < table->n; i++) {
        char name[128];
        const float *values = checkpoint->parameters + table->parameters[i].offset;
        snprintf(name, sizeof name, "after_adam.%s", table->parameters[i].name);
        if (!safetensors_find(fixture->cases, name))
            continue;
        if (has_no_gradient(fixture, table->parameters[i].name))
            compare(where, fixture->cases, name, values, reach, 1);
        else
            compare(where, fixture->cases, name, values, GRADIENT_TOLERANCE, 0);
    }
    free(gradients);
    free(first);
    free(second);
}

static void check_network(const struct fixture *fixture, const char *weights_path,
                          struct checkpoint *checkpoint)
{
    const char *where = path_name(weights_path);
    struct valence_error error;
    struct parameter_table table;
    struct network *network;
    struct flow_output outputs[2];
    parameter_table_make(&checkpoint->config, &table);
    must(network_create(&checkpoint->config, &network, &error), &error);

    must(network_forward(network, checkpoint->parameters, NULL, &fixture->batch,
                         checkpoint->config.flows, 2, outputs, &error),
         &error);
    check_flow(where, fixture, &checkpoint->config, "complete", &outputs[0], 0);
    check_flow(where, fixture, &checkpoint->config, "missing", &outputs[1],
               VALENCE_BIT(VALENCE_TEXT));

    float *gradients = calloc((size_t)table.n_values, sizeof *gradients);
    for (size_t i = 0; i < sizeof WEIGHTINGS / sizeof *WEIGHTINGS; i++) {
        struct loss_terms terms;
        must(network_gradients(network, checkpoint->parameters, NULL, &fixture->batch,
                               checkpoint->config.flows, checkpoint->config.n_flows,
                               &WEIGHTINGS[i].weights, 0, gradients, &terms, &error),
             &error);
        check_loss_terms(where, json_object_get(fixture->json, WEIGHTINGS[i].name), &terms);
        check_gradients(where, fixture, WEIGHTINGS[i].name, &table, gradients);
    }
    free(gradients);
    check_adam(where, fixture, network, checkpoint, &table);
    network_free(network);
}

static enum valence_imagination imagination_of(const json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "residual"));
    for (int i = 0; i < VALENCE_N_IMAGINATIONS; i++)
        if (name && strcmp(name, valence_imagination_names[i]) == 0)
            return i;
    printf("FAILED unknown residual %s\n", name ? name : "(none)");
    exit(1);
}

static void check_model_case(const char *folder, const char *name, json_t *json)
{
    static const char *const endings[] = {".weights.safetensors", ".weights.pt"};
    int found = 0;
    for (int i = 0; i < 2; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s%s", folder, name, endings[i]);
        if (!path_exists(path))
            continue;
        found++;
        struct valence_error error;
        struct checkpoint checkpoint;
        struct text unused = {.maximum = 4096};
        must(published_load(path, imagination_of(json), &checkpoint, &unused, &error), &error);
        struct fixture fixture = {.name = name, .json = json_incref(json)};
        fixture.cases = open_tensors(folder, name, ".cases.safetensors");
        read_batch(&fixture, &checkpoint.config);
        check_network(&fixture, path, &checkpoint);
        free_fixture(&fixture);
        checkpoint_free(&checkpoint);
        text_free(&unused);
    }
    check(name, "weight files present", found ? 0 : 1, 0.5);
}

/* ---- The loss and the figures alone ---- */

static void check_rank_n_contrast(const char *folder, const json_t *json)
{
    struct safetensors *cases = open_tensors(folder, "rnc", ".cases.safetensors");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        int64_t n, size;
        char tensor[64];
        snprintf(tensor, sizeof tensor, "%s.labels", name);
        float *labels = read_floats(cases, tensor, &n), *views[2], *gradients[2];
        for (int i = 0; i < 2; i++) {
            snprintf(tensor, sizeof tensor, "%s.view%d", name, i);
            views[i] = read_floats(cases, tensor, &size);
            gradients[i] = calloc((size_t)size, sizeof(float));
        }
        void *scratch = malloc(rank_n_contrast_scratch_bytes(n));
        double loss = rank_n_contrast(n, size / n, views[0], views[1], labels, 1, gradients[0],
                                      gradients[1], scratch);
        double wanted = json_number_value(value);
        check("rnc", name, fabs(loss - wanted), LOSS_TOLERANCE * wanted);
        for (int i = 0; i < 2; i++) {
            snprintf(tensor, sizeof tensor, "%s.grad%d", name, i);
            compare("rnc", cases, tensor, gradients[i], GRADIENT_TOLERANCE, GRADIENT_FLOOR);
            free(views[i]);
            free(gradients[i]);
        }
        free(scratch);
        free(labels);
    }
    safetensors_close(cases);
}

static double *read_numbers(const json_t *array, int64_t *n)
{
    *n = (int64_t)json_array_size(array);
    double *values = calloc((size_t)*n + 1, sizeof *values);
    for (int64_t i = 0; i < *n; i++)
        values[i] = json_number_value(json_array_get(array, (size_t)i));
    return values;
}

static void check_metrics(const json_t *json)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        int64_t n;
        double *predicted = read_numbers(json_object_get(value, "predicted"), &n);
        double *labels = read_numbers(json_object_get(value, "labels"), &n);
        float *p = calloc((size_t)n, sizeof *p), *t = calloc((size_t)n, sizeof *t);
        for (int64_t i = 0; i < n; i++) {
            p[i] = (float)predicted[i];
            t[i] = (float)labels[i];
        }
        struct valence_metrics metrics;
        valence_metrics_compute(p, t, n, VALENCE_SCALE_SENTIMENT, &metrics);
        for (int m = 0; m < VALENCE_N_METRICS; m++) {
            const char *key = valence_metric_describe((enum valence_metric)m)->key;
            json_t *wanted = json_object_get(json_object_get(value, "expect"), key);
            if (!wanted)
                continue;
            double error = json_is_null(wanted)
                               ? (isnan(metrics.values[m]) ? 0 : 1)
                               : fabs(metrics.values[m] - json_number_value(wanted));
            check("metrics", key, error, METRIC_TOLERANCE);
        }
        free(predicted);
        free(labels);
        free(p);
        free(t);
    }
}

static void check_file(const char *folder, const char *file)
{
    char path[4096], name[256];
    json_error_t problem;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(".json")), file);
    json_t *json = json_load_file(path, 0, &problem);
    if (!json) {
        printf("FAILED %s: %s\n", path, problem.text);
        exit(1);
    }
    int checks = n_checks, failures = n_failures;
    worst = 0;
    if (strcmp(name, "rnc") == 0)
        check_rank_n_contrast(folder, json);
    else if (strcmp(name, "metrics") == 0)
        check_metrics(json);
    else
        check_model_case(folder, name, json);
    printf("%-20s %5d checks, %d failed, largest error %.3f of what is allowed\n", name,
           n_checks - checks, n_failures - failures, worst);
    json_decref(json);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    struct dirent **entries;
    int n = scandir(argv[1], &entries, NULL, alphasort), n_files = 0;
    if (n < 0) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        if (path_has_ending(entries[i]->d_name, ".json")) {
            check_file(argv[1], entries[i]->d_name);
            n_files++;
        }
        free(entries[i]);
    }
    free(entries);
    if (n_files == 0)
        printf("FAILED %s: no fixtures (NAME.json) in it\n", argv[1]);
    return n_failures || n_files == 0;
}
