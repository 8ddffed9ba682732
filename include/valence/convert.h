/* Converting published checkpoints: of the network into one of valence, and of encoders into GGUF
 * files that valence/encoder.h, valence/transcribe.h and valence/faces.h load.
 *
 * Nothing in a checkpoint is executed. A build without encoders lacks this header and converts the
 * network alone, with valence_model_convert_published() (valence/model.h). */
#ifndef VALENCE_CONVERT_H
#define VALENCE_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/model.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Kinds ---- */

/* What a checkpoint is: name, and a description for people. */
#define VALENCE_CONVERT_KIND_MAP(X)                                                                \
    X(PUBLISHED, "published",                                                                      \
      "the network of the paper's authors, a .pt file or safetensors with the same names")         \
    X(WAVLM, "wavlm",                                                                              \
      "a Hugging Face folder (config.json, preprocessor_config.json, and model.safetensors, "      \
      "model.safetensors.index.json with its parts, or pytorch_model.bin) or the authors' "        \
      "WavLM-*.pt; fine-tuned models may have other heads")                                        \
    X(WHISPER, "whisper",                                                                          \
      "CTranslate2's model.bin or its parts (model.bin.part1, ...), a Hugging Face folder, or "    \
      "OpenAI's .pt, with the vocabulary in the same folder")                                      \
    X(MANET, "manet", "the authors' .pth, or safetensors with the same names")                     \
    X(PROJECTOR, "projector",                                                                      \
      "SLAM-LLM's model.pt (encoder_projector.linear1 and linear2, .weight and .bias), or "        \
      "safetensors with these names")                                                              \
    X(FACES, "faces",                                                                              \
      "the folder `model` of the npm package @vladmandic/face-api 1.7.15: tiny_face_detector_"     \
      "model, face_landmark_68_model and face_expression_model, each a -weights_manifest.json "    \
      "and a .bin file")

enum valence_convert_kind {
#define VALENCE_CONVERT_KIND_ENUM(name, word, text) VALENCE_CONVERT_##name,
    VALENCE_CONVERT_KIND_MAP(VALENCE_CONVERT_KIND_ENUM)
#undef VALENCE_CONVERT_KIND_ENUM
};

/* The kinds are 0 ... n - 1. Name ("wavlm") and description; NULL for any other number. */
VALENCE_API int valence_n_convert_kinds(void);
VALENCE_API const char *valence_convert_kind_name(int kind);
VALENCE_API const char *valence_convert_kind_text(int kind);

/* ---- Options ---- */

/* Set it with valence_convert_options_default(), then change what you need. Texts stay the
 * caller's. A setting that the kind does not have must keep its default. */
struct valence_convert_options {
    /* sizeof(struct valence_convert_options), set by the default function. */
    size_t size;
    /* Replace an existing file; without it, that is EXISTS. */
    bool overwrite;
    /* published: what the imagination's residual is added to, which the file does not record. */
    enum valence_imagination imagination;
    /* Encoders: type of the matrices, "f32" (NULL), "f16", "bf16", "q8_0",
     * "q6_k", "q5_0", "q5_1", "q5_k", "q4_0", "q4_1" or "q4_k"; rows that do not divide into a
     * type's blocks are kept as f16. */
    const char *type;
    /* Encoders: the weights' licence, recorded in the file; NULL: what the kind's authors state. */
    const char *license;
    /* projector: the GGUF files of the WavLM and the language model that it belongs to; both are
     * needed. */
    const char *wavlm, *llm;
    /* Receives the names of the tensors that were left out (layers that the network never uses,
     * heads of other tasks), separated by ", " and cut to the room there is, "" where there are
     * none; or NULL. manet, whisper and faces leave out nothing. */
    char *left_out;
    size_t left_out_bytes;
    /* published: where set, *model receives the converted model, NULL on failure; free it with
     * valence_model_free(). */
    struct valence_model **model;
};

/* Nothing is replaced; imagination transition. */
VALENCE_API void valence_convert_options_default(struct valence_convert_options *options);

/* ---- Converting ---- */

/* Converts the checkpoint at `input`, a file or a folder, to one file at `output`, which appears
 * when it is complete; a device, a pipe or "-" (standard output) is written into. `options` (NULL:
 * the defaults) and `progress` (may be NULL; kind published does not report) are only read.
 * Thread-safe for distinct outputs.
 *
 * Errors: ARGUMENT for an unknown kind or type, for a setting that the kind does not have, or
 * without one that it needs (key: the setting's name); NOT_FOUND; EXISTS (key "overwrite"); SHAPE
 * (published: FORMAT), listing every tensor that is missing, misshapen or unexpected; DATA where
 * one holds NaN or an infinity; FORMAT, UNSUPPORTED, IO, DISK_FULL, MEMORY, CANCELLED. */
VALENCE_API int valence_convert(enum valence_convert_kind kind, const char *input,
                                const char *output, const struct valence_convert_options *options,
                                const struct valence_progress *progress,
                                struct valence_error *error);

/* Makes the file of a known model from a folder of what its packages hold: the member `convert` of
 * struct valence_model_fetch_options (valence/models.h). `kind` is the name of a kind. Errors: as
 * above. */
VALENCE_API int valence_convert_known_model(const char *kind, const char *folder, const char *to,
                                            const struct valence_progress *progress,
                                            struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
