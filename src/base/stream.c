/* The vocabulary of valence/stream.h. */
#include "valence/stream.h"

#include <string.h>

_Static_assert((int)VALENCE_N_MODALITIES <= VALENCE_MAX_MODALITIES &&
                   (int)VALENCE_N_STREAMS <= VALENCE_MAX_STREAMS &&
                   (int)VALENCE_N_SPLITS <= VALENCE_MAX_SPLITS,
               "public arrays have room for every name");

const char *const valence_modality_names[VALENCE_MAX_NAMES] = {"audio", "text", "video"};
const char *const valence_stream_names[VALENCE_MAX_NAMES] = {"audio", "text", "video",
                                                             "simulated_text"};
const char *const valence_split_names[VALENCE_MAX_NAMES] = {"train", "validation", "test"};
const char *const valence_dtype_names[VALENCE_MAX_NAMES] = {"f16", "f32"};

size_t valence_dtype_size(enum valence_dtype type)
{
    return type == VALENCE_F16 ? 2 : 4;
}

static int find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int valence_modality_from_name(const char *name)
{
    return find_name(valence_modality_names, VALENCE_N_MODALITIES, name);
}

int valence_stream_from_name(const char *name)
{
    return find_name(valence_stream_names, VALENCE_N_STREAMS, name);
}

int valence_split_from_name(const char *name)
{
    if (strcmp(name, "valid") == 0 || strcmp(name, "val") == 0 || strcmp(name, "dev") == 0)
        return VALENCE_VALIDATION;
    return find_name(valence_split_names, VALENCE_N_SPLITS, name);
}

uint64_t valence_clip_key(const char *id)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
    return hash ^ hash >> 33;
}
