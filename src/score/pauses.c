/* Utterances between pauses, by the level of the sound. */
#include <math.h>

#include "score/scorer.h"

#define FRAME_SAMPLES     160 /* 10 ms */
#define FRAMES_PER_SECOND (SCORE_RATE_HZ / FRAME_SAMPLES)

/* Speech is that much above the floor, and never quieter than the least. */
#define PAUSE_RISE_DB  9
#define PAUSE_LEAST_DB (-55)

/* The floor follows a quieter frame at once, and rises so slowly otherwise that half a minute of
 * speech does not become one. */
#define FLOOR_RISE_DB     (0.5 / FRAMES_PER_SECOND)
#define FLOOR_AT_FIRST_DB (-45)

#define PAUSE_FRAMES (FRAMES_PER_SECOND / 2)

/* Sounds shorter than this are no utterances; what is kept before and behind one. */
#define SHORTEST_FRAMES (FRAMES_PER_SECOND / 4)
#define MARGIN_FRAMES   (FRAMES_PER_SECOND / 5)

void pause_finder_begin(struct pause_finder *finder, double begin, double longest)
{
    *finder = (struct pause_finder){.longest = longest,
                                    .begin = begin,
                                    .floor = FLOOR_AT_FIRST_DB,
                                    .speech_from = -1,
                                    .quietest = -1};
}

static double seconds_of(const struct pause_finder *finder, int64_t frame)
{
    return finder->begin + (double)(frame > 0 ? frame : 0) / FRAMES_PER_SECOND;
}

static int end_utterance(struct pause_finder *finder, int64_t from, int64_t to,
                         pause_receiver receive, void *user, struct valence_error *error)
{
    if (to > finder->n_frames)
        to = finder->n_frames;
    return receive(user, seconds_of(finder, from), seconds_of(finder, to), error);
}

/* Cuts an utterance that has become too long where it was quietest; the rest goes on. */
static int cut(struct pause_finder *finder, pause_receiver receive, void *user,
               struct valence_error *error)
{
    int64_t at = finder->quietest >= 0 ? finder->quietest : finder->n_frames;
    int64_t from = finder->speech_from - MARGIN_FRAMES;
    int status = end_utterance(finder, from, at, receive, user, error);
    finder->speech_from = at + MARGIN_FRAMES; /* the next begins at `at` */
    finder->quietest = -1;
    return status;
}

static int add_frame(struct pause_finder *finder, double level, pause_receiver receive, void *user,
                     struct valence_error *error)
{
    int64_t frame = finder->n_frames++;
    finder->floor = level < finder->floor ? fmax(level, -100) : finder->floor + FLOOR_RISE_DB;
    bool is_speech = level > finder->floor + PAUSE_RISE_DB && level > PAUSE_LEAST_DB;
    if (is_speech) {
        if (finder->speech_from < 0)
            finder->speech_from = frame;
        finder->speech_to = frame + 1;
    }
    if (finder->speech_from < 0)
        return VALENCE_OK;
    int64_t length = finder->n_frames - finder->speech_from + 2 * MARGIN_FRAMES;
    int64_t longest = (int64_t)(finder->longest * FRAMES_PER_SECOND);
    if (length > longest - longest / 3 &&
        (finder->quietest < 0 || level <= finder->quietest_level)) {
        finder->quietest = frame;
        finder->quietest_level = level;
    }
    if (finder->n_frames - finder->speech_to >= PAUSE_FRAMES)
        return pause_finder_end(finder, receive, user, error);
    return length >= longest ? cut(finder, receive, user, error) : VALENCE_OK;
}

int pause_finder_add(struct pause_finder *finder, const float *samples, int64_t n,
                     pause_receiver receive, void *user, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n && !status; i++) {
        finder->sum += (double)samples[i] * (double)samples[i];
        if (++finder->n_in_frame < FRAME_SAMPLES)
            continue;
        double level = 10 * log10(finder->sum / FRAME_SAMPLES + 1e-10);
        finder->sum = finder->n_in_frame = 0;
        status = add_frame(finder, level, receive, user, error);
    }
    return status;
}

int pause_finder_end(struct pause_finder *finder, pause_receiver receive, void *user,
                     struct valence_error *error)
{
    int64_t from = finder->speech_from, to = finder->speech_to;
    finder->speech_from = finder->quietest = -1;
    if (from < 0 || to - from < SHORTEST_FRAMES)
        return VALENCE_OK;
    return end_utterance(finder, from - MARGIN_FRAMES, to + MARGIN_FRAMES, receive, user, error);
}
