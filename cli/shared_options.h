/* Options that several commands have, each defined once: same name, same letter, same meaning.
 * CONTRIBUTING.md states the rule; tests/cli/test_options.c checks it for every command. Each
 * function gives a row of a command's table. */
#ifndef VALENCE_CLI_SHARED_OPTIONS_H
#define VALENCE_CLI_SHARED_OPTIONS_H

#include "options.h"

#define MAX_THREADS 4096

/* ---- What a command reads and writes ---- */

/* --store and --run: other ways to give an argument; `argument` is its place in the array that
 * options_parse() fills. */
struct option option_store(const char **argument);
struct option option_run(const char **argument);

/* -o, --output of a command whose argument it also is. */
struct option option_output_argument(const char **argument, const char *value_name,
                                     const char *help);

/* -o, --output of a command that has no such argument. */
struct option option_output(const char **target, const char *value_name, const char *help);

/* -m, --model: what computes: an encoder, by its file or its name; in `train`, the kind of model.
 */
struct option option_model(const char **target, const char *help);

/* Never fetch a model. */
struct option option_offline(bool *target);

/* --force: replaces what is there already. */
struct option option_force(bool *target, const char *help);

/* ---- How transcripts become rows ---- */

struct option option_text_layers(const char **target);
struct option option_text_spelling(const char **target);
struct option option_text_prefix(const char **target);
struct option option_text_suffix(const char **target);
struct option option_text_rows(const char **target);

/* ---- What an encoder writes, and where it runs ---- */

/* The kinds of `valence encode`: -o of those that add a stream to a store or write files. */
struct option option_rows_output(const char **target);
struct option option_stream(const char **target, const char *help);
struct option option_hidden_dtype(const char **target);
struct option option_device(const char **target);

/* ---- Whose faces are found, and how ---- */

struct option option_fps(double *target);
struct option option_person(const char **target);
struct option option_face_size(int64_t *target);
struct option option_face_threshold(double *target);

/* ---- How it works and what it prints ---- */

struct option option_json(bool *target);
/* --format: of tables; and --tables: a folder for all forms of them. */
struct option option_format(const char **target);
struct option option_tables(const char **target);
struct option option_quiet(bool *target);
struct option option_batch(int64_t *target);
struct option option_threads(int64_t *target);

/* ---- Other names ---- */

/* The name that an option had before: works as ever, and no help shows it. */
struct option option_old_name(const char *name, struct option option);

/* struct command's other_way where the store is the command's output. */
bool output_for_store(const char *name, char *hint, size_t room);

#endif
