/* Winograd's minimal filtering F(4x4, 3x3): a tile of 4 x 4 outputs comes from 6 x 6 inputs by 36
 * products per pair of channels instead of 144.
 *
 *   y = At [ (G g Gt) . (Bt d B) ] A
 *
 * with the transformed inputs V (36, tiles, in) and weights U (36, in, out): for each of the 36
 * places, products over channels are one matrix product. Interpolation points 0, 1, -1, 2, -2,
 * infinity. Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR
 * 2016). */
#include <string.h>

#include "encode/compute/conv2d_forms.h"
#include "kernels/panel.h"
#include "kernels/simd.h"

#define TILE         4
#define EDGE         6 /* of a tile's input */
#define PLACES       (EDGE * EDGE)
#define LANES        16
#define MAX_CHANNELS (1 << 14)

#define TILES        96        /* of a task: a panel of outputs for so many tiles */
#define MIN_TILES    24        /* fewer do not repay transforming the weights */
#define INPUT_FLOATS (3 << 20) /* of transformed inputs at a time: they stay in the cache */

typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(64)));

static int64_t tiles_across(int64_t size)
{
    return (size + TILE - 1) / TILE;
}

static int64_t tiles_of(const struct ggml_tensor *x)
{
    return tiles_across(x->ne[1]) * tiles_across(x->ne[2]);
}

bool conv2d_suits_winograd(const struct conv2d *conv, const struct ggml_tensor *x)
{
    return conv->kernel == 3 && conv->stride == 1 && conv->in % LANES == 0 &&
           conv->out % PANEL == 0 && tiles_of(x) * x->ne[3] >= MIN_TILES;
}

/* ---- Transforms ---- */

/* Bt d for a column of 6. */
VALENCE_INLINE void transform_input(const lanes d[EDGE], lanes v[EDGE])
{
    lanes a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
    v[0] = 4 * d[0] - 5 * d[2] + d[4];
    v[1] = a + b;
    v[2] = a - b;
    v[3] = c + e;
    v[4] = c - e;
    v[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/* G g for a column of 3. */
VALENCE_INLINE void transform_weights(const lanes g[3], lanes u[EDGE])
{
    lanes a = (g[0] + g[2]) * (-1.0f / 6), b = g[1] * (1.0f / 6);
    lanes c = g[0] * (1.0f / 24) + g[2] * (1.0f / 6), e = g[1] * (1.0f / 12);
    u[0] = g[0] * 0.25f;
    u[1] = a - b;
    u[2] = a + b;
    u[3] = c + e;
    u[4] = c - e;
    u[5] = g[2];
}

/* At m for a column of 6. */
VALENCE_INLINE void transform_output(const lanes m[EDGE], lanes y[TILE])
{
    lanes a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[1] = b + 2 * e;
    y[2] = a + 4 * c;
    y[3] = b + 8 * e + m[5];
}

/* V of one tile: `pixels` are its 36 inputs' channels; place i goes to v + i * place_floats. */
VALENCE_CLONES
static void input_tile(int64_t channels, const float *const pixels[PLACES], int64_t place_floats,
                       float *v)
{
    for (int64_t c = 0; c < channels; c += LANES, v += LANES) {
        lanes half[EDGE][EDGE], column[EDGE], result[EDGE];
        for (int x = 0; x < EDGE; x++) {
            for (int y = 0; y < EDGE; y++)
                column[y] = *(const lanes *)(pixels[y * EDGE + x] + c);
            transform_input(column, result);
            for (int y = 0; y < EDGE; y++)
                half[y][x] = result[y];
        }
        for (int y = 0; y < EDGE; y++) {
            transform_input(half[y], result);
            for (int x = 0; x < EDGE; x++)
                *(lanes *)(v + (y * EDGE + x) * place_floats) = result[x];
        }
    }
}

/* U of one panel: (36, in, PANEL), from its packed weights (9, in, PANEL). */
VALENCE_CLONES
static void weight_panel(int64_t in, const float *packed, float *u)
{
    for (int64_t i = 0; i < in * PANEL; i += LANES) {
        lanes half[EDGE][3], column[3], result[EDGE];
        for (int x = 0; x < 3; x++) {
            for (int y = 0; y < 3; y++)
                column[y] = *(const lanes *)(packed + (y * 3 + x) * in * PANEL + i);
            transform_weights(column, result);
            for (int y = 0; y < EDGE; y++)
                half[y][x] = result[y];
        }
        for (int y = 0; y < EDGE; y++) {
            transform_weights(half[y], result);
            for (int x = 0; x < EDGE; x++)
                *(lanes *)(u + (y * EDGE + x) * in * PANEL + i) = result[x];
        }
    }
}

/* Outputs of one tile and panel, from m (36 at distance place_floats, PANEL): those of width x
 * height that exist go to `y`, pixels `pixel` floats apart, rows `row`. `residual` lies as y does,
 * or is NULL. */
struct output_shape {
    int64_t width, height, pixel, row;
};

VALENCE_CLONES
static void output_tile(const float *m, int64_t place_floats, const float *bias,
                        const float *residual, bool relu, const struct output_shape *shape,
                        float *y)
{
    for (int part = 0; part < PANEL; part += LANES) {
        lanes half[TILE][EDGE], column[EDGE], result[TILE];
        for (int j = 0; j < EDGE; j++) {
            for (int i = 0; i < EDGE; i++)
                column[i] = *(const lanes *)(m + (i * EDGE + j) * place_floats + part);
            transform_output(column, result);
            for (int i = 0; i < TILE; i++)
                half[i][j] = result[i];
        }
        for (int i = 0; i < shape->height; i++) {
            transform_output(half[i], result);
            for (int j = 0; j < shape->width; j++) {
                int64_t place = i * shape->row + j * shape->pixel + part;
                lanes value = result[j] + *(const lanes *)(bias + part);
                if (residual)
                    value += *(const lanes *)(residual + place);
                if (relu)
                    value = (lanes)((mask)value & (value > 0));
                *(lanes *)(y + place) = value;
            }
        }
    }
}

/* ---- One round of pictures ---- */

static const float zeros[MAX_CHANNELS]; /* the channels of a pixel beyond the border */

/* V (36, tiles, in) of `n` pictures from `first`; a task is a row of tiles. */
static void transform_inputs(struct conv2d_node *node, const struct ggml_tensor *x, int64_t first,
                             int64_t n, struct task_queue *queue, float *v)
{
    int64_t across = tiles_across(x->ne[1]), down = tiles_across(x->ne[2]), in = node->conv->in,
            task;
    int64_t place_floats = n * across * down * in;
    while (take_task(queue, n * down, &task)) {
        const char *picture = (const char *)x->data + (first + task / down) * (int64_t)x->nb[3];
        for (int64_t tile = 0; tile < across; tile++) {
            const float *pixels[PLACES];
            for (int i = 0; i < PLACES; i++) {
                int64_t row = task % down * TILE + i / EDGE - 1,
                        column = tile * TILE + i % EDGE - 1;
                bool inside = row >= 0 && row < x->ne[2] && column >= 0 && column < x->ne[1];
                pixels[i] = inside
                                ? (const float *)(const void *)(picture + row * (int64_t)x->nb[2] +
                                                                column * (int64_t)x->nb[1])
                                : zeros;
            }
            input_tile(in, pixels, place_floats, v + (task * across + tile) * in);
        }
    }
}

/* A panel of outputs for tiles `begin` ... `end`-1 of the round. u and m are the thread's own. */
static void compute_tiles(struct ggml_tensor *y, const struct conv2d_node *node, const float *v,
                          int64_t first, int64_t tiles, int64_t begin, int64_t end, int64_t panel,
                          const float *u, float *m)
{
    const struct conv2d *conv = node->conv;
    int64_t across = tiles_across(y->ne[1]), down = tiles_across(y->ne[2]), n = end - begin,
            zero = 0;
    struct panel_shape shape = {1, &zero, conv->in, 1, false};
    const float *rows[TILES];
    float *out[TILES];
    for (int place = 0; place < PLACES; place++) {
        for (int64_t i = 0; i < n; i++) {
            rows[i] = v + (place * tiles + begin + i) * conv->in;
            out[i] = m + (place * TILES + i) * PANEL;
        }
        panel_product(&shape, n, rows, u + place * conv->in * PANEL, out);
    }
    const float *bias = (const float *)conv->bias->data + panel * PANEL;
    for (int64_t i = 0; i < n; i++) {
        int64_t picture = first + (begin + i) / (across * down),
                tile = (begin + i) % (across * down);
        int64_t row = tile / across * TILE, column = tile % across * TILE;
        int64_t place =
            ((picture * y->ne[2] + row) * y->ne[1] + column) * conv->out + panel * PANEL;
        struct output_shape output = {y->ne[1] - column < TILE ? y->ne[1] - column : TILE,
                                      y->ne[2] - row < TILE ? y->ne[2] - row : TILE, conv->out,
                                      y->ne[1] * conv->out};
        output_tile(m + i * PANEL, TILES * PANEL, bias,
                    node->residual ? (const float *)node->residual->data + place : NULL, node->relu,
                    &output, (float *)y->data + place);
    }
}

static void compute_winograd(struct ggml_tensor *y, int ith, int nth, void *user)
{
    struct conv2d_node *node = user;
    const struct ggml_tensor *x = y->src[0];
    int64_t in = node->conv->in, panels = panel_count(node->conv->out), task;
    float *v = scratch_shared(node->scratch), *u = scratch_floats(node->scratch, ith),
          *m = u + PLACES * in * PANEL;
    for (int round = 0; round < node->n_rounds; round++) {
        struct task_queue *queues = &node->queues[2 * round];
        int64_t first = round * node->pictures, n = conv2d_round_size(node, x, round);
        int64_t tiles = n * tiles_of(x), blocks = (tiles + TILES - 1) / TILES, held = -1;
        transform_inputs(node, x, first, n, &queues[0], v);
        meet(&node->meeting, nth);
        while (take_task(&queues[1], panels * blocks, &task)) {
            int64_t panel = task / blocks, begin = task % blocks * TILES;
            int64_t end = begin + TILES < tiles ? begin + TILES : tiles;
            if (panel != held)
                weight_panel(in, node->conv->packed + panel * node->conv->weight->ne[0] * PANEL, u);
            held = panel;
            compute_tiles(y, node, v, first, tiles, begin, end, panel, u, m);
        }
        meet(&node->meeting, nth); /* before v is made for others */
    }
}

struct ggml_tensor *cpu_winograd(struct graph *graph, const struct conv2d *conv,
                                 struct ggml_tensor *x, struct ggml_tensor *residual, bool relu)
{
    struct conv2d_plan plan = {
        .compute = compute_winograd,
        .picture_floats = PLACES * tiles_of(x) * conv->in,
        .most_floats = INPUT_FLOATS,
        .thread_floats = PLACES * PANEL * (conv->in + TILES),
        .queues_per_round = 2,
    };
    return conv2d_node_create(graph, conv, x, residual, relu, &plan);
}
