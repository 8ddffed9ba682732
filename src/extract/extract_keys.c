/* The table of keys. */
#include <stddef.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "extract/extract_config.h"

static const char *const video_names[] = {"auto", "faces", "manet", "none"};
static const char *const text_names[] = {"auto", "given", "asr", "none"};
static const char *const simulated_names[] = {"none", "asr", "projector"};
static const char *const dtype_names[] = {"f16", "f32"};
static const char *const split_names[] = {"train", "validation", "test"};
static const char *const person_names[] = {"largest", "central", "speaking"};
static const char *const spelling_names[] = {"as-is", "lower", "sentence", "plain", "words"};
static const char *const rows_names[] = {"tokens", "mean", "last"};

_Static_assert(sizeof(enum video_key) == sizeof(int) && sizeof(enum text_key) == sizeof(int) &&
                   sizeof(enum valence_simulated_source) == sizeof(int) &&
                   sizeof(enum valence_dtype) == sizeof(int) &&
                   sizeof(enum valence_split) == sizeof(int) &&
                   sizeof(enum valence_face_person) == sizeof(int) &&
                   sizeof(enum valence_spelling) == sizeof(int) &&
                   sizeof(enum valence_transcript_rows) == sizeof(int),
               "choices are set through an int pointer");

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define PLACE(field)                                                                               \
    .offset = offsetof(struct valence_extract_config, field),                                      \
    .room = sizeof(((struct valence_extract_config *)NULL)->field)
#define TEXT(n, field, value, text)                                                                \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_CONFIG_TEXT,                                                     \
                  .maximum = sizeof(((struct valence_extract_config *)NULL)->field) - 1,           \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field)                                                                               \
    }
#define RANGE(n, kind, field, least, most, value, text)                                            \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = kind,                                                                    \
                  .minimum = least,                                                                \
                  .maximum = most,                                                                 \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field)                                                                               \
    }
#define INT(n, field, least, most, value, text)                                                    \
    RANGE(n, VALENCE_CONFIG_INTEGER, field, least, most, value, text)
#define NUMBER(n, field, least, most, value, text)                                                 \
    RANGE(n, VALENCE_CONFIG_NUMBER, field, least, most, value, text)
#define FLAG(n, field, value, text)                                                                \
    {                                                                                              \
        .known = {.name = n, .type = VALENCE_CONFIG_FLAG, .standard = value, .help = text},        \
        PLACE(field)                                                                               \
    }
#define CHOICE(n, field, names, value, text)                                                       \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_CONFIG_CHOICE,                                                   \
                  .choices = names,                                                                \
                  .n_choices = COUNT(names),                                                       \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field)                                                                               \
    }

static const struct config_key keys[] = {
    TEXT("input", input, "",
         "What is read: a folder of media files, one file, or a table (CSV) with a row for each "
         "clip. Its columns are file and, where you have them, id, start, end (seconds), label, "
         "split, group, transcript, transcript_file."),
    TEXT("output", output, "", "The store."),
    TEXT("audio", audio, "auto",
         "Audio rows: whisper, prosody, wavlm, or several joined by '+', side by side; none; auto: "
         "whisper where a file has sound."),
    CHOICE("video", video, video_names, "auto",
           "Video rows: faces (expression, landmarks, head pose), manet (MANet on aligned faces), "
           "none; auto: faces where a file has pictures."),
    CHOICE("text", text, text_names, "auto",
           "Text rows: given (of given transcripts), asr (of the recognised words where no "
           "transcript is given), none; auto: given where there is a transcript."),
    CHOICE("simulated_text", simulated_text, simulated_names, "none",
           "Simulated text: asr (the text model's rows of the recognised words), projector (a "
           "projector and its language model), none."),
    CHOICE("dtype", dtype, dtype_names, "f32", "How rows are stored."),
    CHOICE(
        "split", split, split_names, "test",
        "The split of clips whose table or folder (train/, validation/, test/) does not say it."),
    NUMBER("cut_seconds", cut_seconds, 0, 3600, "300",
           "A longer file without start and end becomes several clips of equal length, at most "
           "this long; 0 leaves it whole."),
    NUMBER("max_clip_seconds", max_clip_seconds, 1, 36000, "3600",
           "A longer clip is a failure: its rows are held in memory."),
    TEXT("models.whisper", models.whisper, "whisper-base",
         "Whisper, for audio rows and recognition. All models are names from 'valence models' or "
         "GGUF files."),
    TEXT("models.vad", models.vad, "silero-vad",
         "Voice activity detection before recognition; empty: everything is listened to."),
    TEXT("models.wavlm", models.wavlm, "", "WavLM, for audio rows and the projector."),
    TEXT("models.faces", models.faces, "faces", "The face networks."),
    TEXT("models.manet", models.manet, "", "MANet."),
    TEXT("models.text", models.text, "smollm2", "The language model that reads words."),
    TEXT("models.projector", models.projector, "", "The projector of simulated text."),
    TEXT("models.simulator", models.simulator, "",
         "The language model that the projector was trained with."),
    TEXT("layers.whisper", layers.whisper, "",
         "Whisper's hidden states, as in \"3\" or \"2,3\"; empty: the middle one."),
    TEXT("layers.wavlm", layers.wavlm, "", "WavLM's hidden states; empty: the fifth from the end."),
    TEXT("layers.manet", layers.manet, "", "MANet's output: embedding (empty) or logits."),
    TEXT("speech.language", speech.language, "auto",
         "The language that is recognised: en, de, ...; auto detects it for each clip, which can "
         "go wrong in short ones."),
    FLAG("speech.translate", speech.translate, "false", "Recognised words in English."),
    INT("speech.beams", speech.beams, 1, 8, "1",
        "Width of the beam search; 1 is greedy. Five beams, as in 'valence transcribe', take up to "
        "twice as long and may get two more words in a hundred right."),
    TEXT("speech.prompt", speech.prompt, "", "Names and terms that are likely to occur."),
    NUMBER("faces.fps", faces.fps, 0, 1000, "5",
           "Pictures per second that are looked at; 0: all that the file has."),
    INT("faces.size", faces.size, 96, 1024, "224",
        "Side of the detector's input, a multiple of 32; larger ones find smaller faces and take "
        "longer."),
    NUMBER("faces.threshold", faces.threshold, 0, 0.999, "0.5", "Least score of a face."),
    CHOICE("faces.person", faces.person, person_names, "largest",
           "Whose face, where there are several: the largest, the most central, or the one whose "
           "mouth moves with the sound."),
    TEXT("words.layers", words.layers, "", "The text model's hidden states; empty: its default."),
    TEXT("words.prefix", words.prefix, VALENCE_PREFIX_BOS "\\n",
         "What the text model reads before the words; \\n is a new line."),
    TEXT("words.suffix", words.suffix, "",
         "What the text model reads behind the words; \\n is a new line."),
    CHOICE("words.spelling", words.spelling, spelling_names, "as-is",
           "How words are written before the model reads them."),
    CHOICE("words.rows", words.rows, rows_names, "tokens", "A row for each token, or one."),
    FLAG("words.drop_special", words.drop_special, "false",
         "No rows for tokens that the tokenizer adds."),
    INT("media.audio_stream", media.audio_stream, -1, 1000, "-1",
        "Which of several sound streams; -1: the file's main one."),
    INT("media.max_pixels", media.max_pixels, 1, 268435456, "67108864", "Of a picture."),
    INT("media.max_mib", media.max_mib, 1, 1048576, "1024",
        "Memory for decoded sound, and for pictures that the decoder keeps."),
    FLAG("media.accept_damaged", media.accept_damaged, "false",
         "Use what can be decoded of damaged files, and record what is lacking."),
    INT("threads", threads, 0, 4096, "0", "Threads; 0: one for each core."),
};
#define N_KEYS COUNT(keys)
_Static_assert(sizeof keys / sizeof keys[0] <= CONFIG_MAX_KEYS, "room for all keys");

static const struct config_table extract_keys = {
    .keys = keys, .n = N_KEYS, .title = "A configuration for an extraction."};

/* ---- For callers ---- */

int valence_extract_n_keys(void)
{
    return N_KEYS;
}

const struct valence_config_key *valence_extract_get_key(int i)
{
    return i >= 0 && i < N_KEYS ? &keys[i].known : NULL;
}

const struct valence_config_key *valence_extract_key_find(const char *name)
{
    const struct config_key *key = name ? config_key_find(&extract_keys, name) : NULL;
    return key ? &key->known : NULL;
}

int valence_extract_config_create(struct valence_extract_config **config,
                                  struct valence_error *error)
{
    *config = allocate(1, sizeof **config);
    if (!*config)
        return fail_memory(error, sizeof **config, "a configuration");
    config_set_defaults(&extract_keys, *config);
    return VALENCE_OK;
}

void valence_extract_config_free(struct valence_extract_config *config)
{
    free(config);
}

static int fail_null(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_ARGUMENT, "no configuration: an argument is NULL");
}

int valence_extract_config_read(struct valence_extract_config *config, const char *path,
                                struct valence_error *error)
{
    return config && path ? config_read(&extract_keys, config, path, error) : fail_null(error);
}

int valence_extract_config_parse(struct valence_extract_config *config, const char *yaml,
                                 size_t size, const char *name, struct valence_error *error)
{
    return config && (yaml || !size) && name
               ? config_parse(&extract_keys, config, yaml, size, name, error)
               : fail_null(error);
}

int valence_extract_config_set(struct valence_extract_config *config, const char *key,
                               const char *value, struct valence_error *error)
{
    return config && key && value ? config_set(&extract_keys, config, key, value, error)
                                  : fail_null(error);
}

int valence_extract_config_get(const struct valence_extract_config *config, const char *key,
                               char *value, size_t room, struct valence_error *error)
{
    return config && key && value && room
               ? config_get(&extract_keys, config, key, value, room, error)
               : fail_null(error);
}

char *valence_extract_config_text(const struct valence_extract_config *config, bool annotated)
{
    return config_text(&extract_keys, config, annotated);
}
