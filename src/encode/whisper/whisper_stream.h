/* A converted Whisper model in the form that whisper.cpp reads, made while it reads: there is one
 * file for rows and for transcripts. */
#ifndef VALENCE_ENCODE_WHISPER_STREAM_H
#define VALENCE_ENCODE_WHISPER_STREAM_H

#include <whisper.h>

#include "encode/compute/weights.h"

/* Loads the model, without a state. With flash attention, the default of whisper.cpp and a fifth
 * faster, keys are padded to a multiple of 256 with zeros that take part in the softmax: hidden
 * states are further from the published model's. NULL on failure. Errors: UNSUPPORTED without a
 * vocabulary; FORMAT, SHAPE. */
struct whisper_context *whisper_stream_load(struct weights *weights, bool flash_attention,
                                            struct valence_error *error);

#endif
