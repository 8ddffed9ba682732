/* golden-manet FOLDER: converts the MANet checkpoints (*.pth, *.safetensors) of FOLDER and compares
 * every stored tensor of cases.safetensors, whatever the width. The limits are those of the
 * fixtures' description. */
#include "golden.h"

#include <dirent.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/file.h"
#include "encode/compute/backend.h"
#include "encode/manet/manet.h"
#include "encode/manet/resize.h"

#define EMBEDDING_LIMIT 5e-5
#define MAP_LIMIT       3e-4
#define RELATIVE        2e-5

struct fixture {
    const char *file; /* name of the checkpoint, for messages */
    struct safetensors *cases;
    struct tally *tally;
    const char *way;
    int64_t picture; /* that the maps are of */
};

static const struct safetensor *must_find(const struct fixture *fixture, const char *name)
{
    return must_have((void *)(uintptr_t)safetensors_find(fixture->cases, name));
}

/* The pictures at the network's size, (n, side, side, 3), from input_u8's (n, 3, side, side). */
static uint8_t *network_input(const struct fixture *fixture, int64_t *n, int64_t *side)
{
    const struct safetensor *stored = must_find(fixture, "input_u8");
    uint8_t *from = bytes_of(stored);
    *n = stored->shape[0];
    *side = stored->shape[2];
    int64_t pixels = *side * *side;
    uint8_t *to = must_have(malloc((size_t)stored->count));
    for (int64_t i = 0; i < stored->count; i++)
        to[(i / (3 * pixels) * pixels + i % pixels) * 3 + i / pixels % 3] = from[i];
    free(from);
    return to;
}

/* ---- Resize ---- */

static void check_resize(const struct fixture *fixture)
{
    struct valence_error error;
    int64_t n, side;
    uint8_t *want = network_input(fixture, &n, &side),
            *is = must_have(malloc((size_t)(side * side * 3)));
    for (int64_t i = 0; i < n; i++) {
        char name[32], measured[64];
        snprintf(name, sizeof name, "image_%" PRId64, i);
        const struct safetensor *image = must_find(fixture, name);
        uint8_t *pixels = bytes_of(image);
        must_work(resize_rgb(pixels, image->shape[1], image->shape[0], side, is, &error), &error);
        free(pixels);
        int64_t wrong = 0;
        for (int64_t j = 0; j < side * side * 3; j++)
            wrong += is[j] != want[i * side * side * 3 + j];
        snprintf(measured, sizeof measured, "%" PRId64 " bytes differ after resizing", wrong);
        verdict(fixture->tally, name, wrong == 0, measured);
    }
    free(is);
    free(want);
}

/* ---- Network ---- */

/* Puts picture `picture` of a (channels, width, height, pictures) tensor into `map`, (channels,
 * rows, columns), with its corner at (row, column) of a map of `across` columns. */
static void place_map(const struct ggml_tensor *tensor, int64_t picture, int64_t row,
                      int64_t column, int64_t across, int64_t down, float *map)
{
    int64_t channels = tensor->ne[0], width = tensor->ne[1], height = tensor->ne[2];
    size_t bytes = (size_t)(channels * width * height) * sizeof(float);
    float *values = must_have(malloc(bytes));
    ggml_backend_tensor_get(tensor, values, (size_t)picture * bytes, bytes);
    for (int64_t i = 0; i < channels * width * height; i++) {
        int64_t c = i % channels, x = i / channels % width, y = i / (channels * width);
        map[(c * down + row + y) * across + column + x] = values[i];
    }
    free(values);
}

struct joined { /* the four patches' map */
    float *map;
    const struct fixture *fixture;
};

static void compare_map(const struct fixture *fixture, const char *name, int64_t count,
                        const float *map)
{
    const struct safetensor *stored = must_find(fixture, name);
    char what[96];
    float *want = values_of(stored);
    snprintf(what, sizeof what, "%s %s %s", fixture->file, fixture->way, name);
    if (stored->count == count)
        compare(fixture->tally, what, count, map, want, MAP_LIMIT, RELATIVE);
    else
        verdict(fixture->tally, what, false, "has another shape");
    free(want);
}

static void check_stage(void *user, const char *name, const struct ggml_tensor *tensor)
{
    struct joined *joined = user;
    const struct fixture *fixture = joined->fixture;
    int patch;
    int64_t width = tensor->ne[1], height = tensor->ne[2], count = tensor->ne[0] * width * height;
    if (sscanf(name, "branch_1_patch_%d", &patch) == 1) {
        if (!joined->map)
            joined->map = must_have(malloc((size_t)count * 4 * sizeof *joined->map));
        place_map(tensor, fixture->picture, (patch - 1) / 2 * height, (patch - 1) % 2 * width,
                  2 * width, 2 * height, joined->map);
        if (patch == 4)
            compare_map(fixture, "branch_1_map", 4 * count, joined->map);
        return;
    }
    float *map = must_have(malloc((size_t)count * sizeof *map));
    place_map(tensor, fixture->picture, 0, 0, width, height, map);
    compare_map(fixture, name, count, map);
    free(map);
}

static void compare_rows(const struct fixture *fixture, const char *batch, int64_t first, int64_t n,
                         const char *name, const float *rows, int64_t stride)
{
    const struct safetensor *stored = must_find(fixture, name);
    int64_t width = stored->shape[1];
    char what[96];
    float *want = values_of(stored), *is = must_have(malloc((size_t)(n * width) * sizeof *is));
    for (int64_t i = 0; i < n; i++)
        memcpy(is + i * width, rows + i * stride, (size_t)width * sizeof *is);
    snprintf(what, sizeof what, "%s %s %s %s", fixture->file, fixture->way, batch, name);
    compare(fixture->tally, what, n * width, is, want + first * width, EMBEDDING_LIMIT, RELATIVE);
    free(want);
    free(is);
}

static void encode_pictures(struct manet_state *state, const struct fixture *fixture,
                            const uint8_t *pixels, const char *batch, int64_t first, int64_t n)
{
    struct valence_error error;
    int64_t side = state->model->side, classes = state->model->n_classes;
    for (int output = MANET_EMBEDDING; output <= MANET_LOGITS; output++) {
        state->output = (enum manet_output)output;
        int64_t width = manet_row_width(state->model, state->output);
        float *rows = must_have(malloc((size_t)(n * width) * sizeof *rows));
        must_work(manet_encode(state, pixels + first * side * side * 3, n, rows, &error), &error);
        if (output == MANET_EMBEDDING)
            compare_rows(fixture, batch, first, n, "embedding", rows, width);
        else {
            compare_rows(fixture, batch, first, n, "logits_1", rows, width);
            compare_rows(fixture, batch, first, n, "logits_2", rows + classes, width);
        }
        free(rows);
    }
}

static struct manet *load(const char *path, bool plain, struct manet_state *state)
{
    struct valence_error error;
    struct manet *model = must_have(malloc(sizeof *model));
    struct weights weights;
    ggml_backend_dev_t device;
    must_work(backend_find_device("cpu", &device, &error), &error);
    must_work(weights_open(&weights, path, &error), &error);
    must_work(manet_load(model, &weights, device, !plain, &error), &error);
    *state = (struct manet_state){.model = model};
    must_work(graph_create(&state->graph, device, plain, &error), &error);
    return model;
}

/* All pictures together, each alone, and many copies of them, which go other ways through the fused
 * code. */
static void check_network(struct fixture *fixture, const char *path, bool plain)
{
    struct manet_state state;
    struct manet *model = load(path, plain, &state);
    struct joined joined = {.fixture = fixture};
    struct manet_watch watch = {check_stage, &joined};
    int64_t n, side;
    uint8_t *pixels = network_input(fixture, &n, &side);
    fixture->way = plain ? "plain" : "fused";
    fixture->picture = 1;
    state.watch = &watch;
    encode_pictures(&state, fixture, pixels, "together", 0, n);
    state.watch = NULL;
    for (int64_t i = 0; i < n; i++)
        encode_pictures(&state, fixture, pixels, "alone", i, 1);
    if (!plain) {
        int64_t picture = side * side * 3;
        uint8_t *many = must_have(malloc((size_t)(picture * MANET_PICTURES)));
        for (int64_t i = 0; i < MANET_PICTURES; i++)
            memcpy(many + i * picture, pixels + (i + 1) % n * picture, (size_t)picture);
        state.watch = &watch;
        fixture->picture = 3; /* 4 % n == 1 */
        fixture->way = "fused x 32";
        float *rows = must_have(
            malloc((size_t)(MANET_PICTURES * manet_row_width(model, MANET_EMBEDDING)) * 4));
        struct valence_error error;
        state.output = MANET_EMBEDDING;
        must_work(manet_encode(&state, many, MANET_PICTURES, rows, &error), &error);
        compare_rows(fixture, "last", MANET_PICTURES % n, 1, "embedding",
                     rows + (MANET_PICTURES - 1) * manet_row_width(model, MANET_EMBEDDING), 0);
        free(rows);
        free(many);
    }
    free(joined.map);
    free(pixels);
    graph_free(&state.graph);
    manet_free(model);
    free(model);
}

/* ---- Types ---- */

static float *embed(const char *path, const uint8_t *pixels, int64_t n, int64_t *width)
{
    struct valence_error error;
    struct manet_state state;
    struct manet *model = load(path, false, &state);
    *width = manet_row_width(model, MANET_EMBEDDING);
    float *rows = must_have(malloc((size_t)(n * *width) * sizeof *rows));
    must_work(manet_encode(&state, pixels, n, rows, &error), &error);
    graph_free(&state.graph);
    manet_free(model);
    free(model);
    return rows;
}

static char *convert(const char *checkpoint, const char *type)
{
    struct valence_error error;
    char path[96];
    snprintf(path, sizeof path, "/tmp/golden-manet-%d.gguf", (int)getpid());
    struct valence_convert_options options = {
        .size = sizeof options, .overwrite = true, .type = type};
    must_work(valence_convert(VALENCE_CONVERT_MANET, checkpoint, path, &options, NULL, &error),
              &error);
    return must_have(strdup(path));
}

static void check_types(struct fixture *fixture, const char *checkpoint)
{
    static const struct {
        const char *type;
        double least;
    } types[] = {{"f32", 1}, {"f16", 0.9999}, {"bf16", 0.999}, {"q8_0", 0.999}};
    int64_t n, side, width;
    uint8_t *pixels = network_input(fixture, &n, &side);
    float *want = NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char *path = convert(checkpoint, types[i].type), what[96], measured[64];
        float *is = embed(path, pixels, n, &width);
        if (want) {
            double cosine = least_cosine(n, width, is, want);
            snprintf(what, sizeof what, "%s %s", fixture->file, types[i].type);
            snprintf(measured, sizeof measured, "least cosine %.6f (limit %g)", cosine,
                     types[i].least);
            verdict(fixture->tally, what, cosine >= types[i].least, measured);
            free(is);
        } else {
            want = is;
        }
        unlink(path);
        free(path);
    }
    free(want);
    free(pixels);
}

static void check_checkpoint(struct fixture *fixture, const char *folder, const char *name)
{
    char *checkpoint = must_have(path_join(folder, name)), *path = convert(checkpoint, "f32");
    fixture->file = name;
    check_network(fixture, path, false);
    check_network(fixture, path, true);
    unlink(path);
    free(path);
    check_types(fixture, checkpoint);
    free(checkpoint);
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct tally tally = {0};
    struct fixture fixture = {.tally = &tally, .way = ""};
    if (argc != 2) {
        fprintf(stderr, "usage: golden-manet FOLDER\n");
        return 2;
    }
    char *cases = must_have(path_join(argv[1], "cases.safetensors"));
    must_work(safetensors_open(cases, &fixture.cases, &error), &error);
    check_resize(&fixture);
    DIR *folder = must_have(opendir(argv[1]));
    for (struct dirent *entry; (entry = readdir(folder));)
        if (path_has_ending(entry->d_name, ".pth") ||
            (path_has_ending(entry->d_name, ".safetensors") &&
             strcmp(entry->d_name, "cases.safetensors") != 0))
            check_checkpoint(&fixture, argv[1], entry->d_name);
    closedir(folder);
    safetensors_close(fixture.cases);
    free(cases);
    return conclude(&tally);
}
