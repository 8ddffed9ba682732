#include "media/sound_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <samplerate.h>
#include <sndfile.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

/* ---- libsndfile on a map ---- */

struct cursor {
    const unsigned char *data;
    sf_count_t size, position;
};

static sf_count_t cursor_size(void *user)
{
    return ((struct cursor *)user)->size;
}

static sf_count_t cursor_seek(sf_count_t offset, int whence, void *user)
{
    struct cursor *cursor = user;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? cursor->position : cursor->size;
    if (offset < -from || offset > cursor->size - from)
        return -1;
    return cursor->position = from + offset;
}

static sf_count_t cursor_read(void *to, sf_count_t count, void *user)
{
    struct cursor *cursor = user;
    sf_count_t left = cursor->size - cursor->position;
    count = count < 0 ? 0 : count < left ? count : left;
    if (count > 0)
        memcpy(to, cursor->data + cursor->position, (size_t)count);
    cursor->position += count;
    return count;
}

static sf_count_t cursor_write(const void *from, sf_count_t count, void *user)
{
    (void)from, (void)count, (void)user;
    return 0;
}

static sf_count_t cursor_tell(void *user)
{
    return ((struct cursor *)user)->position;
}

/* ---- Reading ---- */

#define FRAMES_AT_A_TIME 16384

/* Appends what is left of the file, averaged over channels. The header's length is not believed. */
static int read_frames(SNDFILE *file, const SF_INFO *info, const char *name, struct sound *sound,
                       struct valence_error *error)
{
    int64_t capacity = 0, maximum = (int64_t)info->samplerate * SOUND_MAX_SECONDS;
    float *frames = allocate(FRAMES_AT_A_TIME, (size_t)info->channels * sizeof *frames);
    int status =
        frames ? VALENCE_OK : fail_memory(error, FRAMES_AT_A_TIME * sizeof *frames, "sound");
    while (!status) {
        sf_count_t n = sf_readf_float(file, frames, FRAMES_AT_A_TIME);
        if (n <= 0)
            break;
        status = grow_array((void **)&sound->samples, &capacity, sound->n_samples + n,
                            sizeof *sound->samples, maximum, "samples", error);
        for (sf_count_t i = 0; !status && i < n; i++) {
            float sum = 0;
            for (int c = 0; c < info->channels; c++)
                sum += frames[i * info->channels + c];
            if (!isfinite(sum))
                status =
                    fail(error, VALENCE_ERROR_DATA, "%s: sample %" PRId64 " is not a finite number",
                         name, sound->n_samples);
            else
                sound->samples[sound->n_samples++] = sum / (float)info->channels;
        }
    }
    free(frames);
    if (!status && sf_error(file) != SF_ERR_NO_ERROR)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: after %" PRId64 " samples: %s", name,
                    sound->n_samples, sf_strerror(file));
    return status == VALENCE_ERROR_LIMIT ? fail_within(status, error, "%s", name) : status;
}

/* Replaces the samples by the same sound at `rate_hz`. */
static int resample(struct sound *sound, int64_t rate_hz, const char *name,
                    struct valence_error *error)
{
    double ratio = (double)rate_hz / (double)sound->original_rate_hz;
    int64_t room = (int64_t)ceil((double)sound->n_samples * ratio) + 1;
    float *samples = allocate(room, sizeof *samples);
    if (!samples)
        return fail_memory(error, (size_t)room * sizeof *samples, "sound");
    SRC_DATA data = {.data_in = sound->samples,
                     .data_out = samples,
                     .input_frames = (long)sound->n_samples,
                     .output_frames = (long)room,
                     .src_ratio = ratio};
    int problem = src_simple(&data, SRC_SINC_BEST_QUALITY, 1);
    if (problem) {
        free(samples);
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: %" PRId64 " Hz cannot be converted to %" PRId64 " Hz: %s", name,
                    sound->original_rate_hz, rate_hz, src_strerror(problem));
    }
    free(sound->samples);
    sound->samples = samples;
    sound->n_samples = data.output_frames_gen;
    return VALENCE_OK;
}

static int read_open(SNDFILE *file, const SF_INFO *info, const char *name, int64_t rate_hz,
                     struct sound *sound, struct valence_error *error)
{
    sound->rate_hz = rate_hz;
    sound->original_rate_hz = info->samplerate;
    sound->n_channels = info->channels;
    if (info->channels < 1 || info->channels > SOUND_MAX_CHANNELS || info->samplerate < 1000 ||
        info->samplerate > 1000000)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: %d channels at %d Hz (1 ... %d at 1000 ... 1000000 are read)", name,
                    info->channels, info->samplerate, SOUND_MAX_CHANNELS);
    int status = read_frames(file, info, name, sound, error);
    if (!status && sound->n_samples == 0)
        return fail(error, VALENCE_ERROR_DATA, "%s: holds no samples", name);
    if (!status && sound->original_rate_hz != rate_hz)
        status = resample(sound, rate_hz, name, error);
    return status;
}

static bool is_supported(const void *data, size_t size)
{
    static const char *const signatures[] = {"RIFF", "RIFX", "RF64", "fLaC", "FORM", ".snd"};
    for (size_t i = 0; size >= 4 && i < sizeof signatures / sizeof *signatures; i++)
        if (memcmp(data, signatures[i], 4) == 0)
            return true;
    return false;
}

int sound_read_memory(const void *data, size_t size, const char *name, int64_t rate_hz,
                      struct sound *sound, struct valence_error *error)
{
    SF_VIRTUAL_IO access = {cursor_size, cursor_seek, cursor_read, cursor_write, cursor_tell};
    struct cursor cursor = {data, (sf_count_t)size, 0};
    SF_INFO info = {0};
    *sound = (struct sound){0};
    if (!is_supported(data, size))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: is no sound file that can be read (WAV, FLAC, AIFF and AU are)", name);
    SNDFILE *file = sf_open_virtual(&access, SFM_READ, &info, &cursor);
    if (!file)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: %s", name, sf_strerror(NULL));
    int status = read_open(file, &info, name, rate_hz, sound, error);
    sf_close(file);
    if (status)
        sound_free(sound);
    return status;
}

int sound_read(const char *path, int64_t rate_hz, struct sound *sound, struct valence_error *error)
{
    struct file_map map;
    *sound = (struct sound){0};
    int status = file_map_open(&map, path, error);
    if (status)
        return status;
    status = sound_read_memory(map.data, map.size, path, rate_hz, sound, error);
    file_map_close(&map);
    return status;
}

void sound_free(struct sound *sound)
{
    free(sound->samples);
    *sound = (struct sound){0};
}
