/* What a WavLM checkpoint says about its network, from either of its two layouts. */
#ifndef VALENCE_ENCODE_WAVLM_WAVLM_CONFIG_H
#define VALENCE_ENCODE_WAVLM_WAVLM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/wavlm/wavlm.h"
#include "format/pickle/pickle.h"

struct wavlm_config {
    int64_t width, n_layers, n_heads, ffn_width, n_buckets, max_distance, position_kernel,
        position_groups;
    int64_t conv_widths[WAVLM_CONVOLUTIONS], conv_kernels[WAVLM_CONVOLUTIONS],
        conv_strides[WAVLM_CONVOLUTIONS];
    int64_t rate_hz;
    double epsilon;
    bool stable, group_norm, normalize, conv_bias;
};

/* Hugging Face: config.json and preprocessor_config.json of a folder. */
int wavlm_config_read_folder(struct wavlm_config *config, const char *folder,
                             struct valence_error *error);

/* The authors' file: its 'cfg' dict. `path` is for errors. */
int wavlm_config_read_pickle(struct wavlm_config *config, const struct pickle_value *cfg,
                             const char *path, struct valence_error *error);

#endif
