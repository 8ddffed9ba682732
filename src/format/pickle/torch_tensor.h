/* Inside the readers of torch's files: a tensor as the pickle describes it, checked, and opened as
 * an array. */
#ifndef VALENCE_FORMAT_PICKLE_TORCH_TENSOR_H
#define VALENCE_FORMAT_PICKLE_TORCH_TENSOR_H

#include "format/npy.h"
#include "format/pickle/torch_container.h"

struct torch_tensor {
    /* keys and indices on the way to it, joined by dots: "state_dict.fc_att.weight"; NULL within a
     * plain pickle */
    const char *path;
    enum element_type type;
    int n_dims;
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t strides[ARRAY_MAX_DIMS]; /* in elements */
    int64_t count;                   /* elements */
    int64_t storage_offset;          /* in elements */
    struct torch_storage storage;    /* tensors may share it */
};

/* The arguments of the call that made the tensor; NULL if the value is not a tensor. */
const struct pickle_value *torch_tensor_arguments(const struct pickle_value *value);

/* Every shape, stride and offset is checked against the storage's true size. */
int torch_tensor_read(const struct torch_container *container, const struct pickle_value *arguments,
                      struct torch_tensor *tensor, struct valence_error *error);

/* `source` is what the container was opened from. Close the array before it. */
int torch_tensor_open(const struct torch_container *container, const struct byte_source *source,
                      const struct torch_tensor *tensor, const char *name, struct npy **array,
                      struct valence_error *error);

/* A tensor within a plain pickle, whose storage torch wrote into it
 * (torch.storage._load_from_bytes): what pickle.dump makes of a tensor. Close the array before the
 * pickle is freed. */
int torch_open_pickled(const struct pickle *pickle, const struct pickle_value *arguments,
                       const char *name, struct npy **array, struct valence_error *error);

#endif
