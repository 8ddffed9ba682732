#include "extract/face_crop.h"

#include <math.h>
#include <string.h>

#define N_POINTS 5

/* Eyes, tip of the nose, corners of the mouth; what is more to the left in the picture first. */
static const double template[N_POINTS][2] = {{38.2946, 51.6963},
                                             {73.5318, 51.5014},
                                             {56.0252, 71.7366},
                                             {41.5493, 92.3655},
                                             {70.7299, 92.2041}};

/* The mean of landmarks first ... last. */
static void mean_of(const struct valence_face *face, int first, int last, double point[2])
{
    point[0] = point[1] = 0;
    for (int i = first; i <= last; i++)
        for (int j = 0; j < 2; j++)
            point[j] += face->landmarks[i][j] / (last - first + 1);
}

/* q = scale * rotation (p - from) + to, as [a -b; b a]. */
struct similarity {
    double a, b, from[2], to[2];
};

static struct similarity fit(double points[N_POINTS][2])
{
    struct similarity s = {0};
    double square = 0;
    for (int i = 0; i < N_POINTS; i++)
        for (int j = 0; j < 2; j++) {
            s.from[j] += points[i][j] / N_POINTS;
            s.to[j] += template[i][j] / N_POINTS;
        }
    for (int i = 0; i < N_POINTS; i++) {
        double px = points[i][0] - s.from[0], py = points[i][1] - s.from[1];
        double qx = template[i][0] - s.to[0], qy = template[i][1] - s.to[1];
        s.a += px * qx + py * qy;
        s.b += px * qy - py * qx;
        square += px * px + py * py;
    }
    s.a = square > 0 ? s.a / square : 0;
    s.b = square > 0 ? s.b / square : 0;
    return s;
}

static double pixel_at(const uint8_t *pixels, int64_t width, int64_t height, int64_t x, int64_t y,
                       int channel)
{
    return x < 0 || y < 0 || x >= width || y >= height ? 0 : pixels[3 * (y * width + x) + channel];
}

void face_crop(const uint8_t *pixels, int64_t width, int64_t height,
               const struct valence_face *face, uint8_t crop[FACE_CROP_BYTES])
{
    double points[N_POINTS][2];
    mean_of(face, 36, 41, points[0]);
    mean_of(face, 42, 47, points[1]);
    mean_of(face, 30, 30, points[2]);
    mean_of(face, 48, 48, points[3]);
    mean_of(face, 54, 54, points[4]);
    struct similarity s = fit(points);
    double square = s.a * s.a + s.b * s.b;
    memset(crop, 0, FACE_CROP_BYTES);
    if (!(square > 1e-12)) /* no face has all its points in one place */
        return;
    for (int v = 0; v < FACE_CROP_SIDE; v++)
        for (int u = 0; u < FACE_CROP_SIDE; u++) {
            double qx = (u - s.to[0]) / square, qy = (v - s.to[1]) / square;
            double x = s.from[0] + s.a * qx + s.b * qy, y = s.from[1] - s.b * qx + s.a * qy;
            if (!(x > -1 && y > -1 && x < (double)width && y < (double)height))
                continue;
            int64_t left = (int64_t)floor(x), top = (int64_t)floor(y);
            double fx = x - (double)left, fy = y - (double)top;
            for (int c = 0; c < 3; c++) {
                double upper = (1 - fx) * pixel_at(pixels, width, height, left, top, c) +
                               fx * pixel_at(pixels, width, height, left + 1, top, c);
                double lower = (1 - fx) * pixel_at(pixels, width, height, left, top + 1, c) +
                               fx * pixel_at(pixels, width, height, left + 1, top + 1, c);
                crop[3 * (v * FACE_CROP_SIDE + u) + c] =
                    (uint8_t)lround((1 - fy) * upper + fy * lower);
            }
        }
}
