#include "encode/faces/face_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const pose_names[FACE_POSE_ANGLES] = {"yaw", "pitch", "roll"};
static const char *const measure_names[FACE_MEASURES] = {
    "left_eye_opening",  "right_eye_opening", "left_brow_height", "right_brow_height",
    "brow_distance",     "mouth_width",       "mouth_opening",    "lip_opening",
    "mouth_corner_lift", "jaw_drop"};

/* Where the parts of a row begin. */
enum {
    AT_FOUND,
    AT_MOTION,
    AT_SCORE,
    AT_BOX,
    AT_POSE = AT_BOX + 4,
    AT_POSE_RATE = AT_POSE + FACE_POSE_ANGLES,
    AT_MEASURE = AT_POSE_RATE + FACE_POSE_ANGLES,
    AT_MEASURE_RATE = AT_MEASURE + FACE_MEASURES,
    AT_EXPRESSION = AT_MEASURE_RATE + FACE_MEASURES,
    AT_SHAPE = AT_EXPRESSION + VALENCE_FACE_EXPRESSIONS,
    AT_FEATURE = AT_SHAPE + 2 * VALENCE_FACE_LANDMARKS,
    AT_END = AT_FEATURE + VALENCE_FACE_FEATURES
};
_Static_assert(AT_END == VALENCE_FACE_COLUMNS, "the public header counts the columns");

/* ---- Names ---- */

int valence_face_column_name(int64_t column, char *name, size_t bytes)
{
    static const char *const first[] = {"found", "motion", "score", "box_x",
                                        "box_y", "box_w",  "box_h"};
    int c = (int)column;
    if (column < 0 || column >= VALENCE_FACE_COLUMNS)
        return VALENCE_ERROR_ARGUMENT;
    if (c < AT_POSE)
        snprintf(name, bytes, "%s", first[c]);
    else if (c < AT_POSE_RATE)
        snprintf(name, bytes, "%s", pose_names[c - AT_POSE]);
    else if (c < AT_MEASURE)
        snprintf(name, bytes, "%s_per_s", pose_names[c - AT_POSE_RATE]);
    else if (c < AT_MEASURE_RATE)
        snprintf(name, bytes, "%s", measure_names[c - AT_MEASURE]);
    else if (c < AT_EXPRESSION)
        snprintf(name, bytes, "%s_per_s", measure_names[c - AT_MEASURE_RATE]);
    else if (c < AT_SHAPE)
        snprintf(name, bytes, "%s", valence_face_expression_names[c - AT_EXPRESSION]);
    else if (c < AT_FEATURE)
        snprintf(name, bytes, "landmark%d_%c", (c - AT_SHAPE) / 2, "xy"[(c - AT_SHAPE) % 2]);
    else
        snprintf(name, bytes, "feature%d", c - AT_FEATURE);
    return VALENCE_OK;
}

/* ---- Geometry ---- */

static double distance(const double a[2], const double b[2])
{
    return hypot(a[0] - b[0], a[1] - b[1]);
}

static void mean_of(const double points[][2], int first, int n, double mean[2])
{
    mean[0] = mean[1] = 0;
    for (int i = first; i < first + n; i++)
        for (int axis = 0; axis < 2; axis++)
            mean[axis] += points[i][axis] / n;
}

/* Turns, moves and scales the landmarks so that the eyes' centres lie at (-0.5, 0) and (0.5, 0). */
static bool normalise(const double landmarks[][2], double shape[][2])
{
    double left[2], right[2];
    mean_of(landmarks, 36, 6, left);
    mean_of(landmarks, 42, 6, right);
    double across[2] = {right[0] - left[0], right[1] - left[1]};
    double square = across[0] * across[0] + across[1] * across[1];
    if (!(square > 1e-6))
        return false;
    for (int i = 0; i < VALENCE_FACE_LANDMARKS; i++) {
        double x = landmarks[i][0] - (left[0] + right[0]) / 2;
        double y = landmarks[i][1] - (left[1] + right[1]) / 2;
        shape[i][0] = (x * across[0] + y * across[1]) / square;
        shape[i][1] = (y * across[0] - x * across[1]) / square;
    }
    return true;
}

static double eye_opening(const double shape[][2], int eye)
{
    return (distance(shape[eye + 1], shape[eye + 5]) + distance(shape[eye + 2], shape[eye + 4])) /
           2;
}

static double brow_height(const double shape[][2], int brow, int eye)
{
    double above[2], below[2];
    mean_of(shape, brow, 5, above);
    mean_of(shape, eye, 6, below);
    return below[1] - above[1];
}

static void take_measures(const double shape[][2], double measures[FACE_MEASURES])
{
    double lips[2], mouth[2];
    mean_of(shape, 60, 8, lips);
    mean_of(shape, 48, 12, mouth);
    const double all[FACE_MEASURES] = {eye_opening(shape, 36),
                                       eye_opening(shape, 42),
                                       brow_height(shape, 17, 36),
                                       brow_height(shape, 22, 42),
                                       distance(shape[21], shape[22]),
                                       distance(shape[48], shape[54]),
                                       distance(shape[51], shape[57]),
                                       distance(shape[62], shape[66]),
                                       mouth[1] - (shape[48][1] + shape[54][1]) / 2,
                                       shape[8][1] - shape[33][1]};
    memcpy(measures, all, sizeof all);
}

/* ---- Pose ---- */

/* A rigid face, in distances between the eyes' centres: x to the right of the picture, y down, z
 * away from the viewer. Points that expressions hardly move: the eyes' corners, the bridge and the
 * base of the nose. Made from usual proportions of heads. */
static const struct {
    int landmark;
    double at[3];
} rigid[] = {{36, {-0.72, 0.00, 0.12}}, {39, {-0.27, 0.02, 0.03}},  {42, {0.27, 0.02, 0.03}},
             {45, {0.72, 0.00, 0.12}},  {27, {0.00, -0.05, -0.10}}, {28, {0.00, 0.18, -0.20}},
             {29, {0.00, 0.40, -0.32}}, {30, {0.00, 0.62, -0.44}},  {31, {-0.24, 0.76, -0.16}},
             {33, {0.00, 0.82, -0.24}}, {35, {0.24, 0.76, -0.16}}};
#define N_RIGID ((int)(sizeof rigid / sizeof *rigid))

const double *face_rigid_point(int landmark)
{
    static const double bridge[3] = {0, -0.05, -0.10};
    for (int i = 0; i < N_RIGID; i++)
        if (rigid[i].landmark == landmark)
            return rigid[i].at;
    return bridge;
}

/* Solves the 3 x 3 system by Cramer's rule; false where it is singular. */
static bool solve3(const double a[3][3], const double b[3], double x[3])
{
    double determinant = 0;
    for (int i = 0; i < 3; i++)
        determinant += a[0][i] * (a[1][(i + 1) % 3] * a[2][(i + 2) % 3] -
                                  a[1][(i + 2) % 3] * a[2][(i + 1) % 3]);
    if (!(fabs(determinant) > 1e-12))
        return false;
    for (int column = 0; column < 3; column++) {
        double m[3][3], value = 0;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                m[i][j] = j == column ? b[i] : a[i][j];
        for (int i = 0; i < 3; i++)
            value += m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] -
                                m[1][(i + 2) % 3] * m[2][(i + 1) % 3]);
        x[column] = value / determinant;
    }
    return true;
}

/* Parallel projection: the picture's x and y are each a linear function of the rigid points, fitted
 * by least squares. The two rows, made orthogonal and of one length, are the first two rows of the
 * rotation. */
static void fit_pose(const double landmarks[][2], double pose[FACE_POSE_ANGLES])
{
    double model_mean[3] = {0}, picture_mean[2] = {0}, normal[3][3] = {{0}}, rows[2][3];
    memset(pose, 0, FACE_POSE_ANGLES * sizeof *pose);
    for (int i = 0; i < N_RIGID; i++) {
        for (int j = 0; j < 3; j++)
            model_mean[j] += rigid[i].at[j] / N_RIGID;
        for (int j = 0; j < 2; j++)
            picture_mean[j] += landmarks[rigid[i].landmark][j] / N_RIGID;
    }
    double right[2][3] = {{0}};
    for (int i = 0; i < N_RIGID; i++)
        for (int j = 0; j < 3; j++) {
            double m = rigid[i].at[j] - model_mean[j];
            for (int k = 0; k < 3; k++)
                normal[j][k] += m * (rigid[i].at[k] - model_mean[k]);
            for (int k = 0; k < 2; k++)
                right[k][j] += m * (landmarks[rigid[i].landmark][k] - picture_mean[k]);
        }
    if (!solve3(normal, right[0], rows[0]) || !solve3(normal, right[1], rows[1]))
        return;
    double scale = 0, product = 0, lengths[2] = {0};
    for (int j = 0; j < 3; j++) {
        lengths[0] += rows[0][j] * rows[0][j];
        lengths[1] += rows[1][j] * rows[1][j];
        product += rows[0][j] * rows[1][j];
    }
    scale = (sqrt(lengths[0]) + sqrt(lengths[1])) / 2;
    if (!(scale > 1e-9))
        return;
    double third[3];
    for (int j = 0; j < 3; j++) { /* half of what they have in common leaves each */
        double x = rows[0][j], y = rows[1][j];
        rows[0][j] = (x - product / (2 * scale * scale) * y) / scale;
        rows[1][j] = (y - product / (2 * scale * scale) * x) / scale;
    }
    for (int j = 0; j < 3; j++)
        third[j] = rows[0][(j + 1) % 3] * rows[1][(j + 2) % 3] -
                   rows[0][(j + 2) % 3] * rows[1][(j + 1) % 3];
    /* With yaw a, pitch b and roll c, the third row is (sin a cos b, sin b, cos a cos b), and the
     * first two are (cos a, 0, -sin a) and another vector, turned by c. */
    pose[0] = atan2(third[0], third[2]);
    pose[1] = atan2(third[1], hypot(third[0], third[2]));
    double flat[3] = {cos(pose[0]), 0, -sin(pose[0])}, along[2] = {0, 0};
    for (int k = 0; k < 2; k++)
        for (int j = 0; j < 3; j++)
            along[k] += rows[k][j] * flat[j];
    pose[2] = atan2(along[1], along[0]);
}

bool face_geometry_measure(const struct valence_face *face, struct face_geometry *geometry)
{
    if (!normalise(face->landmarks, geometry->shape))
        return false;
    take_measures((const double(*)[2])geometry->shape, geometry->measures);
    fit_pose(face->landmarks, geometry->pose);
    return true;
}

/* ---- The row ---- */

static void put(float *row, int at, int n, const double *values)
{
    for (int i = 0; i < n; i++)
        row[at + i] = (float)values[i];
}

static void put_rates(float *row, int at, int n, const double *now, const double *before,
                      double seconds)
{
    for (int i = 0; i < n; i++)
        row[at + i] = (float)((now[i] - before[i]) / seconds);
}

void face_row(const struct valence_face *face, double time, const struct valence_face *before,
              double time_before, int64_t width, int64_t height, float row[VALENCE_FACE_COLUMNS])
{
    struct face_geometry now, then;
    memset(row, 0, VALENCE_FACE_COLUMNS * sizeof *row);
    if (!face || !face_geometry_measure(face, &now))
        return;
    row[AT_FOUND] = 1;
    row[AT_SCORE] = (float)face->score;
    put(row, AT_BOX, 4,
        (double[]){(face->box[0] + face->box[2] / 2) / (double)width,
                   (face->box[1] + face->box[3] / 2) / (double)height, face->box[2] / (double)width,
                   face->box[3] / (double)height});
    put(row, AT_POSE, FACE_POSE_ANGLES, now.pose);
    put(row, AT_MEASURE, FACE_MEASURES, now.measures);
    put(row, AT_SHAPE, 2 * VALENCE_FACE_LANDMARKS, &now.shape[0][0]);
    memcpy(row + AT_EXPRESSION, face->probabilities, sizeof face->probabilities);
    memcpy(row + AT_FEATURE, face->feature, sizeof face->feature);
    if (before && time > time_before && face_geometry_measure(before, &then)) {
        double seconds = time - time_before;
        row[AT_MOTION] = 1;
        put_rates(row, AT_POSE_RATE, FACE_POSE_ANGLES, now.pose, then.pose, seconds);
        put_rates(row, AT_MEASURE_RATE, FACE_MEASURES, now.measures, then.measures, seconds);
    }
}
