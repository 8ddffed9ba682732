/* Scores a media file, utterance by utterance, with the installed libraries:
 *
 *     cc score.c $(pkg-config --cflags --libs valence-media valence) -o score
 *     ./score RUN MODELS clip.mp4 */
#include <stdio.h>
#include <valence/scorer.h>

static int print_segment(void *user, const struct valence_scored_segment *segment)
{
    (void)user;
    printf("%6.1f s  %+.2f  %s\n", segment->start, segment->score,
           *segment->reason ? segment->reason : segment->text);
    return 0; /* anything else would stop */
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_scorer *scorer = NULL;
    struct valence_recording_score *score = NULL;
    struct valence_scorer_options options;
    if (argc != 4)
        return fprintf(stderr, "usage: score RUN MODELS FILE\n"), 2;
    valence_scorer_options_default(&options);
    options.folder = argv[2]; /* of 'valence models fetch' */
    int status = valence_scorer_open(argv[1], &options, &scorer, &error);
    if (!status)
        status = valence_score_recording(scorer, &(struct valence_recording){.path = argv[3]}, NULL,
                                         print_segment, NULL, &score, &error);
    if (status)
        fprintf(stderr, "score: %s\n", error.text);
    else
        printf("the whole: %+.2f, spread %.2f\n", score->score, score->spread);
    valence_recording_score_free(score);
    valence_scorer_close(scorer);
    return status ? 1 : 0;
}
