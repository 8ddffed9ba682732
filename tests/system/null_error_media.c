/* test-null-error: the functions of libvalence-media. */
#include <stdlib.h>

#include "media_fixture.h"
#include "null_error.h"
#include "text_run.h"
#include "tiny_faces.h"
#include "tiny_whisper.h"
#include "valence/convert.h"
#include "valence/encoder_cost.h"
#include "valence/encode.h"
#include "valence/extract.h"
#include "valence/extract_store.h"
#include "valence/faces.h"
#include "valence/models.h"
#include "valence/media_worker.h"
#include "valence/preview.h"
#include "valence/prosody.h"
#include "valence/score_report.h"
#include "valence/score_json.h"
#include "valence/scorer.h"
#include "valence/serve.h"
#include "valence/simulate.h"
#include "valence/text.h"
#include "valence/text_table.h"
#include "valence/transcribe.h"
#include "valence/transcripts.h"

#define GOLDEN VALENCE_TEST_DATA "/golden/"
#define LLAMA  GOLDEN "llm/tiny-llama-f32.gguf"

static const char *const missing[] = {MISSING};

/* The WavLM of the fixtures, converted when it is first asked for. */
static const char *wavlm(void)
{
    static char path[96];
    if (!path[0]) {
        snprintf(path, sizeof path, "%s/wavlm.gguf", test_folder);
        assert_int_equal(TRY(valence_convert, VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/stable", path,
                             NULL, NULL, NULL),
                         VALENCE_OK);
    }
    return path;
}

static struct valence_media *open_tone(void)
{
    static unsigned char *wav;
    static size_t size;
    struct valence_media *media;
    free(wav);
    wav = make_wav(16000, 1, 1600, 220, &size);
    assert_int_equal(TRY(valence_media_open_memory, wav, size, "tone", NULL, &media, NULL),
                     VALENCE_OK);
    return media;
}

void test_media(void **state)
{
    (void)state;
    static const struct valence_media_segment backwards = {3, 1};
    struct valence_media *media;
    struct valence_media_workers *workers;
    struct valence_sound *sound;
    struct valence_picture *picture;
    struct valence_media_sink sink = {0};
    float row, sample = NAN;
    assert_true(TRY(valence_media_open, NOWHERE, NULL, &media, NULL) < 0);
    assert_null(media);
    assert_true(TRY(valence_media_open_memory, "nothing", 7, "x", NULL, &media, NULL) < 0);
    assert_true(TRY(valence_media_workers_create, NULL, &workers, NULL) < 0);
    assert_null(workers);
    assert_true(TRY(valence_media_open_descriptor, -1, "x", NULL, &media, NULL) < 0);
    assert_null(media);
    media = open_tone();
    assert_true(TRY(valence_media_decode, media, &backwards, 1, &sink, NULL, NULL) < 0);
    assert_true(TRY(valence_media_read_sound, media, &backwards, &sound, NULL) < 0);
    assert_null(sound);
    assert_true(TRY(valence_media_read_picture, media, &picture, NULL) < 0);
    assert_null(picture);
    valence_media_close(media);
    assert_int_equal(TRY(valence_prosody_rows, &sample, 1, &row, NULL), VALENCE_ERROR_DATA);
}

void test_models(void **state)
{
    (void)state;
    char *path;
    enum valence_model_state found;
    const struct valence_known_model *known = valence_known_model_get(0);
    struct valence_model_fetch_options options;
    valence_model_fetch_options_default(&options);
    options.offline = true;
    assert_true(TRY(valence_model_fetch, test_folder, known, &options, NULL) < 0);
    assert_true(TRY(valence_model_resolve, test_folder, known->name, &options, &path, NULL) < 0);
    assert_null(path);
    assert_true(TRY(valence_convert_known_model, "nothing", FOREIGN, NOWHERE, NULL, NULL) < 0);
    for (int kind = -1; kind <= valence_n_convert_kinds(); kind++)
        assert_true(TRY(valence_convert, (enum valence_convert_kind)kind, FOREIGN, NOWHERE, NULL,
                        NULL, NULL) < 0);
    /* Only a lack of memory stops these. */
    assert_int_equal(TRY(valence_model_check, test_folder, known, false, &found, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_model_path, test_folder, known, &path, NULL), VALENCE_OK);
    free(path);
    assert_int_equal(TRY(valence_model_memory, test_folder, &path, NULL), VALENCE_OK);
    free(path);
    assert_int_equal(TRY(valence_default_model_path, &path, NULL), VALENCE_OK);
    valence_text_free(path);
}

void test_encoders(void **state)
{
    (void)state;
    struct valence_encoder *encoder;
    struct valence_encoder_state *working;
    struct valence_encode_report *report;
    struct valence_features features;
    float sample = 0;
    struct valence_encoder_input input = {.samples = &sample, .n_samples = 1};
    assert_true(TRY(valence_encoder_load, NOWHERE, NULL, &encoder, NULL) < 0);
    assert_true(TRY(valence_encoder_load, FOREIGN, NULL, &encoder, NULL) < 0);
    assert_null(encoder);
    assert_int_equal(TRY(valence_encoder_load, wavlm(), NULL, &encoder, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_encoder_state_create, encoder, &working, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_encoder_encode, working, &input, 1, NULL, &features, NULL),
                     VALENCE_ERROR_DATA);
    assert_null(features.rows);
    assert_true(TRY(valence_encode_files, encoder, missing, 1, NOWHERE, NULL, &report, NULL) < 0);
    assert_null(report);
    valence_encoder_state_free(working);
    valence_encoder_free(encoder);
}

void test_texts(void **state)
{
    (void)state;
    static const char *const broken[] = {"\xFF"};
    struct valence_transcript_encoder *texts;
    struct valence_encode_report *report;
    struct valence_features features;
    assert_true(TRY(valence_transcript_encoder_open, FOREIGN, NULL, &texts, NULL) < 0);
    assert_true(TRY(valence_transcript_encoder_open_recorded, FOREIGN, "[]", NULL, &texts, NULL) <
                0);
    assert_null(texts);
    assert_int_equal(TRY(valence_transcript_encoder_open, LLAMA, NULL, &texts, NULL), VALENCE_OK);
    assert_int_equal(
        TRY(valence_transcript_encoder_encode, texts, broken, 1, NULL, &features, NULL),
        VALENCE_ERROR_DATA);
    assert_null(features.rows);
    int64_t word;
    assert_int_equal(TRY(valence_transcript_encoder_find_words, texts, broken[0], 1, &word, NULL),
                     VALENCE_ERROR_DATA);
    assert_true(TRY(valence_encode_text_files, texts, missing, 1, NOWHERE, NULL, &report, NULL) <
                0);
    assert_true(TRY(valence_encode_store_text, texts, MISSING, NOWHERE, NULL, &report, NULL) < 0);
    assert_null(report);
    valence_transcript_encoder_close(texts);
}

void test_simulators(void **state)
{
    (void)state;
    char projector[96];
    struct valence_convert_options converting;
    struct valence_simulator_models models;
    struct valence_simulator *simulator;
    struct valence_simulation heard;
    struct valence_encoder *encoder;
    struct valence_encode_report *report;
    float sample[48] = {0};
    snprintf(projector, sizeof projector, "%s/projector.gguf", test_folder);
    valence_convert_options_default(&converting);
    converting.wavlm = wavlm();
    converting.llm = LLAMA;
    assert_int_equal(TRY(valence_convert, VALENCE_CONVERT_PROJECTOR,
                         GOLDEN "llm/projector.safetensors", projector, &converting, NULL, NULL),
                     VALENCE_OK);
    assert_int_equal(TRY(valence_encoder_load, wavlm(), NULL, &encoder, NULL), VALENCE_OK);
    assert_int_equal(
        TRY(valence_simulator_create, encoder, encoder, encoder, NULL, &simulator, NULL),
        VALENCE_ERROR_ARGUMENT);
    assert_null(simulator);
    valence_encoder_free(encoder);
    valence_simulator_models_default(&models);
    models.wavlm = models.projector = models.llm = FOREIGN;
    assert_true(TRY(valence_simulator_open, &models, NULL, &simulator, NULL) < 0);
    assert_null(simulator);
    models.wavlm = wavlm();
    models.projector = projector;
    models.llm = LLAMA;
    assert_int_equal(TRY(valence_simulator_open, &models, NULL, &simulator, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_simulate, simulator, sample, 1, NULL, &heard, NULL),
                     VALENCE_ERROR_DATA);
    assert_int_equal(TRY(valence_simulate_frames, simulator, sample, 1, NULL, &heard, NULL),
                     VALENCE_ERROR_DATA);
    assert_null(heard.rows);
    assert_true(TRY(valence_simulate_files, simulator, missing, 1, NOWHERE, NULL, &report, NULL) <
                0);
    assert_true(TRY(valence_simulate_store, simulator, MISSING, NOWHERE, NULL, &report, NULL) < 0);
    assert_null(report);
    valence_simulator_free(simulator);
}

void test_faces(void **state)
{
    (void)state;
    static const uint8_t pixels[3];
    static const double time = 0;
    char path[96];
    struct valence_face_detector *detector;
    struct valence_face_clip *clip;
    const struct valence_face *faces;
    int64_t n;
    float rows[VALENCE_FACE_COLUMNS];
    assert_true(TRY(valence_face_detector_open, FOREIGN, NULL, &detector, NULL) < 0);
    assert_null(detector);
    snprintf(path, sizeof path, "%s/faces.gguf", test_folder);
    tiny_faces_make(path);
    assert_int_equal(TRY(valence_face_detector_open, path, NULL, &detector, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_faces_find, detector, pixels, 0, 1, &faces, &n, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_face_clip_create, detector, &clip, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_face_clip_add, clip, pixels, 1, 0, 1, &time, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_face_clip_rows, clip, VALENCE_N_PERSONS, NULL, rows, NULL, NULL),
                     VALENCE_ERROR_ARGUMENT);
    valence_face_clip_free(clip);
    valence_face_detector_close(detector);
}

void test_recognition(void **state)
{
    (void)state;
    char path[96];
    float sample = 0;
    struct valence_transcriber *transcriber;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    struct valence_media *media = open_tone();
    assert_true(TRY(valence_transcriber_load, FOREIGN, &transcriber, NULL) < 0);
    assert_null(transcriber);
    snprintf(path, sizeof path, "%s/whisper.gguf", test_folder);
    tiny_whisper_make(test_folder, path);
    assert_int_equal(TRY(valence_transcriber_load, path, &transcriber, NULL), VALENCE_OK);
    valence_transcribe_options_default(&options);
    options.beams = 99;
    assert_int_equal(
        TRY(valence_transcribe, transcriber, media, NULL, &options, NULL, &transcript, NULL),
        VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_transcribe_samples, transcriber, &sample, 1, 0, &options, NULL,
                         &transcript, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(transcript);
    valence_transcriber_free(transcriber);
    valence_media_close(media);
}

void test_extraction(void **state)
{
    (void)state;
    assert_true(TRY(valence_preview_write, MISSING, NULL, NULL, NULL, NULL, NULL, NOWHERE, NULL) <
                0);
    struct valence_extractor *extractor;
    struct valence_extracted *extracted;
    struct valence_extractor_options options;
    struct valence_encode_report *report;
    const struct valence_clip_input nothing = {0};
    const struct valence_encoder_costs *costs;
    struct valence_encoder_cost_options none = {.size = 0};
    assert_int_equal(TRY(valence_encoder_cost_measure, &none, NULL, &costs, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(costs);
    assert_int_equal(TRY(valence_extractor_open, NULL, &extractor, NULL), VALENCE_ERROR_ARGUMENT);
    valence_extractor_options_default(&options);
    options.video = VALENCE_PICTURES_NONE;
    options.text = VALENCE_TEXT_NONE;
    options.whisper_model = FOREIGN;
    assert_true(TRY(valence_extractor_open, &options, &extractor, NULL) < 0);
    assert_null(extractor);
    options.audio = 0;
    options.text = VALENCE_TEXT_GIVEN;
    options.text_model = LLAMA;
    assert_int_equal(TRY(valence_extractor_open, &options, &extractor, NULL), VALENCE_OK);
    assert_true(TRY(valence_extract_clip, extractor, &nothing, NULL, &extracted, NULL) < 0);
    assert_true(TRY(valence_extract_files, extractor, VALENCE_STREAM_TEXT, missing, 1, NOWHERE,
                    NULL, &report, NULL) < 0);
    assert_null(report);
    assert_null(extracted);
    valence_extractor_close(extractor);
    struct valence_extract_config *config;
    struct valence_extract_report *extraction;
    char value[32];
    assert_int_equal(TRY(valence_extract_config_create, &config, NULL), VALENCE_OK);
    assert_true(TRY(valence_extract_config_read, config, NOWHERE, NULL) < 0);
    assert_int_equal(TRY(valence_extract_config_parse, config, "fps: 3", 6, "text", NULL),
                     VALENCE_ERROR_CONFIG);
    assert_int_equal(TRY(valence_extract_config_set, config, "video", "film", NULL),
                     VALENCE_ERROR_CONFIG);
    assert_int_equal(TRY(valence_extract_config_get, config, "faces.fps", value, 1, NULL),
                     VALENCE_ERROR_LIMIT);
    assert_int_equal(TRY(valence_extract, config, NULL, &extraction, NULL), VALENCE_ERROR_CONFIG);
    assert_null(extraction);
    assert_int_equal(TRY(valence_extract_pieces, config, NULL, 0, &extraction, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_extract_pieces, config, NULL, 2, &extraction, NULL),
                     VALENCE_ERROR_CONFIG);
    assert_null(extraction);
    valence_extract_config_free(config);
}

/* A file of the test's folder with that text. */
static const char *make_table(const char *text)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/table.csv", test_folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void write_report(struct valence_scorer *scorer, const struct valence_recording_score *score)
{
    struct valence_score_report *report;
    char path[96];
    snprintf(path, sizeof path, "%s/page.html", test_folder);
    assert_true(TRY(valence_score_report_check, NOWHERE, NULL, 0, NULL, NULL) < 0);
    assert_true(TRY(valence_score_report_open, NOWHERE, scorer, "run", NULL, &report, NULL) < 0);
    assert_null(report);
    assert_int_equal(TRY(valence_score_report_open, path, scorer, "run", NULL, &report, NULL),
                     VALENCE_OK);
    assert_int_equal(TRY(valence_score_report_add, report, "id", NULL, score, NULL, NULL),
                     VALENCE_OK);
    assert_int_equal(TRY(valence_score_report_add_failure, report, "id", "why", NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_score_report_commit, report, NULL), VALENCE_OK);
}

static void serve(const char *run)
{
    struct valence_scorer_options scorer;
    struct valence_server_options options;
    struct valence_server *server;
    valence_scorer_options_default(&scorer);
    valence_server_options_default(&options);
    scorer.text_model = LLAMA;
    scorer.recognise = false;
    options.port = 70000;
    assert_true(TRY(valence_server_create, run, &scorer, &options, &server, NULL) < 0);
    assert_null(server);
    options.port = 0;
    int status = TRY(valence_server_create, run, &scorer, &options, &server, NULL);
    if (status == VALENCE_ERROR_UNSUPPORTED) { /* a build without a server */
        note_tried("valence_server_wait");
        return;
    }
    assert_int_equal(status, VALENCE_OK);
    assert_int_equal(TRY(valence_server_wait, server, -1, NULL), VALENCE_OK);
    valence_server_free(server);
}

static void write_scores(struct valence_scorer *scorer)
{
    const struct valence_scored_segment segment = {.text = "", .reason = ""};
    const struct valence_recording_score score = {
        .n_segments = 1, .segments = &segment, .language = "", .warning = ""};
    struct valence_score_json *json;
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_int_equal(TRY(valence_score_json_open, stream, scorer, "run", &json, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_score_json_add, json, "id", &score, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_score_json_add_failure, json, "id", "why", NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_score_json_segment, stream, scorer, &segment, NULL), VALENCE_OK);
    valence_score_json_close(json);
    fclose(stream);
    write_report(scorer, &score);
}

void test_scorers(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "two"};
    static const float sample = NAN;
    struct valence_scorer *scorer;
    struct valence_recording_score *score;
    struct valence_live *live;
    struct valence_text_table *table;
    struct valence_scorer_options options;
    const struct valence_recording nothing = {0};
    const char *id, *text;
    char run[96];
    snprintf(run, sizeof run, "%s/text-run", test_folder);
    assert_int_equal(text_run_make(test_folder, LLAMA, NULL), VALENCE_OK);
    assert_true(TRY(valence_scorer_open, NOWHERE, NULL, &scorer, NULL) < 0);
    assert_null(scorer);
    assert_int_equal(TRY(valence_scorer_open, run, NULL, &scorer, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_scorer_load, scorer, VALENCE_SCORER_TEXTS, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(TRY(valence_score_recording, scorer, &nothing, NULL, NULL, NULL, &score, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(TRY(valence_score_texts, scorer, texts, 2, NULL, NULL, NULL, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(TRY(valence_live_open, scorer, NULL, NULL, &live, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_null(live);
    valence_scorer_close(scorer);
    valence_scorer_options_default(&options);
    options.text_model = LLAMA;
    options.recognise = false;
    assert_int_equal(TRY(valence_scorer_open, run, &options, &scorer, NULL), VALENCE_OK);
    options.level = 2;
    assert_int_equal(TRY(valence_scorer_adjust, scorer, &options, NULL), VALENCE_ERROR_ARGUMENT);
    write_scores(scorer);
    assert_int_equal(TRY(valence_live_open, scorer, NULL, NULL, &live, NULL), VALENCE_OK);
    assert_int_equal(TRY(valence_live_feed, live, &sample, 1, NULL), VALENCE_ERROR_DATA);
    assert_int_equal(TRY(valence_live_end, live, NULL), VALENCE_OK);
    valence_live_close(live);
    valence_scorer_close(scorer);
    serve(run);
    assert_true(TRY(valence_text_table_open, NOWHERE, NULL, &table, NULL) < 0);
    assert_null(table);
    assert_int_equal(TRY(valence_text_table_open, make_table("id,text\n,x\n"), NULL, &table, NULL),
                     VALENCE_OK);
    assert_int_equal(TRY(valence_text_table_next, table, &id, &text, NULL), VALENCE_ERROR_DATA);
    valence_text_table_close(table);
}
