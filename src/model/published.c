#include "model/published.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/options.h"
#include "format/safetensors.h"
#include "format/pickle/torch_file.h"
#include "model/parameters.h"
#include "valence/version.h"

/* ---- The file: one of two formats ---- */

struct source {
    const char *path;
    struct safetensors *safetensors; /* one of the two */
    struct torch_file *torch;
    const char *prefix; /* of torch paths */
};

struct source_tensor {
    const char *name; /* NULL: outside the state dict */
    int n_dims;
    const int64_t *shape;
    const struct safetensor *safetensor;
    const struct torch_tensor *torch;
};

/* `data` may be NULL: the file at `path`. */
static int source_open(struct source *source, const void *data, size_t size, const char *path,
                       struct valence_error *error)
{
    struct byte_source bytes;
    char first[9] = "";
    *source = (struct source){.path = path, .prefix = ""};
    int status = data ? byte_source_open_memory(data, size, path, &bytes, error)
                      : byte_source_open(path, &bytes, error);
    if (!status && bytes.size > 8)
        status = byte_source_read(&bytes, 0, first, sizeof first, error);
    byte_source_close(&bytes);
    if (status)
        return status;
    /* Behind its 8 bytes of length a safetensors header is JSON; zip and pickle begin otherwise. */
    if (first[8] == '{')
        return data ? safetensors_open_memory(data, size, path, &source->safetensors, error)
                    : safetensors_open(path, &source->safetensors, error);
    status = data ? torch_file_open_memory(data, size, path, &source->torch, error)
                  : torch_file_open(path, &source->torch, error);
    for (int64_t i = 0; !status && i < torch_file_n_tensors(source->torch); i++)
        if (torch_tensor_name_within(torch_file_tensor(source->torch, i), "state_dict"))
            source->prefix = "state_dict";
    return status;
}

static void source_close(struct source *source)
{
    safetensors_close(source->safetensors);
    torch_file_close(source->torch);
}

static int64_t source_n_tensors(const struct source *source)
{
    return source->torch ? torch_file_n_tensors(source->torch)
                         : safetensors_n_tensors(source->safetensors);
}

static struct source_tensor source_tensor(const struct source *source, int64_t index)
{
    struct source_tensor tensor;
    if (source->torch) {
        const struct torch_tensor *torch = torch_file_tensor(source->torch, index);
        tensor = (struct source_tensor){.name = torch_tensor_name_within(torch, source->prefix),
                                        .n_dims = torch->n_dims,
                                        .shape = torch->shape,
                                        .torch = torch};
    } else {
        const struct safetensor *safetensor = safetensors_tensor(source->safetensors, index);
        tensor = (struct source_tensor){.name = safetensor->name,
                                        .n_dims = safetensor->n_dims,
                                        .shape = safetensor->shape,
                                        .safetensor = safetensor};
    }
    if (tensor.name && strncmp(tensor.name, "module.", 7) == 0)
        tensor.name += 7;
    return tensor;
}

static int source_read(const struct source *source, const struct source_tensor *tensor, float *out,
                       struct valence_error *error)
{
    if (source->torch)
        return torch_file_read_float(source->torch, tensor->torch, out, error);
    return safetensor_to_float(tensor->safetensor, out, error);
}

/* ---- Sizes ---- */

/* The sizes of a matrix of this name; zeros if there is none, which the comparison of all names
 * then reports. */
static void find_matrix(const struct source *source, const char *name, int64_t *rows,
                        int64_t *columns)
{
    *rows = *columns = 0;
    for (int64_t i = 0; i < source_n_tensors(source); i++) {
        struct source_tensor tensor = source_tensor(source, i);
        if (tensor.name && tensor.n_dims == 2 && strcmp(tensor.name, name) == 0) {
            *rows = tensor.shape[0];
            *columns = tensor.shape[1];
        }
    }
}

static int derive_config(const struct source *source, enum valence_imagination imagination,
                         struct valence_model_config *config, struct valence_error *error)
{
    valence_model_config_default(config);
    config->imagination = imagination;
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++) {
        char name[40];
        snprintf(name, sizeof name, "frame_dim_reshape_%d.weight", modality);
        find_matrix(source, name, &config->d, &config->widths[modality]);
        if (config->widths[modality] == 0)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: no matrix '%s': not a published checkpoint of the double-flow network",
                        source->path, name);
    }
    int64_t one;
    find_matrix(source, "fc_out_v.weight", &one, &config->o);
    int status = valence_model_config_check(config, error);
    return status
               ? fail_within(status, error, "%s: sizes that no published network has", source->path)
               : VALENCE_OK;
}

/* ---- Names and shapes ---- */

/* True for layers of the published model that its forward pass does not use, and for MIA where it
 * is off. */
static bool is_unused(const char *name, enum valence_imagination imagination)
{
    static const char *const unused[] = {"fc_out_e.", "fc_out_ev.", "prelu.", "normali.",
                                         "layer_normali."};
    for (size_t i = 0; i < sizeof unused / sizeof unused[0]; i++)
        if (strncmp(name, unused[i], strlen(unused[i])) == 0)
            return true;
    return imagination == VALENCE_IMAGINATION_OFF && strncmp(name, "missing_", 8) == 0;
}

/* What does not fit: as much of it as an error has room for, and how much there is. */
struct problems {
    struct text text;
    int n, n_listed;
};

static void count_problem(struct problems *problems)
{
    problems->n++;
    problems->n_listed += !problems->text.failed;
}

/* Finds each parameter's tensor: places[i] becomes the index in the source of the table's entry
 * i. */
static void match_tensors(const struct source *source, const struct valence_model_config *config,
                          const struct parameter_table *table, int64_t *places,
                          struct problems *problems, struct text *unused)
{
    for (int i = 0; i < table->n; i++)
        places[i] = -1;
    for (int64_t i = 0; i < source_n_tensors(source); i++) {
        struct source_tensor tensor = source_tensor(source, i);
        const struct parameter *parameter = tensor.name ? parameter_find(table, tensor.name) : NULL;
        if (parameter && places[parameter - table->parameters] < 0) {
            places[parameter - table->parameters] = i;
        } else if (parameter) {
            text_format(&problems->text, "; '%s' occurs twice", tensor.name);
            count_problem(problems);
        } else if (tensor.name && is_unused(tensor.name, config->imagination)) {
            text_format(unused, "%s%s", unused->length ? ", " : "", tensor.name);
        } else if (tensor.name) {
            text_format(&problems->text, "; unknown '%s'", tensor.name);
            count_problem(problems);
        }
    }
}

static void check_parameters(const struct source *source, const struct parameter_table *table,
                             const int64_t *places, struct problems *problems)
{
    for (int i = 0; i < table->n; i++) {
        const struct parameter *parameter = &table->parameters[i];
        if (places[i] < 0) {
            text_format(&problems->text, "; no '%s'", parameter->name);
            count_problem(problems);
            continue;
        }
        struct source_tensor tensor = source_tensor(source, places[i]);
        if (tensor.n_dims == parameter->n_dims &&
            memcmp(tensor.shape, parameter->shape, sizeof(int64_t) * (size_t)tensor.n_dims) == 0)
            continue;
        char is[SHAPE_TEXT_BYTES], should[SHAPE_TEXT_BYTES];
        text_format(&problems->text, "; '%s' is %s, not %s", parameter->name,
                    shape_text(tensor.shape, tensor.n_dims, is, sizeof is),
                    shape_text(parameter->shape, parameter->n_dims, should, sizeof should));
        count_problem(problems);
    }
}

static int match_all(const struct source *source, const struct valence_model_config *config,
                     const struct parameter_table *table, int64_t *places, struct text *unused,
                     struct valence_error *error)
{
    struct problems problems = {.text.maximum = 700};
    match_tensors(source, config, table, places, &problems, unused);
    check_parameters(source, table, places, &problems);
    int status = VALENCE_OK;
    if (problems.n > problems.n_listed)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: %d tensors do not fit%s; and %d more",
                      source->path, problems.n, problems.text.data ? problems.text.data : "",
                      problems.n - problems.n_listed);
    else if (problems.n)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: %d tensor%s not fit%s", source->path,
                      problems.n, problems.n == 1 ? " does" : "s do", problems.text.data);
    text_free(&problems.text);
    return status;
}

/* ---- Values ---- */

static int read_parameters(const struct source *source, const struct parameter_table *table,
                           const int64_t *places, float *values, struct valence_error *error)
{
    for (int i = 0; i < table->n; i++) {
        const struct parameter *parameter = &table->parameters[i];
        struct source_tensor tensor = source_tensor(source, places[i]);
        float *out = values + parameter->offset;
        int status = source_read(source, &tensor, out, error);
        if (status)
            return status;
        for (int64_t j = 0; j < parameter->n_values; j++)
            if (!isfinite(out[j]))
                return fail(error, VALENCE_ERROR_DATA, "%s: tensor '%s' holds %g at element %lld",
                            source->path, parameter->name, out[j], (long long)j);
    }
    return VALENCE_OK;
}

static int fill_checkpoint(const struct source *source, enum valence_imagination imagination,
                           struct parameter_table *table, struct checkpoint *checkpoint,
                           struct text *unused, struct valence_error *error)
{
    int64_t places[MAX_PARAMETERS];
    int status = derive_config(source, imagination, &checkpoint->config, error);
    if (status)
        return status;
    parameter_table_make(&checkpoint->config, table);
    status = match_all(source, &checkpoint->config, table, places, unused, error);
    if (!status)
        status = checkpoint_allocate(checkpoint, false, error);
    if (!status)
        status = read_parameters(source, table, places, checkpoint->parameters, error);
    if (status)
        return status;
    for (int stream = 0; stream < VALENCE_N_STREAMS; stream++)
        snprintf(checkpoint->stream_names[stream], sizeof checkpoint->stream_names[stream], "%s",
                 valence_stream_names[stream]);
    if (!is_utf8(path_name(source->path), strlen(path_name(source->path))))
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: its name is not UTF-8", source->path);
    checkpoint->provenance = json_pack("{s:s, s:s}", "converted_from", path_name(source->path),
                                       "valence", valence_version());
    return checkpoint->provenance ? VALENCE_OK : fail_memory(error, 0, "a checkpoint's provenance");
}

/* `data` may be NULL: the file at `path`. */
static int load(const void *data, size_t size, const char *path,
                enum valence_imagination imagination, struct checkpoint *checkpoint,
                struct text *unused, struct valence_error *error)
{
    *checkpoint = (struct checkpoint){0};
    struct source source = {0};
    struct parameter_table *table = allocate(1, sizeof *table);
    int status = table ? source_open(&source, data, size, path, error)
                       : fail_memory(error, sizeof *table, "the table of parameters");
    if (!status)
        status = fill_checkpoint(&source, imagination, table, checkpoint, unused, error);
    source_close(&source);
    if (status)
        checkpoint_free(checkpoint);
    free(table);
    return status;
}

int published_load_memory(const void *data, size_t size, const char *name,
                          enum valence_imagination imagination, struct checkpoint *checkpoint,
                          struct text *unused, struct valence_error *error)
{
    return load(data ? data : "", size, name, imagination, checkpoint, unused, error);
}

int published_load(const char *path, enum valence_imagination imagination,
                   struct checkpoint *checkpoint, struct text *unused, struct valence_error *error)
{
    return load(NULL, 0, path, imagination, checkpoint, unused, error);
}

/* ---- The public function ---- */

void valence_published_options_default(struct valence_published_options *options)
{
    *options = (struct valence_published_options){.size = sizeof *options,
                                                  .imagination = VALENCE_IMAGINATION_TRANSITION};
}

static int take_options(const struct valence_published_options *given,
                        struct valence_published_options *options, struct valence_error *error)
{
    valence_published_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (status)
        return status;
    if ((unsigned)options->imagination >= VALENCE_N_IMAGINATIONS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "imagination",
                        "imagination must be one of transition, text, off");
    return VALENCE_OK;
}

int valence_model_convert_published(const char *source, const char *path,
                                    const struct valence_published_options *options,
                                    struct valence_model **model, struct valence_error *error)
{
    struct valence_published_options known;
    struct checkpoint checkpoint;
    struct text unused = {.maximum = 1 << 20};
    if (model)
        *model = NULL;
    if (!source || !path)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the source or the path is NULL");
    int status = take_options(options, &known, error);
    unsigned flags = known.overwrite ? FILE_OVERWRITE : 0;
    if (!status)
        status = file_write_check(path, flags, error);
    if (status)
        return status;
    status = published_load(source, known.imagination, &checkpoint, &unused, error);
    if (!status)
        status = checkpoint_save(path, flags, &checkpoint, error);
    if (!status && known.left_out && known.left_out_bytes)
        snprintf(known.left_out, known.left_out_bytes, "%s", unused.length ? unused.data : "");
    if (!status && model)
        status = checkpoint_to_model(&checkpoint, model, error);
    checkpoint_free(&checkpoint);
    text_free(&unused);
    return status;
}
