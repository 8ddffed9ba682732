/* The table of configuration keys, and a key's value from text and to text. Only the files of the
 * configuration look inside. */
#ifndef VALENCE_TRAIN_CONFIG_TABLE_H
#define VALENCE_TRAIN_CONFIG_TABLE_H

#include "train/train_config.h"

/* Whether a run can be resumed with another value of a key. FIXED ones decide what was computed so
 * far: checkpoints record them. ADDED ones do too, but are younger than some checkpoints: their
 * default is what was done before them, and is not recorded. */
enum on_resume { FREE, FIXED, ADDED };

struct config_key {
    struct valence_train_key known; /* what the public header tells; the name is "section.key" */
    size_t offset;                  /* into struct valence_train_config; FLOWS go to its model */
    size_t room;                    /* bytes there */
    enum on_resume on_resume;
};

/* Keys of a section stand together. */
extern const struct config_key config_keys[];
extern const int n_config_keys;
#define CONFIG_MAX_KEYS 80

/* Room for a key's name and its NUL. */
#define CONFIG_KEY_BYTES 64

/* The length of a key's section, 0 at the top level, and its name without the section. */
size_t config_key_section(const struct config_key *key);
const char *config_key_bare_name(const struct config_key *key);

/* The key of a name, or NULL; and the one that an unknown name was meant to be, or NULL. */
const struct config_key *config_key_find(const char *name);
const struct config_key *config_key_nearest(const char *name);

/* Sets one key. ERROR_CONFIG says what is expected. */
int config_key_set(const struct config_key *key, const char *text,
                   struct valence_train_config *config, struct valence_error *error);

/* Appends the key's value as config_key_set() takes it. */
void config_key_format(const struct config_key *key, const struct valence_train_config *config,
                       struct text *text);

/* ERROR_CONFIG for a name that is no key, with the one that was meant. */
int fail_unknown_key(const char *name, struct valence_error *error);

#endif
