/* The configuration of an extraction: its keys, and what they mean together. */
#ifndef VALENCE_EXTRACT_EXTRACT_CONFIG_H
#define VALENCE_EXTRACT_EXTRACT_CONFIG_H

#include "config/config_table.h"
#include "valence/extract.h"
#include "valence/extract_store.h"

#define EXTRACT_PATH_BYTES 1024
#define EXTRACT_TEXT_BYTES 512

enum video_key { VIDEO_AUTO, VIDEO_FACES, VIDEO_MANET, VIDEO_NONE };
enum text_key { TEXT_AUTO, TEXT_GIVEN, TEXT_ASR, TEXT_NONE };

struct valence_extract_config {
    char input[EXTRACT_PATH_BYTES], output[EXTRACT_PATH_BYTES];
    char audio[64];
    enum video_key video;
    enum text_key text;
    enum valence_simulated_source simulated_text;
    enum valence_dtype dtype;
    enum valence_split split;
    double cut_seconds, max_clip_seconds;
    struct {
        char whisper[EXTRACT_PATH_BYTES], vad[EXTRACT_PATH_BYTES], wavlm[EXTRACT_PATH_BYTES],
            faces[EXTRACT_PATH_BYTES], manet[EXTRACT_PATH_BYTES], text[EXTRACT_PATH_BYTES],
            projector[EXTRACT_PATH_BYTES], simulator[EXTRACT_PATH_BYTES];
    } models;
    struct {
        char whisper[EXTRACT_TEXT_BYTES], wavlm[EXTRACT_TEXT_BYTES], manet[EXTRACT_TEXT_BYTES];
    } layers;
    struct {
        char language[16], prompt[EXTRACT_TEXT_BYTES];
        bool translate;
        int64_t beams;
    } speech;
    struct {
        double fps, threshold;
        int64_t size;
        enum valence_face_person person;
    } faces;
    struct {
        char layers[EXTRACT_TEXT_BYTES], prefix[EXTRACT_TEXT_BYTES], suffix[EXTRACT_TEXT_BYTES];
        enum valence_spelling spelling;
        enum valence_transcript_rows rows;
        bool drop_special;
    } words;
    struct {
        int64_t audio_stream, max_pixels, max_mib;
        bool accept_damaged;
    } media;
    int64_t threads;
};

/* What the media have decides what `auto` means. */
struct media_found {
    bool sound, pictures, transcripts;
};

/* The extractor's options without models. Texts point into the configuration; `room` keeps what the
 * options point to. ERROR_CONFIG where keys do not fit together. */
struct extract_settings {
    struct valence_extractor_options options;
    struct valence_transcript_options transcripts;
    struct valence_transcribe_options recognition;
    struct valence_media_options media;
    char prefix[EXTRACT_TEXT_BYTES], suffix[EXTRACT_TEXT_BYTES];
    char *paths[8]; /* of the models */
    char *memory;
};
int extract_config_settings(const struct valence_extract_config *config,
                            const struct media_found *found, struct extract_settings *settings,
                            struct valence_error *error);

/* The media options alone, for looking at files. */
struct valence_media_options extract_config_media(const struct valence_extract_config *config);

/* Finds, or fetches, the models that the settings need, and enters their paths. */
int extract_config_models(const struct valence_extract_config *config,
                          const struct valence_extract_options *options,
                          struct extract_settings *settings, struct valence_error *error);
void extract_settings_free(struct extract_settings *settings);

#endif
