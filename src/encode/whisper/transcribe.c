/* Transcribing: sound in blocks through whisper.cpp, and what it hears as segments and words. */
#include "valence/transcribe.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/threads.h"
#include "encode/compute/backend.h"
#include "encode/whisper/speech.h"
#include "encode/whisper/transcript.h"
#include "encode/whisper/whisper_stream.h"
#include "models/model_file.h"

#define RATE_HZ       16000
#define CUT_SECONDS   30 /* at a block's end, where the quietest place is looked for */
#define QUIET_SAMPLES 4800
#define MAX_BEAMS     8
#define MAX_SECONDS   1e9
#define ASK_SECONDS   0.1 /* after which the receiver of progress is asked again whether to go on */
/* What whisper.cpp takes of what was said before: half of the decoder's 448 places. */
#define CONTEXT_TOKENS 224

/* ggml-silero-v6.2.0.bin, as scripts/fetch_whisper.sh keeps it. */
#define VAD_SHA256 "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987"

struct valence_transcriber {
    struct whisper_context *context;
    struct whisper_vad_context *vad; /* loaded when it is first asked for */
    char *path;
    char *fingerprint;
};

struct transcription {
    struct valence_transcriber *transcriber;
    struct valence_transcribe_options options;
    const struct valence_progress *progress;
    double duration; /* seconds of all the sound; NAN where it is not known */
    /* of the block at hand alone: what is drawn at random where Whisper is unsure would otherwise
     * depend on what was transcribed before, and a block could not be the first of a later call */
    struct whisper_state *state;
    struct transcript_list list;
    float *samples; /* (capacity) */
    int64_t n_samples, capacity;
    int64_t n_done;  /* samples of earlier blocks */
    int64_t n_known; /* of them, what an earlier call transcribed and this one has yet to pass */
    int64_t part_first, n_part; /* samples of the block that are listened to */
    bool has_listened;          /* in the block at hand */
    double begin;               /* time of the first sample */
    int language;               /* whisper.cpp's number; -1: not yet known */
    int percent;                /* of the part at hand */
    double asked;               /* seconds_now() when progress was last reported */
    bool is_cancelled;
};

/* ---- Loading ---- */

int valence_transcriber_load(const char *path, struct valence_transcriber **transcriber,
                             struct valence_error *error)
{
    struct weights weights;
    *transcriber = NULL;
    int status = backends_load(error);
    if (!status)
        status = weights_open(&weights, path, error);
    if (status)
        return status;
    struct valence_error problem = {0};
    struct valence_transcriber *made = allocate(1, sizeof *made);
    if (!made || !(made->path = strdup(path)) ||
        !(made->fingerprint = strdup(weights_text(&weights, "valence.source_sha256"))))
        status = fail_memory(&problem, sizeof *made, "a transcriber");
    else if (strcmp(weights_text(&weights, "general.architecture"), "whisper") != 0)
        status = fail(&problem, VALENCE_ERROR_UNSUPPORTED,
                      "%s: is not a Whisper model that valence converted", path);
    else if (!(made->context = whisper_stream_load(&weights, true, &problem)))
        status = problem.status;
    weights_close(&weights);
    if (status) {
        if (error)
            *error = problem;
        valence_transcriber_free(made);
        return status;
    }
    *transcriber = made;
    return VALENCE_OK;
}

void valence_transcriber_free(struct valence_transcriber *transcriber)
{
    if (!transcriber)
        return;
    if (transcriber->context)
        whisper_free(transcriber->context);
    if (transcriber->vad)
        whisper_vad_free(transcriber->vad);
    free(transcriber->path);
    free(transcriber->fingerprint);
    free(transcriber);
}

const char *valence_transcriber_fingerprint(const struct valence_transcriber *transcriber)
{
    return transcriber->fingerprint;
}

/* ---- Options ---- */

void valence_transcribe_options_default(struct valence_transcribe_options *options)
{
    *options = (struct valence_transcribe_options){
        .size = sizeof *options, .beams = 5, .block_seconds = 600};
}

/* whisper.cpp aborts on a damaged file, so that only the one that it brings is taken. All files
 * that are taken are the same, and one is loaded. */
static int need_vad(struct valence_transcriber *transcriber, const char *path,
                    struct valence_error *error)
{
    char digest[SHA256_TEXT_BYTES];
    int status = hash_file(path, digest, error);
    if (status)
        return status;
    if (strcmp(digest, VAD_SHA256) != 0)
        return fail_key(
            error, VALENCE_ERROR_UNSUPPORTED, "vad",
            "%s: is not whisper.cpp's Silero VAD v6.2.0, or is damaged (its SHA-256 is %s)", path,
            digest);
    if (transcriber->vad)
        return VALENCE_OK;
    return speech_detector_open(path, &transcriber->vad, error);
}

static int check_options(const struct transcription *t, struct valence_error *error)
{
    const struct valence_transcribe_options *options = &t->options;
    bool is_multilingual = whisper_is_multilingual(t->transcriber->context);
    const char *language = options->language;
    if (options->beams < 1 || options->beams > MAX_BEAMS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "beams", "%d beams are not within 1 ... %d",
                        options->beams, MAX_BEAMS);
    if (!(options->block_seconds >= 2 && options->block_seconds <= 3600))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "block_seconds",
                        "blocks of %g seconds are not within 2 ... 3600", options->block_seconds);
    if (language && whisper_lang_id(language) < 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "language",
                        "Whisper does not know the language '%s' (it takes codes such as 'en' and "
                        "'de')",
                        language);
    if (!is_multilingual && options->translate)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "translate",
                        "this Whisper model knows English alone: it cannot translate");
    if (!is_multilingual && language && strcmp(language, "en") != 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "language",
                        "this Whisper model recognises English alone, not '%s'", language);
    return options->vad ? need_vad(t->transcriber, options->vad, error) : VALENCE_OK;
}

/* ---- A block ---- */

static int report_percent(struct transcription *t, int percent)
{
    if (!t->progress)
        return 0;
    t->percent = percent;
    t->asked = seconds_now();
    int64_t done = (t->n_done + t->part_first + t->n_part * percent / 100) / RATE_HZ;
    struct valence_progress_event event = {
        "transcribing", done, isnan(t->duration) ? 0 : (int64_t)ceil(t->duration), "seconds", NULL};
    return t->progress->report(t->progress->user, &event);
}

static void on_progress(struct whisper_context *context, struct whisper_state *state, int percent,
                        void *user)
{
    struct transcription *t = user;
    (void)context, (void)state;
    t->is_cancelled = t->is_cancelled || report_percent(t, percent) != 0;
}

/* Asked after each step of the decoder, where on_progress() is called once in 30 seconds of sound.
 */
static bool should_abort(void *user)
{
    struct transcription *t = user;
    if (!t->is_cancelled && seconds_now() - t->asked >= ASK_SECONDS)
        t->is_cancelled = report_percent(t, t->percent) != 0;
    if (t->is_cancelled)
        backend_log_mute();
    return t->is_cancelled;
}

/* The last tokens that were heard, as many as Whisper reads before the next; returns how many. */
static int take_context(const struct transcription *t, whisper_token *context)
{
    int n = 0;
    for (int64_t i = t->list.n_segments - 1; i >= 0 && n < CONTEXT_TOKENS; i--) {
        const struct valence_speech_segment *segment = &t->list.segments[i];
        for (int64_t j = segment->n_tokens - 1; j >= 0 && n < CONTEXT_TOKENS; j--)
            context[CONTEXT_TOKENS - ++n] = segment->tokens[j];
    }
    memmove(context, context + CONTEXT_TOKENS - n, (size_t)n * sizeof *context);
    return n;
}

static struct whisper_full_params make_params(struct transcription *t, whisper_token *said)
{
    const struct valence_transcribe_options *options = &t->options;
    struct whisper_full_params params = whisper_full_default_params(
        options->beams > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);
    params.n_threads = threads_count();
    params.print_progress = params.print_timestamps = false;
    params.translate = options->translate;
    /* What was said before in this sound is the context: in the block, the state has it. */
    params.no_context = !t->has_listened;
    params.prompt_n_tokens = t->has_listened ? 0 : take_context(t, said);
    params.prompt_tokens = params.prompt_n_tokens ? said : NULL;
    params.language = t->language >= 0    ? whisper_lang_str(t->language)
                      : options->language ? options->language
                      : whisper_is_multilingual(t->transcriber->context) ? "auto"
                                                                         : "en";
    params.initial_prompt = options->prompt;
    params.token_timestamps = options->words || options->vad; /* which says where pauses are */
    params.greedy.best_of = 5;
    params.beam_search.beam_size = options->beams;
    params.progress_callback = on_progress;
    params.progress_callback_user_data = t;
    params.abort_callback = should_abort;
    params.abort_callback_user_data = t;
    return params;
}

/* Runs Whisper on `n` samples. */
static int listen(struct transcription *t, const float *samples, int64_t n,
                  struct valence_error *error)
{
    struct whisper_context *context = t->transcriber->context;
    whisper_token said[CONTEXT_TOKENS];
    struct whisper_full_params params = make_params(t, said);
    backend_log_clear();
    t->percent = 0;
    errno = 0; /* a lack of memory is no code of its own */
    int code = whisper_full_with_state(context, t->state, params, samples, (int)n);
    if (t->is_cancelled) {
        backend_log_clear();
        return fail(error, VALENCE_ERROR_CANCELLED, "transcribing was cancelled");
    }
    if (code != 0 && errno == ENOMEM)
        return fail_memory(error, 0, t->transcriber->path);
    if (code != 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: whisper.cpp gave up (%d): %s",
                    t->transcriber->path, code, backend_log());
    t->language = whisper_full_lang_id_from_state(t->state);
    t->has_listened = true;
    return VALENCE_OK;
}

/* Adds the block's speech to the transcript. */
static int add_speech(struct transcription *t, const struct speech *speech,
                      struct valence_error *error)
{
    const double begin = t->begin + (double)t->n_done / RATE_HZ;
    int status = VALENCE_OK;
    for (int i = 0; i < speech->n_spans && !status; i++) {
        const struct speech_span *span = &speech->spans[i];
        double start = begin + (double)span->first / RATE_HZ;
        status =
            transcript_list_add_speech(&t->list, start, start + (double)span->n / RATE_HZ, error);
    }
    return status;
}

/* Transcribes samples of the block: all, or those of some of its speech. */
static int transcribe_part(struct transcription *t, const float *samples, int64_t n,
                           const struct speech *speech, struct valence_error *error)
{
    const struct heard_sound sound = {t->begin + (double)t->n_done / RATE_HZ, speech};
    int status = listen(t, samples, n, error);
    return status ? status
                  : transcript_add_block(&t->list, t->transcriber->context, t->state, &sound,
                                         t->options.words, error);
}

/* Transcribes the speech of the first n samples of the block. */
static int transcribe_speech(struct transcription *t, int64_t n, struct valence_error *error)
{
    struct speech speech;
    int status = speech_find(t->transcriber->vad, t->samples, n, &speech, error);
    if (!status)
        status = add_speech(t, &speech, error);
    for (int first = 0, end; !status && first < speech.n_spans; first = end) {
        struct speech part = speech_part(&speech, first, &end);
        const struct speech_span *last = &part.spans[part.n_spans - 1];
        t->part_first = part.spans[0].first;
        t->n_part = last->first + last->n - t->part_first;
        status = transcribe_part(t, part.samples, part.n_samples, &part, error);
    }
    speech_free(&speech);
    return status;
}

/* Gives the block a state of its own. */
static int begin_block(struct transcription *t, struct valence_error *error)
{
    if (t->state)
        whisper_free_state(t->state);
    backend_log_clear();
    t->state = whisper_init_state(t->transcriber->context);
    t->has_listened = false;
    return t->state ? VALENCE_OK
                    : fail(error, VALENCE_ERROR_MEMORY, "%s: no memory to transcribe: %s",
                           t->transcriber->path, backend_log());
}

/* Transcribes the first n samples of the block, or what is speech of them. */
static int transcribe_block(struct transcription *t, int64_t n, struct valence_error *error)
{
    int status = begin_block(t, error);
    if (status)
        return status;
    t->part_first = 0;
    t->n_part = n;
    if (!t->options.vad)
        return transcribe_part(t, t->samples, n, NULL, error);
    if (report_percent(t, 0))
        return fail(error, VALENCE_ERROR_CANCELLED, "transcribing was cancelled");
    return transcribe_speech(t, n, error);
}

/* ---- The sound ---- */

/* The middle of the quietest 0.3 s of the block's last 30, or of its second half. */
static int64_t find_cut(const struct transcription *t)
{
    const int64_t most = CUT_SECONDS * RATE_HZ, half = t->n_samples / 2;
    int64_t first = t->n_samples - (most < half ? most : half), best = t->n_samples;
    double least = INFINITY;
    for (int64_t i = first; i + QUIET_SAMPLES <= t->n_samples; i += QUIET_SAMPLES / 4) {
        double energy = 0;
        for (int64_t j = i; j < i + QUIET_SAMPLES; j++)
            energy += (double)t->samples[j] * t->samples[j];
        if (energy < least) {
            least = energy;
            best = i + QUIET_SAMPLES / 2;
        }
    }
    return best;
}

/* Hands out what was heard up to the end of the last block. */
static int hand_out(struct transcription *t, struct valence_error *error)
{
    const struct valence_transcript so_far = {
        .language = t->language < 0 ? "" : whisper_lang_str(t->language),
        .duration = (double)t->n_done / RATE_HZ,
        .n_segments = t->list.n_segments,
        .segments = t->list.segments,
        .n_speech = t->list.n_speech,
        .speech = t->list.speech};
    if (t->options.receive && t->options.receive(t->options.user, &so_far))
        return fail(error, VALENCE_ERROR_CANCELLED, "transcribing was stopped");
    return VALENCE_OK;
}

static int add_samples(struct transcription *t, const float *samples, int64_t n,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    int64_t known = n < t->n_known ? n : t->n_known;
    t->n_known -= known;
    samples += known;
    n -= known;
    for (int64_t taken = 0; !status && taken < n;) {
        int64_t room = t->capacity - t->n_samples, more = n - taken < room ? n - taken : room;
        memcpy(t->samples + t->n_samples, samples + taken, (size_t)more * sizeof(float));
        t->n_samples += more;
        taken += more;
        if (t->n_samples < t->capacity)
            continue;
        int64_t cut = find_cut(t);
        status = transcribe_block(t, cut, error);
        memmove(t->samples, t->samples + cut, (size_t)(t->n_samples - cut) * sizeof(float));
        t->n_samples -= cut;
        t->n_done += cut;
        status = status ? status : hand_out(t, error);
    }
    return status;
}

static int take_samples(void *user, const struct valence_media_samples *piece,
                        struct valence_error *error)
{
    struct transcription *t = user;
    if (piece->first == 0)
        t->begin = piece->time;
    return add_samples(t, piece->samples, piece->n_samples, error);
}

/* Takes over what an earlier call heard. */
static int go_on(struct transcription *t, const struct valence_transcript *so_far,
                 struct valence_error *error)
{
    t->language = whisper_lang_id(so_far->language);
    if (!(so_far->duration >= 0 && so_far->duration <= MAX_SECONDS) ||
        (*so_far->language && t->language < 0))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "what was heard so far, %g seconds in language '%s', is not what transcribing "
                    "handed out",
                    so_far->duration, so_far->language);
    for (int64_t i = 0; i < so_far->n_segments; i++)
        for (int64_t j = 0; j < so_far->segments[i].n_tokens; j++)
            if (so_far->segments[i].tokens[j] < 0 ||
                so_far->segments[i].tokens[j] >= whisper_n_vocab(t->transcriber->context))
                return fail(error, VALENCE_ERROR_ARGUMENT,
                            "what was heard so far has token %d, which the model does not know",
                            (int)so_far->segments[i].tokens[j]);
    t->n_done = t->n_known = llrint(so_far->duration * RATE_HZ);
    return transcript_list_copy(&t->list, so_far, error);
}

/* Checks the options and makes room for a block of at most `n_samples`. */
static int begin(struct transcription *t, const struct valence_transcribe_options *options,
                 int64_t n_samples, struct valence_error *error)
{
    t->language = -1;
    valence_transcribe_options_default(&t->options);
    int status = options_read(&t->options, sizeof t->options, options, error);
    if (!status)
        status = check_options(t, error);
    const int64_t most = status ? 0 : (int64_t)(t->options.block_seconds * RATE_HZ);
    t->capacity = n_samples < most ? n_samples + 1 : most;
    if (!status && !(t->samples = allocate(t->capacity, sizeof *t->samples)))
        status = fail_memory(error, (size_t)t->capacity * sizeof *t->samples, "sound");
    return status || !t->options.so_far ? status : go_on(t, t->options.so_far, error);
}

/* Transcribes what is left, where `status` is fine, and hands out what was heard. */
static int end(struct transcription *t, int status, struct valence_transcript **transcript,
               struct valence_error *error)
{
    if (!status && t->n_samples > 0)
        status = transcribe_block(t, t->n_samples, error);
    if (!status)
        status = transcript_list_sort(&t->list, error);
    if (!status) {
        const char *language = t->language >= 0      ? whisper_lang_str(t->language)
                               : t->options.language ? t->options.language
                                                     : "";
        double duration = (double)(t->n_done + t->n_samples) / RATE_HZ;
        status = transcript_list_finish(&t->list, language, duration, transcript, error);
    }
    transcript_list_free(&t->list);
    if (t->state)
        whisper_free_state(t->state);
    free(t->samples);
    return status;
}

int valence_transcribe(struct valence_transcriber *transcriber, struct valence_media *media,
                       const struct valence_media_segment *range,
                       const struct valence_transcribe_options *options,
                       const struct valence_progress *progress,
                       struct valence_transcript **transcript, struct valence_error *error)
{
    struct transcription t = {.transcriber = transcriber,
                              .progress = progress,
                              .duration = valence_media_get_info(media)->duration};
    const struct valence_media_sink sink = {take_samples, NULL, &t};
    *transcript = NULL;
    int status = begin(&t, options, INT64_MAX, error);
    if (!status)
        status = valence_media_decode(media, range, range ? 1 : 0, &sink, NULL, error);
    return end(&t, status, transcript, error);
}

int valence_transcribe_samples(struct valence_transcriber *transcriber, const float *samples,
                               int64_t n_samples, double start,
                               const struct valence_transcribe_options *options,
                               const struct valence_progress *progress,
                               struct valence_transcript **transcript, struct valence_error *error)
{
    struct transcription t = {.transcriber = transcriber,
                              .progress = progress,
                              .duration = (double)n_samples / RATE_HZ,
                              .begin = start};
    *transcript = NULL;
    if (n_samples < 0 || (n_samples > 0 && !samples))
        return fail(error, VALENCE_ERROR_ARGUMENT, "there are no samples to transcribe");
    for (int64_t i = 0; i < n_samples; i++)
        if (!isfinite(samples[i]))
            return fail(error, VALENCE_ERROR_DATA, "sample %" PRId64 " is not a finite number", i);
    int status = begin(&t, options, n_samples, error);
    if (!status)
        status = add_samples(&t, samples, n_samples, error);
    return end(&t, status, transcript, error);
}
