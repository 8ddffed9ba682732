/* A model of audio, text and video that was trained on what the extractor made with tiny encoders,
 * and scorers that open it. */
#ifndef VALENCE_TESTS_SCORER_FIXTURE_H
#define VALENCE_TESTS_SCORER_FIXTURE_H

#include "media_fixture.h"

#include "config_assign.h"
#include "score/scorer.h"
#include "tiny_faces.h"
#include "tiny_whisper.h"
#include "train/train_config.h"
#include "valence/evaluate.h"
#include "valence/run.h"
#include "valence/train.h"

#define LLAMA       VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf"
#define N_CLIPS     12
#define CLIP_LENGTH 0.5

#define AUDIO_BIT VALENCE_BIT(VALENCE_AUDIO)
#define TEXT_BIT  VALENCE_BIT(VALENCE_TEXT)
#define VIDEO_BIT VALENCE_BIT(VALENCE_VIDEO)

static char whisper_path[128], faces_path[128], film_path[128], store_path[128], run_path[128];
static const char *const words[] = {"good", "bad news", "fine day", "not at all well"};

static struct valence_transcribe_options recognition;

static inline struct valence_extractor_options extractor_options(void)
{
    struct valence_extractor_options options;
    valence_extractor_options_default(&options);
    valence_transcribe_options_default(&recognition);
    recognition.language = "en";
    recognition.beams = 1;
    options.audio = VALENCE_BIT(VALENCE_SOUND_WHISPER) | VALENCE_BIT(VALENCE_SOUND_PROSODY);
    options.text = VALENCE_TEXT_ASR;
    options.whisper_model = whisper_path;
    options.faces_model = faces_path;
    options.text_model = LLAMA;
    options.recognition = &recognition;
    options.fps = 2; /* the random detector sees faces everywhere, and each takes time */
    options.face_size = 96;
    return options;
}

static inline void must(int status, const struct valence_error *error)
{
    if (status)
        fail_msg("%s", error->text);
}

/* ---- A model trained on extracted media ---- */

static inline struct valence_media_segment range_of(int clip)
{
    return (struct valence_media_segment){clip * CLIP_LENGTH, (clip + 1) * CLIP_LENGTH};
}

static inline void add_clip(struct valence_store_writer *writer,
                            struct valence_extractor *extractor, int clip)
{
    struct valence_error error;
    struct valence_extracted *extracted;
    struct valence_clip_rows rows[VALENCE_N_MODALITIES];
    char id[16];
    struct valence_media_segment range = range_of(clip);
    struct valence_clip_input input = {
        .path = film_path, .range = &range, .transcript = words[clip % 4]};
    must(valence_extract_clip(extractor, &input, NULL, &extracted, &error), &error);
    for (int s = 0; s < VALENCE_N_MODALITIES; s++) {
        rows[s] = (struct valence_clip_rows){.stream = s};
        rows[s].rows = valence_extracted_rows(extracted, (enum valence_stream)s, &rows[s].n_rows);
        assert_true(rows[s].n_rows > 0);
    }
    snprintf(id, sizeof id, "clip-%02d", clip);
    struct valence_clip record = {.id = id,
                                  .transcript = words[clip % 4],
                                  .split = clip % 3 == 0   ? VALENCE_TEST
                                           : clip % 3 == 1 ? VALENCE_VALIDATION
                                                           : VALENCE_TRAIN,
                                  .label = (float)(clip % 7 - 3)};
    must(valence_store_writer_add(writer, &record, rows, VALENCE_N_MODALITIES, &error), &error);
    valence_extracted_free(extracted);
}

static inline void make_store(void)
{
    struct valence_extractor_options options = extractor_options();
    struct valence_extractor *extractor;
    struct valence_store_writer *writer;
    struct valence_error error;
    struct valence_store_stream streams[VALENCE_N_MODALITIES] = {{{0}, 0, VALENCE_F32}};
    must(valence_extractor_open(&options, &extractor, &error), &error);
    for (int s = 0; s < VALENCE_N_MODALITIES; s++) {
        snprintf(streams[s].name, sizeof streams[s].name, "%s", valence_stream_names[s]);
        streams[s].width = valence_extractor_width(extractor, (enum valence_stream)s);
        streams[s].type = VALENCE_F32;
    }
    must(
        valence_store_writer_open(store_path, streams, VALENCE_N_MODALITIES, NULL, &writer, &error),
        &error);
    size_t bytes = strlen(valence_extractor_settings(extractor)) + 64;
    char *source = malloc(bytes);
    assert_non_null(source);
    snprintf(source, bytes, "{\"kind\": \"extract\", \"encoders\": %s}",
             valence_extractor_settings(extractor));
    must(valence_store_writer_set_source(writer, source, &error), &error);
    free(source);
    for (int clip = 0; clip < N_CLIPS; clip++)
        add_clip(writer, extractor, clip);
    must(valence_store_writer_finish(writer, &error), &error);
    must(valence_store_writer_close(writer, &error), &error);
    valence_extractor_close(extractor);
}

static inline void train_model(void)
{
    static const char flows[] = "flows=complete,text_missing,audio_missing,video_missing,"
                                "audio_text_missing,audio_video_missing,text_video_missing";
    static const char *const settings[] = {"model.d=8",
                                           "model.o=6",
                                           "epochs=2",
                                           "batch_size=8",
                                           "threads=1",
                                           flows,
                                           "streams.simulated_text="};
    struct valence_train_config config;
    struct valence_train_options options;
    struct valence_train_result *result;
    struct valence_error error;
    train_config_defaults(&config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        must(config_assign(&config, settings[i], &error), &error);
    snprintf(config.store, sizeof config.store, "%s", store_path);
    snprintf(config.output, sizeof config.output, "%s", run_path);
    valence_train_options_default(&options);
    must(valence_train(&config, &options, &result, &error), &error);
    valence_train_result_free(result);
}

static inline int set_up(void **state)
{
    if (make_folder(state))
        return -1;
    snprintf(whisper_path, sizeof whisper_path, "%s/whisper.gguf", fixture_folder);
    snprintf(faces_path, sizeof faces_path, "%s/faces.gguf", fixture_folder);
    snprintf(film_path, sizeof film_path, "%s/film.mkv", fixture_folder);
    snprintf(store_path, sizeof store_path, "%s/store", fixture_folder);
    snprintf(run_path, sizeof run_path, "%s/run", fixture_folder);
    if (system("ffmpeg -version >/dev/null 2>&1") != 0)
        return 0;
    tiny_whisper_make(fixture_folder, whisper_path);
    tiny_faces_make(faces_path);
    ffmpeg("-f lavfi -i testsrc2=size=160x120:rate=8:duration=12.5 -f lavfi -i "
           "aevalsrc='0.3*sin(2*PI*t*(150+20*floor(2*t)))*gt(mod(t\\,3)\\,0.7):d=12.5:s=16000' "
           "-c:v mpeg4 -g 4 -c:a pcm_s16le film.mkv");
    make_store();
    train_model();
    return 0;
}

/* ---- Scorers ---- */

static inline struct valence_scorer_options own_options(void)
{
    struct valence_scorer_options options;
    valence_scorer_options_default(&options);
    options.whisper_model = whisper_path;
    options.faces_model = faces_path;
    options.text_model = LLAMA;
    return options;
}

static inline struct valence_scorer *open_scorer(const struct valence_scorer_options *options)
{
    struct valence_scorer *scorer;
    struct valence_error error;
    if (access(film_path, R_OK) != 0)
        skip(); /* there is no ffmpeg */
    must(valence_scorer_open(run_path, options, &scorer, &error), &error);
    return scorer;
}

static inline struct valence_recording_score *score(struct valence_scorer *scorer,
                                                    struct valence_recording recording)
{
    struct valence_recording_score *made;
    struct valence_error error;
    must(valence_score_recording(scorer, &recording, NULL, NULL, NULL, &made, &error), &error);
    return made;
}

#endif
