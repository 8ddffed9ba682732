/* WavLM checkpoints to GGUF; see valence_encoder_convert() for what `from` may be, wavlm.h for the
 * file. */
#ifndef VALENCE_ENCODE_WAVLM_CONVERT_WAVLM_H
#define VALENCE_ENCODE_WAVLM_CONVERT_WAVLM_H

#include "valence/encoder.h"

int convert_wavlm(const char *from, const char *path, const struct valence_convert_options *options,
                  struct valence_error *error);

#endif
