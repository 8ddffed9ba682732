/* The published PyTorch checkpoint of the network, as a checkpoint of ours.
 *
 * Takes a torch.save file (read by format/torch_file.h, which executes nothing) or safetensors: the
 * tensors below "state_dict", or all of them where there is no such dict; a "module." of
 * data-parallel training before every name is dropped. Sizes follow from the shapes. The published
 * model has layers that it never uses; they are left out. */
#ifndef VALENCE_MODEL_PUBLISHED_H
#define VALENCE_MODEL_PUBLISHED_H

#include "base/text.h"
#include "model/checkpoint.h"

/* `imagination` says which variant of MIA the file was trained with, which its tensors do not tell.
 * `unused` receives the names of the layers left out, separated by ", "; it has its maximum set.
 *
 * Errors: FORMAT if a tensor is missing, unknown or of another shape, naming them; DATA if
 * one holds a NaN or an infinity; what the readers report. On failure *checkpoint is cleared. Free
 * with checkpoint_free(). */
int published_load(const char *path, enum valence_imagination imagination,
                   struct checkpoint *checkpoint, struct text *unused, struct valence_error *error);

/* The same from memory; `name` stands for the file in errors and in the provenance. */
int published_load_memory(const void *data, size_t size, const char *name,
                          enum valence_imagination imagination, struct checkpoint *checkpoint,
                          struct text *unused, struct valence_error *error);

#endif
