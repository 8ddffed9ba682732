/* JSON on standard output. */
#ifndef VALENCE_CLI_JSON_OUTPUT_H
#define VALENCE_CLI_JSON_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "valence/error.h"

/* Prints `root` with the keys "schema" and "version" in front and releases it; a list is printed as
 * the object's "items". docs/json/ describes the documents. A NULL is ERROR_MEMORY: making it
 * failed. */
int print_json(json_t *root, struct valence_error *error);

/* The same to `stream`. Failed writes stay in its error flag. */
int write_json(FILE *stream, json_t *root, struct valence_error *error);

/* The same as another document than the command's own, which NULL stands for. */
int write_json_as(FILE *stream, const char *schema, json_t *root, struct valence_error *error);

/* Adds "command" to an object: the words of the command that makes it again, or null where one of
 * them is not UTF-8. Takes and gives NULL where memory is short. */
json_t *with_command(json_t *root);

/* A number, or null where it is none or infinite. */
json_t *json_number(double value);

/* For documents that are printed piece by piece: "{" and those two keys; members follow. */
void print_json_head(void);

/* A value, and a member of such a document with the comma behind it. Both release `value`. */
void print_json_value(json_t *value);
void print_json_member(const char *key, json_t *value);
void print_command_member(void);

#endif
