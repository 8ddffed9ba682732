#include "encode/recipes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "encode/compute/backend.h"
#include "encode/compute/weights.h"
#include "format/byte_source.h"

#define MAX_RECIPES 100000

/* ---- Recipes ---- */

struct recipe *recipes_add(struct recipes *recipes, const char *format, ...)
{
    struct valence_error ignored; /* recipes->n says it */
    if (recipes->n < 0 || grow_array((void **)&recipes->list, &recipes->capacity, recipes->n + 1,
                                     sizeof *recipes->list, MAX_RECIPES, "tensors", &ignored)) {
        recipes->n = -1;
        return NULL;
    }
    struct recipe *recipe = &recipes->list[recipes->n++];
    *recipe = (struct recipe){.sizes = {1, 1, 1}};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(recipe->name, sizeof recipe->name, format, arguments);
    va_end(arguments);
    return recipe;
}

void recipes_free(struct recipes *recipes)
{
    free(recipes->list);
    *recipes = (struct recipes){0};
}

int recipe_copy(const struct recipe *recipe, struct source *source, float *values, float *work,
                struct valence_error *error)
{
    (void)work;
    int n_dims = 0;
    while (n_dims < 3 && recipe->numbers[n_dims])
        n_dims++;
    return source_take(source, recipe->from[0], n_dims, recipe->numbers, values, error);
}

void recipes_add_copy(struct recipes *recipes, const char *name, const char *from,
                      const char *ending, bool matrix, int64_t a, int64_t b, int64_t c)
{
    struct recipe *recipe = recipes_add(recipes, "%s%s", name, ending);
    if (!recipe)
        return;
    recipe->make = recipe_copy;
    recipe->matrix = matrix;
    snprintf(recipe->from[0], sizeof recipe->from[0], "%s%s", from, ending);
    int64_t shape[] = {a, b, c};
    int n_dims = c ? 3 : b ? 2 : 1;
    for (int i = 0; i < n_dims; i++) {
        recipe->numbers[i] = shape[i];
        recipe->sizes[n_dims - 1 - i] = shape[i];
    }
}

/* ---- Types ---- */

static const enum ggml_type offered[] = {
    GGML_TYPE_F32,  GGML_TYPE_F16,  GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q6_K, GGML_TYPE_Q5_0,
    GGML_TYPE_Q5_1, GGML_TYPE_Q5_K, GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q4_K};

static int find_type(const char *name, enum ggml_type *type, struct valence_error *error)
{
    struct text known = {.maximum = 256};
    *type = GGML_TYPE_F32;
    for (size_t i = 0; i < sizeof offered / sizeof *offered; i++) {
        if (!name || strcasecmp(name, ggml_type_name(offered[i])) == 0) {
            *type = offered[i];
            text_free(&known);
            return VALENCE_OK;
        }
        text_format(&known, "%s%s", i ? ", " : "", ggml_type_name(offered[i]));
    }
    int status = fail_key(error, VALENCE_ERROR_ARGUMENT, "type",
                          "unknown type '%s'; choose one of: %s", name, known.data);
    text_free(&known);
    return status;
}

static enum ggml_type type_for(const struct recipe *recipe, enum ggml_type type)
{
    if (type == GGML_TYPE_F32 || !(recipe->matrix || recipe->halved))
        return GGML_TYPE_F32;
    if (recipe->halved || recipe->sizes[0] % ggml_blck_size(type) != 0)
        return GGML_TYPE_F16;
    return type;
}

/* ---- Writing ---- */

struct conversion {
    const struct recipes *recipes;
    struct source *source;
    struct gguf_context *header;
    struct ggml_context *context; /* tensors without data, to describe them */
    float *values, *work;
    void *stored;
    const struct valence_progress *progress;
    unsigned flags; /* enum file_write_flags */
};

static int64_t count_of(const struct recipe *recipe)
{
    return recipe->sizes[0] * recipe->sizes[1] * recipe->sizes[2];
}

static int check_sources(struct conversion *conversion, struct valence_error *error)
{
    for (int64_t i = 0; i < conversion->recipes->n; i++) {
        const struct recipe *recipe = &conversion->recipes->list[i];
        int status = recipe->make(recipe, conversion->source, NULL, NULL, error);
        if (status)
            return status;
    }
    return source_check(conversion->source, error);
}

/* Describes the tensors in the header and makes room for the largest. */
static int prepare(struct conversion *conversion, enum ggml_type type, struct valence_error *error)
{
    const struct recipes *recipes = conversion->recipes;
    struct ggml_init_params params = {.mem_size = ((size_t)recipes->n + 1) * ggml_tensor_overhead(),
                                      .no_alloc = true};
    conversion->context = ggml_init(params);
    if (!conversion->context)
        return fail_memory(error, params.mem_size, "a list of tensors");
    int64_t largest = 0;
    for (int64_t i = 0; i < recipes->n; i++) {
        const struct recipe *recipe = &recipes->list[i];
        struct ggml_tensor *tensor =
            ggml_new_tensor_3d(conversion->context, type_for(recipe, type), recipe->sizes[0],
                               recipe->sizes[1], recipe->sizes[2]);
        ggml_set_name(tensor, recipe->name);
        gguf_add_tensor(conversion->header, tensor);
        if (count_of(recipe) > largest)
            largest = count_of(recipe);
    }
    conversion->values = allocate(largest, sizeof *conversion->values);
    conversion->work = allocate(2 * largest, sizeof *conversion->work);
    conversion->stored = allocate(largest, sizeof *conversion->values);
    if (!conversion->values || !conversion->work || !conversion->stored)
        return fail_memory(error, (size_t)largest * 4 * sizeof(float), "a tensor");
    return VALENCE_OK;
}

static int check_values(const struct recipe *recipe, const float *values,
                        struct valence_error *error)
{
    for (int64_t i = 0; i < count_of(recipe); i++)
        if (!(values[i] - values[i] == 0))
            return fail(error, VALENCE_ERROR_DATA, "tensor '%s' holds values that are not finite",
                        recipe->name);
    return VALENCE_OK;
}

static int write_tensor(struct conversion *conversion, int64_t index, FILE *stream,
                        struct valence_error *error)
{
    static const char padding[GGUF_DEFAULT_ALIGNMENT];
    const struct recipe *recipe = &conversion->recipes->list[index];
    enum ggml_type type = gguf_get_tensor_type(conversion->header, index);
    size_t size = gguf_get_tensor_size(conversion->header, index);
    int status =
        recipe->make(recipe, conversion->source, conversion->values, conversion->work, error);
    if (!status)
        status = check_values(recipe, conversion->values, error);
    if (status)
        return status;
    const void *data = conversion->values;
    if (type != GGML_TYPE_F32) {
        ggml_quantize_chunk(type, conversion->values, conversion->stored, 0,
                            count_of(recipe) / recipe->sizes[0], recipe->sizes[0], NULL);
        data = conversion->stored;
    }
    fwrite(data, 1, size, stream); /* file_write_commit() sees a failure */
    fwrite(padding, 1, GGML_PAD(size, GGUF_DEFAULT_ALIGNMENT) - size, stream);
    struct valence_progress_event event = {"converting", index + 1, conversion->recipes->n,
                                           "tensors", recipe->name};
    if (conversion->progress && conversion->progress->report(conversion->progress->user, &event))
        return fail(error, VALENCE_ERROR_CANCELLED, "converting was cancelled");
    return VALENCE_OK;
}

static int write_meta(const struct conversion *conversion, struct file_writer *writer,
                      struct valence_error *error)
{
    size_t size = gguf_get_meta_size(conversion->header);
    void *meta = malloc(size);
    if (!meta)
        return fail_memory(error, size, "a header");
    gguf_get_meta_data(conversion->header, meta);
    fwrite(meta, 1, size, writer->stream);
    free(meta);
    return VALENCE_OK;
}

/* Puts the digest of what was written behind the header into it, where it has kept the place. */
static int write_digest(const struct conversion *conversion, struct file_writer *writer,
                        struct valence_error *error)
{
    size_t start = gguf_get_meta_size(conversion->header);
    char digest[SHA256_TEXT_BYTES];
    struct byte_source file;
    if (fflush(writer->stream) != 0)
        return file_write_failure(writer, error);
    int status = byte_source_open(writer->temporary, &file, error);
    if (!status)
        status = byte_source_digest(&file, start, digest, error);
    byte_source_close(&file);
    if (status)
        return status;
    gguf_set_val_str(conversion->header, WEIGHTS_DIGEST_KEY, digest);
    if (fseek(writer->stream, 0, SEEK_SET) != 0)
        return file_write_failure(writer, error);
    return write_meta(conversion, writer, error);
}

static int write_file(struct conversion *conversion, const char *path, struct valence_error *error)
{
    static const char no_digest[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    struct file_writer writer;
    int status = file_write_begin(&writer, path, conversion->flags, error);
    if (status)
        return status;
    bool digests = writer.temporary && writer.can_seek; /* a pipe's header is gone by then */
    if (digests)
        gguf_set_val_str(conversion->header, WEIGHTS_DIGEST_KEY, no_digest);
    status = write_meta(conversion, &writer, error);
    for (int64_t i = 0; !status && i < conversion->recipes->n; i++)
        status = write_tensor(conversion, i, writer.stream, error);
    if (!status && digests)
        status = write_digest(conversion, &writer, error);
    if (status)
        file_write_abort(&writer);
    return status ? status : file_write_commit(&writer, error);
}

int convert_write(const char *path, struct gguf_context *header, const struct recipes *recipes,
                  struct source *source, const struct valence_convert_options *options,
                  const struct valence_progress *progress, struct valence_error *error)
{
    struct conversion conversion = {.recipes = recipes,
                                    .source = source,
                                    .header = header,
                                    .progress = progress,
                                    .flags = options->overwrite ? FILE_OVERWRITE : 0};
    enum ggml_type type;
    int status = find_type(options->type, &type, error);
    if (!status && recipes->n < 0)
        status = fail_memory(error, 0, "a list of tensors");
    if (!status)
        status = check_sources(&conversion, error);
    if (!status) {
        gguf_set_val_str(header, "general.license", options->license);
        gguf_set_val_str(header, "valence.type", ggml_type_name(type));
        gguf_set_val_str(header, "valence.source", path_name(source->path));
        gguf_set_val_str(header, "valence.source_sha256", source->fingerprint);
        status = prepare(&conversion, type, error);
    }
    if (!status)
        status = write_file(&conversion, path, error);
    ggml_free(conversion.context);
    free(conversion.values);
    free(conversion.work);
    free(conversion.stored);
    return status;
}
