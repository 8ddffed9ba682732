#include "report/figures/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "report/page.h"

static const struct page_file *find_tokens(void)
{
    for (int i = 0; i < n_page_files; i++)
        if (strcmp(page_files[i].name, "tokens.css") == 0)
            return &page_files[i];
    return NULL;
}

/* The first colour of "--name: light-dark(#rrggbb, ...". */
static int read_colour(const struct page_file *tokens, const char *name, struct colour *colour,
                       struct valence_error *error)
{
    char begin[64];
    int length = snprintf(begin, sizeof begin, "--%s: light-dark(#", name);
    const char *found =
        tokens ? memmem(tokens->bytes, tokens->n_bytes, begin, (size_t)length) : NULL;
    const char *end = tokens ? (const char *)tokens->bytes + tokens->n_bytes : NULL;
    if (!found || end - found < length + 6)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "tokens.css has no colour --%s", name);
    char digits[8] = "";
    memcpy(digits, found + length, 6);
    unsigned long rgb = strtoul(digits, NULL, 16);
    *colour = (struct colour){(double)(rgb >> 16 & 255) / 255, (double)(rgb >> 8 & 255) / 255,
                              (double)(rgb & 255) / 255};
    return VALENCE_OK;
}

int palette_read(struct palette *palette, struct valence_error *error)
{
    const struct page_file *tokens = find_tokens();
    const struct {
        const char *name;
        struct colour *colour;
    } named[] = {{"ink", &palette->ink},           {"muted", &palette->muted},
                 {"line", &palette->line},         {"strong-line", &palette->strong_line},
                 {"positive", &palette->positive}, {"negative", &palette->negative}};
    int status = VALENCE_OK;
    for (size_t i = 0; i < sizeof named / sizeof named[0] && !status; i++)
        status = read_colour(tokens, named[i].name, named[i].colour, error);
    for (int i = 0; i < PALETTE_SERIES && !status; i++) {
        char name[16];
        snprintf(name, sizeof name, "series-%d", i + 1);
        status = read_colour(tokens, name, &palette->series[i], error);
    }
    return status;
}
