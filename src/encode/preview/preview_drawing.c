#include "encode/preview/preview_drawing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WAVE_HEIGHT   100.0
#define SPEECH_HEIGHT 4.0 /* of the bars where speech was detected */
#define LANE_HEIGHT   15.0
#define MAX_LANES     12
#define LETTER_WIDTH  6.2   /* of the font of words, on average */
#define LINE_WIDTH    200.0 /* least room for a text that needs several lines */

/* ---- Text ---- */

/* A coordinate to a tenth of a pixel, with a point whatever the locale. */
#define NUMBER_BYTES 32
#define N(value)     number((char[NUMBER_BYTES]){0}, value)

static const char *number(char text[NUMBER_BYTES], double value)
{
    long long tenths = llrint(value * 10);
    long long size = tenths < 0 ? -tenths : tenths;
    snprintf(text, NUMBER_BYTES, "%s%lld.%lld", tenths < 0 ? "-" : "", size / 10, size % 10);
    return text;
}

/* Characters that XML cannot hold become a blank. */
static void put_escaped(struct text *svg, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '<')
            text_append(svg, "&lt;", 4);
        else if (c == '>')
            text_append(svg, "&gt;", 4);
        else if (c == '&')
            text_append(svg, "&amp;", 5);
        else if (c == '"')
            text_append(svg, "&quot;", 6);
        else
            text_append(svg, c < 32 ? " " : text + i, 1);
    }
}

static void put_label(struct preview_drawing *d, double x, double y, const char *style,
                      const char *text)
{
    text_format(&d->svg, "<text x=\"%s\" y=\"%s\" %s>", N(x), N(y), style);
    put_escaped(&d->svg, text, strlen(text));
    text_format(&d->svg, "</text>\n");
}

/* "1:02.35", the same in every locale. */
static void format_time(double seconds, char text[32])
{
    long long hundredths = llrint((seconds > 0 ? seconds : 0) * 100);
    snprintf(text, 32, "%lld:%02lld.%02lld", hundredths / 6000, hundredths / 100 % 60,
             hundredths % 100);
}

void preview_draw_title(struct preview_drawing *d, const char *title, const char *facts)
{
    put_label(d, PREVIEW_MARGIN, d->y + 20, "font-size=\"18\" font-weight=\"bold\"", title);
    put_label(d, PREVIEW_MARGIN, d->y + 38, "font-size=\"12\" fill=\"#555\"", facts);
    d->y += 50;
}

/* ---- Frames ---- */

static void draw_face(struct preview_drawing *d, const struct preview_frame *frame,
                      const struct valence_face *face, bool is_best)
{
    const char *colour = is_best ? "#00c040" : "#3080ff";
    double scale = frame->width / (double)frame->picture_width;
    int strongest = 0;
    for (int i = 1; i < VALENCE_FACE_EXPRESSIONS; i++)
        strongest = face->probabilities[i] > face->probabilities[strongest] ? i : strongest;
    double x = frame->x + face->box[0] * scale, y = frame->y + face->box[1] * scale;
    text_format(&d->svg,
                "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"none\" "
                "stroke=\"%s\" stroke-width=\"1.5\"/>\n<path fill=\"%s\" d=\"",
                N(x), N(y), N(face->box[2] * scale), N(face->box[3] * scale), colour, colour);
    for (int i = 0; i < VALENCE_FACE_LANDMARKS; i++)
        text_format(&d->svg, "M%s %sh1.4v1.4h-1.4z",
                    N(frame->x + face->landmarks[i][0] * scale - 0.7),
                    N(frame->y + face->landmarks[i][1] * scale - 0.7));
    text_format(&d->svg, "\"/>\n");
    char label[64];
    snprintf(label, sizeof label, "%d %% %s %d %%", (int)lrint(face->score * 100),
             valence_face_expression_names[strongest],
             (int)lrint((double)face->probabilities[strongest] * 100));
    put_label(d, fmax(x, frame->x + 2), fmax(y - 3, frame->y + 10),
              is_best ? "font-size=\"10\" fill=\"#00c040\" class=\"o\""
                      : "font-size=\"10\" fill=\"#60a0ff\" class=\"o\"",
              label);
}

void preview_draw_frame(struct preview_drawing *d, const struct preview_frame *frame)
{
    char time[32];
    text_format(&d->svg,
                "<svg x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" viewBox=\"%s %s "
                "%s %s\">\n<image x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" "
                "href=\"data:image/jpeg;base64,",
                N(frame->x), N(frame->y), N(frame->width), N(frame->height), N(frame->x),
                N(frame->y), N(frame->width), N(frame->height), N(frame->x), N(frame->y),
                N(frame->width), N(frame->height));
    text_append_base64(&d->svg, frame->jpeg, frame->n_jpeg);
    text_format(&d->svg, "\"/>\n");
    for (int64_t i = frame->n_faces - 1; i >= 0; i--)
        draw_face(d, frame, &frame->faces[i], i == 0);
    if (frame->is_searched && frame->n_faces == 0)
        text_format(&d->svg,
                    "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"none\" "
                    "stroke=\"#e02020\" stroke-width=\"4\"/>\n",
                    N(frame->x), N(frame->y), N(frame->width), N(frame->height));
    format_time(frame->time, time);
    put_label(d, frame->x + 4, frame->y + frame->height - 5,
              "font-size=\"11\" fill=\"#fff\" class=\"o\"", time);
    text_format(&d->svg, "</svg>\n");
}

/* ---- Sound ---- */

static double place_of(const struct preview_drawing *d, double time)
{
    double share = (time - d->start) / (d->end - d->start);
    return PREVIEW_MARGIN + fmin(1, fmax(0, share)) * (PREVIEW_WIDTH - 2 * PREVIEW_MARGIN);
}

/* A column of pixels for each of them, from the least to the largest sample. */
static void draw_extremes(struct preview_drawing *d, const struct preview_wave *wave, double middle)
{
    int n_columns = (int)(PREVIEW_WIDTH - 2 * PREVIEW_MARGIN);
    text_format(&d->svg, "<path stroke=\"#204060\" stroke-width=\"1\" d=\"");
    for (int c = 0; c < n_columns; c++) {
        double from = d->start + (d->end - d->start) * c / n_columns,
               to = d->start + (d->end - d->start) * (c + 1) / n_columns;
        int64_t first = (int64_t)floor((from - wave->start) / PREVIEW_WAVE_SECONDS),
                last = (int64_t)floor((to - wave->start) / PREVIEW_WAVE_SECONDS);
        float least = 0, largest = 0;
        for (int64_t i = first < 0 ? 0 : first; i <= last && i < wave->n; i++) {
            least = fminf(least, wave->extremes[i][0]);
            largest = fmaxf(largest, wave->extremes[i][1]);
        }
        text_format(&d->svg, "M%s %sV%s", N(PREVIEW_MARGIN + c + 0.5),
                    N(middle - (double)fminf(largest, 1) * WAVE_HEIGHT / 2 - 0.3),
                    N(middle - (double)fmaxf(least, -1) * WAVE_HEIGHT / 2 + 0.3));
    }
    text_format(&d->svg, "\"/>\n");
}

/* A bar below the wave for each span of speech that was detected. */
static void draw_speech(struct preview_drawing *d, const struct valence_transcript *transcript,
                        double y)
{
    for (int64_t i = 0; i < transcript->n_speech; i++) {
        const struct valence_speech_span *span = &transcript->speech[i];
        if (span->end < d->start || span->start > d->end)
            continue;
        double from = place_of(d, span->start), to = place_of(d, span->end);
        text_format(&d->svg,
                    "<rect class=\"speech\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" "
                    "fill=\"#e07020\"/>\n",
                    N(from), N(y), N(fmax(1, to - from)), N(SPEECH_HEIGHT));
    }
}

void preview_draw_wave(struct preview_drawing *d, const struct preview_wave *wave,
                       const struct valence_transcript *transcript)
{
    char time[32];
    for (int64_t i = 0; transcript && i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        if (isnan(segment->start) || segment->end < d->start || segment->start > d->end)
            continue;
        double from = place_of(d, segment->start), to = place_of(d, segment->end);
        text_format(&d->svg, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"%s\"/>\n",
                    N(from), N(d->y), N(fmax(1, to - from)), N(WAVE_HEIGHT),
                    i % 2 ? "#d8ecd0" : "#f4e8c4");
    }
    draw_extremes(d, wave, d->y + WAVE_HEIGHT / 2);
    if (transcript)
        draw_speech(d, transcript, d->y + WAVE_HEIGHT - SPEECH_HEIGHT);
    d->y += WAVE_HEIGHT + 12;
    for (int i = 0; i <= 4; i++) {
        format_time(d->start + (d->end - d->start) * i / 4, time);
        put_label(d, PREVIEW_MARGIN + (PREVIEW_WIDTH - 2 * PREVIEW_MARGIN) * i / 4, d->y,
                  i == 0   ? "font-size=\"10\" fill=\"#555\""
                  : i == 4 ? "font-size=\"10\" fill=\"#555\" text-anchor=\"end\""
                           : "font-size=\"10\" fill=\"#555\" text-anchor=\"middle\"",
                  time);
    }
    d->y += 6;
}

/* ---- Words ---- */

struct lanes {
    double ends[MAX_LANES]; /* where each is free from */
    int n_used;
    int64_t n_left_out;
};

static size_t n_letters(const char *text, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* Puts a line into the first lane that has room at x. */
static void put_line(struct preview_drawing *d, struct lanes *lanes, const char *text,
                     size_t length, double x)
{
    double width = LETTER_WIDTH * (double)n_letters(text, length) + 4;
    for (int i = 0; i < MAX_LANES; i++)
        if (lanes->ends[i] <= x) {
            text_format(&d->svg, "<text x=\"%s\" y=\"%s\" font-size=\"11\">", N(x),
                        N(d->y + LANE_HEIGHT * (i + 1)));
            put_escaped(&d->svg, text, length);
            text_format(&d->svg, "</text>\n");
            lanes->ends[i] = x + width;
            lanes->n_used = i + 1 > lanes->n_used ? i + 1 : lanes->n_used;
            return;
        }
    lanes->n_left_out++;
}

/* The length of what fits into `width`, up to a blank; all of a word that is longer. */
static size_t length_of_line(const char *text, double width)
{
    size_t fits = 0;
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == ' ')
            fits = i;
        if (LETTER_WIDTH * (double)n_letters(text, i + 1) + 4 > width && fits > 0)
            return fits;
    }
    return strlen(text);
}

/* Puts the text below its time, in several lines where it is too long for the room to the right. */
static void put_words(struct preview_drawing *d, struct lanes *lanes, const char *text,
                      double start)
{
    text += strspn(text, " ");
    double right = PREVIEW_WIDTH - PREVIEW_MARGIN,
           width = LETTER_WIDTH * (double)n_letters(text, strlen(text)) + 4,
           x = fmin(place_of(d, start), right - fmin(width, LINE_WIDTH));
    while (*text) {
        size_t length = length_of_line(text, right - x);
        put_line(d, lanes, text, length, x);
        text += length;
        text += strspn(text, " ");
    }
}

void preview_draw_words(struct preview_drawing *d, const struct valence_transcript *transcript)
{
    struct lanes lanes = {0};
    for (int64_t i = 0; transcript && i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        bool has_times = !isnan(segment->start);
        if (has_times && (segment->end < d->start || segment->start > d->end))
            continue;
        for (int64_t j = 0; j < segment->n_words; j++)
            if (segment->words[j].end >= d->start && segment->words[j].start <= d->end)
                put_words(d, &lanes, segment->words[j].text, segment->words[j].start);
        if (segment->n_words == 0)
            put_words(d, &lanes, segment->text, has_times ? segment->start : d->start);
    }
    d->y += LANE_HEIGHT * lanes.n_used + 8;
    if (lanes.n_left_out > 0) {
        char left_out[64];
        snprintf(left_out, sizeof left_out, "and %lld more", (long long)lanes.n_left_out);
        put_label(d, PREVIEW_MARGIN, d->y + 10, "font-size=\"11\" fill=\"#555\"", left_out);
        d->y += LANE_HEIGHT;
    }
}

void preview_finish(struct preview_drawing *d)
{
    struct text whole = {.maximum = d->svg.maximum};
    text_format(&whole,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%s\" height=\"%s\" "
                "font-family=\"sans-serif\">\n<style>.o{paint-order:stroke;stroke:#000;"
                "stroke-width:2px}</style>\n<rect width=\"100%%\" height=\"100%%\" "
                "fill=\"#fff\"/>\n",
                N(PREVIEW_WIDTH), N(d->y + PREVIEW_MARGIN));
    text_append(&whole, d->svg.data ? d->svg.data : "", d->svg.length);
    text_append(&whole, "</svg>\n", 7);
    whole.failed = whole.failed || d->svg.failed;
    text_free(&d->svg);
    d->svg = whole;
}
