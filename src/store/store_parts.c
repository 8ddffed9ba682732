#include "store/store_parts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define PART "part"

struct part {
    int64_t number, of; /* of == 0: the store is whole */
    int store;
};

static struct part part_of(const struct valence_store *store)
{
    json_t *source = json_loads(valence_store_source(store), 0, NULL);
    const json_t *value = json_object_get(source, PART);
    struct part part = {.number = json_integer_value(json_object_get(value, "number")),
                        .of = json_integer_value(json_object_get(value, "of"))};
    json_decref(source);
    return part.number >= 1 && part.number <= part.of ? part : (struct part){0};
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->of != y->of)
        return x->of < y->of ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->store > y->store) - (x->store < y->store);
}

/* The end of the parts from `first` that have its number. */
static int end_of_number(const struct part *parts, int n, int first)
{
    int end = first;
    while (end < n && parts[end].number == parts[first].number)
        end++;
    return end;
}

/* The n parts of one kind, sorted: each number is there as often as the most frequent one, since
 * several extractions may have as many parts. */
static int check_numbers(struct valence_store *const *stores, const struct part *parts, int n,
                         struct valence_error *error)
{
    int most = 0, example = 0;
    for (int i = 0, end; i < n; i = end) {
        end = end_of_number(parts, n, i);
        if (end - i > most || (end - i == most && parts[i].store < example)) {
            most = end - i;
            example = parts[i].store;
        }
    }
    int64_t number = 1;
    for (int i = 0, end; number <= parts[0].of; number++, i = end) {
        end = i < n && parts[i].number == number ? end_of_number(parts, n, i) : i;
        if (end - i < most)
            return fail_key(error, VALENCE_ERROR_NOT_FOUND, "partial",
                            "%s is part %lld of %lld, and part %lld is missing",
                            valence_store_path(stores[example]),
                            (long long)part_of(stores[example]).number, (long long)parts[0].of,
                            (long long)number);
    }
    return VALENCE_OK;
}

static int check_parts(struct valence_store *const *stores, const struct part *parts, int n,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int i = 0, end; i < n && !status; i = end) {
        for (end = i; end < n && parts[end].of == parts[i].of;)
            end++;
        if (parts[i].of)
            status = check_numbers(stores, parts + i, end - i, error);
    }
    return status;
}

int store_parts_check(struct valence_store *const *stores, int n, struct valence_error *error)
{
    struct part *parts = allocate(n, sizeof *parts);
    if (!parts)
        return fail_memory(error, (size_t)n * sizeof *parts, "the parts of stores");
    for (int i = 0; i < n; i++) {
        parts[i] = part_of(stores[i]);
        parts[i].store = i;
    }
    qsort(parts, (size_t)n, sizeof *parts, compare_parts);
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
