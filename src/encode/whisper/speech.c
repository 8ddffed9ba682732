#include "encode/whisper/speech.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/compute/backend.h"

#define RATE_HZ         16000
#define SILENCE_SAMPLES 1600 /* between two spans */
#define LONG_PAUSE      5.0  /* seconds */

int speech_detector_open(const char *path, struct whisper_vad_context **detector,
                         struct valence_error *error)
{
    struct whisper_vad_context_params params = whisper_vad_default_context_params();
    params.n_threads = 1; /* the network is so small that threads only wait for each other */
    backend_log_clear();
    *detector = whisper_vad_init_from_file_with_params(path, params);
    return *detector
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_MEMORY, "%s: cannot be loaded: %s", path, backend_log());
}

void speech_free(struct speech *speech)
{
    free(speech->spans);
    free(speech->samples);
    *speech = (struct speech){0};
}

/* ---- Finding ---- */

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

/* The spans that were found, rounded as whisper.cpp rounds them; times are hundredths of a second.
 */
static void set_spans(struct speech *speech, struct whisper_vad_segments *found, int n_found,
                      int64_t n, int64_t n_overlap)
{
    int64_t place = 0;
    for (int i = 0; i < n_found; i++) {
        double start = (double)whisper_vad_segments_get_segment_t0(found, i),
               end = (double)whisper_vad_segments_get_segment_t1(found, i);
        int64_t first = at_most((int64_t)(start / 100 * RATE_HZ + 0.5), n - 1),
                last = at_most((int64_t)(end / 100 * RATE_HZ + 0.5), n - 1),
                copied = i < n_found - 1 ? at_most(last + n_overlap, n - 1) : last;
        if (copied <= first)
            continue;
        speech->spans[speech->n_spans++] =
            (struct speech_span){first, last - first, copied - first, place};
        speech->n_samples = place + copied - first;
        place = speech->n_samples + SILENCE_SAMPLES;
    }
}

static int copy_samples(struct speech *speech, const float *samples, struct valence_error *error)
{
    speech->samples = allocate(speech->n_samples + 1, sizeof *speech->samples); /* of zeros */
    if (!speech->samples)
        return fail_memory(error, (size_t)speech->n_samples * sizeof *speech->samples, "speech");
    for (int i = 0; i < speech->n_spans; i++) {
        const struct speech_span *span = &speech->spans[i];
        memcpy(speech->samples + span->place, samples + span->first,
               (size_t)span->n_copied * sizeof *samples);
    }
    return VALENCE_OK;
}

int speech_find(struct whisper_vad_context *detector, const float *samples, int64_t n,
                struct speech *speech, struct valence_error *error)
{
    struct whisper_vad_params params = whisper_vad_default_params();
    *speech = (struct speech){0};
    if (n < 1)
        return VALENCE_OK;
    backend_log_clear();
    errno = 0; /* a lack of memory is no code of its own */
    struct whisper_vad_segments *found =
        whisper_vad_segments_from_samples(detector, params, samples, (int)n);
    if (!found)
        return errno == ENOMEM ? fail_memory(error, 0, "voice activity detection")
                               : fail(error, VALENCE_ERROR_FORMAT,
                                      "whisper.cpp could not detect speech: %s", backend_log());
    int n_found = whisper_vad_segments_n_segments(found);
    speech->spans = allocate(n_found + 1, sizeof *speech->spans);
    int status = speech->spans ? VALENCE_OK
                               : fail_memory(error, (size_t)n_found * sizeof *speech->spans,
                                             "spans of speech");
    if (!status)
        set_spans(speech, found, n_found, n, (int64_t)(params.samples_overlap * RATE_HZ));
    whisper_vad_free_segments(found);
    return status ? status : copy_samples(speech, samples, error);
}

/* ---- Parts ---- */

double speech_pause(const struct speech *speech, int before, int after)
{
    const struct speech_span *a = &speech->spans[before], *b = &speech->spans[after];
    return (double)(b->first - a->first - a->n) / RATE_HZ;
}

struct speech speech_part(const struct speech *speech, int first, int *end)
{
    struct speech part = {speech->spans + first, 1, speech->samples + speech->spans[first].place,
                          0};
    while (first + part.n_spans < speech->n_spans &&
           speech_pause(&part, part.n_spans - 1, part.n_spans) <= LONG_PAUSE)
        part.n_spans++;
    int64_t place = part.spans[0].place;
    for (int i = 0; i < part.n_spans; i++)
        part.spans[i].place -= place;
    const struct speech_span *last = &part.spans[part.n_spans - 1];
    part.n_samples = last->place + last->n_copied;
    *end = first + part.n_spans;
    return part;
}

/* ---- Times ---- */

int speech_span_at(const struct speech *speech, double seconds)
{
    int low = 0, high = speech->n_spans - 1;
    while (low < high) { /* the last one that begins before the middle of the silence in front */
        int middle = low + (high - low + 1) / 2;
        if ((double)(speech->spans[middle].place - SILENCE_SAMPLES / 2) / RATE_HZ <= seconds)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

double speech_time(const struct speech *speech, int span, double seconds)
{
    const struct speech_span *in = &speech->spans[span];
    double within = fmax(0, seconds - (double)in->place / RATE_HZ);
    return (double)in->first / RATE_HZ + fmin(within, (double)in->n / RATE_HZ);
}
