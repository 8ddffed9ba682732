/* Features of many inputs at once: of files and folders, or of a store's clips, with resume, and
 * with inputs that cannot be encoded left out and reported where you ask for it.
 *
 * encoder.h, transcripts.h and simulate.h encode what is in memory; these functions read the files,
 * write the rows, and report the result of each input. */
#ifndef VALENCE_ENCODE_H
#define VALENCE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/encoder.h"
#include "valence/error.h"
#include "valence/media.h"
#include "valence/progress.h"
#include "valence/simulate.h"
#include "valence/store.h"
#include "valence/stream.h"
#include "valence/transcripts.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The result of each input ---- */

enum valence_encoded_state {
    VALENCE_ENCODED,           /* its rows were made and written */
    VALENCE_ENCODED_BEFORE,    /* they were there already */
    VALENCE_NOTHING_TO_ENCODE, /* a clip without transcript or sound: it goes without the stream */
    VALENCE_ENCODE_SKIPPED     /* it could not be encoded, and `skip` left it out */
};

struct valence_encoded_input {
    const char *name; /* the file's path, or the clip's id */
    enum valence_encoded_state state;
    int64_t n_rows;
    int status; /* enum valence_status: of one that was skipped */
    const char
        *reason; /* likewise, its error's text; of one encoded, what is wrong with it, or "" */
    const char *notes; /* simulated text: what was heard; valence_extract_files(): what was
                        * found, a JSON object; else "" */
};

/* Made by the functions below; free it with valence_encode_report_free(), which takes NULL. */
struct valence_encode_report {
    int64_t n_inputs;
    const struct valence_encoded_input *inputs;        /* (n_inputs), in their order */
    int64_t n_encoded, n_before, n_without, n_skipped; /* by state */
    int64_t n_rows, width; /* rows of all inputs of a file, or made by this call for a store */
    /* simulated text: inputs with each flag, by its bit number (valence_simulation_flag_names) */
    int64_t n_flagged[VALENCE_MAX_SIMULATION_FLAGS];
};

VALENCE_API void valence_encode_report_free(struct valence_encode_report *report);

/* ---- Files ---- */

struct valence_encode_options {
    size_t size;
    /* Replace output files that exist. Without it, one .npy or .safetensors file that exists is
     * ERROR_EXISTS; in a folder, files that the same encoder wrote are kept and not made again, so
     * the same call resumes an interrupted one. */
    bool overwrite;
    /* Leave out inputs that cannot be encoded and report them. Without it the first one ends the
     * work. */
    bool skip;
    /* Limits for sound and pictures, and whether damaged files are taken; NULL: the defaults. */
    const struct valence_media_options *media;
    const struct valence_progress *progress; /* or NULL */
};

VALENCE_API void valence_encode_options_default(struct valence_encode_options *options);

/* Encodes sound files (by WavLM) or pictures (by MANet) and writes f32 rows to `output`:
 *
 *   NAME.npy          the rows of all inputs, one after the other
 *   NAME.safetensors  a tensor for each input, and the encoder's description as metadata
 *   anything else     a folder: INPUT.npy for each input, and encoder.json, which describes the
 *                     encoder
 *
 * An input is a file, or a folder: then every file in it that has a usual ending of its kind, in
 * the order of their names. A tensor or a file in the folder has the name of the input without its
 * ending; two inputs of one such name are ERROR_EXISTS before anything is done.
 *
 * `options` may be NULL. *report is NULL on failure. Errors: those of reading and encoding, naming
 * the file, key "skip"; EXISTS, key "overwrite", also for a folder that another encoder wrote; DATA
 * where no input could be encoded; CANCELLED, which leaves complete files in a folder. */
VALENCE_API int valence_encode_files(const struct valence_encoder *encoder,
                                     const char *const *inputs, int64_t n_inputs,
                                     const char *output,
                                     const struct valence_encode_options *options,
                                     struct valence_encode_report **report,
                                     struct valence_error *error);

/* The same for text files of one transcript each. One that holds no words is ERROR_DATA, as is one
 * with NUL characters. */
VALENCE_API int valence_encode_text_files(struct valence_transcript_encoder *encoder,
                                          const char *const *inputs, int64_t n_inputs,
                                          const char *output,
                                          const struct valence_encode_options *options,
                                          struct valence_encode_report **report,
                                          struct valence_error *error);

/* The same for sound files and what is heard in them. */
VALENCE_API int valence_simulate_files(struct valence_simulator *simulator,
                                       const char *const *inputs, int64_t n_inputs,
                                       const char *output,
                                       const struct valence_encode_options *options,
                                       struct valence_encode_report **report,
                                       struct valence_error *error);

/* ---- The clips of a store ---- */

struct valence_encode_store_options {
    size_t size;
    const char *stream; /* the new stream's name; NULL: "text", "simulated_text" */
    /* how its values are stored; default: f32, since hidden states may exceed f16 */
    enum valence_dtype dtype;
    /* A clip that cannot be encoded, or whose sound is missing, goes without the stream. */
    bool skip;
    /* Simulated text: the folder of the clips' sounds, ID.wav or with another usual ending. */
    const char *sounds;
    const struct valence_media_options *media; /* as above */
    const struct valence_progress *progress;   /* or NULL */
    /* Another store at `to` is replaced; without it, that is ERROR_EXISTS, key "overwrite". */
    bool overwrite;
    /* Text of low quality: how likely each word of a transcript is deleted, or replaced by one
     * drawn from all of the store's transcripts, before it is encoded; together at most 1. The same
     * `damage_seed` draws the same, and loses at a higher rate what it loses at a lower one. The
     * store keeps the whole transcripts; the rates are recorded as "damage" of the encoder's
     * settings. A clip that has lost all words has no rows. ERROR_ARGUMENT, key "drop_words" or
     * "replace_words", outside these bounds and for simulated text. */
    double drop_words, replace_words;
    uint64_t damage_seed;
};

VALENCE_API void valence_encode_store_options_default(struct valence_encode_store_options *options);

/* Makes the store at `to`: that at `from` and a stream of its transcripts. How it was encoded is
 * recorded under "encoders" of its source, and in the clips' metadata, where rows are tokens, which
 * word each row is of: {"text": {"row_words": [0, 0, 1, -1]}}. The same call resumes an interrupted
 * one. `options` may be NULL. *report is NULL on failure. Errors: EXISTS where `from` has such a
 * stream or `to` holds another store; those of encoding, naming the clip, key "skip"; CANCELLED.
 */
VALENCE_API int valence_encode_store_text(struct valence_transcript_encoder *encoder,
                                          const char *from, const char *to,
                                          const struct valence_encode_store_options *options,
                                          struct valence_encode_report **report,
                                          struct valence_error *error);

/* The same with what is heard in the clips' sounds, which also goes into the clips' metadata.
 * ERROR_ARGUMENT, key "sounds", without a folder of sounds. */
VALENCE_API int valence_simulate_store(struct valence_simulator *simulator, const char *from,
                                       const char *to,
                                       const struct valence_encode_store_options *options,
                                       struct valence_encode_report **report,
                                       struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
