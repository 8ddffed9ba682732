#include "score_live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

/* 0.1 s of samples. */
#define PIECE 1600

struct feeding {
    struct valence_live *live;
    struct score_output *output;
};

static int receive(void *user, const struct valence_scored_segment *segment)
{
    score_output_line(user, segment);
    return ferror(stdout);
}

static int take(void *user, const struct valence_media_samples *piece, struct valence_error *error)
{
    return valence_live_feed(((struct feeding *)user)->live, piece->samples, piece->n_samples,
                             error);
}

static int feed_media(struct feeding *feeding, const struct valence_media_options *given,
                      struct valence_error *error)
{
    struct valence_media_options options = *given;
    struct valence_media *media;
    const struct valence_media_sink sink = {take, NULL, feeding};
    options.rate_hz = 16000;
    options.accept_damaged = true; /* who stops a recording cuts it off */
    options.max_seconds = 1e9;
    int status =
        valence_media_open_descriptor(STDIN_FILENO, "standard input", &options, &media, error);
    if (status)
        return status;
    status = valence_media_decode(media, NULL, 0, &sink, terminal_progress(true), error);
    terminal_progress_finish();
    valence_media_close(media);
    return status;
}

static bool is_cancelled(void)
{
    static const struct valence_progress_event event = {"listening", 0, 0, "seconds", NULL};
    struct valence_progress *progress = terminal_progress(true);
    return progress->report(progress->user, &event) != 0;
}

static int feed_raw(struct feeding *feeding, struct valence_error *error)
{
    unsigned char bytes[2 * PIECE];
    float samples[PIECE];
    size_t kept = 0; /* a byte whose other half has not come */
    int status = VALENCE_OK;
    while (!status && !is_cancelled()) {
        ssize_t n = read(STDIN_FILENO, bytes + kept, sizeof bytes - kept);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return valence_fail(error, VALENCE_ERROR_IO, NULL, "standard input: cannot read it: %s",
                                strerror(errno));
        if (n == 0)
            break;
        size_t have = kept + (size_t)n;
        for (size_t i = 0; i < have / 2; i++)
            samples[i] = (float)(int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8) / 32768.0f;
        kept = have % 2;
        status = valence_live_feed(feeding->live, samples, (int64_t)(have / 2), error);
        if (kept)
            bytes[0] = bytes[have - 1];
    }
    terminal_progress_finish();
    return status;
}

/* Samples without a header are of no known format; the command reads them where it is told to. */
static void suggest_raw(struct valence_error *error)
{
    if (error->status == VALENCE_ERROR_UNSUPPORTED && !error->key[0])
        snprintf(error->key, sizeof error->key, "raw");
}

int score_live(struct valence_scorer *scorer, struct score_output *output, bool raw,
               const struct valence_media_options *media, struct valence_error *error)
{
    struct feeding feeding = {.output = output};
    int status = valence_live_open(scorer, receive, output, &feeding.live, error);
    if (status)
        return status;
    status = raw ? feed_raw(&feeding, error) : feed_media(&feeding, media, error);
    if (status && !raw)
        suggest_raw(error);
    if (!status || status == VALENCE_ERROR_CANCELLED) /* Ctrl-C ends it in order */
        status = valence_live_end(feeding.live, error);
    valence_live_close(feeding.live);
    return status;
}
