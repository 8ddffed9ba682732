/* valence encode faces, prosody: films and sounds into feature rows whose columns have names. */
#include "encode_clips.h"

#include <string.h>

#include "encode_kinds.h"
#include "model_cache.h"
#include "valence/text.h"
#include "valence/prosody.h"

void clip_faces_default(struct clip_faces *faces)
{
    struct valence_extractor_options usual;
    valence_extractor_options_default(&usual);
    *faces = (struct clip_faces){.model = "faces",
                                 .person = valence_face_person_names[usual.person],
                                 .size = usual.face_size,
                                 .fps = usual.fps,
                                 .threshold = usual.face_threshold};
}

/* VALENCE_N_PERSONS for a name that none has. */
static int find_person(const char *name)
{
    int person = 0;
    while (person < VALENCE_N_PERSONS && strcmp(valence_face_person_names[person], name) != 0)
        person++;
    return person;
}

int clip_faces_check(const struct clip_faces *faces, const struct command *command)
{
    return find_person(faces->person) < VALENCE_N_PERSONS
               ? EXIT_FINE
               : report_usage(command, "--person takes largest, central or speaking, not '%s'",
                              faces->person);
}

int encode_clips(const struct encode_request *request, struct valence_extractor_options *options,
                 const struct clip_faces *faces, enum valence_stream stream,
                 struct valence_encode_report **report, struct valence_error *error)
{
    struct valence_extractor *extractor = NULL;
    char *path = NULL, *memory = model_memory();
    int status = VALENCE_OK;
    options->media = request->files.media;
    options->memory = memory;
    options->text = VALENCE_TEXT_NONE;
    if (faces) {
        options->fps = faces->fps;
        options->person = (enum valence_face_person)find_person(faces->person);
        options->face_size = faces->size;
        options->face_threshold = faces->threshold;
        status = model_path(faces->model, request->offline, request->quiet, &path, error);
        options->faces_model = path;
    }
    if (!status)
        status = valence_extractor_open(options, &extractor, error);
    if (!status)
        status = valence_extract_files(extractor, stream, request->inputs, request->n_inputs,
                                       request->output, &request->files, report, error);
    valence_extractor_close(extractor);
    valence_text_free(path);
    valence_text_free(memory);
    return status;
}

/* ---- Faces ---- */

struct faces_request {
    struct encode_request common;
    struct clip_faces faces;
};

static int check_faces(void *user, const struct command *command)
{
    return clip_faces_check(&((struct faces_request *)user)->faces, command);
}

static int encode_by_faces(void *user, const struct encode_request *request,
                           struct valence_encode_report **report, struct valence_error *error)
{
    const struct faces_request *own = user;
    struct valence_extractor_options options;
    valence_extractor_options_default(&options);
    options.audio = 0;
    options.video = VALENCE_PICTURES_FACES;
    return encode_clips(request, &options, &own->faces, VALENCE_STREAM_VIDEO, report, error);
}

static int run_faces(const struct command *command, int argc, char **argv)
{
    struct faces_request request;
    encode_request_default(&request.common);
    request.common.n_columns = VALENCE_FACE_COLUMNS;
    request.common.column_name = valence_face_column_name;
    clip_faces_default(&request.faces);
    const struct option options[] = {
        option_model(&request.faces.model, "The face networks: a GGUF file that 'valence convert "
                                           "faces' wrote (default: faces)."),
        option_offline(&request.common.offline),
        CLIP_FACES_OPTIONS(request.faces),
        option_describe(&request.common.describe),
        ENCODE_REQUEST_OPTIONS(request.common),
        {.type = OPTION_END}};
    return encode_request_run(&request.common, command, options, argc, argv, check_faces,
                              encode_by_faces, &request);
}

/* ---- Prosody ---- */

static int encode_by_prosody(void *user, const struct encode_request *request,
                             struct valence_encode_report **report, struct valence_error *error)
{
    struct valence_extractor_options options;
    (void)user;
    valence_extractor_options_default(&options);
    options.audio = VALENCE_BIT(VALENCE_SOUND_PROSODY);
    options.video = VALENCE_PICTURES_NONE;
    return encode_clips(request, &options, NULL, VALENCE_STREAM_AUDIO, report, error);
}

static int run_prosody(const struct command *command, int argc, char **argv)
{
    struct encode_request request;
    encode_request_default(&request);
    request.n_columns = VALENCE_PROSODY_COLUMNS;
    request.column_name = valence_prosody_column_name;
    const struct option options[] = {
        option_describe(&request.describe), ENCODE_REQUEST_OPTIONS(request), {.type = OPTION_END}};
    return encode_request_run(&request, command, options, argc, argv, NULL, encode_by_prosody,
                              NULL);
}

/* ---- Commands ---- */

const struct command encode_faces = {
    .name = "encode faces",
    .arguments = "FILE|FOLDER...",
    .summary = "Turn films into video rows: faces, landmarks and expressions.",
    .description =
        "The pictures of any video file that FFmpeg reads ('-' is standard input), --fps of them a "
        "second, each of which gives a row: where the person's face is, the pose of the head, "
        "distances of landmarks and their change, the probabilities of seven expressions, the 68 "
        "landmarks, and the 256 values that the expression network decides by. --describe names "
        "the columns.\n\n"
        "A picture in which the person is not seen has a row of zeros, and 0 in the column "
        "'found'; the summary counts them. A film that shows nobody is an error (--skip leaves it "
        "out). Of several people, --person chooses one, who is followed over time.\n\n"
        "The face networks are fetched at first use, or made by 'valence models fetch faces'.",
    .example = "valence encode faces clips/*.mp4 -o video/\n"
               "valence encode faces --fps 25 --person speaking talk.mp4 -o talk.npy\n"
               "valence encode faces --describe",
    .run = run_faces};

const struct command encode_prosody = {
    .name = "encode prosody",
    .arguments = "FILE|FOLDER...",
    .summary = "Turn sound into audio rows: mel bands, energy and pitch.",
    .description =
        "The sound of any audio or video file that FFmpeg reads ('-' is standard input), 50 rows a "
        "second: 80 log-mel bands, energy, pitch and voicing. No model is needed. --describe names "
        "the columns.",
    .example = "valence encode prosody clips/*.wav -o audio/\n"
               "valence encode prosody --describe",
    .run = run_prosody};
