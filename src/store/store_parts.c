#include "store/store_parts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define PART "part"

struct part {
    int64_t number, of; /* of == 0: the store is whole */
};

static struct part part_of(const struct valence_store *store)
{
    json_t *source = json_loads(valence_store_source(store), 0, NULL);
    const json_t *value = json_object_get(source, PART);
    struct part part = {json_integer_value(json_object_get(value, "number")),
                        json_integer_value(json_object_get(value, "of"))};
    json_decref(source);
    return part.number >= 1 && part.number <= part.of ? part : (struct part){0};
}

static int64_t count(const struct part *parts, int n, int64_t number, int64_t of)
{
    int64_t found = 0;
    for (int i = 0; i < n; i++)
        found += parts[i].number == number && parts[i].of == of;
    return found;
}

/* n stores cannot have n + 1 parts, so that one of the first n + 1 is missing if any is. */
static int check_parts(struct valence_store *const *stores, const struct part *parts, int n,
                       struct valence_error *error)
{
    for (int i = 0; i < n; i++)
        for (int64_t number = 1; number <= parts[i].of && number <= (int64_t)n + 1; number++)
            if (count(parts, n, number, parts[i].of) <
                count(parts, n, parts[i].number, parts[i].of))
                return fail_key(error, VALENCE_ERROR_NOT_FOUND, "partial",
                                "%s is part %lld of %lld, and part %lld is missing",
                                valence_store_path(stores[i]), (long long)parts[i].number,
                                (long long)parts[i].of, (long long)number);
    return VALENCE_OK;
}

int store_parts_check(struct valence_store *const *stores, int n, struct valence_error *error)
{
    struct part *parts = allocate(n, sizeof *parts);
    if (!parts)
        return fail_memory(error, (size_t)n * sizeof *parts, "the parts of stores");
    for (int i = 0; i < n; i++)
        parts[i] = part_of(stores[i]);
    int status = check_parts(stores, parts, n, error);
    free(parts);
    return status;
}

char *store_source_of_whole(const char *source)
{
    json_t *object = json_loads(source, 0, NULL);
    if (!json_object_get(object, PART)) {
        json_decref(object);
        return strdup(source);
    }
    json_object_del(object, PART);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}
