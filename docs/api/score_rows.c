/* Scores a clip whose features are in memory: the flow that fits what it has, the error to expect
 * and an interval. Here the clip has made-up sound and pictures, and no text.
 *
 *     cc score_rows.c $(pkg-config --cflags --libs valence) -o score_rows
 *     ./score_rows RUN/best.safetensors */
#include <stdio.h>
#include <stdlib.h>
#include <valence/predict.h>

static int print(void *user, const struct valence_prediction *prediction)
{
    (void)user;
    printf("%+.3f, 90 %% interval %+.3f to %+.3f, flow %s\n", (double)prediction->score,
           (double)prediction->estimate.low, (double)prediction->estimate.high,
           valence_flow_name(prediction->flow));
    return 0;
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_model *model = NULL;
    struct valence_workspace *workspace = NULL;
    static const int64_t audio_offsets[] = {0, 5}, video_offsets[] = {0, 9}; /* 5 and 9 rows */
    if (argc != 2) {
        fprintf(stderr, "usage: score_rows MODEL\n");
        return 2;
    }
    int status = valence_model_load(argv[1], &model, &error);
    if (!status)
        status = valence_workspace_create(model, &workspace, &error);
    if (!status) {
        const int64_t *widths = valence_model_get_config(model)->widths;
        float *audio = calloc((size_t)(5 * widths[VALENCE_AUDIO]), sizeof *audio);
        float *video = calloc((size_t)(9 * widths[VALENCE_VIDEO]), sizeof *video);
        struct valence_batch batch = {.n_clips = 1};
        batch.streams[VALENCE_STREAM_AUDIO] = (struct valence_rows){.data = audio,
                                                                    .type = VALENCE_F32,
                                                                    .width = widths[VALENCE_AUDIO],
                                                                    .offsets = audio_offsets};
        batch.streams[VALENCE_STREAM_VIDEO] = (struct valence_rows){.data = video,
                                                                    .type = VALENCE_F32,
                                                                    .width = widths[VALENCE_VIDEO],
                                                                    .offsets = video_offsets};
        status = valence_predict_batch(workspace, &batch, NULL, print, NULL, NULL, &error);
        free(audio);
        free(video);
    }
    if (status)
        fprintf(stderr, "score_rows: %s\n", error.text);
    valence_workspace_free(workspace);
    valence_model_free(model);
    return status ? 1 : 0;
}
