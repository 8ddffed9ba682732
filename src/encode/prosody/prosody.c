#include "valence/prosody.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/prosody/mel.h"
#include "kernels/simd.h"

#define HOP     320
#define N_FFT   512
#define WINDOW  400
#define N_MELS  80
#define AT_ONCE 64 /* rows */

#define MIN_POWER 1e-10f
#define MIN_RMS   1e-5

/* YIN: periods of 500 ... 65 Hz, a window of 512 samples around the row's time. */
#define YIN_WINDOW     512
#define YIN_MIN_PERIOD (VALENCE_PROSODY_RATE_HZ / 500)
#define YIN_MAX_PERIOD (VALENCE_PROSODY_RATE_HZ / 65 + 1)
#define YIN_THRESHOLD  0.1
#define VOICED         0.8
#define YIN_SAMPLES    (YIN_WINDOW + YIN_MAX_PERIOD + 1)

/* Zeros on both sides, so that every frame that is centred at a row's time lies within. */
#define MARGIN YIN_SAMPLES

enum { AT_ENERGY = N_MELS, AT_PITCH, AT_VOICING, AT_END };
_Static_assert((int)AT_END == VALENCE_PROSODY_COLUMNS, "the public header counts the columns");

int64_t valence_prosody_n_rows(int64_t n_samples)
{
    return n_samples > 0 ? (n_samples - 1) / HOP + 1 : 0;
}

int valence_prosody_column_name(int64_t column, char *name, size_t bytes)
{
    static const char *const others[] = {"energy", "pitch", "voicing"};
    if (column < 0 || column >= VALENCE_PROSODY_COLUMNS)
        return VALENCE_ERROR_ARGUMENT;
    if (column < N_MELS)
        snprintf(name, bytes, "mel%d", (int)column);
    else
        snprintf(name, bytes, "%s", others[column - N_MELS]);
    return VALENCE_OK;
}

/* ---- Energy ---- */

static float energy_of(const float *samples)
{
    double sum = 0;
    for (int64_t i = 0; i < N_FFT; i++)
        sum += (double)samples[i] * samples[i];
    return (float)(20 * log10(fmax(sqrt(sum / N_FFT), MIN_RMS)));
}

/* ---- Pitch ---- */

/* d(tau) = sum over the window of (x_j - x_(j + tau))^2, for tau = 0 ... YIN_MAX_PERIOD. */
VALENCE_CLONES static void differences(const float *x, float *d)
{
    for (int64_t tau = 0; tau <= YIN_MAX_PERIOD; tau++) {
        float sums[16] = {0};
        for (int64_t j = 0; j < YIN_WINDOW; j += 16)
            for (int64_t i = 0; i < 16; i++) {
                float difference = x[j + i] - x[j + i + tau];
                sums[i] += difference * difference;
            }
        float sum = 0;
        for (int64_t i = 0; i < 16; i++)
            sum += sums[i];
        d[tau] = sum;
    }
}

/* The minimum of the parabola through three neighbours, relative to the middle one. */
static double parabola(double before, double here, double after, double *lowest)
{
    double curvature = before - 2 * here + after;
    double shift = curvature > 0 ? (before - after) / (2 * curvature) : 0;
    if (shift < -1 || shift > 1)
        shift = 0;
    *lowest = here - (before - after) * shift / 4;
    return shift;
}

/* The first period whose normalised difference dips below the threshold, else the deepest dip.
 * Gives ln f0, and the voicing. */
static float pitch_of(const float *samples, float *voicing)
{
    float d[YIN_MAX_PERIOD + 1];
    double normalised[YIN_MAX_PERIOD + 1], sum = 0;
    differences(samples, d);
    normalised[0] = 1;
    for (int tau = 1; tau <= YIN_MAX_PERIOD; tau++) {
        sum += d[tau];
        normalised[tau] = sum > 0 ? d[tau] * tau / sum : 1;
    }
    int best = YIN_MIN_PERIOD;
    for (int tau = YIN_MIN_PERIOD; tau < YIN_MAX_PERIOD; tau++) {
        if (normalised[tau] < YIN_THRESHOLD) {
            while (tau + 1 < YIN_MAX_PERIOD && normalised[tau + 1] < normalised[tau])
                tau++;
            best = tau;
            break;
        }
        best = normalised[tau] < normalised[best] ? tau : best;
    }
    double lowest;
    double period =
        best + parabola(normalised[best - 1], normalised[best], normalised[best + 1], &lowest);
    *voicing = (float)fmin(fmax(1 - lowest, 0), 1);
    return *voicing > VOICED ? (float)log(VALENCE_PROSODY_RATE_HZ / period) : 0;
}

/* ---- Rows ---- */

/* Rows `first` ... of a clip whose samples begin MARGIN behind `padded`. */
static void compute_rows(const struct mel_spectrum *spectrum, const float *padded, int64_t first,
                         int64_t n, float *work, float *rows)
{
    float *mel = work + n * (N_FFT + 3 * spectrum->n_bins);
    const float *centre = padded + MARGIN + first * HOP;
    mel_spectrum_power(spectrum, centre - N_FFT / 2, n, HOP, work, mel);
    for (int64_t i = 0; i < n; i++, centre += HOP) {
        float *row = rows + (first + i) * VALENCE_PROSODY_COLUMNS;
        for (int64_t j = 0; j < N_MELS; j++) {
            float power = mel[i * N_MELS + j];
            row[j] = logf(power > MIN_POWER ? power : MIN_POWER);
        }
        row[AT_ENERGY] = energy_of(centre - N_FFT / 2);
        row[AT_PITCH] = pitch_of(centre - YIN_SAMPLES / 2, &row[AT_VOICING]);
    }
}

static int check_samples(const float *samples, int64_t n_samples, struct valence_error *error)
{
    if (n_samples < 0 || (n_samples > 0 && !samples))
        return fail(error, VALENCE_ERROR_ARGUMENT, "the sound has no samples");
    for (int64_t i = 0; i < n_samples; i++)
        if (!isfinite(samples[i]))
            return fail(error, VALENCE_ERROR_DATA, "sample %lld is not finite", (long long)i);
    return VALENCE_OK;
}

int valence_prosody_rows(const float *samples, int64_t n_samples, float *rows,
                         struct valence_error *error)
{
    struct mel_spectrum spectrum;
    int64_t n_rows = valence_prosody_n_rows(n_samples);
    int status = check_samples(samples, n_samples, error);
    if (!status)
        status =
            mel_spectrum_create(&spectrum, VALENCE_PROSODY_RATE_HZ, N_FFT, WINDOW, N_MELS, error);
    if (status)
        return status;
    /* The last row's frames may reach a hop further than the samples. */
    float *padded = allocate(n_samples + 2 * MARGIN + HOP, sizeof *padded);
    bool failed = !padded;
    if (padded && n_samples)
        memcpy(padded + MARGIN, samples, (size_t)n_samples * sizeof *padded);
#pragma omp parallel for schedule(dynamic, 1) reduction(|| : failed)
    for (int64_t first = 0; first < n_rows; first += AT_ONCE) {
        int64_t n = n_rows - first < AT_ONCE ? n_rows - first : AT_ONCE;
        /* `failed` is the thread's own and begins as false. */
        float *work =
            padded ? allocate(n * (N_FFT + 3 * spectrum.n_bins + N_MELS), sizeof *work) : NULL;
        if (work)
            compute_rows(&spectrum, padded, first, n, work, rows);
        failed = failed || !work;
        free(work);
    }
    free(padded);
    mel_spectrum_free(&spectrum);
    return failed ? fail_memory(error, (size_t)n_samples * sizeof(float), "prosody") : VALENCE_OK;
}
