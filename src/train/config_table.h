/* The table of configuration keys; only train_config.c and config_yaml.c look inside. */
#ifndef VALENCE_TRAIN_CONFIG_TABLE_H
#define VALENCE_TRAIN_CONFIG_TABLE_H

#include "train/train_config.h"

enum key_type {
    KEY_TEXT,   /* char[room] */
    KEY_INT,    /* int64_t */
    KEY_NUMBER, /* double */
    KEY_FLAG,   /* bool: true or false */
    KEY_CHOICE, /* int: one of `choices` */
    KEY_COUNT,  /* int64_t: a number, or `all`, which is 0 */
    KEY_FLOWS   /* model.flows and model.n_flows: a sequence of flow names */
};

/* Whether a run can be resumed with another value of a key. FIXED ones decide what was computed so
 * far: checkpoints record them. ADDED ones do too, but are younger than some checkpoints: their
 * default is what was done before them, and is not recorded. */
enum on_resume { FREE, FIXED, ADDED };

struct config_key {
    const char *section; /* "" at the top level; keys of a section stand together */
    const char *name;
    enum key_type type;
    size_t offset; /* into struct valence_train_config */
    size_t room;
    double minimum, maximum;
    const char *const *choices; /* KEY_CHOICE */
    int n_choices;
    const char *standard; /* the default, as it would be written in the file */
    enum on_resume on_resume;
    const char *help;
};

extern const struct config_key config_keys[];
extern const int n_config_keys;

/* "model.d" */
#define CONFIG_KEY_BYTES 64
void config_key_name(const struct config_key *key, char name[CONFIG_KEY_BYTES]);

/* The key of a dotted name, or NULL; and the one that such an unknown name was meant to be, or
 * NULL. */
const struct config_key *config_key_find(const char *name);
const struct config_key *config_key_nearest(const char *name);

/* The key's value as text, as it would be written in the file. */
void config_key_format(const struct config_key *key, const struct valence_train_config *config,
                       struct text *text);

/* Sets one key from its texts: one, or for KEY_FLOWS any number. ERROR_CONFIG says what is
 * expected. */
int config_key_set(const struct config_key *key, const char *const *texts, int n,
                   struct valence_train_config *config, struct valence_error *error);

#endif
