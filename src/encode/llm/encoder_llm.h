/* What other encoders need of a loaded language model. */
#ifndef VALENCE_ENCODE_LLM_ENCODER_LLM_H
#define VALENCE_ENCODE_LLM_ENCODER_LLM_H

#include "encode/llm/transcript_tokens.h"

struct llm_encoder {
    struct language_model model;
    struct taps taps;
    char layers[TAPS_TEXT_BYTES];
    struct transcript_frame frame;
    bool mean, fast;
    int64_t batch, window; /* tokens */
};

#endif
