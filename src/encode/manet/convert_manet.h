/* MANet checkpoints to GGUF; see valence_encoder_convert() for what `from` may be, manet.h for the
 * file. */
#ifndef VALENCE_ENCODE_MANET_CONVERT_MANET_H
#define VALENCE_ENCODE_MANET_CONVERT_MANET_H

#include "valence/encoder.h"

int convert_manet(const char *from, const char *path, const struct valence_convert_options *options,
                  struct valence_error *error);

#endif
