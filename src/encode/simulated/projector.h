/* The projector of SLAM-LLM between WavLM and a language model: k frames side by side, linear,
 * ReLU, linear.
 *
 *   y_i = W2 relu(W1 [x_ki ... x_ki+k-1] + b1) + b2,   i = 0 ... T / k - 1; the last T mod k frames
 * are not used
 *
 * GGUF (architecture "projector"; sizes in ggml's order; written by convert_projector.c)
 *   1. projector.frames_joined (k), .frame_width, .hidden_width, .width: u32
 *   2. projector.wavlm, .llm: fingerprints of the encoders it belongs to (valence/encoder.h);
 * .wavlm_source, .llm_source: names of their files, for messages
 *   3. linear1.weight (k * frame_width, hidden_width), .bias; linear2.weight (hidden_width, width),
 * .bias
 *
 * Source: SLAM-LLM, src/slam_llm/models/projector.py, EncoderProjectorConcat. */
#ifndef VALENCE_ENCODE_SIMULATED_PROJECTOR_H
#define VALENCE_ENCODE_SIMULATED_PROJECTOR_H

#include "encode/compute/weights.h"
#include "valence/encoder.h"

#define PROJECTOR_MAX_JOINED 64
#define PROJECTOR_MAX_WIDTH  (1 << 16)

struct projector {
    struct weights weights;
    ggml_backend_dev_t device;
    bool plain;
    int64_t joined, frame_width, hidden_width, width;
    struct ggml_tensor *weight[2], *bias[2];
    const char *wavlm, *llm, *wavlm_source, *llm_source; /* within weights */
};

#endif
