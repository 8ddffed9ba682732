/* The build has no Cairo. */
#include "base/fail.h"
#include "report/figures/figure.h"

bool figure_can_draw(void)
{
    return false;
}

int figure_draw(FILE *stream, enum valence_figure_format format, double width,
                const struct report_chart *chart, const struct palette *palette,
                struct figure_counts *counts, struct valence_error *error)
{
    (void)stream;
    (void)format;
    (void)width;
    (void)palette;
    (void)counts;
    return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: this build draws no figures", chart->id);
}
