#include "encode/taps.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"

static int fail_unknown(const struct tappable *tappable, const char *text,
                        struct valence_error *error)
{
    struct text names = {.maximum = 128};
    for (int i = 0; i < tappable->n_names; i++)
        text_format(&names, "%s'%s'", i + 1 < tappable->n_names ? ", " : " and ",
                    tappable->names[i].name);
    int status =
        fail(error, VALENCE_ERROR_ARGUMENT,
             "layer '%s': the model has hidden states 0 ... %" PRId64 " (-1 is the last)%s", text,
             tappable->n_layers, names.data ? names.data : "");
    text_free(&names);
    return status;
}

static int parse_tap(const struct tappable *tappable, const char *text, struct tap *tap,
                     int64_t *depth, struct valence_error *error)
{
    for (int i = 0; i < tappable->n_names; i++)
        if (strcmp(text, tappable->names[i].name) == 0) {
            tap->hidden = tappable->names[i].hidden;
            tap->width = tappable->names[i].width;
            *depth = tappable->names[i].depth;
            return VALENCE_OK;
        }
    long long value;
    if (!parse_int64(text, &value) || value < -(tappable->n_layers + 1) ||
        value > tappable->n_layers)
        return fail_unknown(tappable, text, error);
    tap->hidden = value < 0 ? value + tappable->n_layers + 1 : value;
    tap->width = tappable->width;
    *depth = tap->hidden;
    return VALENCE_OK;
}

/* One tap of the list; `separator` is what stood before it: '+' sums it to the last, ',' sets it
 * beside. */
static int add_tap(const struct tappable *tappable, struct taps *taps, const char *text,
                   char separator, struct valence_error *error)
{
    struct tap tap = {0};
    int64_t depth = 0;
    int status = parse_tap(tappable, text, &tap, &depth, error);
    if (status)
        return status;
    if (taps->n == TAPS_MAX)
        return fail(error, VALENCE_ERROR_ARGUMENT, "more than %d layers", TAPS_MAX);
    if (separator == '+') {
        const struct tap *last = &taps->list[taps->n - 1];
        if (last->width != tap.width)
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "layers of different widths cannot be summed");
        tap.column = last->column;
    } else {
        tap.column = taps->width;
        taps->width += tap.width;
    }
    if (taps->n == 0 || depth > taps->depth)
        taps->depth = depth;
    taps->list[taps->n++] = tap;
    return VALENCE_OK;
}

int taps_parse(const struct tappable *tappable, const char *text, struct taps *taps,
               struct valence_error *error)
{
    *taps = (struct taps){0};
    if (strlen(text) >= TAPS_TEXT_BYTES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the list of layers is too long");
    char separator = ',';
    do {
        size_t length = strcspn(text, ",+");
        char tap[32] = "";
        if (length >= sizeof tap)
            return fail(error, VALENCE_ERROR_ARGUMENT, "layers '%s': cannot read '%.*s'", text,
                        (int)length, text);
        memcpy(tap, text, length);
        int status = add_tap(tappable, taps, tap, separator, error);
        if (status)
            return status;
        text += length;
        separator = *text;
    } while (*text++);
    return VALENCE_OK;
}
