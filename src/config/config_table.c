#include "config/config_table.h"

#include <stdint.h>
#include <string.h>

#include "base/fail.h"
#include "base/suggest.h"

size_t config_key_section(const struct config_key *key)
{
    const char *dot = strchr(key->known.name, '.');
    return dot ? (size_t)(dot - key->known.name) : 0;
}

const char *config_key_bare_name(const struct config_key *key)
{
    const char *dot = strchr(key->known.name, '.');
    return dot ? dot + 1 : key->known.name;
}

const struct config_key *config_key_find(const struct config_table *table, const char *name)
{
    for (int i = 0; i < table->n; i++)
        if (strcmp(name, table->keys[i].known.name) == 0)
            return &table->keys[i];
    return NULL;
}

/* The key that a name without its section, or in another one, was meant to be. */
static const struct config_key *same_bare_name(const struct config_table *table, const char *bare)
{
    for (int i = 0; i < table->n; i++)
        if (strcmp(bare, config_key_bare_name(&table->keys[i])) == 0)
            return &table->keys[i];
    return NULL;
}

/* A key of the same section is nearer than any other; then come the right name in a wrong section
 * or without one ("dropout"), a misspelt section ("modle.d"), and a misspelt name elsewhere. */
/* The key that an unknown name was meant to be, or NULL. */
static const struct config_key *nearest_key(const struct config_table *table, const char *name)
{
    const char *dot = strrchr(name, '.'), *bare = dot ? dot + 1 : name, *best = NULL;
    size_t section = dot ? (size_t)(dot - name) : 0;
    const struct config_key *nearest[3] = {NULL};
    for (int kind = 0; kind < 3; kind++, best = NULL) {
        int distance = 0;
        for (int i = 0; i < table->n; i++) {
            const struct config_key *key = &table->keys[i];
            const char *before = best, *own = config_key_bare_name(key);
            bool here =
                config_key_section(key) == section && memcmp(key->known.name, name, section) == 0;
            /* A name of one letter elsewhere is near to any other by chance. */
            if (kind == 0 ? !here : kind == 2 && strlen(own) < 3)
                continue;
            suggest_consider(kind == 1 ? name : bare, kind == 1 ? key->known.name : own, &best,
                             &distance);
            if (best != before)
                nearest[kind] = key;
        }
    }
    const struct config_key *same = nearest[0] ? NULL : same_bare_name(table, bare);
    return nearest[0] ? nearest[0] : same ? same : nearest[1] ? nearest[1] : nearest[2];
}

int fail_unknown_key(const struct config_table *table, const char *name,
                     struct valence_error *error)
{
    const struct config_key *nearest = nearest_key(table, name);
    if (nearest)
        return fail_key(error, VALENCE_ERROR_CONFIG, nearest->known.name,
                        "unknown key '%.100s'; did you mean '%s'?", name, nearest->known.name);
    return fail_key(error, VALENCE_ERROR_CONFIG, "config", "unknown key '%.100s'", name);
}
