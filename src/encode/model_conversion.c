#include <string.h>

#include "base/fail.h"
#include "valence/encoder.h"
#include "valence/faces.h"

/* The files have pinned hashes: what is set here, and what the conversions write, decides them. */
int valence_encoder_make_model(const char *kind, const char *folder, const char *to,
                               const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_convert_options options = {
        .type = "f16", .progress = progress, .overwrite = true};
    if (strcmp(kind, "whisper") == 0)
        return valence_encoder_convert(kind, folder, to, &options, error);
    if (strcmp(kind, "faces") == 0)
        return valence_convert_faces(folder, to, error);
    return fail(error, VALENCE_ERROR_ARGUMENT, "no known model is made by a conversion '%s'", kind);
}
