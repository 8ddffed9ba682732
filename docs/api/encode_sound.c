/* Computes prosody of a sound or video file: how many rows it gives, and the mean energy and pitch.
 * An encoder with weights (WavLM) takes the same samples: valence/encoder.h.
 *
 *     cc encode_sound.c $(pkg-config --cflags --libs valence-media) -lm -o encode_sound &&
 * ./encode_sound clip.wav */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valence/media.h>
#include <valence/prosody.h>

static int64_t column_of(const char *wanted)
{
    char name[32];
    int64_t column = 0;
    while (valence_prosody_column_name(column, name, sizeof name) == 0 && strcmp(name, wanted) != 0)
        column++;
    return column;
}

static void summarise(const float *rows, int64_t n)
{
    int64_t energy = column_of("energy"), pitch = column_of("pitch"), n_voiced = 0;
    double energies = 0, pitches = 0;
    for (int64_t i = 0; i < n; i++, rows += VALENCE_PROSODY_COLUMNS) {
        energies += (double)rows[energy];
        pitches += (double)rows[pitch];
        n_voiced += rows[pitch] > 0;
    }
    printf("%lld rows, energy %.1f dB, %lld voiced", (long long)n, energies / (double)n,
           (long long)n_voiced);
    if (n_voiced)
        printf(" at %.0f Hz", exp(pitches / (double)n_voiced));
    printf("\n");
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_media *media = NULL;
    struct valence_sound *sound = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: encode_sound FILE\n");
        return 2;
    }
    int status = valence_media_open(argv[1], NULL, &media, &error);
    if (!status)
        status = valence_media_read_sound(media, NULL, &sound, &error);
    if (!status) {
        int64_t n = valence_prosody_n_rows(sound->n_samples);
        float *rows = malloc((size_t)(n * VALENCE_PROSODY_COLUMNS) * sizeof *rows);
        status = valence_prosody_rows(sound->samples, sound->n_samples, rows, &error);
        if (!status)
            summarise(rows, n);
        free(rows);
    }
    if (status)
        fprintf(stderr, "encode_sound: %s\n", error.text);
    valence_sound_free(sound);
    valence_media_close(media);
    return status ? 1 : 0;
}
