/* What the options of `valence score` ask for. */
#ifndef VALENCE_CLI_SCORE_REQUEST_H
#define VALENCE_CLI_SCORE_REQUEST_H

#include "media_files.h"
#include "shared_options.h"
#include "valence/models.h"

struct score_request {
    const char *run, *transcript, *text_column, *id_column, *language;
    const char *whisper, *wavlm, *faces, *manet, *llm, *vad;
    const char *report;
    bool embed, force;
    struct option_list texts;
    bool no_transcript, no_journal, signals, explain, live, raw;
    bool json, csv, srt, vtt, quiet, offline;
    double window, level, start, end;
    int64_t threads;
    struct media_limits limits;
    /* of encoders that are not here; the scorer keeps it */
    struct valence_model_fetch_options fetch;
    const char *const *files;
    int64_t n_files;
};

/* What `valence score` and `valence serve` both ask for, as entries of an option table. */
#define SCORING_MODEL_OPTION(request)                                                              \
    option_model(&(request)->run,                                                                  \
                 "The model that scores: a run or a checkpoint (default: the model for English "   \
                 "text that comes with valence).")
#define SCORING_LANGUAGE_OPTION(request)                                                           \
    {                                                                                              \
        OPTION_TEXT, 'l', "language", &(request)->language, "CODE",                                \
            "The language spoken: en, de, ...; auto detects it (default: auto, or as in "          \
            "training).",                                                                          \
            0, 0                                                                                   \
    }
#define SCORING_ENCODER_OPTIONS(request)                                                           \
    {OPTION_GROUP, 0, NULL, NULL, NULL, "Encoders (files, or names from 'valence models')", 0, 0}, \
        {OPTION_TEXT, 0,                                                                           \
         "whisper",   &(request)->whisper,                                                         \
         "MODEL",     "Whisper, for speech and its rows (default: whisper-base).",                 \
         0,           0},                                                                          \
        {OPTION_TEXT, 0,                                                                           \
         "llm",       &(request)->llm,                                                             \
         "MODEL",     "The language model (default: the one that training used).",                 \
         0,           0},                                                                          \
        {OPTION_TEXT, 0,                                                                           \
         "faces",     &(request)->faces,                                                           \
         "MODEL",     "The face detector and expressions (default: faces).",                       \
         0,           0},                                                                          \
        {OPTION_TEXT, 0, "wavlm", &(request)->wavlm, "MODEL", "WavLM (default: wavlm).", 0, 0},    \
        {OPTION_TEXT, 0, "manet", &(request)->manet, "MODEL", "MANet (default: manet).", 0, 0},    \
        {OPTION_TEXT,                                                                              \
         0,                                                                                        \
         "vad",                                                                                    \
         &(request)->vad,                                                                          \
         "MODEL",                                                                                  \
         "Silero's voice activity detection: recognise only where there is speech (default: "      \
         "everything).",                                                                           \
         0,                                                                                        \
         0},                                                                                       \
        option_offline(&(request)->offline)

struct score_input;
struct score_output;
struct valence_media_options;
struct valence_scorer;
struct valence_server;
struct valence_server_options;

/* Opens the model, with encoders that are found, or fetched, by name. */
int score_open(const struct score_request *request, const struct valence_media_options *media,
               struct valence_scorer **scorer, struct valence_error *error);

/* The same for a server. */
int score_serve(const struct score_request *request, const struct valence_media_options *media,
                const struct valence_server_options *serving, struct valence_server **server,
                struct valence_error *error);

/* Scores the rows of a table of texts. */
int score_table(struct valence_scorer *scorer, const struct score_request *request,
                const struct score_input *input, struct score_output *output,
                struct valence_error *error);

/* Scores all that is asked for; returns the exit code. */
int score_run(struct score_request *request);

#endif
