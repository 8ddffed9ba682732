#include "encode/prosody/mel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "kernels/gemm.h"

#define PI 3.14159265358979323846

/* Slaney's scale: linear below 1000 Hz, logarithmic above. */
static double mel_to_hz(double mel)
{
    double linear = 200.0 / 3 * mel;
    return linear < 1000 ? linear : 1000 * exp((mel - 15) * log(6.4) / 27);
}

static double hz_to_mel(double hz)
{
    return hz < 1000 ? hz * 3 / 200 : 15 + 27 * log(hz / 1000) / log(6.4);
}

/* Triangle i rises over edges i to i + 1 and falls to i + 2. */
static void make_filters(struct mel_spectrum *spectrum, double rate_hz)
{
    double step = hz_to_mel(rate_hz / 2) / (double)(spectrum->n_mels + 1);
    for (int64_t i = 0; i < spectrum->n_mels; i++) {
        double low = mel_to_hz(step * (double)i), middle = mel_to_hz(step * (double)(i + 1)),
               high = mel_to_hz(step * (double)(i + 2));
        for (int64_t bin = 0; bin < spectrum->n_bins; bin++) {
            double hz = (double)bin * rate_hz / (double)spectrum->n_fft;
            double weight = fmin((hz - low) / (middle - low), (high - hz) / (high - middle));
            spectrum->filters[bin * spectrum->n_mels + i] =
                (float)(fmax(weight, 0) * 2 / (high - low));
        }
    }
}

static void make_transform(struct mel_spectrum *spectrum, int64_t window)
{
    int64_t before = (spectrum->n_fft - window) / 2, n = spectrum->n_bins;
    for (int64_t t = 0; t < window; t++) {
        double weight = 0.5 - 0.5 * cos(2 * PI * (double)t / (double)window);
        float *row = spectrum->transform + (before + t) * 2 * n;
        for (int64_t bin = 0; bin < n; bin++) {
            /* The product is reduced first, so that the angle stays small and exact. */
            int64_t turn = (before + t) * bin % spectrum->n_fft;
            double angle = 2 * PI * (double)turn / (double)spectrum->n_fft;
            row[bin] = (float)(weight * cos(angle));
            row[n + bin] = (float)(weight * sin(angle));
        }
    }
}

int mel_spectrum_create(struct mel_spectrum *spectrum, double rate_hz, int64_t n_fft,
                        int64_t window, int64_t n_mels, struct valence_error *error)
{
    *spectrum = (struct mel_spectrum){.n_fft = n_fft, .n_bins = n_fft / 2 + 1, .n_mels = n_mels};
    spectrum->transform = allocate(n_fft * 2 * spectrum->n_bins, sizeof(float));
    spectrum->filters = allocate(spectrum->n_bins * n_mels, sizeof(float));
    if (!spectrum->transform || !spectrum->filters) {
        mel_spectrum_free(spectrum);
        return fail_memory(error, (size_t)(n_fft * (n_fft + n_mels)) * sizeof(float), "a spectrum");
    }
    make_transform(spectrum, window);
    make_filters(spectrum, rate_hz);
    return VALENCE_OK;
}

void mel_spectrum_free(struct mel_spectrum *spectrum)
{
    free(spectrum->transform);
    free(spectrum->filters);
    *spectrum = (struct mel_spectrum){0};
}

void mel_spectrum_power(const struct mel_spectrum *spectrum, const float *samples, int64_t n_frames,
                        int64_t hop, float *work, float *mel)
{
    int64_t n_fft = spectrum->n_fft, n = spectrum->n_bins;
    float *frames = work, *parts = frames + n_frames * n_fft, *power = parts + n_frames * 2 * n;
    for (int64_t f = 0; f < n_frames; f++)
        memcpy(frames + f * n_fft, samples + f * hop, (size_t)n_fft * sizeof *frames);
    gemm(AS_IS, AS_IS, n_frames, 2 * n, n_fft, 1, frames, n_fft, spectrum->transform, 2 * n, 0,
         parts, 2 * n);
    for (int64_t f = 0; f < n_frames; f++)
        for (int64_t bin = 0; bin < n; bin++) {
            float real_part = parts[f * 2 * n + bin], imaginary = parts[f * 2 * n + n + bin];
            power[f * n + bin] = real_part * real_part + imaginary * imaginary;
        }
    gemm(AS_IS, AS_IS, n_frames, spectrum->n_mels, n, 1, power, n, spectrum->filters,
         spectrum->n_mels, 0, mel, spectrum->n_mels);
}
