#include "model/gather.h"

#include <string.h>

#include "kernels/vector.h"
#include "valence/model.h"

#define M VALENCE_N_MODALITIES
#define Q VALENCE_N_VIEWS

/* Which modalities a view sums, and whether it weighs them. */
static const struct {
    unsigned modalities;
    int weighted;
} VIEWS[Q] = {
    [VALENCE_VIEW_FUSED] = {VALENCE_ALL_MODALITIES, 1},
    [VALENCE_VIEW_AT] = {VALENCE_BIT(VALENCE_AUDIO) | VALENCE_BIT(VALENCE_TEXT), 1},
    [VALENCE_VIEW_TV] = {VALENCE_BIT(VALENCE_TEXT) | VALENCE_BIT(VALENCE_VIDEO), 1},
    [VALENCE_VIEW_AV] = {VALENCE_BIT(VALENCE_AUDIO) | VALENCE_BIT(VALENCE_VIDEO), 1},
    [VALENCE_VIEW_AUDIO] = {VALENCE_BIT(VALENCE_AUDIO), 0},
    [VALENCE_VIEW_TEXT] = {VALENCE_BIT(VALENCE_TEXT), 0},
    [VALENCE_VIEW_VIDEO] = {VALENCE_BIT(VALENCE_VIDEO), 0},
};

void views_forward(int64_t n_clips, int n_views, int64_t d, const real *w,
                   const real *representations, real *views)
{
    memset(views, 0, (size_t)(n_clips * n_views * d) * sizeof(real));
    for (int64_t b = 0; b < n_clips; b++)
        for (int q = 0; q < n_views; q++)
            for (int m = 0; m < M; m++)
                if (VIEWS[q].modalities & VALENCE_BIT(m))
                    vector_add_scaled(d, VIEWS[q].weighted ? w[b * M + m] : 1,
                                      representations + (b * M + m) * d,
                                      views + (b * n_views + q) * d);
}

void views_backward(int64_t n_clips, int n_views, int64_t d, const real *w,
                    const real *representations, const real *dviews, real *dw,
                    real *drepresentations)
{
    for (int64_t b = 0; b < n_clips; b++)
        for (int q = 0; q < n_views; q++)
            for (int m = 0; m < M; m++) {
                if (!(VIEWS[q].modalities & VALENCE_BIT(m)))
                    continue;
                const real *dview = dviews + (b * n_views + q) * d;
                int64_t at = (b * M + m) * d;
                vector_add_scaled(d, VIEWS[q].weighted ? w[b * M + m] : 1, dview,
                                  drepresentations + at);
                if (VIEWS[q].weighted)
                    dw[b * M + m] += vector_dot(d, dview, representations + at);
            }
}

void mix_forward(int64_t n_clips, int n_views, int64_t o, const real *w, const real *c, real *mixed)
{
    memset(mixed, 0, (size_t)(n_clips * n_views * o) * sizeof(real));
    for (int64_t row = 0; row < n_clips * n_views; row++)
        for (int m = 0; m < M; m++)
            vector_add_scaled(o, w[row / n_views * M + m], c + (row * M + m) * o, mixed + row * o);
}

void mix_backward(int64_t n_clips, int n_views, int64_t o, const real *w, const real *c,
                  const real *dmixed, real *dw, real *dc)
{
    for (int64_t row = 0; row < n_clips * n_views; row++)
        for (int m = 0; m < M; m++) {
            real factor = w[row / n_views * M + m];
            const real *dm = dmixed + row * o;
            for (int64_t j = 0; j < o; j++)
                dc[(row * M + m) * o + j] = factor * dm[j];
            dw[row / n_views * M + m] += vector_dot(o, dm, c + (row * M + m) * o);
        }
}

void weigh_views_forward(int64_t n_clips, int n_views, int64_t o, const real *view_weights,
                         const real *mixed, real *feature)
{
    memset(feature, 0, (size_t)(n_clips * o) * sizeof(real));
    for (int64_t row = 0; row < n_clips * n_views; row++)
        vector_add_scaled(o, view_weights[row], mixed + row * o, feature + row / n_views * o);
}

void weigh_views_backward(int64_t n_clips, int n_views, int64_t o, const real *view_weights,
                          const real *mixed, const real *dfeature, real *dview_weights,
                          real *dmixed)
{
    for (int64_t row = 0; row < n_clips * n_views; row++) {
        const real *df = dfeature + row / n_views * o;
        dview_weights[row] = vector_dot(o, df, mixed + row * o);
        vector_add_scaled(o, view_weights[row], df, dmixed + row * o);
    }
}

unsigned valence_view_modalities(enum valence_view view)
{
    return (unsigned)view < Q ? VIEWS[view].modalities : 0;
}
