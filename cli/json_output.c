#include "json_output.h"

#include <stdbool.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

/* Of all documents: it grows when a name or its meaning changes, not when one is added. */
#define JSON_VERSION 1

/* "valence/evaluate", "valence/encode-text" */
static void name_schema(char *schema, size_t room)
{
    const struct command *command = options_command();
    snprintf(schema, room, "valence/%s", command ? command->name : "");
    for (char *at = schema; *at; at++)
        *at = *at == ' ' ? '-' : *at;
}

void print_json_head(void)
{
    char schema[96];
    name_schema(schema, sizeof schema);
    printf("{\n  \"schema\": \"%s\",\n  \"version\": %d,\n", schema, JSON_VERSION);
}

void print_json_value(json_t *value)
{
    /* A write error stays in stdout's error flag, which main() checks at the end. */
    (void)json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(value);
}

void print_json_member(const char *key, json_t *value)
{
    printf("  \"%s\": ", key);
    print_json_value(value);
    fputs(",\n", stdout);
}

/* {"schema": "valence/evaluate", "version": 1, ...}; a list becomes its "items". Takes over
 * `root`. */
static json_t *make_document(const char *schema, json_t *root)
{
    json_t *document = json_pack("{s:s, s:i}", "schema", schema, "version", JSON_VERSION);
    int failed = !document || (json_is_object(root) ? json_object_update(document, root)
                                                    : json_object_set(document, "items", root));
    json_decref(root);
    if (failed) {
        json_decref(document);
        return NULL;
    }
    return document;
}

static bool add_word(json_t *array, const char *word)
{
    return json_array_append_new(array, json_string(word)) == 0;
}

static json_t *words_of_command(void)
{
    int n, end = 0; /* of the options */
    const char *const *words = options_given(&n);
    json_t *array = json_array();
    bool complete = n > 0 && add_word(array, "valence");
    while (end < n && strcmp(words[end], "--") != 0)
        end++;
    for (int i = 0; i < end && complete; i++)
        complete = add_word(array, words[i]);
    complete = complete && add_word(array, "--json");
    for (int i = end; i < n && complete; i++)
        complete = add_word(array, words[i]);
    if (complete)
        return array;
    json_decref(array);
    return json_null(); /* a word that is not UTF-8 cannot stand in JSON */
}

json_t *with_command(json_t *root)
{
    if (!root || json_object_set_new(root, "command", words_of_command()) == 0)
        return root;
    json_decref(root);
    return NULL;
}

void print_command_member(void)
{
    print_json_member("command", words_of_command());
}

int write_json_as(FILE *stream, const char *schema, json_t *root, struct valence_error *error)
{
    char own[96];
    name_schema(own, sizeof own);
    json_t *document = root ? make_document(schema ? schema : own, root) : NULL;
    if (!document) {
        *error = (struct valence_error){
            .status = VALENCE_ERROR_MEMORY,
            .text = "cannot make the JSON (too little memory, or a name that is not UTF-8)"};
        return VALENCE_ERROR_MEMORY;
    }
    (void)json_dumpf(document, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(document);
    fputc('\n', stream);
    return VALENCE_OK;
}

int write_json(FILE *stream, json_t *root, struct valence_error *error)
{
    return write_json_as(stream, NULL, root, error);
}

int print_json(json_t *root, struct valence_error *error)
{
    return write_json(stdout, root, error); /* main() checks stdout at the end */
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
