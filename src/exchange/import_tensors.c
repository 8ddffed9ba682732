#include "exchange/import_tensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/json_failure.h"
#include "format/safetensors.h"

static const char *const text_names[] = {"id", "split", "group", "transcript", "metadata"};
#define N_TEXTS ((int)(sizeof text_names / sizeof *text_names))

struct import_tensors {
    char *path;
    struct safetensors *file;
    json_t *clips; /* NULL: nothing is said of them */
    /* The clips' texts as the values a column has, each made when it is asked for: (N) and pointers
     * to them. */
    struct pickle_value *values[N_TEXTS];
    struct pickle_value **pointers[N_TEXTS];
    char **owned[N_TEXTS]; /* (N) texts that are not the JSON's own */
};

static int parse_clips(struct import_tensors *tensors, const char *text,
                       struct valence_error *error)
{
    json_error_t parse;
    tensors->clips = json_loads(text, JSON_REJECT_DUPLICATES, &parse);
    if (!tensors->clips)
        return fail_json(&parse, error, VALENCE_ERROR_FORMAT,
                         "%s: metadata 'clips' is not JSON: %s", tensors->path, parse.text);
    if (!json_is_array(tensors->clips))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: metadata 'clips' is not a list",
                    tensors->path);
    return VALENCE_OK;
}

int import_tensors_open(const char *path, struct import_tensors **opened,
                        struct valence_error *error)
{
    *opened = NULL;
    struct import_tensors *tensors = calloc(1, sizeof *tensors);
    if (!tensors || !(tensors->path = strdup(path))) {
        free(tensors);
        return fail_memory(error, sizeof *tensors, path);
    }
    int status = safetensors_open(path, &tensors->file, error);
    const char *clips = status ? NULL : safetensors_metadata(tensors->file, "clips");
    if (clips)
        status = parse_clips(tensors, clips, error);
    if (status)
        import_tensors_close(tensors);
    else
        *opened = tensors;
    return status;
}

void import_tensors_close(struct import_tensors *tensors)
{
    if (!tensors)
        return;
    for (int i = 0; i < N_TEXTS; i++) {
        for (size_t clip = 0; tensors->owned[i] && clip < json_array_size(tensors->clips); clip++)
            free(tensors->owned[i][clip]);
        free(tensors->owned[i]);
        free(tensors->values[i]);
        free(tensors->pointers[i]);
    }
    json_decref(tensors->clips);
    safetensors_close(tensors->file);
    free(tensors->path);
    free(tensors);
}

/* The text of one clip: "" if nothing is said, an object as JSON. */
static int get_text(struct import_tensors *tensors, int which, size_t clip,
                    struct valence_error *error)
{
    json_t *said = json_object_get(json_array_get(tensors->clips, clip), text_names[which]);
    const char *text = said ? json_string_value(said) : "";
    if (json_is_object(said))
        text = tensors->owned[which][clip] = json_dumps(said, JSON_COMPACT);
    if (!text)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: clip %zu: its %s is not a text",
                    tensors->path, clip, text_names[which]);
    struct pickle_value *value = &tensors->values[which][clip];
    *value = (struct pickle_value){.type = PICKLE_TEXT};
    value->as.bytes.data = text;
    value->as.bytes.size = strlen(text);
    tensors->pointers[which][clip] = value;
    return VALENCE_OK;
}

static int make_texts(struct import_tensors *tensors, int which, struct valence_error *error)
{
    int64_t n = (int64_t)json_array_size(tensors->clips);
    tensors->values[which] = allocate(n, sizeof(struct pickle_value));
    tensors->pointers[which] = allocate(n, sizeof(struct pickle_value *));
    tensors->owned[which] = allocate(n, sizeof(char *));
    if (!tensors->values[which] || !tensors->pointers[which] || !tensors->owned[which])
        return fail_memory(error, (size_t)n * sizeof(struct pickle_value), tensors->path);
    int status = VALENCE_OK;
    for (int64_t clip = 0; clip < n && !status; clip++)
        status = get_text(tensors, which, (size_t)clip, error);
    return status;
}

static int open_tensor(const struct import_tensors *tensors, const char *name, struct npy **array,
                       struct valence_error *error)
{
    const struct safetensor *tensor = safetensors_find(tensors->file, name);
    if (!tensor)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no tensor '%s'", tensors->path, name);
    return safetensor_open_array(tensor, array, error);
}

int import_tensors_list(const struct import_tensors *tensors, struct id_list *names,
                        struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < safetensors_n_tensors(tensors->file) && !status; i++) {
        const char *name = safetensors_tensor(tensors->file, i)->name;
        status = id_list_add(names, name, strlen(name), error);
    }
    return status;
}

int import_tensors_column(struct import_tensors *tensors, const char *name,
                          struct import_column *column, struct valence_error *error)
{
    *column = (struct import_column){0};
    for (int i = 0; i < N_TEXTS && tensors->clips; i++) {
        if (strcmp(name, text_names[i]) != 0)
            continue;
        int status = tensors->pointers[i] ? VALENCE_OK : make_texts(tensors, i, error);
        if (!status) {
            column->n_clips = (int64_t)json_array_size(tensors->clips);
            column->n_parts = 1;
            column->values = tensors->pointers[i];
        }
        return status;
    }
    return open_tensor(tensors, name, &column->array, error);
}
