#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "encode/wavlm.h"

static int64_t tap_width(const struct wavlm *model, int64_t hidden)
{
    return hidden == WAVLM_CONV ? model->conv_widths[WAVLM_CONVOLUTIONS - 1] : model->width;
}

static int parse_tap(const struct wavlm *model, const char *text, int64_t *hidden,
                     struct valence_error *error)
{
    long long value;
    if (strcmp(text, "final") == 0)
        *hidden = WAVLM_FINAL;
    else if (strcmp(text, "conv") == 0)
        *hidden = WAVLM_CONV;
    else if (parse_int64(text, &value) && value >= -(model->n_layers + 1) &&
             value <= model->n_layers)
        *hidden = value < 0 ? value + model->n_layers + 1 : value;
    else
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "layer '%s': the model has hidden states 0 ... %" PRId64
                    " (-1 is the last), 'final' and 'conv'",
                    text, model->n_layers);
    return VALENCE_OK;
}

/* One tap of the list; `separator` is what stood before it: '+' sums it to the last, ',' sets it beside. */
static int add_tap(const struct wavlm *model, struct wavlm_taps *taps, const char *text,
                   char separator, struct valence_error *error)
{
    int64_t hidden = 0;
    int status = parse_tap(model, text, &hidden, error);
    if (status)
        return status;
    if (taps->n == WAVLM_MAX_TAPS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "more than %d layers", WAVLM_MAX_TAPS);
    int64_t width = tap_width(model, hidden), column = taps->width;
    if (separator == '+') {
        const struct wavlm_tap *last = &taps->taps[taps->n - 1];
        if (tap_width(model, last->hidden) != width)
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "layers of different widths cannot be summed");
        column = last->column;
    } else {
        taps->width += width;
    }
    taps->taps[taps->n++] = (struct wavlm_tap){hidden, column};
    int64_t depth = hidden == WAVLM_FINAL ? model->n_layers : hidden;
    if (depth > taps->last)
        taps->last = depth;
    return VALENCE_OK;
}

int wavlm_parse_taps(const struct wavlm *model, const char *text, struct wavlm_taps *taps,
                     struct valence_error *error)
{
    *taps = (struct wavlm_taps){.last = WAVLM_CONV};
    char separator = ',';
    do {
        size_t length = strcspn(text, ",+");
        char tap[32] = "";
        if (length >= sizeof tap)
            return fail(error, VALENCE_ERROR_ARGUMENT, "layers '%s': what is '%.*s'?", text,
                        (int)length, text);
        memcpy(tap, text, length);
        int status = add_tap(model, taps, tap, separator, error);
        if (status)
            return status;
        text += length;
        separator = *text;
    } while (*text++);
    return VALENCE_OK;
}
