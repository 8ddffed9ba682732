#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/whisper/whisper_audio.h"

#define SIZE 400 /* samples of a frame, and of its transform */
#define STEP 160 /* samples from frame to frame */
#define ROOT 20  /* SIZE = ROOT * ROOT */

/* ---- Filters ---- */

static double mel_to_hz(double mel)
{
    return mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27);
}

void whisper_audio_filters(int64_t n_mels, float *filters)
{
    double edges[WHISPER_MAX_MELS + 2], top = 15 + 27 * log(8.0) / log(6.4); /* of 8000 Hz */
    for (int64_t i = 0; i < n_mels + 2; i++)
        edges[i] = mel_to_hz(top * (double)i / (double)(n_mels + 1));
    for (int64_t i = 0; i < n_mels; i++)
        for (int64_t bin = 0; bin < WHISPER_BINS; bin++) {
            double hz = 40.0 * (double)bin;
            double up = (hz - edges[i]) / (edges[i + 1] - edges[i]),
                   down = (edges[i + 2] - hz) / (edges[i + 2] - edges[i + 1]);
            double least = up < down ? up : down;
            filters[i * WHISPER_BINS + bin] =
                (float)(least > 0 ? least * 2 / (edges[i + 2] - edges[i]) : 0);
        }
}

/* ---- Spectrum ---- */

struct tables {
    double window[SIZE];
    double cosine[SIZE], sine[SIZE]; /* of 2 pi i / SIZE */
};

static void make_tables(struct tables *tables)
{
    for (int i = 0; i < SIZE; i++) {
        tables->cosine[i] = cos(2 * M_PI * i / SIZE);
        tables->sine[i] = sin(2 * M_PI * i / SIZE);
        tables->window[i] = 0.5 - 0.5 * tables->cosine[i];
    }
}

/* |X|^2 of bins 0 ... 200 of a windowed frame, in two steps of 20 transforms of 20 values each:
 *
 *   X[k + 20 m] = sum_b W400^(b k) W20^(b m) sum_a x[20 a + b] W20^(a k) */
static void power_spectrum(const struct tables *t, const double *frame, double *power)
{
    double real[ROOT][ROOT], imaginary[ROOT][ROOT];
    for (int b = 0; b < ROOT; b++)
        for (int k = 0; k < ROOT; k++) {
            double re = 0, im = 0;
            for (int a = 0; a < ROOT; a++) {
                int turn = a * k % ROOT * ROOT;
                re += frame[ROOT * a + b] * t->cosine[turn];
                im -= frame[ROOT * a + b] * t->sine[turn];
            }
            double c = t->cosine[b * k], s = -t->sine[b * k];
            real[b][k] = re * c - im * s;
            imaginary[b][k] = re * s + im * c;
        }
    for (int bin = 0; bin < WHISPER_BINS; bin++) {
        int k = bin % ROOT, m = bin / ROOT;
        double re = 0, im = 0;
        for (int b = 0; b < ROOT; b++) {
            double c = t->cosine[b * m % ROOT * ROOT], s = -t->sine[b * m % ROOT * ROOT];
            re += real[b][k] * c - imaginary[b][k] * s;
            im += real[b][k] * s + imaginary[b][k] * c;
        }
        power[bin] = re * re + im * im;
    }
}

/* ---- Log-mel ---- */

struct clip {
    const float *samples;
    int64_t n, length;
};

/* Sample i of the clip with silence behind it, mirrored at both ends. */
static double sample_at(const struct clip *clip, int64_t i)
{
    i = i < 0 ? -i : i >= clip->length ? 2 * (clip->length - 1) - i : i;
    return i >= 0 && i < clip->n ? clip->samples[i] : 0;
}

static void mel_of_frame(const struct whisper_audio *model, const struct tables *tables,
                         const struct clip *clip, int64_t f, float *mel)
{
    double frame[SIZE], power[WHISPER_BINS];
    for (int i = 0; i < SIZE; i++)
        frame[i] = sample_at(clip, STEP * f - SIZE / 2 + i) * tables->window[i];
    power_spectrum(tables, frame, power);
    for (int64_t m = 0; m < model->n_mels; m++) {
        double sum = 0;
        for (int bin = 0; bin < WHISPER_BINS; bin++)
            sum += (double)model->filters[m * WHISPER_BINS + bin] * power[bin];
        mel[m * WHISPER_FRAMES + f] = (float)log10(sum > 1e-10 ? sum : 1e-10);
    }
}

int whisper_audio_log_mel(const struct whisper_audio *model, const float *samples, int64_t n,
                          int64_t length, float *mel, struct valence_error *error)
{
    const struct clip clip = {samples, n, length};
    struct tables *tables = allocate(1, sizeof *tables);
    if (!tables)
        return fail_memory(error, sizeof *tables, "a spectrum");
    make_tables(tables);
    /* Frames that see only silence are all one. */
    int64_t n_frames = length / STEP, n_heard = (n + SIZE / 2 + STEP - 1) / STEP;
    n_heard = n_heard < n_frames ? n_heard : n_frames;
#pragma omp parallel for schedule(static)
    for (int64_t f = 0; f < n_heard; f++)
        mel_of_frame(model, tables, &clip, f, mel);
    free(tables);
    float largest = -10;
    for (int64_t m = 0; m < model->n_mels; m++)
        for (int64_t f = 0; f < n_frames; f++) {
            float *value = &mel[m * WHISPER_FRAMES + f];
            *value = f < n_heard ? *value : -10;
            largest = *value > largest ? *value : largest;
        }
    for (int64_t m = 0; m < model->n_mels; m++)
        for (int64_t f = 0; f < n_frames; f++) {
            float *value = &mel[m * WHISPER_FRAMES + f];
            *value = ((*value > largest - 8 ? *value : largest - 8) + 4) / 4;
        }
    return VALENCE_OK;
}
