/* Torture: converting, encoding, recognising and extracting, on small random models; needs
 * libvalence-media. Allocations of llama.cpp, whisper.cpp, ggml and the C++ library do not fail
 * here: there the first one that fails ends the program (failing_memory.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "media_fixture.h"
#include "tiny_faces.h"
#include "tiny_whisper.h"
#include "torture.h"
#include "valence/convert.h"
#include "valence/encoder_cost.h"
#include "valence/encode.h"
#include "valence/extract.h"
#include "valence/extract_store.h"
#include "valence/faces.h"
#include "valence/models.h"
#include "valence/simulate.h"
#include "valence/store.h"
#include "valence/transcribe.h"
#include "valence/transcripts.h"

#define GOLDEN VALENCE_TEST_DATA "/golden/"
#define LLAMA  GOLDEN "llm/tiny-llama-f32.gguf"

enum { N_SAMPLES = 8000, SIDE = 64 };

/* Made once. */
static char wavlm[96], manet[96], projector[96], whisper[96], faces[96], whisper_folder[96];
static char spoken[96], sounds[96], sound[128], text[128];
static char extraction[128], yaml[512]; /* a configuration: its file, and what that holds */
static float samples[N_SAMPLES];
static unsigned char pixels[2 * SIDE * SIDE * 3];

static void add_floats(double *result, const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        *result = *result * 1.0001 + (double)values[i];
}

/* Adds an encoding's result and frees it. What is not cleared after an error is an object too
 * many. */
static int add_features(int status, struct valence_features *features, double *result)
{
    if (status)
        return features->rows || features->offsets ? 1 : status;
    add_floats(result, features->rows, features->offsets[features->n_inputs] * features->width);
    valence_features_free(features);
    return VALENCE_OK;
}

/* ---- Converting ---- */

static int convert_to(enum valence_convert_kind kind, const char *input,
                      const struct valence_convert_options *options, double *result,
                      struct valence_error *error)
{
    struct stat status_of;
    int status = valence_convert(kind, input, made, options, NULL, error);
    if (!status && stat(made, &status_of) == 0)
        *result = *result * 3 + (double)status_of.st_size;
    clear_untried(made);
    return status;
}

static int convert_wavlm(double *result, struct valence_error *error)
{
    return convert_to(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/stable", NULL, result, error);
}

static int convert_manet(double *result, struct valence_error *error)
{
    return convert_to(VALENCE_CONVERT_MANET, GOLDEN "manet/manet-tiny.pth", NULL, result, error);
}

static int convert_projector(double *result, struct valence_error *error)
{
    struct valence_convert_options options;
    valence_convert_options_default(&options);
    options.wavlm = wavlm;
    options.llm = LLAMA;
    return convert_to(VALENCE_CONVERT_PROJECTOR, GOLDEN "llm/projector.safetensors", &options,
                      result, error);
}

static int convert_whisper(double *result, struct valence_error *error)
{
    int status = valence_convert_known_model("whisper", whisper_folder, made, NULL, error);
    *result = 1;
    clear_untried(made);
    return status;
}

/* ---- Encoders ---- */

static int encode_with(const char *path, const struct valence_encoder_input *input, double *result,
                       struct valence_error *error)
{
    struct valence_encoder *encoder;
    struct valence_encoder_state *state = NULL;
    struct valence_features features = {0};
    struct valence_encoder_options options;
    valence_encoder_options_default(&options);
    options.unverified = true;
    int status = valence_encoder_load(path, &options, &encoder, error);
    if (status)
        return encoder ? 1 : status;
    add_text(result, valence_encoder_describe(encoder)->fingerprint);
    status = valence_encoder_state_create(encoder, &state, error);
    if (status && state)
        status = 1;
    else if (!status) {
        status = valence_encoder_encode(state, input, 1, NULL, &features, error);
        status = add_features(status, &features, result);
    }
    valence_encoder_state_free(state);
    valence_encoder_free(encoder);
    return status;
}

static int encode_wavlm(double *result, struct valence_error *error)
{
    return encode_with(wavlm,
                       &(struct valence_encoder_input){.samples = samples, .n_samples = N_SAMPLES},
                       result, error);
}

static int encode_whisper(double *result, struct valence_error *error)
{
    return encode_with(whisper,
                       &(struct valence_encoder_input){.samples = samples, .n_samples = N_SAMPLES},
                       result, error);
}

static int encode_manet(double *result, struct valence_error *error)
{
    return encode_with(
        manet, &(struct valence_encoder_input){.pixels = pixels, .width = SIDE, .height = SIDE},
        result, error);
}

static int encode_text(double *result, struct valence_error *error)
{
    return encode_with(LLAMA, &(struct valence_encoder_input){.text = "one two"}, result, error);
}

static int encode_transcripts(double *result, struct valence_error *error)
{
    static const char *const transcripts[] = {"one two", NULL, "three"};
    struct valence_transcript_encoder *encoder, *again = NULL;
    struct valence_features features = {0};
    int status = valence_transcript_encoder_open(LLAMA, NULL, &encoder, error);
    if (status)
        return encoder ? 1 : status;
    status = valence_transcript_encoder_encode(encoder, transcripts, 3, NULL, &features, error);
    status = add_features(status, &features, result);
    int64_t words[3] = {0};
    if (!status)
        status = valence_transcript_encoder_find_words(encoder, "one two", 3, words, error);
    *result += (double)words[0] + 3 * (double)words[1] + 5 * (double)words[2];
    if (!status) {
        status = valence_transcript_encoder_open_recorded(
            LLAMA, valence_transcript_encoder_settings(encoder), NULL, &again, error);
        add_text(result, again ? valence_transcript_encoder_settings(again) : "");
        status = status && again ? 1 : status;
    }
    valence_transcript_encoder_close(again);
    valence_transcript_encoder_close(encoder);
    return status;
}

/* ---- Simulated text ---- */

static int open_simulator(struct valence_simulator **simulator, struct valence_error *error)
{
    struct valence_simulator_models models;
    struct valence_simulator_options options;
    valence_simulator_models_default(&models);
    valence_simulator_options_default(&options);
    models.wavlm = wavlm;
    models.projector = projector;
    models.llm = LLAMA;
    options.max_tokens = 4;
    options.n_beams = 2;
    return valence_simulator_open(&models, &options, simulator, error);
}

static int add_simulation(int status, struct valence_simulation *heard, double *result)
{
    if (status)
        return heard->rows || heard->text ? 1 : status;
    add_text(result, heard->text);
    add_floats(result, heard->rows, heard->n_rows * heard->width);
    valence_simulation_free(heard);
    return VALENCE_OK;
}

static int simulate(double *result, struct valence_error *error)
{
    static float frames[30 * 48];
    struct valence_simulator *simulator;
    struct valence_simulation heard = {0};
    for (int i = 0; i < 30 * 48; i++)
        frames[i] = (float)sin(0.1 * i);
    int status = open_simulator(&simulator, error);
    if (status)
        return simulator ? 1 : status;
    status = valence_simulate(simulator, samples, N_SAMPLES, NULL, &heard, error);
    status = add_simulation(status, &heard, result);
    if (!status) {
        status = valence_simulate_frames(simulator, frames, 30, NULL, &heard, error);
        status = add_simulation(status, &heard, result);
    }
    valence_simulator_free(simulator);
    return status;
}

static int create_simulator(double *result, struct valence_error *error)
{
    const char *const paths[] = {wavlm, projector, LLAMA};
    struct valence_encoder *encoders[3] = {NULL};
    struct valence_simulator *simulator = NULL;
    int status = VALENCE_OK;
    for (int i = 0; i < 3 && !status; i++) {
        struct valence_encoder_options options;
        valence_encoder_options_default(&options);
        options.layers = i ? NULL : "final";
        status = valence_encoder_load(paths[i], &options, &encoders[i], error);
    }
    if (!status)
        status = valence_simulator_create(encoders[0], encoders[1], encoders[2], NULL, &simulator,
                                          error);
    if (status && simulator)
        status = 1;
    else if (!status)
        add_text(result, valence_simulator_settings(simulator));
    valence_simulator_free(simulator);
    for (int i = 0; i < 3; i++)
        valence_encoder_free(encoders[i]);
    return status;
}

/* ---- Files and stores ---- */

/* Adds a report and frees it, and clears what was made. */
static int add_report(int status, struct valence_encode_report *report, double *result)
{
    if (status && report)
        status = 1;
    else if (!status)
        *result = *result * 3 + (double)report->n_rows + 100 * (double)report->n_encoded;
    valence_encode_report_free(report);
    clear_untried(made);
    return status;
}

static int encode_sound_files(double *result, struct valence_error *error)
{
    const char *const inputs[] = {sound};
    struct valence_encoder *encoder;
    struct valence_encode_report *report;
    struct valence_encoder_options options;
    struct valence_media_options media;
    struct valence_encode_options encoding;
    valence_encoder_options_default(&options);
    valence_media_options_default(&media);
    valence_encode_options_default(&encoding);
    media.threads = 1;
    encoding.media = &media;
    options.unverified = true;
    int status = valence_encoder_load(wavlm, &options, &encoder, error);
    if (!status) {
        status = valence_encode_files(encoder, inputs, 1, made, &encoding, &report, error);
        status = add_report(status, report, result);
    }
    valence_encoder_free(encoder);
    return status;
}

static int encode_texts(double *result, struct valence_error *error)
{
    const char *const inputs[] = {text};
    struct valence_transcript_encoder *encoder;
    struct valence_encode_report *report;
    int status = valence_transcript_encoder_open(LLAMA, NULL, &encoder, error);
    if (!status) {
        status = valence_encode_text_files(encoder, inputs, 1, made, NULL, &report, error);
        status = add_report(status, report, result);
    }
    if (!status) {
        status = valence_encode_store_text(encoder, spoken, made, NULL, &report, error);
        status = add_report(status, report, result);
    }
    valence_transcript_encoder_close(encoder);
    return status;
}

static int simulate_sounds(double *result, struct valence_error *error)
{
    const char *const inputs[] = {sound};
    struct valence_simulator *simulator;
    struct valence_encode_report *report;
    struct valence_encode_store_options options;
    struct valence_encode_options encoding;
    struct valence_media_options media;
    valence_media_options_default(&media);
    valence_encode_options_default(&encoding);
    valence_encode_store_options_default(&options);
    media.threads = 1;
    encoding.media = options.media = &media;
    options.sounds = sounds;
    int status = open_simulator(&simulator, error);
    if (!status) {
        status = valence_simulate_files(simulator, inputs, 1, made, &encoding, &report, error);
        status = add_report(status, report, result);
    }
    if (!status) {
        status = valence_simulate_store(simulator, spoken, made, &options, &report, error);
        status = add_report(status, report, result);
    }
    valence_simulator_free(simulator);
    return status;
}

/* ---- Faces ---- */

static int open_detector(struct valence_face_detector **detector, struct valence_error *error)
{
    struct valence_face_options options;
    valence_face_options_default(&options);
    options.input_size = 96;
    return valence_face_detector_open(faces, &options, detector, error);
}

static int find_faces(double *result, struct valence_error *error)
{
    static float rows[2 * VALENCE_FACE_COLUMNS];
    static const double times[] = {0, 0.2};
    struct valence_face_detector *detector;
    struct valence_face_clip *clip = NULL;
    const struct valence_face *found;
    int64_t n = 0;
    int status = open_detector(&detector, error);
    if (status)
        return detector ? 1 : status;
    status = valence_faces_find(detector, pixels, SIDE, SIDE, &found, &n, error);
    *result = *result * 3 + (double)n;
    if (!status)
        status = valence_face_clip_create(detector, &clip, error);
    if (!status)
        status = valence_face_clip_add(clip, pixels, 2, SIDE, SIDE, times, error);
    if (!status)
        status = valence_face_clip_rows(clip, VALENCE_PERSON_LARGEST, NULL, rows, NULL, error);
    if (!status)
        add_floats(result, rows, 2 * VALENCE_FACE_COLUMNS);
    valence_face_clip_free(clip);
    valence_face_detector_close(detector);
    return status;
}

/* ---- Recognition ---- */

static void add_transcript(double *result, const struct valence_transcript *transcript)
{
    add_text(result, transcript->language);
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        add_text(result, transcript->segments[i].text);
        *result += transcript->segments[i].end + (double)transcript->segments[i].n_words;
    }
}

static int transcribe(double *result, struct valence_error *error)
{
    struct valence_transcriber *transcriber;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    struct valence_media_options media_options;
    struct valence_media *media = NULL;
    valence_transcribe_options_default(&options);
    valence_media_options_default(&media_options);
    options.language = "en";
    options.words = true;
    options.beams = 1;
    media_options.threads = 1;
    int status = valence_transcriber_load(whisper, &transcriber, error);
    if (status)
        return transcriber ? 1 : status;
    status = valence_media_open(sound, &media_options, &media, error);
    if (!status) {
        status = valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, error);
        if (status && transcript)
            status = 1;
        if (!status)
            add_transcript(result, transcript);
        valence_transcript_free(transcript);
    }
    if (!status) {
        status = valence_transcribe_samples(transcriber, samples, N_SAMPLES, 0, &options, NULL,
                                            &transcript, error);
        if (!status)
            add_transcript(result, transcript);
        valence_transcript_free(transcript);
    }
    valence_media_close(media);
    valence_transcriber_free(transcriber);
    return status;
}

static int extract(double *result, struct valence_error *error)
{
    static const double times[] = {0, 0.2};
    struct valence_extractor *extractor;
    struct valence_extracted *extracted = NULL;
    struct valence_extractor_options options;
    const struct valence_clip_input input = {.samples = samples,
                                             .n_samples = N_SAMPLES,
                                             .pixels = pixels,
                                             .n_pictures = 2,
                                             .width = SIDE,
                                             .height = SIDE,
                                             .times = times,
                                             .transcript = "one two"};
    valence_extractor_options_default(&options);
    options.audio = VALENCE_BIT(VALENCE_SOUND_WHISPER) | VALENCE_BIT(VALENCE_SOUND_PROSODY);
    options.whisper_model = whisper;
    options.faces_model = faces;
    options.text_model = LLAMA;
    options.face_size = 96;
    int status = valence_extractor_open(&options, &extractor, error);
    if (status)
        return extractor ? 1 : status;
    status = valence_extract_clip(extractor, &input, NULL, &extracted, error);
    if (status && extracted)
        status = 1;
    for (int s = 0; !status && s < VALENCE_N_STREAMS; s++) {
        int64_t n;
        const float *rows = valence_extracted_rows(extracted, (enum valence_stream)s, &n);
        add_floats(result, rows, n * valence_extractor_width(extractor, (enum valence_stream)s));
    }
    valence_extracted_free(extracted);
    valence_extractor_close(extractor);
    return status;
}

static int extract_files(double *result, struct valence_error *error)
{
    const char *const inputs[] = {sound};
    struct valence_extractor *extractor;
    struct valence_encode_report *report;
    struct valence_extractor_options options;
    struct valence_media_options media;
    valence_media_options_default(&media);
    valence_extractor_options_default(&options);
    media.threads = 1;
    options.media = &media;
    options.audio = VALENCE_BIT(VALENCE_SOUND_PROSODY);
    options.video = VALENCE_PICTURES_NONE;
    options.text = VALENCE_TEXT_NONE;
    int status = valence_extractor_open(&options, &extractor, error);
    if (!status) {
        status = valence_extract_files(extractor, VALENCE_STREAM_AUDIO, inputs, 1, made, NULL,
                                       &report, error);
        status = add_report(status, report, result);
    }
    valence_extractor_close(extractor);
    return status;
}

static int configure_extraction(struct valence_extract_config *config, struct valence_error *error)
{
    char value[32];
    int status = valence_extract_config_read(config, extraction, error);
    if (!status)
        status = valence_extract_config_parse(config, yaml, strlen(yaml), "yaml", error);
    if (!status)
        status = valence_extract_config_set(config, "output", made, error);
    if (!status)
        status = valence_extract_config_get(config, "video", value, sizeof value, error);
    char *printed = status ? NULL : valence_extract_config_text(config, true);
    if (!status && !printed)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for a configuration");
    free(printed);
    return status;
}

/* On one thread beside this one, which waits for it. */
static int extract_store(double *result, struct valence_error *error)
{
    struct valence_extract_config *config;
    struct valence_extract_report *report = NULL;
    int status = valence_extract_config_create(&config, error);
    if (!status)
        status = configure_extraction(config, error);
    if (!status)
        status = valence_extract(config, NULL, &report, error);
    if (status && report)
        status = 1;
    if (!status)
        *result = (double)report->n_made + 10 * (double)report->streams[0].n_rows;
    valence_extract_report_free(report);
    valence_extract_config_free(config);
    clear_untried(made);
    return status;
}

/* Whatever fails leaves pieces, with which the next call would go on. */
static void clear_pieces(void)
{
    static const char *const endings[] = {".pieces", ".pieces.merged", ".pieces.discarded"};
    char path[sizeof made + 32];
    clear_untried(made);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", made, endings[i]);
        clear_untried(path);
    }
}

static int extract_in_pieces(double *result, struct valence_error *error)
{
    struct valence_extract_config *config;
    struct valence_extract_report *report = NULL;
    int status = valence_extract_config_create(&config, error);
    if (!status)
        status = configure_extraction(config, error);
    if (!status)
        status = valence_extract_pieces(config, NULL, 2, &report, error);
    if (status && report)
        status = 1;
    if (!status)
        *result = (double)report->n_made + 10 * (double)report->streams[0].n_rows +
                  100 * (double)report->n_pieces;
    valence_extract_report_free(report);
    valence_extract_config_free(config);
    clear_pieces();
    return status;
}

/* ---- Models ---- */

/* What is not there and may not be fetched is no success; only a lack of memory is an error
 * here. */
static int fetch(double *result, struct valence_error *error)
{
    struct valence_model_fetch_options options;
    valence_model_fetch_options_default(&options);
    options.offline = true;
    options.convert = valence_convert_known_model;
    int status = VALENCE_OK;
    for (int i = 0; i < valence_n_known_models() && !status; i++) {
        status = valence_model_fetch(made, valence_known_model_get(i), &options, error);
        if (status == VALENCE_ERROR_NOT_FOUND || status == VALENCE_ERROR_UNSUPPORTED) {
            add_text(result, error->text);
            status = VALENCE_OK;
        }
    }
    clear_untried(made);
    return status;
}

/* ---- What they read ---- */

static int write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(bytes, 1, size, file) == size;
    return file && fclose(file) == 0 && written ? 0 : -1;
}

static int make_spoken(struct valence_error *error)
{
    static const struct valence_store_stream audio = {"audio", 3, VALENCE_F32};
    static const float rows[3] = {1, 2, 3};
    static const struct valence_clip_rows given = {0, 1, rows};
    struct valence_store_writer *writer;
    int status = valence_store_writer_open(spoken, &audio, 1, NULL, &writer, error);
    if (!status)
        status = valence_store_writer_add(
            writer, &(struct valence_clip){.id = "clip", .transcript = "one two", .label = 1},
            &given, 1, error);
    if (!status)
        status = valence_store_writer_finish(writer, error);
    return status ? status : valence_store_writer_close(writer, error);
}

int make_encoders(const char *folder, struct valence_error *error)
{
    size_t size;
    struct valence_convert_options options;
    snprintf(wavlm, sizeof wavlm, "%s/wavlm.gguf", folder);
    snprintf(manet, sizeof manet, "%s/manet.gguf", folder);
    snprintf(projector, sizeof projector, "%s/projector.gguf", folder);
    snprintf(whisper, sizeof whisper, "%s/whisper.gguf", folder);
    snprintf(faces, sizeof faces, "%s/faces.gguf", folder);
    snprintf(whisper_folder, sizeof whisper_folder, "%s/whisper", folder);
    snprintf(spoken, sizeof spoken, "%s/spoken", folder);
    snprintf(sounds, sizeof sounds, "%s/sounds", folder);
    snprintf(sound, sizeof sound, "%s/clip.wav", sounds);
    snprintf(text, sizeof text, "%s/text.txt", folder);
    snprintf(extraction, sizeof extraction, "%s/extract.yaml", folder);
    snprintf(yaml, sizeof yaml, "input: %s\nvideo: none\nthreads: 1\nmodels: {whisper: %s}\n",
             sound, whisper);
    for (int i = 0; i < N_SAMPLES; i++)
        samples[i] = (float)(0.3 * sin(0.05 * i) * cos(0.0007 * i));
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(128 + 100 * sin((double)i * 0.013));
    unsigned char *wav = make_wav(16000, 1, N_SAMPLES, 220, &size);
    int status = mkdir(sounds, 0700) || mkdir(whisper_folder, 0700) ||
                 write_file(sound, wav, size) || write_file(text, "one two", 7) ||
                 write_file(extraction, yaml, strlen(yaml));
    free(wav);
    if (status)
        return -1;
    tiny_whisper_make(whisper_folder, whisper);
    tiny_faces_make(faces);
    status =
        valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/stable", wavlm, NULL, NULL, error);
    if (!status)
        status = valence_convert(VALENCE_CONVERT_MANET, GOLDEN "manet/manet-tiny.pth", manet, NULL,
                                 NULL, error);
    valence_convert_options_default(&options);
    options.wavlm = wavlm;
    options.llm = LLAMA;
    if (!status)
        status = valence_convert(VALENCE_CONVERT_PROJECTOR, GOLDEN "llm/projector.safetensors",
                                 projector, &options, NULL, error);
    return status ? status : make_spoken(error);
}

/* Without models: what is left is prosody, of a made-up clip. */
static int encoder_cost(double *result, struct valence_error *error)
{
    const struct valence_encoder_costs *costs = NULL;
    struct valence_encoder_cost_options options;
    valence_encoder_cost_options_default(&options);
    options.clip_seconds = 0.5;
    options.seconds = 1e-6;
    int status = valence_encoder_cost_measure(&options, NULL, &costs, error);
    if (status)
        return costs ? 1 : status;
    for (int i = 0; i < costs->n_encoders; i++)
        *result += (double)costs->encoders[i].n_made;
    valence_encoder_costs_free(costs);
    return status;
}

const struct torture_case encode_cases[] = {
    {"valence_convert", convert_wavlm, 40},
    {"valence_convert", convert_manet, 20},
    {"valence_convert", convert_projector, 40},
    {"valence_convert_known_model", convert_whisper, 5},
    {"valence_encoder_load valence_encoder_state_create valence_encoder_encode", encode_wavlm, 0},
    {"valence_encoder_encode", encode_manet, 40},
    {"valence_encoder_encode", encode_whisper, 40},
    {"valence_encoder_encode", encode_text, 40},
    {"valence_transcript_encoder_open valence_transcript_encoder_open_recorded "
     "valence_transcript_encoder_encode valence_transcript_encoder_find_words",
     encode_transcripts, 40},
    {"valence_simulator_open valence_simulate valence_simulate_frames", simulate, 20},
    {"valence_simulator_create", create_simulator, 40},
    {"valence_encode_files", encode_sound_files, 40},
    {"valence_encode_text_files valence_encode_store_text", encode_texts, 40},
    {"valence_simulate_files valence_simulate_store", simulate_sounds, 20},
    {"valence_face_detector_open valence_faces_find valence_face_clip_create "
     "valence_face_clip_add valence_face_clip_rows",
     find_faces, 40},
    {"valence_transcriber_load valence_transcribe valence_transcribe_samples", transcribe, 1},
    {"valence_extractor_open valence_extract_clip", extract, 20},
    {"valence_extract_files", extract_files, 40},
    {"valence_extract valence_extract_config_create valence_extract_config_parse "
     "valence_extract_config_set valence_extract_config_read valence_extract_config_get "
     "valence_extract_config_text",
     extract_store, 20},
    {"valence_extract_pieces", extract_in_pieces, 20},
    {"valence_encoder_cost_measure", encoder_cost, 0},
    {"valence_model_fetch", fetch, 0},
};
const int n_encode_cases = sizeof encode_cases / sizeof encode_cases[0];
