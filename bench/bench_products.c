/* bench-products LEVEL [THREADS [ROUNDS [FILTER]]]: times products and convolutions of the
 * encoders' sizes in f32, bf16 and int8 (q8_0), by the library's own kernels and, where the program
 * was built with it, by oneDNN, in turns. LEVEL limits both to the instructions of a processor:
 * avx2, avx-vnni, avx512, vnni, bf16, amx (for OpenBLAS set OPENBLAS_CORETYPE=Haswell with the
 * first two). With ggml for LEVEL nothing is limited, and ggml's own operations take oneDNN's
 * place, but for pictures: oneDNN would undo how ggml configures AMX's tiles. FILTER keeps the
 * cases whose names contain it.
 *
 * All go from floats to floats. The library's packs its weights each time in linear layers, as the
 * encoders do; those of oneDNN, and ggml's q8_0 for AMX, are packed beforehand. Prints JSON: for
 * each case, type and side seconds of the clock and of the processors, one a round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "level.h"
#include "measure.h"
#include "products.h"

#include "base/random.h"
#include "base/threads.h"
#include "encode/compute/backend.h"
#include "encode/compute/conv2d.h"
#include "encode/compute/graph.h"
#include "encode/compute/int8_product.h"
#include "valence/machine.h"
#include "valence/version.h"

static const struct product_case cases[] = {
    {"WavLM base, attention output", 768, 768, 0, 0, 499, 1, 1},
    {"WavLM base, query, key, value", 768, 2304, 0, 0, 499, 1, 1},
    {"WavLM base, up", 768, 3072, 0, 0, 499, 1, 1},
    {"WavLM base, down", 3072, 768, 0, 0, 499, 1, 1},
    {"WavLM, second convolution of 2 s", 512, 512, 3, 2, 6399, 1, 1},
    {"WavLM, sixth convolution of 10 s", 512, 512, 2, 2, 1999, 1, 1},
    {"Whisper base, attention output", 512, 512, 0, 0, 1500, 1, 1},
    {"Whisper base, up", 512, 2048, 0, 0, 1500, 1, 1},
    {"Whisper base, down", 2048, 512, 0, 0, 1500, 1, 1},
    {"MANet, first", 3, 64, 7, 2, 224, 224, 4},
    {"MANet, stage 1", 64, 64, 3, 1, 56, 56, 4},
    {"MANet, stage 2", 128, 128, 3, 1, 28, 28, 4},
    {"MANet, stage 3", 256, 256, 3, 1, 14, 14, 4},
    {"MANet, stage 4", 512, 512, 3, 1, 7, 7, 4},
    {"MANet, stage 2, shortcut", 64, 128, 1, 2, 56, 56, 4},
    {"faces, detector, second", 32, 64, 0, 0, 2704, 1, 1},
    {"faces, detector, last", 128, 256, 0, 0, 169, 1, 1},
    {"faces, expression, second block", 64, 64, 0, 0, 784, 1, 1},
};

/* ---- The library's side ---- */

static const enum ggml_type types[N_TYPES] = {GGML_TYPE_F32, GGML_TYPE_BF16, GGML_TYPE_Q8_0};
static const char *const type_names[N_TYPES] = {"f32", "bf16", "int8"};

struct own_product {
    struct product_case c;
    struct graph graph;
    struct ggml_context *context;
    struct ggml_context *weights;
    ggml_backend_buffer_t buffer, weight_buffer;
    struct conv2d conv; /* or its weights and bias alone */
    struct ggml_tensor *y;
};

static void check(int status, const struct valence_error *error)
{
    if (!status)
        return;
    fprintf(stderr, "bench-products: %s\n", error->text);
    exit(1);
}

static void set_weights(struct ggml_tensor *weight, const float *values)
{
    void *packed = malloc(ggml_nbytes(weight));
    if (weight->type == GGML_TYPE_F32)
        memcpy(packed, values, ggml_nbytes(weight));
    else
        ggml_quantize_chunk(weight->type, values, packed, 0, weight->ne[1], weight->ne[0], NULL);
    ggml_backend_tensor_set(weight, packed, 0, ggml_nbytes(weight));
    free(packed);
}

/* Memory for weights as ggml's fastest products want them: it packs q8_0 for AMX. */
static ggml_backend_buffer_type_t memory_of_weights(ggml_backend_dev_t device, bool plain,
                                                    enum number_type type)
{
    ggml_backend_dev_get_extra_bufts_t more =
        (ggml_backend_dev_get_extra_bufts_t)(uintptr_t)ggml_backend_reg_get_proc_address(
            ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts");
    ggml_backend_buffer_type_t *special = plain && type == TYPE_INT8 && more ? more(device) : NULL;
    for (; special && *special; special++)
        if (strcmp(ggml_backend_buft_name(*special), "AMX") == 0)
            return *special;
    return ggml_backend_dev_buffer_type(device);
}

/* `plain`: by ggml's own operations. */
static struct own_product *own_create(const struct product_case *c, enum number_type type,
                                      const float *weights, bool plain)
{
    struct own_product *p = calloc(1, sizeof *p);
    struct ggml_init_params params = {.mem_size = 4 * ggml_tensor_overhead(), .no_alloc = true};
    struct valence_error error;
    ggml_backend_dev_t device;
    check(backend_find_device("cpu", &device, &error), &error);
    check(graph_create(&p->graph, device, plain, &error), &error);
    p->context = ggml_init(params);
    p->weights = ggml_init(params);
    p->c = *c;
    p->conv = (struct conv2d){
        .weight = ggml_new_tensor_2d(p->weights, types[type], case_depth(c), c->out),
        .bias = ggml_new_tensor_1d(p->context, GGML_TYPE_F32, c->out),
        .in = c->in,
        .out = c->out,
        .kernel = c->kernel,
        .stride = c->stride};
    p->buffer = ggml_backend_alloc_ctx_tensors(p->context, p->graph.backend);
    p->weight_buffer = ggml_backend_alloc_ctx_tensors_from_buft(
        p->weights, memory_of_weights(device, plain, type));
    ggml_backend_buffer_set_usage(p->weight_buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    set_weights(p->conv.weight, weights);
    memset(p->conv.bias->data, 0, ggml_nbytes(p->conv.bias));
    if (c->height > 1 && !plain)
        check(conv2d_pack(&p->conv, &error), &error);
    return p;
}

/* Builds a graph and computes it, as encoders do for each input. */
static void own_run(struct own_product *p, const float *x)
{
    const struct product_case *c = &p->c;
    struct valence_error error;
    check(graph_begin(&p->graph, &error), &error);
    struct ggml_tensor *input = graph_input(&p->graph, c->in, c->width, c->height, c->pictures);
    if (c->height > 1)
        p->y = graph_conv2d(&p->graph, &p->conv, input, NULL, false);
    else if (c->kernel)
        p->y = graph_conv1d(&p->graph, p->conv.weight, p->conv.bias, input, c->kernel, c->stride,
                            ACTIVATION_NONE);
    else
        p->y = graph_linear(&p->graph, p->conv.weight, p->conv.bias, input, ACTIVATION_NONE, NULL);
    graph_output(&p->graph, p->y);
    check(graph_allocate(&p->graph, &error), &error);
    ggml_backend_tensor_set(input, x, 0, ggml_nbytes(input));
    check(graph_compute(&p->graph, &error), &error);
}

static void own_free(struct own_product *p)
{
    conv2d_free(&p->conv);
    ggml_backend_buffer_free(p->buffer);
    ggml_backend_buffer_free(p->weight_buffer);
    ggml_free(p->context);
    ggml_free(p->weights);
    graph_free(&p->graph);
    free(p);
}

/* ---- One case ---- */

struct bench {
    int rounds;
    const char *filter;
    bool with_ggml;
    json_t *results;
};

enum side { VALENCE, ONEDNN, GGML, N_SIDES };
static const char *const side_names[N_SIDES] = {"valence", "onednn", "ggml"};

struct sides {
    struct own_product *own, *ggml; /* ggml: NULL where it is not timed */
    struct onednn_product *onednn;  /* NULL where there is none */
    const float *x;
    float *y;
};

static bool has_side(const struct sides *sides, enum side side)
{
    return side == VALENCE || (side == ONEDNN ? sides->onednn != NULL : sides->ggml != NULL);
}

static void run(struct sides *sides, enum side side)
{
    if (side == ONEDNN)
        onednn_run(sides->onednn, sides->x, sides->y);
    else
        own_run(side == GGML ? sides->ggml : sides->own, sides->x);
}

/* Mean seconds of `repeats` runs. */
static void measure(struct sides *sides, enum side side, int repeats, double *clock, double *cpu)
{
    double start = seconds_now(), cpu_start = cpu_seconds();
    for (int i = 0; i < repeats; i++)
        run(sides, side);
    *clock = (seconds_now() - start) / repeats;
    *cpu = (cpu_seconds() - cpu_start) / repeats;
}

/* Largest difference of a side from the library beside the largest value: they must have computed
 * the same. */
static double difference(const struct sides *sides, enum side side)
{
    const float *own = sides->own->y->data;
    const float *y = side == VALENCE ? own : side == GGML ? sides->ggml->y->data : sides->y;
    double largest = 0, apart = 0;
    for (int64_t i = 0; i < ggml_nelements(sides->own->y); i++) {
        double d = (double)own[i] - (double)y[i], v = (double)own[i];
        apart = d > apart ? d : -d > apart ? -d : apart;
        largest = v > largest ? v : -v > largest ? -v : largest;
    }
    return apart / largest;
}

static void time_sides(struct bench *bench, const struct product_case *c, enum number_type type,
                       struct sides *sides)
{
    enum { SHORTEST_MS = 8 };
    json_t *clock[N_SIDES], *cpu[N_SIDES];
    int repeats[N_SIDES];
    double seconds, used;
    for (enum side side = 0; side < N_SIDES; side++) {
        if (!has_side(sides, side))
            continue;
        clock[side] = json_array();
        cpu[side] = json_array();
        run(sides, side);
        measure(sides, side, 2, &seconds, &used);
        repeats[side] = 1 + (int)(SHORTEST_MS * 1e-3 / seconds);
    }
    for (int round = 0; round < bench->rounds; round++)
        for (int i = 0; i < N_SIDES; i++) {
            enum side side = (enum side)((i + round) % N_SIDES);
            if (!has_side(sides, side))
                continue;
            measure(sides, side, repeats[side], &seconds, &used);
            json_array_append_new(clock[side], json_real(seconds));
            json_array_append_new(cpu[side], json_real(used));
        }
    int64_t rows = case_columns(c) * case_lines(c) * c->pictures;
    json_t *result =
        json_pack("{s:s, s:s, s:f}", "case", c->name, "type", type_names[type], "gflop",
                  2e-9 * (double)rows * (double)case_depth(c) * (double)c->out);
    for (enum side side = 0; side < N_SIDES; side++)
        if (has_side(sides, side))
            json_object_set_new(result, side_names[side],
                                json_pack("{s:o, s:o, s:f}", "seconds", clock[side], "cpu_seconds",
                                          cpu[side], "difference", difference(sides, side)));
    json_array_append_new(bench->results, result);
}

static float *draw(int64_t n, bool positive)
{
    struct random_source source = random_source(1, (uint64_t)n);
    float *values = malloc((size_t)n * sizeof *values);
    for (int64_t i = 0; values && i < n; i++) {
        float value = (float)random_normal(&source);
        values[i] = positive && value < 0 ? 0 : value;
    }
    return values;
}

static void run_case(struct bench *bench, const struct product_case *c)
{
    int64_t n_y = case_columns(c) * case_lines(c) * c->pictures * c->out;
    float *x = draw(c->in * c->width * c->height * c->pictures, c->kernel > 0);
    float *weights = draw(case_depth(c) * c->out, false), *y = malloc((size_t)n_y * sizeof *y);
    for (enum number_type type = 0; x && weights && y && type < N_TYPES; type++) {
        if (type == TYPE_INT8 && case_depth(c) % 32 != 0)
            continue; /* q8_0 has blocks of 32 */
        struct sides sides = {
            own_create(c, type, weights, false),
            bench->with_ggml && c->height == 1 ? own_create(c, type, weights, true) : NULL,
            onednn_create(c, type, weights), x, y};
        time_sides(bench, c, type, &sides);
        own_free(sides.own);
        if (sides.ggml)
            own_free(sides.ggml);
        if (sides.onednn)
            onednn_free(sides.onednn);
    }
    free(x);
    free(weights);
    free(y);
}

/* ---- The program ---- */

static json_t *describe_machine(void)
{
    struct valence_machine machine = {.size = sizeof machine};
    struct valence_error error;
    check(valence_machine_describe(&machine, &error), &error);
    return json_pack("{s:s, s:i, s:s, s:s}", "cpu", machine.cpu, "cpus", machine.n_cpus,
                     "instructions", machine.instructions, "system", machine.system);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench-products LEVEL [THREADS [ROUNDS [FILTER]]]\n");
        return 2;
    }
    bool with_ggml = strcmp(argv[1], "ggml") == 0;
    if (!with_ggml && (!limit_to_level(argv[1]) || !onednn_limit(argv[1]))) {
        fprintf(stderr,
                "bench-products: level '%s' is unknown (" LEVELS
                ", ggml), or this processor lacks it\n",
                argv[1]);
        return 1;
    }
    threads_set(argc > 2 ? atoi(argv[2]) : 2);
    struct bench bench = {.rounds = argc > 3 ? atoi(argv[3]) : 5,
                          .filter = argc > 4 ? argv[4] : "",
                          .with_ggml = with_ggml,
                          .results = json_array()};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strstr(cases[i].name, bench.filter))
            run_case(&bench, &cases[i]);
    json_t *all = json_pack("{s:s, s:s, s:s?, s:o, s:s, s:s, s:i, s:o}", "bench", "products",
                            "valence", valence_version(), "onednn", onednn_version(), "machine",
                            describe_machine(), "level", argv[1], "int8_form", int8_product_form(),
                            "threads", threads_count(), "results", bench.results);
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
    return 0;
}
