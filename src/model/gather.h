/* Attention-guided feature gathering: modality weights make the query views and mix the modalities,
 * view weights make the feature (arXiv 2410.15029, section 2.2). Weights are plain linear outputs,
 * there is no softmax.
 *
 * Shapes: B clips; Q views, the first so many of enum valence_view; modality weights w: (B, 3);
 * representations: (B, 3, d); views: (B, Q, d); cross outputs c: (B * Q, 3, o) as they lie side by
 * side; mixed: (B, Q, o); view weights: (B, Q). */
#ifndef VALENCE_MODEL_GATHER_H
#define VALENCE_MODEL_GATHER_H

#include <stdint.h>

#include "kernels/real.h"

/* views: fused = wa a + wt t + wv v, at = wa a + wt t, tv, av, and a, t, v as they are. */
void views_forward(int64_t n_clips, int n_views, int64_t d, const real *w,
                   const real *representations, real *views);
/* Adds to dw and drepresentations. */
void views_backward(int64_t n_clips, int n_views, int64_t d, const real *w,
                    const real *representations, const real *dviews, real *dw,
                    real *drepresentations);

/* mixed[b, q] = sum over modalities of w[b, m] c[b, q, m] */
void mix_forward(int64_t n_clips, int n_views, int64_t o, const real *w, const real *c,
                 real *mixed);
/* Adds to dw; writes dc. */
void mix_backward(int64_t n_clips, int n_views, int64_t o, const real *w, const real *c,
                  const real *dmixed, real *dw, real *dc);

/* feature[b] = sum over views of view_weights[b, q] mixed[b, q] */
void weigh_views_forward(int64_t n_clips, int n_views, int64_t o, const real *view_weights,
                         const real *mixed, real *feature);
/* Writes dview_weights; adds to dmixed. */
void weigh_views_backward(int64_t n_clips, int n_views, int64_t o, const real *view_weights,
                          const real *mixed, const real *dfeature, real *dview_weights,
                          real *dmixed);

#endif
