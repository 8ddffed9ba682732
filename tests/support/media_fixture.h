/* Media files for tests: WAV written here, everything else made by the ffmpeg command at test time
 * in a folder of the test's own. Tests that need the command skip without it. */
#ifndef VALENCE_TESTS_MEDIA_FIXTURE_H
#define VALENCE_TESTS_MEDIA_FIXTURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "valence/media.h"

static inline void put16(unsigned char *to, unsigned value)
{
    to[0] = (unsigned char)value;
    to[1] = (unsigned char)(value >> 8);
}

static inline void put32(unsigned char *to, unsigned value)
{
    put16(to, value & 0xFFFF);
    put16(to + 2, value >> 16);
}

/* A WAV file of `n` frames of 16-bit sine in the first channel; free() it. */
static inline unsigned char *make_wav(int rate, int channels, int n, double hertz, size_t *size)
{
    unsigned data = (unsigned)(n * channels * 2);
    *size = 44 + data;
    unsigned char *wav = calloc(1, *size);
    assert_non_null(wav);
    memcpy(wav, "RIFF", 4), put32(wav + 4, 36 + data), memcpy(wav + 8, "WAVEfmt ", 8);
    put32(wav + 16, 16), put16(wav + 20, 1), put16(wav + 22, (unsigned)channels);
    put32(wav + 24, (unsigned)rate), put32(wav + 28, (unsigned)(rate * channels * 2));
    put16(wav + 32, (unsigned)(channels * 2)), put16(wav + 34, 16);
    memcpy(wav + 36, "data", 4), put32(wav + 40, data);
    for (int i = 0; i < n; i++)
        put16(wav + 44 + i * channels * 2,
              (unsigned)(int)lrint(16384 * sin(2 * M_PI * hertz * i / rate)) & 0xFFFF);
    return wav;
}

static inline int16_t sample_of(const unsigned char *wav, int i)
{
    return (int16_t)(wav[44 + 2 * i] | wav[45 + 2 * i] << 8);
}

/* ---- The ffmpeg command ---- */

static char fixture_folder[] = "/tmp/test-media-XXXXXX";

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(fixture_folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", fixture_folder);
    return system(command);
}

static inline const char *in_folder(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fixture_folder, name);
    return path;
}

/* Runs ffmpeg in the folder; skips the test where there is no such command. */
static inline void ffmpeg(const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s && ffmpeg -v error -nostdin -y %s", fixture_folder,
             arguments);
    int code = system(command);
    if (WIFEXITED(code) && WEXITSTATUS(code) == 127)
        skip();
    assert_int_equal(code, 0);
}

/* A whole file of the folder; free() it. */
static inline void *read_file(const char *name, size_t *size)
{
    FILE *file = fopen(in_folder(name), "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

/* The first `size` bytes of `from` as `to`. */
static inline void write_cut(const char *from, const char *to, double part)
{
    size_t size;
    char *data = read_file(from, &size);
    FILE *file = fopen(in_folder(to), "wb");
    assert_non_null(file);
    fwrite(data, 1, (size_t)((double)size * part), file);
    fclose(file);
    free(data);
}

/* ---- What is decoded ---- */

struct decoded {
    float *samples; /* of one segment */
    int64_t n_samples, room;
    double sound_time; /* of the first sample */
    double times[4096], source_times[4096];
    int64_t n_pictures, width, height;
    uint8_t first[1 << 20]; /* the first picture's pixels, as far as they fit */
};

static inline int decoded_samples(void *user, const struct valence_media_samples *piece,
                                  struct valence_error *error)
{
    struct decoded *decoded = user;
    (void)error;
    assert_int_equal(piece->first, decoded->n_samples);
    if (piece->first == 0)
        decoded->sound_time = piece->time;
    if (decoded->n_samples + piece->n_samples > decoded->room) {
        while (decoded->n_samples + piece->n_samples > decoded->room)
            decoded->room = decoded->room ? 2 * decoded->room : 1 << 16;
        decoded->samples = realloc(decoded->samples, (size_t)decoded->room * sizeof(float));
        assert_non_null(decoded->samples);
    }
    memcpy(decoded->samples + decoded->n_samples, piece->samples,
           (size_t)piece->n_samples * sizeof(float));
    decoded->n_samples += piece->n_samples;
    return 0;
}

static inline int decoded_picture(void *user, const struct valence_media_picture *picture,
                                  struct valence_error *error)
{
    struct decoded *decoded = user;
    (void)error;
    assert_int_equal(picture->index, decoded->n_pictures);
    assert_true(decoded->n_pictures < 4096);
    if (picture->index == 0) {
        size_t bytes = (size_t)(picture->width * picture->height * 3);
        memcpy(decoded->first, picture->pixels,
               bytes < sizeof decoded->first ? bytes : sizeof decoded->first);
    }
    decoded->times[decoded->n_pictures] = picture->time;
    decoded->source_times[decoded->n_pictures++] = picture->source_time;
    decoded->width = picture->width;
    decoded->height = picture->height;
    return 0;
}

/* Decodes what the file has, of [start, end). Gives the status; free decoded->samples. */
static inline int decode(const char *name, const struct valence_media_options *options,
                         double start, double end, struct decoded *decoded,
                         struct valence_error *error)
{
    struct valence_media *media;
    memset(decoded, 0, sizeof *decoded);
    int status = valence_media_open(in_folder(name), options, &media, error);
    if (status) {
        assert_null(media);
        return status;
    }
    const struct valence_media_info *info = valence_media_get_info(media);
    struct valence_media_sink sink = {info->audio_codec ? decoded_samples : NULL,
                                      info->video_codec ? decoded_picture : NULL, decoded};
    struct valence_media_segment segment = {start, end};
    status = valence_media_decode(media, &segment, 1, &sink, NULL, error);
    valence_media_close(media);
    return status;
}

#endif
