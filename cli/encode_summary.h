/* What `valence encode` says when it is done. */
#ifndef VALENCE_CLI_ENCODE_SUMMARY_H
#define VALENCE_CLI_ENCODE_SUMMARY_H

#include <stdbool.h>

#include "shared_options.h"
#include "valence/encode.h"

/* Options of every kind that encodes files. */
#define FILES_OPTIONS(options)                                                                     \
    {OPTION_FLAG, 0,                                                                               \
     "skip",      &(options).skip,                                                                 \
     NULL,        "Skip inputs that cannot be encoded, and say why (default: stop at the first).", \
     0,           0},                                                                              \
        option_force(&(options).overwrite,                                                         \
                     "Replace existing files, or another store (default: in a "                    \
                     "folder, continue where an earlier call stopped).")

/* "OUT: 3 files, 120 rows of 64, 1 skipped", and on standard error why. */
void print_files_summary(const char *output, const struct valence_encode_report *report);

/* Of films: how many pictures show the person. Prints nothing where the inputs are none. */
void print_faces_summary(const char *output, const struct valence_encode_report *report);

/* The same of clips, "STORE: stream 'text' of width 64, f32: 60 clips encoded, 1 without input". */
void print_store_summary(const char *store, const char *stream, enum valence_dtype dtype,
                         const struct valence_encode_report *report);

/* The same as JSON on standard output, with a row for each input. */
int print_report_json(const char *output, const struct valence_encode_report *report,
                      struct valence_error *error);

/* The reasons alone, on standard error. */
void print_skipped(const struct valence_encode_report *report);

/* What a model's rows may suffer from, on standard error. */
void print_encoder_warning(const struct valence_encoder *encoder);

/* True if a command's only input is a store, and not files to encode. */
bool is_store(const char *const *inputs, int n);

#endif
