#include "experiment/variants.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

void valence_variants_free(const struct valence_variant *variants, int n)
{
    for (int i = 0; variants && i < n; i++) {
        for (int j = 0; variants[i].assignments && j < variants[i].n_assignments; j++)
            free((char *)(uintptr_t)variants[i].assignments[j]);
        free((void *)(uintptr_t)variants[i].assignments);
        free((char *)(uintptr_t)variants[i].name);
    }
    free((void *)(uintptr_t)variants);
}

static int copy(const struct valence_variant *from, struct valence_variant *to)
{
    char **assignments = allocate(from->n_assignments + 1, sizeof *assignments);
    to->name = strdup(from->name);
    to->assignments = (const char *const *)assignments;
    bool good = to->name && assignments;
    for (int i = 0; good && i < from->n_assignments; i++) {
        assignments[i] = strdup(from->assignments[i]);
        good = assignments[i] != NULL;
        to->n_assignments += good;
    }
    return good ? VALENCE_OK : VALENCE_ERROR_MEMORY;
}

int variants_copy(const struct valence_variant *from, int n,
                  const struct valence_variant **variants, struct valence_error *error)
{
    struct valence_variant *made = allocate(n, sizeof *made);
    int status = made ? VALENCE_OK : VALENCE_ERROR_MEMORY;
    *variants = NULL;
    for (int i = 0; i < n && !status; i++)
        status = copy(&from[i], &made[i]);
    if (!status) {
        *variants = made;
        return VALENCE_OK;
    }
    valence_variants_free(made, n);
    return fail_memory(error, (size_t)n * 256, "the variants");
}
