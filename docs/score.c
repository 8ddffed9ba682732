/* Scores one clip of made-up features with the installed library:
 *
 *     cc score.c $(pkg-config --cflags --libs valence) -o score && ./score model.safetensors */
#include <stdio.h>
#include <stdlib.h>
#include <valence/score.h>

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_model *model = NULL;
    struct valence_workspace *workspace = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: score MODEL\n");
        return 2;
    }
    int status = valence_model_load(argv[1], &model, &error);
    if (!status)
        status = valence_workspace_create(model, &workspace, &error);
    if (!status) {
        static const int64_t offsets[] = {0, 5}; /* five rows of each modality, all zero */
        static const uint64_t keys[] = {1};
        struct valence_batch batch = {.n_clips = 1, .keys = keys};
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            int64_t width = valence_model_get_config(model)->widths[m];
            float *rows = calloc((size_t)(5 * width), sizeof *rows);
            batch.streams[m] = (struct valence_rows){rows, VALENCE_F32, width, offsets};
        }
        float score;
        status = valence_score(workspace, &batch, 0, &score, NULL, &error);
        if (!status)
            printf("%+.3f\n", (double)score);
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            free((void *)(uintptr_t)batch.streams[m].data);
    }
    if (status)
        fprintf(stderr, "score: %s\n", error.text);
    valence_workspace_free(workspace);
    valence_model_free(model);
    return status ? 1 : 0;
}
