#include "extract/extract_preview.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "valence/preview.h"

#define ENDING ".svg"

/* What file systems take, of which the writing's temporary name needs some. */
#define MAX_NAME_BYTES 200

int extract_previews_open(struct extract_previews *previews, const char *folder,
                          const struct valence_extractor_options *options,
                          struct valence_error *error)
{
    *previews = (struct extract_previews){0};
    if (!folder)
        return VALENCE_OK;
    valence_media_options_default(&previews->media);
    if (options->media)
        previews->media = *options->media;
    previews->folder = strdup(folder);
    if (!previews->folder)
        return fail_memory(error, strlen(folder), "a path");
    int status = make_folders(folder, error);
    if (status || options->video == VALENCE_PICTURES_NONE)
        return status;
    struct valence_face_options faces;
    valence_face_options_default(&faces);
    faces.input_size = options->face_size;
    faces.threshold = options->face_threshold;
    return valence_face_detector_open(options->faces_model, &faces, &previews->detector, error);
}

void extract_previews_close(struct extract_previews *previews)
{
    free(previews->folder);
    valence_face_detector_close(previews->detector);
}

/* An id as the name of a file: what a name cannot have is written %XX, so that two ids never share
 * a file; an id too long for a name becomes its SHA-256. NULL if memory is short. */
static char *name_file(const char *folder, const char *id)
{
    struct text name = {.maximum = MAX_NAME_BYTES};
    char digest[SHA256_TEXT_BYTES];
    for (const char *c = id; *c; c++)
        if (*c == '/' || *c == '%' || (*c == '.' && c == id))
            text_format(&name, "%%%02X", (unsigned)*c);
        else
            text_append(&name, c, 1);
    if (name.failed && !name.no_memory) {
        text_free(&name);
        name = (struct text){.maximum = MAX_NAME_BYTES};
        sha256_text(id, strlen(id), digest);
        text_format(&name, "%s", digest);
    }
    text_format(&name, ENDING);
    char *path = name.failed ? NULL : path_join(folder, name.data);
    text_free(&name);
    return path;
}

/* The words of a clip with their times: recognised, of a file with times, or else one segment over
 * the whole clip. */
struct said {
    const struct valence_transcript *transcript;
    struct valence_transcript *read, whole;
    struct valence_speech_segment segment;
};

/* A given transcript is drawn with the speech that was detected for the recognised one. */
static void add_speech(struct said *said, const struct valence_transcript *recognised)
{
    said->whole.n_speech = recognised ? recognised->n_speech : 0;
    said->whole.speech = recognised ? recognised->speech : NULL;
    said->transcript = &said->whole;
}

static int find_words(const struct planned_clip *clip, const struct valence_extracted_facts *facts,
                      struct said *said, struct valence_error *error)
{
    *said = (struct said){.transcript = facts->recognised};
    if (!*facts->transcript || (facts->recognised && !*clip->transcript))
        return VALENCE_OK;
    if (clip->transcript_file) {
        int status = valence_transcript_read(clip->transcript_file, NULL, &said->read, error);
        if (status)
            return status;
        if (said->read->n_segments && !isnan(said->read->segments[0].start)) {
            said->whole = *said->read;
            add_speech(said, facts->recognised);
            return VALENCE_OK;
        }
    }
    said->segment = (struct valence_speech_segment){.text = facts->transcript,
                                                    .start = clip->start,
                                                    .end = clip->start + facts->seconds,
                                                    .confidence = NAN,
                                                    .avg_logprob = NAN,
                                                    .no_speech_prob = NAN};
    said->whole = (struct valence_transcript){
        .language = "", .duration = facts->seconds, .n_segments = 1, .segments = &said->segment};
    add_speech(said, facts->recognised);
    return VALENCE_OK;
}

int extract_previews_draw(struct extract_previews *previews, const struct planned_clip *clip,
                          const struct valence_extracted_facts *facts, struct valence_error *error)
{
    struct valence_preview_options options;
    const struct valence_media_segment range = {clip->start, clip->end};
    struct said said;
    if (!previews->folder)
        return VALENCE_OK;
    valence_preview_options_default(&options);
    options.title = clip->id;
    options.overwrite = true;
    options.media = &previews->media;
    char *file = name_file(previews->folder, clip->id);
    if (!file)
        return fail_memory(error, strlen(clip->id), "a path");
    int status = find_words(clip, facts, &said, error);
    if (!status)
        status =
            valence_preview_write(clip->path, clip->has_range ? &range : NULL, previews->detector,
                                  said.transcript, &options, NULL, file, error);
    valence_transcript_free(said.read);
    free(file);
    return status;
}
