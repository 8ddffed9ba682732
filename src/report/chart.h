/* What a report shows, whatever draws it: sections of texts, tables and charts, as plain data.
 *
 * The collectors fill a struct report_document (report/document.h); the page, the figures and the
 * JSON are made of it and of nothing else. Everything in it belongs to the document, is only read
 * once made, and lives until report_document_free(). Texts are UTF-8. Numbers that are unknown are
 * NaN; pointers that may be NULL say so. */
#ifndef VALENCE_REPORT_CHART_H
#define VALENCE_REPORT_CHART_H

#include <stdbool.h>
#include <stdint.h>

/* ---- Charts ---- */

enum report_chart_kind {
    /* y over x, each series a line; `low` and `high`, where a series has them, are a band. */
    REPORT_LINES,
    /* y over x, each series a set of points; low and high are error bars. */
    REPORT_POINTS,
    /* One bar a category of the x axis, y long; low and high are error bars. Several series stand
     * beside each other. Categories with long names are drawn as horizontal bars. */
    REPORT_BARS,
    /* Bars without gaps over bins of equal width: y[i] is the height of the i-th of n bins, which
     * divide x.low ... x.high. */
    REPORT_HISTOGRAM,
    /* One coloured cell for each pair of an x and a y category: the one series has
     * y.n_categories * x.n_categories values, row by row from the first y category, which is drawn
     * at the bottom. Where z.low < 0 < z.high the colours diverge from 0. */
    REPORT_HEAT,
    REPORT_N_CHART_KINDS
};
/* "lines", "points", "bars", "histogram", "heat": the names in the JSON. */
extern const char *const report_chart_kind_names[REPORT_N_CHART_KINDS];

struct report_axis {
    const char *title; /* "Epoch"; never NULL */
    const char *unit;  /* "", "%", "s", ... */
    /* Names of the categories, NULL for an axis of numbers. */
    const char *const *categories;
    int64_t n_categories;
    /* Ends of the axis; NaN: as the data needs. */
    double low, high;
    bool logarithmic;
    /* Whole numbers, such as epochs and counts. */
    bool whole;
    /* Digits after the point that a reader is shown. */
    int digits;
};

struct report_series {
    const char *name;
    int64_t n; /* values; for bars: the number of categories */
    /* (n), or NULL where the x axis has categories or bins. Of lines: not decreasing. */
    const double *x;
    /* (n); NaN where there is none. */
    const double *y;
    /* (n), both or neither NULL: an interval, which need not contain y. */
    const double *low, *high;
    /* Names of the points, (n) or NULL. */
    const char *const *labels;
    /* Something to compare with, not a result: drawn thinner and dashed, without points. */
    bool reference;
};

/* A value of an axis that stands out: the epoch that was chosen, a constant's error. */
struct report_mark {
    bool on_y; /* a horizontal line at a value of y; else a vertical one at x */
    double at; /* of an axis with categories: the index */
    const char *name;
};

struct report_chart {
    /* Unique in the document, letters, digits and '-': the anchor in the page, the figure's file
     * name. */
    const char *id;
    enum report_chart_kind kind;
    const char *title;
    /* What a reader should know, in sentences; "" for nothing. */
    const char *note;
    /* z is the colour of a heat map; nothing in the other kinds. */
    struct report_axis x, y, z;
    int n_series;
    const struct report_series *series;
    int n_marks;
    const struct report_mark *marks;
    /* The page gives it a row of its own. */
    bool wide;
};

/* ---- Tables ---- */

struct report_column {
    const char *heading;
    bool number; /* right-aligned */
};

struct report_cell {
    const char *text; /* NULL for a number */
    double value;
    int digits; /* after the point */
};

struct report_table {
    const char *id; /* as a chart's */
    const char *title, *note;
    int n_columns;
    const struct report_column *columns;
    int64_t n_rows;
    const struct report_cell *cells; /* (n_rows, n_columns) */
};

/* ---- Clips ---- */

/* A series of scores of the same clips: one model in one flow. */
struct report_scores {
    const char *run, *flow; /* "seed-1", "text_missing" */
    /* (n) each; NaN where a clip has no score or no interval, NULL where nothing has. */
    float *score;
    const float *low, *high;
    /* (n, 3): audio, text, video; NULL where they are not known. */
    const float *modality_weights;
    /* Where the network looked, of some of the clips: (n_attended) their numbers, and
     * (n_attended, 3, n_bins) the weights of each modality's rows, summed into n_bins parts of
     * equal length; NaN for a modality without rows. NULL where it is not known. */
    int64_t n_attended;
    const int64_t *attended;
    const float *attention;
    /* Of the same clips: how many words of the transcript have a weight, (n_attended), 0 where the
     * rows' words are not known; and the weights, the sums over each word's rows, clip by clip.
     * NULL where no clip has words. */
    const int64_t *n_words;
    const float *word_attention;
};

/* The clips that the explorer shows. */
struct report_clips {
    const char *id, *title; /* as a chart's */
    int64_t n;
    const char *const *ids;
    const float *labels;            /* (n); NaN where unknown */
    const char *const *groups;      /* (n), or NULL: recordings */
    const char *const *transcripts; /* (n), or NULL */
    /* (n, 3), or NULL: rows of audio, text, video. */
    const int64_t *rows;
    int n_bins; /* of the attention */
    int n_scores;
    const struct report_scores *scores;
    double low, high; /* the labels' range */
};

/* ---- The whole ---- */

enum report_item_kind {
    REPORT_TEXT,    /* a paragraph */
    REPORT_WARNING, /* one that a reader must not miss */
    REPORT_COMMAND, /* a line of shell */
    REPORT_CODE,    /* lines that are kept as they are: a configuration */
    REPORT_TABLE,
    REPORT_CHART,
    REPORT_CLIPS,
    REPORT_N_ITEM_KINDS
};
/* "text", "warning", "command", "code", "table", "chart", "clips" */
extern const char *const report_item_kind_names[REPORT_N_ITEM_KINDS];

struct report_item {
    enum report_item_kind kind;
    const char *text;                 /* of the first four */
    const struct report_table *table; /* REPORT_TABLE */
    const struct report_chart *chart; /* REPORT_CHART */
    const struct report_clips *clips; /* REPORT_CLIPS */
};

struct report_section {
    const char *id; /* as a chart's */
    const char *heading;
    int n_items;
    const struct report_item *items;
};

struct report_document {
    const char *title;
    int n_sections;
    const struct report_section *sections;
};

#endif
