#include "remedies.h"

#include <stddef.h>
#include <string.h>

/* The one table from status and key to options. */
static const struct {
    int status; /* 0: whatever it is */
    const char *key;
    const char *remedy;
} remedies[] = {
    {VALENCE_ERROR_EXISTS, "overwrite", "--force replaces it"},
    {VALENCE_ERROR_EXISTS, "target", "give another name, or remove it first"},
    {VALENCE_ERROR_FORMAT, "accept_damaged", "--accept-damaged uses what can be decoded"},
    {VALENCE_ERROR_LIMIT, "max_seconds", "--max-seconds S sets the limit"},
    {VALENCE_ERROR_LIMIT, "max_pixels", "--max-pixels N sets the limit"},
    {VALENCE_ERROR_LIMIT, "max_bytes", "--max-mib N sets the limit"},
    {VALENCE_ERROR_UNSUPPORTED, "form", "try another --form"},
};

const char *remedy_for(const struct valence_error *error)
{
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (strcmp(remedies[i].key, error->key) == 0 &&
            (remedies[i].status == 0 || remedies[i].status == error->status))
            return remedies[i].remedy;
    return NULL;
}
