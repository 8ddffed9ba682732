/* Encoding films and sounds by an extractor (valence/extract.h): what needs the person's faces, or
 * no model at all. */
#ifndef VALENCE_CLI_ENCODE_CLIPS_H
#define VALENCE_CLI_ENCODE_CLIPS_H

#include "encode_request.h"
#include "valence/extract.h"

/* How a person's faces are found. */
struct clip_faces {
    const char *model, *person;
    int64_t size;
    double fps, threshold;
};

void clip_faces_default(struct clip_faces *faces);

/* Rows of a command's table, beside the model's. */
#define CLIP_FACES_OPTIONS(faces)                                                                  \
    option_fps(&(faces).fps), option_person(&(faces).person), option_face_size(&(faces).size),     \
        option_face_threshold(&(faces).threshold)

/* EXIT_USAGE where --person names none of the choices, having said so. */
int clip_faces_check(const struct clip_faces *faces, const struct command *command);

/* Encodes the inputs by an extractor that makes one stream. `options` holds what makes it;
 * `faces` is NULL for sound. */
int encode_clips(const struct encode_request *request, struct valence_extractor_options *options,
                 const struct clip_faces *faces, enum valence_stream stream,
                 struct valence_encode_report **report, struct valence_error *error);

#endif
