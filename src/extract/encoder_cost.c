/* How long each encoder takes for a clip. */
#include "valence/encoder_cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/threads.h"
#include "base/times.h"
#include "extract/cost_clip.h"
#include "valence/encoder.h"
#include "valence/faces.h"
#include "valence/prosody.h"
#include "valence/simulate.h"
#include "valence/transcribe.h"

/* What one measurement works with: its encoder in whichever of these it is. */
struct bench {
    const struct valence_encoder_cost_options *options;
    const struct cost_clip *clip;
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
    struct valence_transcriber *transcriber;
    struct valence_face_detector *detector;
    struct valence_simulator *simulator;
    int64_t n_made;
};

/* ---- Encoders ---- */

static int open_encoder(struct bench *bench, const char *path, struct valence_error *error)
{
    struct valence_encoder_options options;
    valence_encoder_options_default(&options);
    options.memory = bench->options->memory;
    int status = valence_encoder_load(path, &options, &bench->encoder, error);
    return status ? status : valence_encoder_state_create(bench->encoder, &bench->state, error);
}

static int encode(struct bench *bench, const struct valence_encoder_input *inputs, int64_t n,
                  struct valence_error *error)
{
    struct valence_features features;
    int status = valence_encoder_encode(bench->state, inputs, n, NULL, &features, error);
    if (status)
        return status;
    bench->n_made = features.offsets[n];
    valence_features_free(&features);
    return VALENCE_OK;
}

static int run_sound(struct bench *bench, struct valence_error *error)
{
    const struct valence_encoder_input input = {.samples = bench->clip->samples,
                                                .n_samples = bench->clip->n_samples};
    return encode(bench, &input, 1, error);
}

static int run_text(struct bench *bench, struct valence_error *error)
{
    const struct valence_encoder_input input = {.text = bench->options->text};
    return encode(bench, &input, 1, error);
}

static int run_manet(struct bench *bench, struct valence_error *error)
{
    const struct cost_clip *clip = bench->clip;
    struct valence_encoder_input *inputs = allocate(clip->n_pictures, sizeof *inputs);
    if (!inputs)
        return fail_memory(error, (size_t)clip->n_pictures * sizeof *inputs, "pictures");
    for (int64_t i = 0; i < clip->n_pictures; i++)
        inputs[i] = (struct valence_encoder_input){
            .pixels = cost_clip_picture(clip, i), .width = clip->width, .height = clip->height};
    int status = encode(bench, inputs, clip->n_pictures, error);
    free(inputs);
    return status;
}

static int open_whisper(struct bench *bench, struct valence_error *error)
{
    return open_encoder(bench, bench->options->whisper, error);
}

static int open_wavlm(struct bench *bench, struct valence_error *error)
{
    return open_encoder(bench, bench->options->wavlm, error);
}

static int open_manet(struct bench *bench, struct valence_error *error)
{
    return open_encoder(bench, bench->options->manet, error);
}

static int open_llm(struct bench *bench, struct valence_error *error)
{
    return open_encoder(bench, bench->options->llm, error);
}

/* ---- What is no encoder ---- */

static int run_prosody(struct bench *bench, struct valence_error *error)
{
    int64_t n = valence_prosody_n_rows(bench->clip->n_samples);
    float *rows = allocate(n * VALENCE_PROSODY_COLUMNS, sizeof *rows);
    if (!rows)
        return fail_memory(error, (size_t)n * sizeof *rows, "rows");
    int status = valence_prosody_rows(bench->clip->samples, bench->clip->n_samples, rows, error);
    free(rows);
    bench->n_made = n;
    return status;
}

static int open_faces(struct bench *bench, struct valence_error *error)
{
    return valence_face_detector_open(bench->options->faces, NULL, &bench->detector, error);
}

static int run_faces(struct bench *bench, struct valence_error *error)
{
    const struct cost_clip *clip = bench->clip;
    const struct valence_face *faces;
    int64_t n;
    int status = VALENCE_OK;
    bench->n_made = 0;
    for (int64_t i = 0; i < clip->n_pictures && !status; i++) {
        status = valence_faces_find(bench->detector, cost_clip_picture(clip, i), clip->width,
                                    clip->height, &faces, &n, error);
        bench->n_made += status ? 0 : n;
    }
    return status;
}

static int open_recognition(struct bench *bench, struct valence_error *error)
{
    return valence_transcriber_load(bench->options->whisper, &bench->transcriber, error);
}

/* As extraction recognises: one beam, words with their times. */
static int run_recognition(struct bench *bench, struct valence_error *error)
{
    struct valence_transcribe_options options;
    struct valence_transcript *heard;
    valence_transcribe_options_default(&options);
    options.beams = 1;
    options.words = true;
    int status =
        valence_transcribe_samples(bench->transcriber, bench->clip->samples, bench->clip->n_samples,
                                   0, &options, NULL, &heard, error);
    if (status)
        return status;
    bench->n_made = 0;
    for (int64_t i = 0; i < heard->n_segments; i++)
        bench->n_made += heard->segments[i].n_words;
    valence_transcript_free(heard);
    return VALENCE_OK;
}

static int open_simulator(struct bench *bench, struct valence_error *error)
{
    struct valence_simulator_models models;
    valence_simulator_models_default(&models);
    models.wavlm = bench->options->wavlm;
    models.projector = bench->options->projector;
    models.llm = bench->options->llm;
    models.memory = bench->options->memory;
    return valence_simulator_open(&models, NULL, &bench->simulator, error);
}

static int run_simulator(struct bench *bench, struct valence_error *error)
{
    struct valence_simulation simulation;
    int status = valence_simulate(bench->simulator, bench->clip->samples, bench->clip->n_samples,
                                  NULL, &simulation, error);
    if (status)
        return status;
    bench->n_made = simulation.n_rows;
    valence_simulation_free(&simulation);
    return VALENCE_OK;
}

/* ---- The list ---- */

enum need { SOUND = 1, PICTURES = 2, WORDS = 4 };

#define MODEL(name) offsetof(struct valence_encoder_cost_options, name)
#define NO_MODEL    0

static const struct step {
    const char *name, *gives, *model;
    enum need need;
    size_t models[3]; /* the options that name its files */
    int (*open)(struct bench *bench, struct valence_error *error); /* NULL: nothing to open */
    int (*run)(struct bench *bench, struct valence_error *error);
} steps[] = {
    {"prosody", "audio rows", "", SOUND, {NO_MODEL}, NULL, run_prosody},
    {"whisper", "audio rows", "whisper", SOUND, {MODEL(whisper)}, open_whisper, run_sound},
    {"wavlm", "audio rows", "wavlm", SOUND, {MODEL(wavlm)}, open_wavlm, run_sound},
    {"faces", "video rows", "faces", PICTURES, {MODEL(faces)}, open_faces, run_faces},
    {"manet", "video rows", "manet", PICTURES, {MODEL(manet)}, open_manet, run_manet},
    {"recognition",
     "recognised words",
     "whisper",
     SOUND,
     {MODEL(whisper)},
     open_recognition,
     run_recognition},
    {"text", "text rows", "llm", WORDS, {MODEL(llm)}, open_llm, run_text},
    {"simulated_text",
     "simulated text",
     "projector",
     SOUND,
     {MODEL(wavlm), MODEL(projector), MODEL(llm)},
     open_simulator,
     run_simulator},
};
#define N_STEPS ((int)(sizeof steps / sizeof steps[0]))

struct owned_costs {
    struct valence_encoder_costs shown; /* first, so that its address is this one's */
    struct valence_encoder_cost encoders[N_STEPS];
};

/* ---- Measuring ---- */

static const char *model_path(const struct valence_encoder_cost_options *options, size_t member)
{
    return *(const char *const *)((const char *)options + member);
}

/* Sets what is known of an encoder without running it; whether it can be. */
static bool look(const struct step *step, const struct valence_encoder_cost_options *options,
                 const struct cost_clip *clip, struct valence_encoder_cost *cost)
{
    struct stat status;
    *cost = (struct valence_encoder_cost){.name = step->name,
                                          .gives = step->gives,
                                          .model = step->model,
                                          .load_seconds = NAN,
                                          .seconds = {NAN, NAN, NAN, 0}};
    for (int i = 0; i < 3 && step->models[i]; i++) {
        const char *path = model_path(options, step->models[i]);
        if (!path)
            cost->absent = "no model";
        else if (stat(path, &status) == 0)
            cost->model_bytes += status.st_size;
    }
    if (!cost->absent && step->need == SOUND && clip->n_samples == 0)
        cost->absent = "the clip has no sound";
    if (!cost->absent && step->need == PICTURES && clip->n_pictures == 0)
        cost->absent = "the clip has no pictures";
    return !cost->absent;
}

static int cancelled(const struct valence_progress *progress, const char *name,
                     struct valence_error *error)
{
    struct valence_progress_event event = {.stage = "encoding", .unit = "", .detail = name};
    return progress && progress->report(progress->user, &event)
               ? fail(error, VALENCE_ERROR_CANCELLED, "stopped while measuring")
               : VALENCE_OK;
}

/* One run is not counted; encoders take too long for more. */
static int repeat(struct bench *bench, const struct step *step,
                  const struct valence_progress *progress, struct times *times,
                  struct valence_error *error)
{
    double began = 0, seconds = bench->options->seconds;
    int status = VALENCE_OK;
    for (int64_t i = 0; !status && (i < 1 || !times_enough(times, seconds_now() - began, seconds));
         i++) {
        if (i == 1)
            began = seconds_now();
        double start = seconds_now();
        status = cancelled(progress, step->name, error);
        if (!status)
            status = step->run(bench, error);
        if (!status && i > 0)
            times->seconds[times->n++] = seconds_now() - start;
    }
    return status;
}

static int measure_step(const struct step *step, const struct valence_encoder_cost_options *options,
                        const struct cost_clip *clip, const struct valence_progress *progress,
                        struct valence_encoder_cost *cost, struct valence_error *error)
{
    struct bench bench = {.options = options, .clip = clip};
    struct times times;
    int status = times_make(&times, error);
    double start = seconds_now();
    if (!status && step->open) {
        status = step->open(&bench, error);
        cost->load_seconds = seconds_now() - start;
    }
    if (!status)
        status = repeat(&bench, step, progress, &times, error);
    cost->seconds = times_spread(&times);
    cost->n_made = bench.n_made;
    free(times.seconds);
    valence_encoder_state_free(bench.state);
    valence_encoder_free(bench.encoder);
    valence_transcriber_free(bench.transcriber);
    valence_face_detector_close(bench.detector);
    valence_simulator_free(bench.simulator);
    return status && status != VALENCE_ERROR_CANCELLED
               ? fail_within(status, error, "%s", step->name)
               : status;
}

static int measure(const struct valence_encoder_cost_options *options, const struct cost_clip *clip,
                   const struct valence_progress *progress, struct owned_costs *owned,
                   struct valence_error *error)
{
    struct valence_encoder_costs *costs = &owned->shown;
    struct valence_machine machine = {.size = sizeof machine};
    int status = valence_machine_describe(&machine, error);
    costs->n_threads = threads_count();
    costs->load = machine.load;
    costs->clip_seconds = (double)clip->n_samples / COST_CLIP_RATE_HZ;
    costs->n_pictures = clip->n_pictures;
    costs->made_up = !options->clip;
    costs->n_encoders = N_STEPS;
    costs->encoders = owned->encoders;
    for (int i = 0; i < N_STEPS && !status; i++)
        if (look(&steps[i], options, clip, &owned->encoders[i]))
            status = measure_step(&steps[i], options, clip, progress, &owned->encoders[i], error);
    return status;
}

/* ---- Options ---- */

void valence_encoder_cost_options_default(struct valence_encoder_cost_options *options)
{
    *options = (struct valence_encoder_cost_options){
        .size = sizeof *options,
        .clip_seconds = 10,
        .fps = 5,
        .text = "I went in with no expectations at all, and I have to say that the second half of "
                "this film really surprised me in a good way",
        .seconds = 1};
}

static int check(const char *key, double value, double low, double high,
                 struct valence_error *error)
{
    return value >= low && value <= high
               ? VALENCE_OK
               : fail_key(error, VALENCE_ERROR_ARGUMENT, key, "%s is %g; it must be from %g to %g",
                          key, value, low, high);
}

static int take_options(const struct valence_encoder_cost_options *given,
                        struct valence_encoder_cost_options *options, struct valence_error *error)
{
    valence_encoder_cost_options_default(options);
    const char *text = options->text;
    int status = options_read(options, sizeof *options, given, error);
    if (!status && !options->text)
        options->text = text;
    if (!status)
        status = check("clip_seconds", options->clip_seconds, 0.5, 60, error);
    if (!status)
        status = check("fps", options->fps, 0.1, 60, error);
    return status ? status : check("seconds", options->seconds, 1e-6, 3600, error);
}

int valence_encoder_cost_measure(const struct valence_encoder_cost_options *given,
                                 const struct valence_progress *progress,
                                 const struct valence_encoder_costs **costs,
                                 struct valence_error *error)
{
    struct valence_encoder_cost_options options;
    struct cost_clip clip = {0};
    if (!costs)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the costs are NULL");
    *costs = NULL;
    int status = take_options(given, &options, error);
    if (!status)
        status = cost_clip_make(options.clip, options.clip_seconds, options.fps, &clip, error);
    struct owned_costs *made = status ? NULL : allocate(1, sizeof *made);
    if (!status)
        status = made ? measure(&options, &clip, progress, made, error)
                      : fail_memory(error, sizeof *made, "the costs");
    cost_clip_free(&clip);
    if (status)
        free(made);
    else
        *costs = &made->shown;
    return status;
}

void valence_encoder_costs_free(const struct valence_encoder_costs *costs)
{
    free((void *)(uintptr_t)costs);
}
