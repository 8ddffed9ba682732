#include "encode/whisper/speech_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/compute/backend.h"
#include "encode/whisper/whisper_audio.h"

#define SILENCE_SAMPLES 1600 /* between parts */

/* ---- Times ---- */

static int64_t samples_of(double hundredths)
{
    return (int64_t)(hundredths / 100 * WHISPER_RATE_HZ + 0.5);
}

static int64_t time_of(int64_t samples)
{
    return (int64_t)((double)samples / WHISPER_RATE_HZ * 100 + 0.5);
}

/* Of points with the same joined time the first one counts. */
static void add_point(struct speech_parts *parts, int64_t joined, int64_t whole)
{
    if (parts->n_points == 0 || parts->points[parts->n_points - 1].joined != joined)
        parts->points[parts->n_points++] = (struct speech_point){joined, whole};
}

int64_t speech_parts_time(const struct speech_parts *parts, int64_t joined)
{
    const struct speech_point *points = parts->points;
    int64_t last = parts->n_points - 1, i = 0;
    if (last < 0)
        return joined;
    if (joined >= points[last].joined)
        return points[last].whole;
    while (points[i].joined < joined)
        i++;
    if (i == 0 || points[i].joined == joined)
        return points[i].whole;
    const struct speech_point *from = &points[i - 1], *to = &points[i];
    return from->whole +
           (joined - from->joined) * (to->whole - from->whole) / (to->joined - from->joined);
}

/* ---- Parts ---- */

struct part {
    int64_t start, end; /* 1/100 s */
    int64_t first, n;   /* samples; all but the last part reach a little into the silence */
};

static struct part part_at(struct whisper_vad_segments *segments, int index, int64_t n)
{
    bool is_last = index + 1 == whisper_vad_segments_n_segments(segments);
    int64_t overlap =
        is_last ? 0 : (int64_t)(whisper_vad_default_params().samples_overlap * WHISPER_RATE_HZ);
    struct part part = {(int64_t)whisper_vad_segments_get_segment_t0(segments, index),
                        (int64_t)whisper_vad_segments_get_segment_t1(segments, index), 0, 0};
    int64_t end = samples_of((double)part.end);
    part.first = samples_of((double)part.start);
    part.first = part.first < n - 1 ? part.first : n - 1;
    end = end < n - 1 ? end : n - 1;
    end = end + overlap < n - 1 ? end + overlap : n - 1;
    part.n = end - part.first;
    return part;
}

static void join(struct whisper_vad_segments *segments, const float *samples, int64_t n,
                 struct speech_parts *parts)
{
    int n_parts = whisper_vad_segments_n_segments(segments);
    int64_t at = 0;
    for (int i = 0; i < n_parts; i++) {
        struct part part = part_at(segments, i, n);
        if (part.n <= 0)
            continue;
        int64_t end = samples_of((double)part.end);
        end = end < n - 1 ? end : n - 1;
        add_point(parts, time_of(at), part.start);
        add_point(parts, time_of(at + end - part.first), part.end);
        memcpy(parts->samples + at, samples + part.first, (size_t)part.n * sizeof *samples);
        at += part.n;
        if (i + 1 == n_parts)
            continue;
        add_point(parts, time_of(at), part.end);
        add_point(parts, time_of(at + SILENCE_SAMPLES), part_at(segments, i + 1, n).start);
        memset(parts->samples + at, 0, SILENCE_SAMPLES * sizeof *samples);
        at += SILENCE_SAMPLES;
    }
    parts->n_samples = at;
}

static int64_t room_of(struct whisper_vad_segments *segments, int64_t n)
{
    int n_parts = whisper_vad_segments_n_segments(segments);
    int64_t room = 0;
    for (int i = 0; i < n_parts; i++) {
        struct part part = part_at(segments, i, n);
        room += (part.n > 0 ? part.n : 0) + SILENCE_SAMPLES;
    }
    return room;
}

int speech_parts_find(struct whisper_vad_context *vad, const float *samples, int64_t n,
                      struct speech_parts *parts, struct valence_error *error)
{
    *parts = (struct speech_parts){0};
    backend_log_clear();
    errno = 0; /* a lack of memory is no code of its own */
    struct whisper_vad_segments *segments =
        whisper_vad_segments_from_samples(vad, whisper_vad_default_params(), samples, (int)n);
    if (!segments)
        return errno == ENOMEM ? fail_memory(error, 0, "voice activity detection")
                               : fail(error, VALENCE_ERROR_FORMAT,
                                      "whisper.cpp could not detect speech: %s", backend_log());
    int status = VALENCE_OK;
    int64_t n_parts = whisper_vad_segments_n_segments(segments), room = room_of(segments, n);
    parts->samples = allocate(room + 1, sizeof *parts->samples);
    parts->points = allocate(4 * n_parts + 1, sizeof *parts->points);
    if (parts->samples && parts->points)
        join(segments, samples, n, parts);
    else
        status = fail_memory(error, (size_t)room * sizeof *parts->samples, "speech");
    whisper_vad_free_segments(segments);
    if (status)
        speech_parts_free(parts);
    return status;
}

void speech_parts_free(struct speech_parts *parts)
{
    free(parts->samples);
    free(parts->points);
    *parts = (struct speech_parts){0};
}
