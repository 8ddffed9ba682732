/* Sound to audio rows, to recognised words, and words to text rows. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "encode/simulated/simulation_record.h"
#include "extract/extractor.h"
#include "valence/prosody.h"

#define MAX_WORDS_BYTES (1 << 24)

void heard_free(struct heard *heard)
{
    free(heard->audio.rows);
    free(heard->text.rows);
    free(heard->simulated.rows);
    free(heard->transcript);
    valence_transcript_free(heard->recognised);
    free(heard->words);
    json_decref(heard->simulation);
    free(heard->levels);
    free(heard->warning);
    *heard = (struct heard){0};
}

bool sound_lane_listens(const struct sound_lane *lane)
{
    return lane->encoders || lane->transcriber || lane->simulator || lane->finds_speaker;
}

/* ---- Audio rows ---- */

/* The rows of one encoder, in fresh memory. */
static int encode_sound(struct sound_lane *lane, int encoder, const struct valence_sound *sound,
                        const struct valence_progress *progress, struct clip_rows *rows,
                        struct valence_error *error)
{
    if (encoder == VALENCE_SOUND_PROSODY) {
        rows->n = valence_prosody_n_rows(sound->n_samples);
        rows->width = VALENCE_PROSODY_COLUMNS;
        rows->rows = allocate(rows->n + 1, (size_t)rows->width * sizeof(float));
        if (!rows->rows)
            return fail_memory(error, (size_t)(rows->n * rows->width) * sizeof(float), "prosody");
        return valence_prosody_rows(sound->samples, sound->n_samples, rows->rows, error);
    }
    const struct valence_encoder_input input = {.samples = sound->samples,
                                                .n_samples = sound->n_samples};
    struct valence_features features;
    int status =
        valence_encoder_encode(lane->states[encoder], &input, 1, progress, &features, error);
    if (status)
        return status;
    *rows = (struct clip_rows){features.offsets[1], features.width, features.rows};
    features.rows = NULL;
    valence_features_free(&features);
    return VALENCE_OK;
}

/* Puts the encoders' rows side by side; all end with the one that has the fewest. */
static int join_columns(const struct clip_rows *parts, int64_t width, struct clip_rows *joined,
                        struct valence_error *error)
{
    int64_t n = INT64_MAX, column = 0;
    for (int i = 0; i < VALENCE_N_SOUND_ENCODERS; i++)
        if (parts[i].rows && parts[i].n < n)
            n = parts[i].n;
    *joined = (struct clip_rows){n, width, allocate(n + 1, (size_t)width * sizeof(float))};
    if (!joined->rows)
        return fail_memory(error, (size_t)(n * width) * sizeof(float), "audio rows");
    for (int i = 0; i < VALENCE_N_SOUND_ENCODERS; i++) {
        const struct clip_rows *part = &parts[i];
        for (int64_t t = 0; part->rows && t < n; t++)
            memcpy(joined->rows + t * width + column, part->rows + t * part->width,
                   (size_t)part->width * sizeof(float));
        column += part->rows ? part->width : 0;
    }
    return VALENCE_OK;
}

static int make_audio(struct sound_lane *lane, const struct valence_sound *sound,
                      const struct valence_progress *progress, struct heard *heard,
                      struct valence_error *error)
{
    struct clip_rows parts[VALENCE_N_SOUND_ENCODERS] = {{0}};
    int status = VALENCE_OK, n = 0, last = 0;
    for (int i = 0; i < VALENCE_N_SOUND_ENCODERS && !status; i++)
        if (lane->encoders & VALENCE_BIT(i)) {
            status = encode_sound(lane, i, sound, progress, &parts[i], error);
            n++;
            last = i;
        }
    if (!status && n == 1) {
        heard->audio = parts[last];
        parts[last].rows = NULL;
    } else if (!status && n > 1) {
        status = join_columns(parts, lane->width, &heard->audio, error);
    }
    for (int i = 0; i < VALENCE_N_SOUND_ENCODERS; i++)
        free(parts[i].rows);
    return status;
}

/* How loud the sound is, often enough to be compared with the movement of a mouth. */
static int make_levels(const struct valence_sound *sound, struct heard *heard,
                       struct valence_error *error)
{
    const int64_t step = EXTRACT_RATE_HZ / LEVELS_PER_SECOND;
    heard->n_levels = (sound->n_samples + step - 1) / step;
    heard->levels = allocate(heard->n_levels + 1, sizeof *heard->levels);
    if (!heard->levels)
        return fail_memory(error, (size_t)heard->n_levels * sizeof *heard->levels, "levels");
    for (int64_t i = 0; i < heard->n_levels; i++) {
        double sum = 0;
        int64_t end = (i + 1) * step < sound->n_samples ? (i + 1) * step : sound->n_samples;
        for (int64_t j = i * step; j < end; j++)
            sum += (double)sound->samples[j] * sound->samples[j];
        heard->levels[i] = (float)sqrt(sum / (double)(end - i * step));
    }
    return VALENCE_OK;
}

/* ---- Words ---- */

/* The segments' texts, joined. */
static int join_words(struct heard *heard, struct valence_error *error)
{
    struct text words = {.maximum = MAX_WORDS_BYTES};
    double confidence = 0, n_tokens = 0;
    for (int64_t i = 0; i < heard->recognised->n_segments; i++) {
        const struct valence_speech_segment *segment = &heard->recognised->segments[i];
        const char *text = segment->text + strspn(segment->text, " ");
        if (*text)
            text_format(&words, "%s%s", words.length ? " " : "", text);
        confidence += segment->confidence * (double)segment->n_tokens;
        n_tokens += (double)segment->n_tokens;
    }
    heard->confidence = n_tokens > 0 ? confidence / n_tokens : 0;
    text_append(&words, "", 0);
    heard->words = words.failed ? NULL : words.data ? words.data : strdup("");
    if (!heard->words) {
        text_free(&words);
        return fail_memory(error, words.length, "the recognised words");
    }
    return VALENCE_OK;
}

static int recognise(struct sound_lane *lane, const struct valence_sound *sound,
                     const struct valence_progress *progress, struct heard *heard,
                     struct valence_error *error)
{
    int status = valence_transcribe_samples(lane->transcriber, sound->samples, sound->n_samples,
                                            heard->begin, &lane->recognition, progress,
                                            &heard->recognised, error);
    return status ? status : join_words(heard, error);
}

static int encode_words(struct sound_lane *lane, const char *words,
                        const struct valence_progress *progress, struct clip_rows *rows,
                        struct valence_error *error)
{
    struct valence_features features;
    int status =
        valence_transcript_encoder_encode(lane->text, &words, 1, progress, &features, error);
    if (status)
        return fail_within(status, error, "its transcript");
    *rows = (struct clip_rows){features.offsets[1], features.width, features.rows};
    features.rows = NULL;
    valence_features_free(&features);
    return VALENCE_OK;
}

static int copy_rows(const struct clip_rows *from, struct clip_rows *to,
                     struct valence_error *error)
{
    size_t bytes = (size_t)(from->n * from->width) * sizeof(float);
    *to = *from;
    to->rows = allocate(1, bytes + 1);
    if (!to->rows)
        return fail_memory(error, bytes, "text rows");
    if (bytes)
        memcpy(to->rows, from->rows, bytes);
    return VALENCE_OK;
}

/* Whether the clip's words are those that are recognised. */
static bool needs_words(const struct sound_lane *lane, const struct valence_clip_input *input)
{
    return lane->text_source == VALENCE_TEXT_ASR && !input->is_silent &&
           !(input->transcript && *input->transcript);
}

static int make_text(struct sound_lane *lane, const struct valence_clip_input *input,
                     const struct valence_progress *progress, struct heard *heard,
                     struct valence_error *error)
{
    const char *given = input->transcript && *input->transcript ? input->transcript : NULL;
    int status = VALENCE_OK;
    heard->is_recognised = needs_words(lane, input) && heard->words;
    const char *words = given ? given : heard->is_recognised ? heard->words : NULL;
    if (words && !(heard->transcript = strdup(words)))
        status = fail_memory(error, strlen(words), "a transcript");
    if (!status && words && lane->text_source != VALENCE_TEXT_NONE)
        status = encode_words(lane, words, progress, &heard->text, error);
    if (status || lane->simulated_source != VALENCE_SIMULATED_ASR || !heard->words)
        return status;
    return heard->is_recognised && heard->text.rows
               ? copy_rows(&heard->text, &heard->simulated, error)
               : encode_words(lane, heard->words, progress, &heard->simulated, error);
}

static int simulate(struct sound_lane *lane, const struct valence_sound *sound,
                    const struct valence_progress *progress, struct heard *heard,
                    struct valence_error *error)
{
    struct valence_simulation simulation;
    int status = valence_simulate(lane->simulator, sound->samples, sound->n_samples, progress,
                                  &simulation, error);
    if (status)
        return status;
    heard->simulated = (struct clip_rows){simulation.n_rows, simulation.width, simulation.rows};
    simulation.rows = NULL;
    heard->simulation = simulation_to_json(&simulation);
    valence_simulation_free(&simulation);
    return heard->simulation ? VALENCE_OK : fail_memory(error, 0, "what was heard");
}

/* ---- Sound ---- */

int sound_buffer_add(void *user, const struct valence_media_samples *piece,
                     struct valence_error *error)
{
    struct sound_buffer *buffer = user;
    const int64_t most = (int64_t)(buffer->max_seconds * EXTRACT_RATE_HZ);
    if (buffer->n == 0)
        buffer->begin = piece->time;
    if (piece->n_samples > most - buffer->n)
        return fail_too_long(buffer->name, buffer->max_seconds, error);
    if (piece->n_samples > buffer->max_bytes / (int64_t)sizeof(float) - buffer->n)
        return fail_key(error, VALENCE_ERROR_LIMIT, "max_bytes",
                        "%s: its sound needs more than %" PRId64
                        " MiB of memory (cut it into shorter clips)",
                        buffer->name, buffer->max_bytes >> 20);
    int status =
        grow_array((void **)&buffer->samples, &buffer->capacity, buffer->n + piece->n_samples,
                   sizeof *buffer->samples, most + 1, "samples", error);
    if (status)
        return status;
    memcpy(buffer->samples + buffer->n, piece->samples,
           (size_t)piece->n_samples * sizeof *buffer->samples);
    buffer->n += piece->n_samples;
    return VALENCE_OK;
}

/* The clip's sound from its file; none where the file has none. */
static int read_file(const struct sound_lane *lane, const struct valence_clip_input *input,
                     const struct valence_progress *progress, struct sound_buffer *buffer,
                     struct heard *heard, struct valence_error *error)
{
    struct valence_media *media;
    const struct valence_media_sink sink = {sound_buffer_add, NULL, buffer};
    int status = valence_media_open(input->path, &lane->media, &media, error);
    if (status)
        return status;
    status = check_duration(valence_media_get_info(media), input, lane->max_seconds, error);
    if (!status && valence_media_get_info(media)->n_audio_streams > 0) {
        status =
            valence_media_decode(media, input->range, input->range ? 1 : 0, &sink, progress, error);
        const char *warning = valence_media_warning(media);
        if (!status && *warning && !(heard->warning = strdup(warning)))
            status = fail_memory(error, strlen(warning), "a warning");
    }
    valence_media_close(media);
    return status;
}

static int run_on(struct sound_lane *lane, const struct valence_clip_input *input,
                  const struct valence_sound *sound, const struct valence_progress *progress,
                  struct heard *heard, struct valence_error *error)
{
    bool wants_words = lane->simulated_source == VALENCE_SIMULATED_ASR || needs_words(lane, input);
    int status = VALENCE_OK;
    heard->has_sound = sound->n_samples > 0;
    heard->n_samples = sound->n_samples;
    if (heard->has_sound)
        status = make_audio(lane, sound, progress, heard, error);
    if (!status && heard->has_sound)
        status = make_levels(sound, heard, error);
    if (!status && heard->has_sound && lane->transcriber && wants_words)
        status = recognise(lane, sound, progress, heard, error);
    if (!status)
        status = make_text(lane, input, progress, heard, error);
    if (!status && heard->has_sound && lane->simulator)
        status = simulate(lane, sound, progress, heard, error);
    return status ? fail_within(status, error, "%s", input_name(input)) : VALENCE_OK;
}

int sound_lane_run(struct sound_lane *lane, const struct valence_clip_input *input,
                   const struct valence_progress *progress, struct heard *heard,
                   struct valence_error *error)
{
    struct sound_buffer buffer = {.max_seconds = lane->max_seconds,
                                  .max_bytes = lane->media.max_bytes,
                                  .name = input_name(input)};
    struct valence_sound sound = {.rate_hz = EXTRACT_RATE_HZ};
    double begin = seconds_now();
    int status = VALENCE_OK;
    *heard = (struct heard){0};
    if (input->path && sound_lane_listens(lane)) {
        status = read_file(lane, input, progress, &buffer, heard, error);
        sound.samples = buffer.samples;
        sound.n_samples = buffer.n;
        heard->begin = buffer.begin;
    } else if (input->samples) {
        sound.samples = (float *)(uintptr_t)input->samples; /* only read */
        sound.n_samples = input->n_samples;
        heard->begin = input->range ? input->range->start : 0;
    }
    if (!status && (double)sound.n_samples > lane->max_seconds * EXTRACT_RATE_HZ)
        status = fail_too_long(buffer.name, lane->max_seconds, error);
    if (!status)
        status = run_on(lane, input, &sound, progress, heard, error);
    free(buffer.samples);
    heard->work = seconds_now() - begin;
    if (status)
        heard_free(heard);
    return status;
}
