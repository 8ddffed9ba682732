#include "format/pickle/pickled_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "format/pickle/pickle_numpy.h"
#include "format/pickle/torch_file.h"

struct pickled_file {
    struct byte_source source; /* of a plain pickle */
    struct pickle *pickle;     /* one of the two */
    struct torch_file *torch;
};

/* torch.save makes a zip archive, or (older) begins with a pickle of a number of ten bytes. */
static bool is_torch(const struct byte_source *source)
{
    static const char legacy[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    char start[sizeof legacy - 1];
    if (source->size < sizeof start || byte_source_read(source, 0, start, sizeof start, NULL))
        return false;
    return memcmp(start, legacy, sizeof start) == 0 || memcmp(start, "PK\x03\x04", 4) == 0;
}

/* Takes over `source`, which opening gave with `status`. */
static int open_source(struct byte_source *source, int status, struct pickled_file **file,
                       struct valence_error *error)
{
    struct pickled_file *opened = status ? NULL : calloc(1, sizeof *opened);
    if (!opened) {
        byte_source_close(source);
        return status ? status : fail_memory(error, sizeof *opened, "a file");
    }
    opened->source = *source;
    source = &opened->source;
    if (!is_torch(source))
        status = pickle_read_source(source, 0, source->size, NULL, &opened->pickle, NULL, error);
    else if (source->bytes)
        status = torch_file_open_memory(source->bytes, (size_t)source->size, source->name,
                                        &opened->torch, error);
    else
        status = torch_file_open(source->name, &opened->torch, error);
    if (status)
        pickled_file_close(opened);
    else
        *file = opened;
    return status;
}

int pickled_file_open(const char *path, struct pickled_file **file, struct valence_error *error)
{
    struct byte_source source;
    *file = NULL;
    return open_source(&source, byte_source_open(path, &source, error), file, error);
}

void pickled_file_close(struct pickled_file *file)
{
    if (!file)
        return;
    pickle_free(file->pickle);
    torch_file_close(file->torch);
    byte_source_close(&file->source);
    free(file);
}

const struct pickle_value *pickled_file_root(const struct pickled_file *file)
{
    return pickle_root(file->pickle ? file->pickle : torch_file_pickle(file->torch));
}

bool pickled_file_is_array(const struct pickle_value *value)
{
    struct pickle_array found;
    return torch_tensor_arguments(value) || (pickle_get_array(value, &found) && found.elements);
}

int pickle_open_any_array(const struct pickle *pickle, const struct pickle_value *value,
                          const char *name, struct npy **array, struct valence_error *error)
{
    struct pickle_array found;
    const struct pickle_value *tensor = torch_tensor_arguments(value);
    *array = NULL;
    if (tensor) {
        int status = torch_open_pickled(pickle, tensor, name, array, error);
        return status ? fail_within(status, error, "%s: tensor '%s'", pickle_source(pickle)->name,
                                    name)
                      : VALENCE_OK;
    }
    if (!pickle_get_array(value, &found) || !found.elements)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: '%s' is a %s, not an array",
                    pickle_source(pickle)->name, name, pickle_type_name(value));
    return pickle_open_array(pickle, &found, name, array, error);
}

int pickled_file_open_array(const struct pickled_file *file, const struct pickle_value *value,
                            const char *name, struct npy **array, struct valence_error *error)
{
    if (file->torch && torch_tensor_arguments(value))
        return torch_file_open_array(file->torch, value, name, array, error);
    return pickle_open_any_array(file->pickle ? file->pickle : torch_file_pickle(file->torch),
                                 value, name, array, error);
}
