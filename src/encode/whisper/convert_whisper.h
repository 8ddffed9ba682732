/* Whisper's published checkpoints as a GGUF file: CTranslate2's model.bin (whole or in parts, or
 * the folder of it), a Hugging Face folder, or OpenAI's .pt file. */
#ifndef VALENCE_ENCODE_WHISPER_CONVERT_WHISPER_H
#define VALENCE_ENCODE_WHISPER_CONVERT_WHISPER_H

#include "valence/encoder.h"

int convert_whisper(const char *from, const char *path,
                    const struct valence_convert_options *options, struct valence_error *error);

#endif
