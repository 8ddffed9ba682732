/* Sets a key of a configuration from one text, "model.d=64", so that tests can list assignments. */
#ifndef VALENCE_TESTS_CONFIG_ASSIGN_H
#define VALENCE_TESTS_CONFIG_ASSIGN_H

#include <stdio.h>
#include <string.h>

#include "valence/train.h"

static inline int config_assign(struct valence_train_config *config, const char *assignment,
                                struct valence_error *error)
{
    char key[128];
    size_t length = strcspn(assignment, "=");
    snprintf(key, sizeof key, "%.*s", (int)length, assignment);
    return valence_train_config_set(config, key, assignment + length + 1, error);
}

#endif
