/* Prosody: how an utterance sounds, as rows for the audio stream, from the samples alone. No
 * weights are needed.
 *
 * Fifty rows a second, of 83 columns:
 *
 * - mel0 ... mel79: ln(max(power, 1e-10)) in 80 mel bands of 0 ... 8000 Hz, as
 *   librosa.feature.melspectrogram() gives them with sr=16000, n_fft=512, win_length=400,
 *   hop_length=320, n_mels=80 and its other defaults (Hann window, centred frames, zeros beyond the
 *   ends, Slaney's scale and norm)
 * - energy: 20 log10(max(rms, 1e-5)) of 512 samples with the row's time at their centre, full
 *   scale 1 (librosa.feature.rms)
 * - pitch: ln(f0 / 1 Hz) of 65 ... 500 Hz by YIN; 0 where the row is not voiced
 * - voicing: 1 - d', where d' is YIN's normalised difference at the period, cut to 0 ... 1; a row
 *   is voiced above 0.8
 *
 * Source of YIN: de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and
 * music" (JASA 2002), steps 1 to 5, with a window of 512 samples and a threshold of 0.1. */
#ifndef VALENCE_PROSODY_H
#define VALENCE_PROSODY_H

#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VALENCE_PROSODY_RATE_HZ 16000
#define VALENCE_PROSODY_COLUMNS 83

/* Rows of a clip: n_samples / 320, rounded up; 0 for none or fewer. */
VALENCE_API int64_t valence_prosody_n_rows(int64_t n_samples);

/* A column's name, as above, cut to `bytes`. ERROR_ARGUMENT for a column that does not exist. */
VALENCE_API int valence_prosody_column_name(int64_t column, char *name, size_t bytes);

/* Computes the rows of mono samples at 16 kHz, full scale 1. `rows` has room for
 * (valence_prosody_n_rows(n_samples), 83). Uses all threads; may be called from several threads at
 * once. Errors: ARGUMENT for samples that are NULL; DATA for one that is not finite; MEMORY. On an
 * error `rows` holds nothing of use. */
VALENCE_API int valence_prosody_rows(const float *samples, int64_t n_samples, float *rows,
                                     struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
