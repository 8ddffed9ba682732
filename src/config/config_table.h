/* Configurations as tables: each key's name, place, default, limits and explanation. Reading,
 * setting, printing and looking up follow from a table. */
#ifndef VALENCE_CONFIG_CONFIG_TABLE_H
#define VALENCE_CONFIG_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "valence/config.h"
#include "valence/error.h"

/* Room for a key's name and its NUL. */
#define CONFIG_KEY_BYTES 64

#define CONFIG_MAX_KEYS  80
#define MAX_CONFIG_BYTES (1 << 20)

/* Texts are char arrays, integers and counts int64_t, numbers double, flags bool, choices an enum
 * of int's size; lists are what the table's functions make of them. */
struct config_key {
    struct valence_config_key known; /* what the public header tells */
    size_t offset;                   /* into the configuration */
    size_t room;                     /* bytes there */
    int on_resume;                   /* the table's own */
    /* of a younger key: what was done before there was one; NULL: its default */
    const char *before;
};

struct config_table {
    /* keys of a section stand together; at most CONFIG_MAX_KEYS */
    const struct config_key *keys;
    int n;
    const char *title; /* a comment above the annotated text: one sentence */
    /* a key of VALENCE_CONFIG_LIST; NULL where no key is */
    int (*set_list)(const struct config_key *key, const char *text, void *config,
                    struct valence_error *error);
    void (*format_list)(const struct config_key *key, const void *config, struct text *text);
};

/* ---- Keys ---- */

/* The length of a key's section, 0 at the top level, and its name without the section. */
size_t config_key_section(const struct config_key *key);
const char *config_key_bare_name(const struct config_key *key);

/* The key of a name, or NULL. */
const struct config_key *config_key_find(const struct config_table *table, const char *name);

/* ERROR_CONFIG for a name that is no key, with the one that was meant. */
int fail_unknown_key(const struct config_table *table, const char *name,
                     struct valence_error *error);

/* ERROR_CONFIG: "KEY: 'TEXT' is not EXPECTED". */
int fail_config_value(const struct config_key *key, const char *text, const char *expected,
                      struct valence_error *error);

/* ---- Values ---- */

/* Sets every key to its default. */
void config_set_defaults(const struct config_table *table, void *config);

/* Sets the keys whose default has changed what is done to what was done before there were such
 * keys. */
void config_set_before(const struct config_table *table, void *config);

/* Sets one key. ERROR_CONFIG says what is expected. */
int config_key_set(const struct config_table *table, const struct config_key *key, const char *text,
                   void *config, struct valence_error *error);
int config_set(const struct config_table *table, void *config, const char *name, const char *value,
               struct valence_error *error);

/* Appends the key's value as config_key_set() takes it; texts in quotes. */
void config_key_format(const struct config_table *table, const struct config_key *key,
                       const void *config, struct text *text);

/* Whether two values of the key are the same. A number can be written in several ways: earlier
 * versions recorded 10 as 1e+01. */
bool config_values_equal(const struct valence_config_key *key, const char *a, const char *b);

/* The value, a text without quotes, to `value`. ERROR_LIMIT where it does not fit. */
int config_get(const struct config_table *table, const void *config, const char *name, char *value,
               size_t room, struct valence_error *error);

/* ---- YAML ---- */

/* Sets the keys that `size` bytes of YAML hold; `file` stands for them in errors. */
int config_parse(const struct config_table *table, void *config, const char *yaml, size_t size,
                 const char *file, struct valence_error *error);

/* The same from a file of at most MAX_CONFIG_BYTES. */
int config_read(const struct config_table *table, void *config, const char *path,
                struct valence_error *error);

/* The whole configuration as YAML (free() it), `annotated` with what each key means. NULL where
 * memory is short. */
char *config_text(const struct config_table *table, const void *config, bool annotated);

#endif
