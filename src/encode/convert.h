/* What a kind of checkpoint implements behind valence/convert.h. */
#ifndef VALENCE_ENCODE_CONVERT_H
#define VALENCE_ENCODE_CONVERT_H

#include "valence/convert.h"

struct converter {
    const char *license; /* what the kind's authors state; NULL: it records none */
    const char *type;    /* of known models' files; NULL: it takes no `type` */
    bool has_neighbours; /* it needs `wavlm` and `llm` */
    /* `options` are complete and fit the kind, and `path` can be written. */
    int (*convert)(const char *from, const char *path,
                   const struct valence_convert_options *options,
                   const struct valence_progress *progress, struct valence_error *error);
};

extern const struct converter converter_wavlm, converter_whisper, converter_manet,
    converter_projector, converter_faces;

#endif
