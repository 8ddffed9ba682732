/* Scores sentences with a model that was trained on the rows of a language model. How the sentences
 * are to be encoded is recorded in the checkpoint.
 *
 *     cc score_text.c $(pkg-config --cflags --libs valence-media) -o score_text
 *     ./score_text RUN/best.safetensors SmolLM2.gguf "I loved it" "A waste of time" */
#include <stdio.h>
#include <valence/predict.h>
#include <valence/transcripts.h>

static int print(void *user, const struct valence_prediction *prediction)
{
    printf("%+.3f  %s\n", (double)prediction->score, ((char **)user)[prediction->clip]);
    return 0;
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_model *model = NULL;
    struct valence_workspace *workspace = NULL;
    struct valence_transcript_encoder *encoder = NULL;
    struct valence_features features = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: score_text MODEL LLM.gguf SENTENCE...\n");
        return 2;
    }
    int status = valence_model_load(argv[1], &model, &error);
    if (!status)
        status = valence_workspace_create(model, &workspace, &error);
    if (!status)
        status = valence_transcript_encoder_open_recorded(
            argv[2], valence_model_encoder(model, VALENCE_STREAM_TEXT), NULL, &encoder, &error);
    if (!status)
        status = valence_transcript_encoder_encode(encoder, (const char *const *)argv + 3, argc - 3,
                                                   NULL, &features, &error);
    if (!status) {
        struct valence_batch batch = {.n_clips = features.n_inputs};
        batch.streams[VALENCE_STREAM_TEXT] = (struct valence_rows){.data = features.rows,
                                                                   .type = VALENCE_F32,
                                                                   .width = features.width,
                                                                   .offsets = features.offsets};
        status = valence_predict_batch(workspace, &batch, NULL, print, argv + 3, NULL, &error);
    }
    if (status)
        fprintf(stderr, "score_text: %s\n", error.text);
    valence_features_free(&features);
    valence_transcript_encoder_close(encoder);
    valence_workspace_free(workspace);
    valence_model_free(model);
    return status ? 1 : 0;
}
