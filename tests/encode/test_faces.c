/* Faces without the networks' weights: boxes and their suppression, network inputs, geometry and
 * rows. golden-faces compares the networks. */
#include "numbers.h"

#include "encode/faces/face_boxes.h"
#include "encode/faces/face_input.h"
#include "encode/faces/face_layers.h"
#include "encode/faces/face_rows.h"
#include "kernels/bf16_product.h"
#include "kernels/processor.h"

static float *random_floats(int64_t n)
{
    static uint64_t seed;
    struct random_source source = random_source(++seed, 0);
    return as_floats(n, draw(&source, n));
}

/* ---- Layers against loops ---- */

static float at(const float *x, int64_t side, int64_t channels, int64_t row, int64_t column,
                int64_t channel)
{
    return row < 0 || column < 0 || row >= side || column >= side
               ? 0
               : x[(row * side + column) * channels + channel];
}

struct conv_case {
    int64_t side, in, out, stride;
    enum face_padding padding;
    bool separable;
};

/* What the convolution and the ReLU behind it give. */
static double *loops(const struct conv_case *c, const struct face_conv *conv, const float *x)
{
    int64_t n = face_conv_side(c->side, c->stride, c->padding);
    int64_t total = c->padding == FACE_PADDING_SAME ? (n - 1) * c->stride + 3 - c->side : 0;
    int64_t before = total > 0 ? total / 2 : 0;
    double *y = keep(n * n * c->out, sizeof *y);
    for (int64_t p = 0; p < n * n; p++)
        for (int64_t o = 0; o < c->out; o++) {
            double sum = conv->bias[o];
            for (int64_t i = 0; i < 9; i++)
                for (int64_t k = 0; k < c->in; k++) {
                    double value = at(x, c->side, c->in, p / n * c->stride - before + i / 3,
                                      p % n * c->stride - before + i % 3, k);
                    sum += value * (c->separable ? (double)conv->depthwise[i * c->in + k] *
                                                       conv->weight[k * c->out + o]
                                                 : conv->weight[(i * c->in + k) * c->out + o]);
                }
            y[p * c->out + o] = sum > 0 ? sum : 0;
        }
    return y;
}

/* The difference's share of what is wanted, by their sums of squares. */
static double relative_difference(int64_t n, const float *is, const double *want)
{
    double difference = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += (is[i] - want[i]) * (is[i] - want[i]);
        all += want[i] * want[i];
    }
    return sqrt(difference / all);
}

/* In f32, and in bf16 where the processor has units for it. */
static void check_convolution(const struct conv_case *c)
{
    static const double limits[] = {[FACE_F32] = 1e-6, [FACE_BF16] = 0.01};
    bool has_bf16 = bf16_units() != BF16_NONE;
    int64_t n = face_conv_side(c->side, c->stride, c->padding);
    float *x = random_floats(c->side * c->side * c->in), *y = keep(n * n * c->out, sizeof *y);
    struct face_conv conv = {.in = c->in,
                             .out = c->out,
                             .depthwise = c->separable ? random_floats(9 * c->in) : NULL,
                             .weight = random_floats((c->separable ? 1 : 9) * c->in * c->out),
                             .bias = random_floats(c->out)};
    const double *want = loops(c, &conv, x);
    struct face_scratch scratch = {0};
    struct valence_error error;
    for (enum face_arithmetic arithmetic = FACE_F32; arithmetic <= FACE_BF16; arithmetic++) {
        if (arithmetic == FACE_BF16 && !has_bf16)
            continue;
        assert_int_equal(face_conv_pack(&conv, arithmetic, &error), 0);
        assert_int_equal(face_conv(&conv, c->side, c->side, x, c->stride, c->padding,
                                   FACE_FINISH_RELU, &scratch, NULL, y, &error),
                         0);
        double difference = relative_difference(n * n * c->out, y, want);
        if (!(difference < limits[arithmetic]))
            fail_msg("arithmetic %d, side %d: differs by %g", (int)arithmetic, (int)c->side,
                     difference);
        face_product_free(&conv.product);
    }
    face_scratch_free(&scratch);
}

static void check_variants(int64_t side, int64_t in, int64_t out)
{
    for (int variant = 0; variant < 6; variant++)
        check_convolution(
            &(struct conv_case){.side = side,
                                .in = in,
                                .out = out,
                                .stride = variant / 2 == 1 ? 2 : 1,
                                .padding = variant / 2 == 2 ? FACE_PADDING_NONE : FACE_PADDING_SAME,
                                .separable = variant % 2});
}

static void test_convolutions_agree_with_loops(void **state)
{
    static const unsigned units[] = {
        ~0u, 1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX512 | 1u << PROCESSOR_AVX512_BF16,
        1u << PROCESSOR_AVX2, 0};
    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        processor_limit(units[i]);
        for (int64_t side = 4; side <= 37; side += 11)
            check_variants(side, 5, 7);
        check_variants(9, 64, 40);
        check_variants(113, 3, 32); /* more windows than a block of rows */
    }
    processor_limit(~0u);
}

static void test_an_unresized_input_is_the_picture(void **state)
{
    (void)state;
    static const float mean[3] = {10, 20, 30};
    const uint8_t pixels[2 * 4 * 3] = {1,  2,  3,  4,  5,  6,  7,  8,  9,
                                       10, 11, 12, 13, 14, 15, 16, 17, 18};
    struct face_picture picture = {pixels, 3, 2, 3};
    float y[3 * 3 * 3];
    face_input(&picture, FACE_AT_THE_CORNER, 3, mean, y);
    for (int i = 0; i < 27; i++)
        assert_true(fabsf(y[i] - ((i < 18 ? pixels[i] : 0) - mean[i % 3]) / 255) < 1e-6f);
    face_input(&picture, FACE_CENTRED, 3, mean, y); /* the odd row of black is below */
    assert_true(fabsf(y[0] - (1 - mean[0]) / 255) < 1e-6f);
}

/* ---- Boxes ---- */

static void test_suppression_keeps_the_best_of_what_overlaps(void **state)
{
    (void)state;
    struct face_box list[] = {{.score = 0.6, .row = 0, .w = 1, .h = 1},
                              {.score = 0.9, .row = 1, .x = 0.1, .w = 1, .h = 1},
                              {.score = 0.7, .row = 2, .x = 5, .w = 1, .h = 1},
                              {.score = 0.8, .row = 3, .x = 0.2, .w = 1, .h = 1},
                              {.score = 0.65, .row = 4, .x = 0.9, .w = 1, .h = 1}};
    struct face_boxes boxes = {.n = 5, .list = list};
    face_boxes_suppress(&boxes, 0.4);
    assert_int_equal(boxes.n, 3);
    assert_int_equal(list[0].row, 1);
    assert_int_equal(list[1].row, 2);
    assert_int_equal(list[2].row, 4);
}

static void test_a_box_outside_the_picture_has_no_crop(void **state)
{
    (void)state;
    struct face_rectangle crop;
    assert_false(
        face_box_clip(&(struct face_box){.x = 101, .y = 1, .w = 20, .h = 20}, 100, 100, &crop));
    assert_false(
        face_box_clip(&(struct face_box){.x = -30, .y = 1, .w = 20, .h = 20}, 100, 100, &crop));
    assert_false(
        face_box_clip(&(struct face_box){.x = NAN, .y = 1, .w = 20, .h = 20}, 100, 100, &crop));
    assert_true(
        face_box_clip(&(struct face_box){.x = -5, .y = 90.5, .w = 20, .h = 20}, 100, 100, &crop));
    assert_int_equal(crop.x, 0);
    assert_int_equal(crop.y, 90);
    assert_int_equal(crop.w, 15);
    assert_int_equal(crop.h, 9);
}

/* ---- Geometry ---- */

/* A face of the rigid points, turned; what is no rigid point lies at the bridge of the nose. Angles
 * as in the header. */
static struct valence_face turned(double yaw, double pitch, double roll, double scale, double x,
                                  double y)
{
    struct valence_face face = {.score = 1, .box = {x, y, scale, scale}};
    for (int i = 0; i < VALENCE_FACE_LANDMARKS; i++) {
        const double *p = face_rigid_point(i);
        /* Yaw about the vertical axis, then pitch about the horizontal one, then roll in the
         * picture. */
        double x1 = p[0] * cos(yaw) - p[2] * sin(yaw), z1 = p[0] * sin(yaw) + p[2] * cos(yaw);
        double y1 = p[1] * cos(pitch) - z1 * sin(pitch);
        face.landmarks[i][0] = x + scale * (x1 * cos(roll) - y1 * sin(roll));
        face.landmarks[i][1] = y + scale * (x1 * sin(roll) + y1 * cos(roll));
    }
    return face;
}

static void test_pose_is_the_rotation_of_the_face(void **state)
{
    (void)state;
    for (int i = 0; i < 27; i++) {
        double yaw = 0.3 * (i % 3 - 1), pitch = 0.3 * (i / 3 % 3 - 1), roll = 0.3 * (i / 9 - 1);
        struct valence_face face = turned(yaw, pitch, roll, 40, 100, 80);
        struct face_geometry geometry;
        assert_true(face_geometry_measure(&face, &geometry));
        assert_true(fabs(geometry.pose[0] - yaw) < 1e-6);
        assert_true(fabs(geometry.pose[1] - pitch) < 1e-6);
        assert_true(fabs(geometry.pose[2] - roll) < 1e-6);
    }
}

static void test_measures_do_not_depend_on_place_size_and_tilt(void **state)
{
    (void)state;
    struct valence_face face = {0}, moved = {0};
    float *drawn = random_floats(2 * VALENCE_FACE_LANDMARKS);
    for (int i = 0; i < VALENCE_FACE_LANDMARKS; i++) {
        double x = drawn[2 * i] + (i >= 42 && i < 48 ? 6 : 0), y = drawn[2 * i + 1];
        face.landmarks[i][0] = x;
        face.landmarks[i][1] = y;
        moved.landmarks[i][0] = 30 + 2.5 * (x * cos(0.4) - y * sin(0.4));
        moved.landmarks[i][1] = -7 + 2.5 * (x * sin(0.4) + y * cos(0.4));
    }
    struct face_geometry a, b;
    assert_true(face_geometry_measure(&face, &a));
    assert_true(face_geometry_measure(&moved, &b));
    for (int i = 0; i < FACE_MEASURES; i++)
        assert_true(fabs(a.measures[i] - b.measures[i]) < 1e-9);
    for (int i = 0; i < 2 * VALENCE_FACE_LANDMARKS; i++)
        assert_true(fabs((&a.shape[0][0])[i] - (&b.shape[0][0])[i]) < 1e-9);
}

static int64_t column(const char *wanted)
{
    char name[32];
    for (int64_t i = 0; i < VALENCE_FACE_COLUMNS; i++)
        if (valence_face_column_name(i, name, sizeof name) == 0 && strcmp(name, wanted) == 0)
            return i;
    fail_msg("no column %s", wanted);
    return -1;
}

static void test_a_frame_without_a_face_is_zero_and_without_motion(void **state)
{
    (void)state;
    float row[VALENCE_FACE_COLUMNS];
    struct valence_face before = turned(0.1, 0, 0, 40, 50, 50),
                        face = turned(0.2, 0, 0, 40, 50, 50);
    face_row(NULL, 1, &before, 0.5, 100, 100, row);
    for (int i = 0; i < VALENCE_FACE_COLUMNS; i++)
        assert_true(row[i] == 0);
    face_row(&face, 1, NULL, 0, 100, 100, row);
    assert_true(row[column("found")] == 1 && row[column("motion")] == 0);
    assert_true(row[column("yaw_per_s")] == 0);
    face_row(&face, 1, &before, 0.5, 100, 100, row);
    assert_true(row[column("motion")] == 1);
    assert_true(fabsf(row[column("yaw")] - 0.2f) < 1e-5f);
    assert_true(fabsf(row[column("yaw_per_s")] - 0.2f) < 1e-5f);
}

static void test_every_column_has_a_name_of_its_own(void **state)
{
    (void)state;
    char a[32], b[32];
    for (int64_t i = 0; i < VALENCE_FACE_COLUMNS; i++)
        for (int64_t j = 0; j < i; j++) {
            assert_int_equal(valence_face_column_name(i, a, sizeof a), 0);
            assert_int_equal(valence_face_column_name(j, b, sizeof b), 0);
            assert_string_not_equal(a, b);
        }
    assert_int_equal(valence_face_column_name(-1, a, sizeof a), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_face_column_name(VALENCE_FACE_COLUMNS, a, sizeof a),
                     VALENCE_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_convolutions_agree_with_loops, release_kept),
        cmocka_unit_test(test_an_unresized_input_is_the_picture),
        cmocka_unit_test(test_suppression_keeps_the_best_of_what_overlaps),
        cmocka_unit_test(test_a_box_outside_the_picture_has_no_crop),
        cmocka_unit_test(test_pose_is_the_rotation_of_the_face),
        cmocka_unit_test_teardown(test_measures_do_not_depend_on_place_size_and_tilt, release_kept),
        cmocka_unit_test(test_a_frame_without_a_face_is_zero_and_without_motion),
        cmocka_unit_test(test_every_column_has_a_name_of_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
