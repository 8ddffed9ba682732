#include "exchange/synthetic_signal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

/* What is drawn, as the second half of a key. */
enum purpose {
    DIRECTIONS = 1,
    VOCABULARY,
    OFFSETS,
    BELIEF, /* + modality */
    WORDS = BELIEF + VALENCE_N_MODALITIES,
    BURSTS,
    DRIFT = BURSTS + VALENCE_N_STREAMS,
    HEARING = DRIFT + VALENCE_N_STREAMS,
    NOISE,
};

/* Directions of a stream: which way sentiment points, that something is said at all, and slow
 * drifts (posture, pitch). */
enum {
    TOWARDS_VALENCE,
    TOWARDS_SALIENCE,
    TOWARDS_DRIFT,
    N_DRIFTS = 4,
    N_DIRECTIONS = 2 + N_DRIFTS
};

/* How a stream tells of the label. Amplitudes are along unit vectors, along which noise has its own
 * deviation, so that the task is as hard whatever the width. */
struct character {
    double belief;    /* deviation of what the modality believes of the label, for the whole clip */
    double scatter;   /* deviation of each word or burst around that */
    float valence;    /* amplitude of a unit of sentiment */
    float salience;   /* amplitude of there being one */
    float drift;      /* amplitude of the slow drifts */
    float noise;      /* deviation of each value */
    float speaker;    /* deviation of the speaker's offset */
    int64_t interval; /* rows to a word of sentiment, or to a burst */
};

static const struct character characters[VALENCE_N_STREAMS] = {
    [VALENCE_STREAM_AUDIO] = {1.1, 0.8, 1.2f, 2.5f, 2.0f, 1.0f, 0.5f, 60},
    [VALENCE_STREAM_TEXT] = {0.45, 0.6, 1.6f, 3.0f, 0.0f, 0.3f, 0.2f, 8},
    [VALENCE_STREAM_VIDEO] = {1.7, 0.8, 1.0f, 2.0f, 2.5f, 1.0f, 0.7f, 40},
    [VALENCE_STREAM_SIMULATED_TEXT] = {0.45, 0.6, 1.2f, 2.2f, 0.0f, 0.7f, 0.2f, 8},
};

#define N_SENTIMENT_WORDS 121 /* word i < 121 has sentiment -3 + 6 i / 120 */
#define N_WORDS           500
#define WORD_DEVIATION    0.8f /* of the values of a word's own vector */
#define CONTEXT           0.3f /* of the word before, as a language model would mix it in */
#define MISLEADING_WORDS  0.10 /* words of sentiment that say nothing of the clip's */
#define MISTAKEN_WORDS    0.20 /* words of simulated text that are another word */
#define MIN_BURST_ROWS    8
#define MAX_BURST_ROWS    25

/* ---- Noise ---- */

/* Adds scale * z to a row of values, z with mean 0 and deviation 1: sums of four random bytes, near
 * enough to normal and many times faster. */
static void add_noise(uint64_t key, uint64_t index, float scale, int64_t width, float *row)
{
    /* mean 4 * 127.5, variance 4 * (256^2 - 1) / 12 */
    float unit = scale / 147.80166f;
    uint32_t words[4], keys[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (int64_t j = 0; j < width; j++) {
        if (j % 4 == 0) {
            uint32_t counter[4] = {(uint32_t)(j / 4), 0, (uint32_t)index, (uint32_t)(index >> 32)};
            philox(counter, keys, words);
        }
        uint32_t word = words[j % 4];
        uint32_t sum = (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24);
        row[j] += ((float)sum - 510.0f) * unit;
    }
}

static void add_scaled(const float *vector, float scale, int64_t width, float *row)
{
    for (int64_t j = 0; j < width; j++)
        row[j] += scale * vector[j];
}

/* A source of its own for (clip, purpose, index). */
static struct random_source draw(uint64_t key, int purpose, int64_t index)
{
    return random_source(mix_keys(key, (uint64_t)purpose), (uint64_t)index);
}

/* ---- The corpus ---- */

static void normalise(float *vector, int64_t width)
{
    double squares = 0;
    for (int64_t j = 0; j < width; j++)
        squares += (double)vector[j] * vector[j];
    for (int64_t j = 0; j < width; j++)
        vector[j] = (float)(vector[j] / sqrt(squares > 0 ? squares : 1));
}

/* A projector learnt to map speech to where text lies does so in part: its sentiment leans another
 * way. */
static void lean_on_text(struct synthetic_corpus *corpus)
{
    int64_t width = corpus->widths[VALENCE_STREAM_TEXT];
    for (int i = 0; i <= TOWARDS_SALIENCE; i++) {
        float *direction = corpus->directions[VALENCE_STREAM_SIMULATED_TEXT] + i * width;
        add_scaled(corpus->directions[VALENCE_STREAM_TEXT] + i * width, 0.75f, width, direction);
        normalise(direction, width);
    }
}

int synthetic_corpus_create(struct synthetic_corpus *corpus, uint64_t seed,
                            const int64_t widths[VALENCE_N_MODALITIES], struct valence_error *error)
{
    *corpus = (struct synthetic_corpus){.seed = seed};
    for (int stream = 0; stream < VALENCE_N_STREAMS; stream++) {
        int64_t width = widths[valence_stream_modality(stream)];
        corpus->widths[stream] = width;
        float *directions = allocate(N_DIRECTIONS * width, sizeof *directions);
        corpus->directions[stream] = directions;
        if (!directions) {
            synthetic_corpus_free(corpus);
            return fail_memory(error, (size_t)(N_DIRECTIONS * width) * sizeof *directions,
                               "a synthetic corpus");
        }
        for (int i = 0; i < N_DIRECTIONS; i++) {
            uint64_t index = (uint64_t)(stream * N_DIRECTIONS + i);
            add_noise(mix_keys(seed, DIRECTIONS), index, 1.0f, width, directions + i * width);
            normalise(directions + i * width, width);
        }
    }
    lean_on_text(corpus);
    return VALENCE_OK;
}

void synthetic_corpus_free(struct synthetic_corpus *corpus)
{
    for (int stream = 0; stream < VALENCE_N_STREAMS; stream++)
        free(corpus->directions[stream]);
    *corpus = (struct synthetic_corpus){0};
}

/* ---- Words ---- */

/* What a modality believes of the label: text and simulated text are the same words. */
static double belief(const struct synthetic_clip *clip, enum valence_stream stream)
{
    int modality = (int)valence_stream_modality(stream);
    struct random_source source = draw(clip->key, BELIEF, modality);
    return clip->label + characters[stream].belief * random_normal(&source);
}

static int word_of_sentiment(double sentiment)
{
    double clamped = sentiment < -3 ? -3 : sentiment > 3 ? 3 : sentiment;
    return (int)lround((clamped + 3) / 6 * (N_SENTIMENT_WORDS - 1));
}

static double sentiment_of_word(int word)
{
    return -3 + 6.0 * word / (N_SENTIMENT_WORDS - 1);
}

/* The word at a position of the transcript: one in each interval carries sentiment. */
static int word_at(const struct synthetic_clip *clip, int64_t position)
{
    const struct character *text = &characters[VALENCE_STREAM_TEXT];
    int64_t interval = position / text->interval, start = interval * text->interval;
    int64_t length = clip->n_rows[VALENCE_STREAM_TEXT] - start;
    struct random_source source = draw(clip->key, WORDS, interval);
    int64_t chosen =
        start + random_below(&source, length < text->interval ? length : text->interval);
    if (position == chosen) {
        bool misleads = random_uniform(&source) < MISLEADING_WORDS;
        double scatter = text->scatter * random_normal(&source);
        return word_of_sentiment(misleads ? 6 * random_uniform(&source) - 3
                                          : belief(clip, VALENCE_STREAM_TEXT) + scatter);
    }
    source = draw(clip->key, WORDS, -1 - position);
    return N_SENTIMENT_WORDS + (int)random_below(&source, N_WORDS - N_SENTIMENT_WORDS);
}

/* The word that a recogniser hears there: `row` of simulated text stands for the transcript's words
 * in proportion. */
static int word_heard_at(const struct synthetic_clip *clip, int64_t row)
{
    struct random_source source = draw(clip->key, HEARING, row);
    if (random_uniform(&source) < MISTAKEN_WORDS)
        return (int)random_below(&source, N_WORDS);
    int64_t n_words = clip->n_rows[VALENCE_STREAM_TEXT];
    if (n_words == 0)
        return N_SENTIMENT_WORDS;
    return word_at(clip, row * n_words / clip->n_rows[VALENCE_STREAM_SIMULATED_TEXT]);
}

static void add_word(const struct synthetic_corpus *corpus, enum valence_stream stream, int word,
                     float scale, float *row)
{
    const struct character *character = &characters[stream];
    const float *directions = corpus->directions[stream];
    int64_t width = corpus->widths[stream];
    add_noise(mix_keys(corpus->seed, VOCABULARY), (uint64_t)word, scale * WORD_DEVIATION, width,
              row);
    if (word >= N_SENTIMENT_WORDS)
        return;
    add_scaled(directions + TOWARDS_VALENCE * width,
               scale * character->valence * (float)sentiment_of_word(word), width, row);
    add_scaled(directions + TOWARDS_SALIENCE * width, scale * character->salience, width, row);
}

static void add_words(const struct synthetic_corpus *corpus, const struct synthetic_clip *clip,
                      enum valence_stream stream, float *rows)
{
    bool heard = stream == VALENCE_STREAM_SIMULATED_TEXT;
    for (int64_t i = 0; i < clip->n_rows[stream]; i++) {
        float *row = rows + i * corpus->widths[stream];
        add_word(corpus, stream, heard ? word_heard_at(clip, i) : word_at(clip, i), 1.0f, row);
        if (i > 0)
            add_word(corpus, stream, heard ? word_heard_at(clip, i - 1) : word_at(clip, i - 1),
                     CONTEXT, row);
    }
}

/* ---- Frames ---- */

/* One burst in each interval: it swells and fades, and carries sentiment. */
static void add_bursts(const struct synthetic_corpus *corpus, const struct synthetic_clip *clip,
                       enum valence_stream stream, float *rows)
{
    const struct character *character = &characters[stream];
    const float *directions = corpus->directions[stream];
    int64_t width = corpus->widths[stream], n_rows = clip->n_rows[stream];
    double believed = belief(clip, stream);
    for (int64_t from = 0; from < n_rows; from += character->interval) {
        struct random_source source = draw(clip->key, BURSTS + (int)stream, from);
        int64_t room = n_rows - from < character->interval ? n_rows - from : character->interval;
        int64_t length =
            MIN_BURST_ROWS + random_below(&source, MAX_BURST_ROWS - MIN_BURST_ROWS + 1);
        if (length > room)
            length = room;
        int64_t start = from + random_below(&source, room - length + 1);
        float sentiment = (float)(believed + character->scatter * random_normal(&source));
        for (int64_t i = 0; i < length; i++) {
            int64_t edge = i < length - 1 - i ? i : length - 1 - i;
            float height = edge >= 3 ? 1.0f : (float)(edge + 1) / 4.0f;
            float *row = rows + (start + i) * width;
            add_scaled(directions + TOWARDS_VALENCE * width,
                       height * character->valence * sentiment, width, row);
            add_scaled(directions + TOWARDS_SALIENCE * width, height * character->salience, width,
                       row);
        }
    }
}

/* Slow drifts in a few directions: neighbouring frames are alike, as real ones are. */
static void add_drifts(const struct synthetic_corpus *corpus, const struct synthetic_clip *clip,
                       enum valence_stream stream, float *rows)
{
    const double keeps = 0.95, renews = 0.31224989991991997; /* sqrt(1 - keeps^2) */
    int64_t width = corpus->widths[stream];
    for (int i = 0; i < N_DRIFTS; i++) {
        struct random_source source = draw(clip->key, DRIFT + (int)stream, i);
        const float *direction = corpus->directions[stream] + (TOWARDS_DRIFT + i) * width;
        double state = random_normal(&source);
        for (int64_t row = 0; row < clip->n_rows[stream]; row++) {
            add_scaled(direction, characters[stream].drift * (float)state, width,
                       rows + row * width);
            state = keeps * state + renews * random_normal(&source);
        }
    }
}

void synthetic_rows(const struct synthetic_corpus *corpus, const struct synthetic_clip *clip,
                    enum valence_stream stream, float *rows)
{
    const struct character *character = &characters[stream];
    int64_t width = corpus->widths[stream], n_rows = clip->n_rows[stream];
    size_t row_bytes = (size_t)width * sizeof *rows;
    uint64_t noise = mix_keys(clip->key, NOISE + (uint64_t)stream);
    if (n_rows == 0)
        return;
    memset(rows, 0, row_bytes);
    add_noise(mix_keys(clip->speaker, OFFSETS), (uint64_t)stream, character->speaker, width, rows);
    for (int64_t i = 1; i < n_rows; i++)
        memcpy(rows + i * width, rows, row_bytes);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_rows; i++)
        add_noise(noise, (uint64_t)i, character->noise, width, rows + i * width);
    if (stream == VALENCE_STREAM_TEXT || stream == VALENCE_STREAM_SIMULATED_TEXT) {
        add_words(corpus, clip, stream, rows);
    } else {
        add_bursts(corpus, clip, stream, rows);
        add_drifts(corpus, clip, stream, rows);
    }
}
