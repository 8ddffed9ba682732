/* Mel filters and the power spectrum, by matrix products: the sizes are small and a transform of
 * 400 samples is no power of two. */
#ifndef VALENCE_ENCODE_PROSODY_MEL_H
#define VALENCE_ENCODE_PROSODY_MEL_H

#include <stdint.h>

#include "valence/error.h"

struct mel_spectrum {
    int64_t n_fft, n_bins, n_mels;
    float *transform; /* (n_fft, 2 * n_bins): window times cosine, window times sine */
    float *filters;   /* (n_bins, n_mels) */
};

/* Slaney's filters over 0 ... rate / 2, each of area 1 (as librosa's defaults), and a periodic Hann
 * window of `window` samples in the middle of `n_fft`. */
int mel_spectrum_create(struct mel_spectrum *spectrum, double rate_hz, int64_t n_fft,
                        int64_t window, int64_t n_mels, struct valence_error *error);
void mel_spectrum_free(struct mel_spectrum *spectrum);

/* Power in the mel bands, (n_frames, n_mels), of `n_frames` frames of n_fft samples; frame f begins
 * at samples + f * hop. `work` has room for n_frames * (n_fft + 3 * n_bins) floats. */
void mel_spectrum_power(const struct mel_spectrum *spectrum, const float *samples, int64_t n_frames,
                        int64_t hop, float *work, float *mel);

#endif
