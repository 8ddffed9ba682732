/* Tensors in files of torch.save (.pt, .pth, .bin), read without executing anything.
 *
 * Both layouts: the zip archive (FOLDER/data.pkl, FOLDER/data/KEY, FOLDER/byteorder; the folder's
 * name is arbitrary) and the older row of pickles and raw storages. TorchScript archives hold code
 * and are refused. Where tensors were
 * ("cpu", "cuda:0") is ignored. Objects of unknown classes are skipped.
 *
 * Source: pytorch/torch/serialization.py, torch/_utils.py. */
#ifndef VALENCE_FORMAT_PICKLE_TORCH_FILE_H
#define VALENCE_FORMAT_PICKLE_TORCH_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "format/pickle/pickle.h"
#include "format/pickle/torch_tensor.h"
#include "valence/error.h"

struct torch_file; /* tensors and paths live until it is closed; not for several threads at once */

/* Opens the file and lists its tensors; their elements are read when they are asked for. Every
 * shape, stride and offset is checked against the storage's true size. *file is NULL on error. */
int torch_file_open(const char *path, struct torch_file **file, struct valence_error *error);

/* The same from memory, which must outlive *file; `name` stands for the file in errors. */
int torch_file_open_memory(const void *data, size_t size, const char *name,
                           struct torch_file **file, struct valence_error *error);
void torch_file_close(struct torch_file *file);

/* The tensors in the order of the dicts that hold them. */
int64_t torch_file_n_tensors(const struct torch_file *file);
const struct torch_tensor *torch_file_tensor(const struct torch_file *file, int64_t index);

/* The tensor at that path, or NULL. */
const struct torch_tensor *torch_file_find(const struct torch_file *file, const char *path);

/* The tensor's path below `prefix`: "fc.weight" for "state_dict.fc.weight" within "state_dict";
 * NULL if it is not within it. An empty prefix holds everything. */
const char *torch_tensor_name_within(const struct torch_tensor *tensor, const char *prefix);

/* Everything that was saved (epoch, configuration, ...); tensors in it are PICKLE_OBJECTs. Of
 * torch_file_pickle(), pickle_unknown_globals() names the classes whose objects were skipped. */
const struct pickle *torch_file_pickle(const struct torch_file *file);

/* A tensor in torch_file_pickle() as an array that is read in parts, to be closed before the file.
 * VALENCE_ERROR_NOT_FOUND if `value` is not a tensor. `name` stands for it in errors. */
int torch_file_open_array(const struct torch_file *file, const struct pickle_value *value,
                          const char *name, struct npy **array, struct valence_error *error);

/* tensor->count values in row-major order, whatever the tensor's type and strides. */
int torch_file_read_float(const struct torch_file *file, const struct torch_tensor *tensor,
                          float *out, struct valence_error *error);

#endif
