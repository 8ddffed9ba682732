#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/convert.h"
#include "encode/recipes.h"
#include "encode/faces/face_networks.h"

#define FACES_LICENSE "MIT (https://github.com/vladmandic/face-api)"

/* The networks' files in the package, and what their tensors are called in ours. */
static const struct {
    const char *stem, *name;
} parts[] = {{"tiny_face_detector_model", "detector"},
             {"face_landmark_68_model", "landmarks"},
             {"face_expression_model", "expression"}};
#define N_PARTS 3

static int make_tensor(const struct recipe *recipe, struct source *source, float *values,
                       float *work, struct valence_error *error)
{
    (void)work;
    int n_dims = 0;
    while (n_dims < 4 && recipe->numbers[n_dims])
        n_dims++;
    return source_take(source, recipe->from[0], n_dims, recipe->numbers, values, error);
}

/* "detector.conv1.depthwise" is "STEM/conv1/depthwise_filter", "landmarks.block0.conv1.weight" is
 * "STEM/dense0/conv1/pointwise_filter". `place` is the name behind the network's, without the
 * ending. */
static void source_name(char *name, size_t bytes, const char *stem, const char *place,
                        const char *ending)
{
    int length = (int)(ending - place) - 1;
    const char *filter = strcmp(ending, "bias") == 0        ? "bias"
                         : strcmp(ending, "depthwise") == 0 ? "depthwise_filter"
                         : strncmp(place, "fc.", 3) == 0    ? "weights"
                         : strncmp(place, "grid.", 5) == 0 || strncmp(place, "conv0.", 6) == 0 ||
                                 strncmp(place, "block0.conv0.", 13) == 0
                             ? "filters"
                             : "pointwise_filter";
    int block, conv;
    if (sscanf(place, "block%d.conv%d.", &block, &conv) == 2)
        snprintf(name, bytes, "%s/dense%d/conv%d/%s", stem, block, conv, filter);
    else if (strncmp(place, "grid.", 5) == 0)
        snprintf(name, bytes, "%s/conv8/%s", stem, filter);
    else
        snprintf(name, bytes, "%s/%.*s/%s", stem, length, place, filter);
}

static void source_shape(const char *from, int64_t rows, int64_t columns, int64_t shape[4])
{
    const char *filter = strrchr(from, '/') + 1;
    if (strcmp(filter, "bias") == 0)
        memcpy(shape, (int64_t[]){columns, 0, 0, 0}, 4 * sizeof *shape);
    else if (strcmp(filter, "weights") == 0)
        memcpy(shape, (int64_t[]){rows, columns, 0, 0}, 4 * sizeof *shape);
    else if (strcmp(filter, "depthwise_filter") == 0)
        memcpy(shape, (int64_t[]){3, 3, columns, 1}, 4 * sizeof *shape);
    else if (strcmp(filter, "filters") == 0 && rows % 9 == 0 && rows < 256)
        memcpy(shape, (int64_t[]){3, 3, rows / 9, columns}, 4 * sizeof *shape);
    else
        memcpy(shape, (int64_t[]){1, 1, rows, columns}, 4 * sizeof *shape);
}

static int add_recipe(void *user, const char *name, int64_t rows, int64_t columns,
                      const float **tensor, struct face_conv *conv)
{
    struct recipe *recipe = recipes_add(user, "%s", name);
    (void)tensor;
    if (!recipe)
        return VALENCE_OK; /* convert_write() says so */
    const char *place = strchr(name, '.') + 1, *ending = strrchr(name, '.') + 1;
    int part = 0;
    while (strncmp(name, parts[part].name, strlen(parts[part].name)) != 0)
        part++;
    recipe->make = make_tensor;
    recipe->matrix = conv != NULL;
    recipe->sizes[0] = columns;
    recipe->sizes[1] = rows;
    source_name(recipe->from[0], sizeof recipe->from[0], parts[part].stem, place, ending);
    source_shape(recipe->from[0], rows, columns, recipe->numbers);
    return VALENCE_OK;
}

static int convert(const char *folder, const char *path,
                   const struct valence_convert_options *options,
                   const struct valence_progress *progress, struct valence_error *error)
{
    const char *stems[N_PARTS] = {parts[0].stem, parts[1].stem, parts[2].stem};
    struct source source;
    int status = source_open_tfjs(&source, folder, stems, N_PARTS, error);
    if (status)
        return status;
    struct face_networks networks = {0};
    struct recipes recipes = {0};
    struct gguf_context *header = gguf_init_empty();
    gguf_set_val_str(header, "general.architecture", "faces");
    face_networks_each(&networks, add_recipe, &recipes);
    status = convert_write(path, header, &recipes, &source, options, progress, error);
    gguf_free(header);
    recipes_free(&recipes);
    source_close(&source);
    return status;
}

const struct converter converter_faces = {
    .license = FACES_LICENSE, .type = "f32", .convert = convert};
