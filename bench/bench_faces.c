/* bench-faces MODEL.gguf WIDTH HEIGHT [INPUT_SIZE] <FRAMES: times finding faces in raw RGB frames
 * (ffmpeg -f rawvideo -pix_fmt rgb24). Prints a line a frame with the best face's box, pose and
 * likeliest expression, then frames per second and the peak of resident memory. BENCH_LEVEL limits
 * kernels to a processor's instructions (level.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "level.h"
#include "measure.h"
#include "valence/faces.h"

#define AT_ONCE 16 /* frames */

static int64_t column_of(const char *wanted)
{
    char name[32];
    for (int64_t i = 0; i < VALENCE_FACE_COLUMNS; i++)
        if (valence_face_column_name(i, name, sizeof name) == 0 && strcmp(name, wanted) == 0)
            return i;
    abort();
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench-faces MODEL.gguf WIDTH HEIGHT [INPUT_SIZE] <FRAMES\n");
        return 2;
    }
    if (getenv("BENCH_LEVEL") && !limit_to_level(getenv("BENCH_LEVEL"))) {
        fprintf(stderr,
                "bench-faces: BENCH_LEVEL is none of " LEVELS ", or not of this processor\n");
        return 1;
    }
    int64_t width = atoll(argv[2]), height = atoll(argv[3]), n = 0;
    struct valence_error error;
    struct valence_face_options options;
    struct valence_face_detector *detector = NULL;
    struct valence_face_clip *clip = NULL;
    valence_face_options_default(&options);
    if (argc > 4)
        options.input_size = atoll(argv[4]);
    size_t bytes = (size_t)(width * height * 3);
    uint8_t *pixels = malloc(AT_ONCE * bytes);
    int status = valence_face_detector_open(argv[1], &options, &detector, &error);
    if (!status)
        status = valence_face_clip_create(detector, &clip, &error);
    double seconds = 0;
    for (int64_t read = AT_ONCE; !status && read == AT_ONCE; n += read) {
        double times[AT_ONCE];
        read = (int64_t)fread(pixels, bytes, AT_ONCE, stdin);
        for (int64_t i = 0; i < read; i++)
            times[i] = (double)(n + i) / 25;
        double start = seconds_now();
        status = read ? valence_face_clip_add(clip, pixels, read, width, height, times, &error) : 0;
        seconds += seconds_now() - start;
    }
    float *rows = calloc((size_t)n + 1, VALENCE_FACE_COLUMNS * sizeof *rows);
    struct valence_face_summary summary = {0};
    if (!status)
        status = valence_face_clip_rows(clip, VALENCE_PERSON_LARGEST, NULL, rows, &summary, &error);
    if (status) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int64_t yaw = column_of("yaw"), box = column_of("box_x"), expression = column_of("neutral");
    for (int64_t i = 0; i < n; i++) {
        const float *row = rows + i * VALENCE_FACE_COLUMNS;
        int best = 0;
        for (int j = 1; j < VALENCE_FACE_EXPRESSIONS; j++)
            best = row[expression + j] > row[expression + best] ? j : best;
        if (row[0] > 0)
            printf("%4" PRId64
                   "  box %.3f %.3f %.3f %.3f  yaw %+.2f pitch %+.2f roll %+.2f  %s %.2f\n",
                   i, row[box], row[box + 1], row[box + 2], row[box + 3], row[yaw], row[yaw + 1],
                   row[yaw + 2], valence_face_expression_names[best], row[expression + best]);
        else
            printf("%4" PRId64 "  no face\n", i);
    }
    printf("%" PRId64 " frames, a face in %" PRId64 ", %" PRId64
           " people, %.1f frames/s, peak %.0f MiB\n",
           n, summary.n_found, summary.n_people, (double)n / seconds, peak_mib());
    valence_face_clip_free(clip);
    valence_face_detector_close(detector);
    free(rows);
    free(pixels);
    return 0;
}
