#include "report/document_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "valence/version.h"

/* Numbers of charts have six significant digits, more than a reader sees. */
#define DIGITS 6

/* ---- Texts and numbers ---- */

static void write_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const char *at = text; *at; at++)
        if (*at == '"' || *at == '\\')
            fprintf(stream, "\\%c", *at);
        else if ((unsigned char)*at < 32 || *at == 127)
            fprintf(stream, "\\u%04x", (unsigned)(unsigned char)*at);
        else
            fputc(*at, stream);
    fputc('"', stream);
}

static void write_member(FILE *stream, const char *key, const char *text)
{
    fprintf(stream, "\"%s\":", key);
    write_text(stream, text);
}

static void write_number(FILE *stream, double value)
{
    char text[NUMBER_TEXT_BYTES];
    format_double(value, DIGITS, text);
    fputs(isfinite(value) ? text : "null", stream);
}

/* ,"key":[...]; nothing for NULL. */
static void write_numbers(FILE *stream, const char *key, const double *values, int64_t n)
{
    if (!values)
        return;
    fprintf(stream, ",\"%s\":[", key);
    for (int64_t i = 0; i < n; i++) {
        if (i)
            fputc(',', stream);
        write_number(stream, values[i]);
    }
    fputc(']', stream);
}

static void write_texts(FILE *stream, const char *key, const char *const *texts, int64_t n)
{
    if (!texts)
        return;
    fprintf(stream, ",\"%s\":[", key);
    for (int64_t i = 0; i < n; i++) {
        if (i)
            fputc(',', stream);
        write_text(stream, texts[i]);
    }
    fputc(']', stream);
}

/* ---- Charts ---- */

static void write_end(FILE *stream, const char *key, double value)
{
    if (!isfinite(value))
        return;
    fprintf(stream, ",\"%s\":", key);
    write_number(stream, value);
}

static void write_axis(FILE *stream, const char *name, const struct report_axis *axis)
{
    fprintf(stream, ",\"%s\":{", name);
    write_member(stream, "title", axis->title);
    if (*axis->unit) {
        fputc(',', stream);
        write_member(stream, "unit", axis->unit);
    }
    write_texts(stream, "categories", axis->categories, axis->n_categories);
    write_end(stream, "low", axis->low);
    write_end(stream, "high", axis->high);
    fprintf(stream, ",\"digits\":%d", axis->digits);
    fprintf(stream, "%s%s}", axis->logarithmic ? ",\"logarithmic\":true" : "",
            axis->whole ? ",\"whole\":true" : "");
}

static void write_series(FILE *stream, const struct report_series *series)
{
    fputc('{', stream);
    write_member(stream, "name", series->name);
    if (series->reference)
        fputs(",\"reference\":true", stream);
    write_numbers(stream, "x", series->x, series->n);
    write_numbers(stream, "y", series->y, series->n);
    write_numbers(stream, "low", series->low, series->n);
    write_numbers(stream, "high", series->high, series->n);
    write_texts(stream, "labels", series->labels, series->n);
    fputc('}', stream);
}

static void write_chart(FILE *stream, const struct report_chart *chart)
{
    if (chart->wide)
        fputs(",\"wide\":true", stream);
    fprintf(stream, ",\"chart\":\"%s\"", report_chart_kind_names[chart->kind]);
    write_axis(stream, "x", &chart->x);
    write_axis(stream, "y", &chart->y);
    if (chart->kind == REPORT_HEAT)
        write_axis(stream, "z", &chart->z);
    fputs(",\"series\":[", stream);
    for (int i = 0; i < chart->n_series; i++) {
        if (i)
            fputc(',', stream);
        write_series(stream, &chart->series[i]);
    }
    fputs("],\"marks\":[", stream);
    for (int i = 0; i < chart->n_marks; i++) {
        fprintf(stream, "%s{\"axis\":\"%s\",\"at\":", i ? "," : "",
                chart->marks[i].on_y ? "y" : "x");
        write_number(stream, chart->marks[i].at);
        fputc(',', stream);
        write_member(stream, "name", chart->marks[i].name);
        fputc('}', stream);
    }
    fputc(']', stream);
}

/* ---- Tables ---- */

static void write_cell(FILE *stream, const struct report_cell *cell)
{
    if (cell->text)
        write_text(stream, cell->text);
    else if (isfinite(cell->value))
        fprintf(stream, "[%.*f,%d]", cell->digits, cell->value, cell->digits);
    else
        fputs("null", stream);
}

static void write_table(FILE *stream, const struct report_table *table)
{
    fputs(",\"columns\":[", stream);
    for (int i = 0; i < table->n_columns; i++) {
        fputs(i ? ",{" : "{", stream);
        write_member(stream, "heading", table->columns[i].heading);
        fprintf(stream, ",\"number\":%s}", table->columns[i].number ? "true" : "false");
    }
    fputs("],\"rows\":[", stream);
    for (int64_t row = 0; row < table->n_rows; row++) {
        fputs(row ? ",[" : "[", stream);
        for (int i = 0; i < table->n_columns; i++) {
            if (i)
                fputc(',', stream);
            write_cell(stream, &table->cells[row * table->n_columns + i]);
        }
        fputc(']', stream);
    }
    fputc(']', stream);
}

/* ---- Clips ---- */

/* ,"key":{"low":..,"high":..,"bits":8 or 16,"data":"BASE64"}: whole numbers q of so many bits,
 * little-endian. The largest is no value; any other is low + q (high - low) / (2^bits - 2). */
static int write_packed(FILE *stream, const char *key, const float *values, int64_t n, int bits,
                        struct valence_error *error)
{
    struct text base64 = {.maximum = SIZE_MAX / 2};
    double low = INFINITY, high = -INFINITY;
    const int none = (1 << bits) - 1;
    if (!values)
        return VALENCE_OK;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            low = fmin(low, (double)values[i]);
            high = fmax(high, (double)values[i]);
        }
    if (low > high)
        low = high = 0;
    uint8_t *bytes = malloc((size_t)n * (size_t)bits / 8 + 1);
    if (!bytes)
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    for (int64_t i = 0; i < n; i++) {
        double share = high > low ? ((double)values[i] - low) / (high - low) : 0;
        int q = isfinite(values[i]) ? (int)lround(share * (none - 1)) : none;
        bytes[i * bits / 8] = (uint8_t)q;
        if (bits == 16)
            bytes[i * 2 + 1] = (uint8_t)(q >> 8);
    }
    text_append_base64(&base64, bytes, (size_t)n * (size_t)bits / 8);
    free(bytes);
    fprintf(stream, ",\"%s\":{\"low\":%.9g,\"high\":%.9g,\"bits\":%d,\"data\":\"", key, low, high,
            bits);
    if (base64.length)
        fwrite(base64.data, 1, base64.length, stream);
    fputs("\"}", stream);
    bool failed = base64.failed;
    text_free(&base64);
    return failed ? fail(error, VALENCE_ERROR_MEMORY, "no memory for a report") : VALENCE_OK;
}

static void write_integers(FILE *stream, const char *key, const int64_t *values, int64_t n)
{
    if (!values)
        return;
    fprintf(stream, ",\"%s\":[", key);
    for (int64_t i = 0; i < n; i++)
        fprintf(stream, "%s%lld", i ? "," : "", (long long)values[i]);
    fputc(']', stream);
}

static int write_scores(FILE *stream, const struct report_clips *clips,
                        const struct report_scores *scores, struct valence_error *error)
{
    fputc('{', stream);
    write_member(stream, "run", scores->run);
    fputc(',', stream);
    write_member(stream, "flow", scores->flow);
    int status = write_packed(stream, "score", scores->score, clips->n, 16, error);
    if (!status)
        status = write_packed(stream, "low", scores->low, clips->n, 16, error);
    if (!status)
        status = write_packed(stream, "high", scores->high, clips->n, 16, error);
    if (!status)
        status = write_packed(stream, "weights", scores->modality_weights, 3 * clips->n, 8, error);
    write_integers(stream, "attended", scores->attended, scores->n_attended);
    if (!status)
        status = write_packed(stream, "attention", scores->attention,
                              3 * scores->n_attended * clips->n_bins, 8, error);
    int64_t n_words = 0;
    for (int64_t i = 0; scores->n_words && i < scores->n_attended; i++)
        n_words += scores->n_words[i];
    write_integers(stream, "n_words", scores->n_words, scores->n_attended);
    if (!status)
        status = write_packed(stream, "word_attention", scores->word_attention, n_words, 8, error);
    fputc('}', stream);
    return status;
}

static int write_clips(FILE *stream, const struct report_clips *clips, struct valence_error *error)
{
    fprintf(stream, ",\"n\":%lld,\"bins\":%d", (long long)clips->n, clips->n_bins);
    write_end(stream, "low", clips->low);
    write_end(stream, "high", clips->high);
    write_texts(stream, "ids", clips->ids, clips->n);
    write_texts(stream, "groups", clips->groups, clips->n);
    write_texts(stream, "transcripts", clips->transcripts, clips->n);
    int status = write_packed(stream, "labels", clips->labels, clips->n, 16, error);
    write_integers(stream, "rows", clips->rows, 3 * clips->n);
    fputs(",\"scores\":[", stream);
    for (int i = 0; i < clips->n_scores && !status; i++) {
        if (i)
            fputc(',', stream);
        status = write_scores(stream, clips, &clips->scores[i], error);
    }
    fputc(']', stream);
    return status;
}

/* ---- The whole ---- */

static void write_head(FILE *stream, const char *id, const char *title, const char *note)
{
    fputc(',', stream);
    write_member(stream, "id", id);
    fputc(',', stream);
    write_member(stream, "title", title);
    fputc(',', stream);
    write_member(stream, "note", note);
}

static int write_item(FILE *stream, const struct report_item *item, struct valence_error *error)
{
    int status = VALENCE_OK;
    fprintf(stream, "{\"kind\":\"%s\"", report_item_kind_names[item->kind]);
    if (item->table) {
        write_head(stream, item->table->id, item->table->title, item->table->note);
        write_table(stream, item->table);
    } else if (item->chart) {
        write_head(stream, item->chart->id, item->chart->title, item->chart->note);
        write_chart(stream, item->chart);
    } else if (item->clips) {
        write_head(stream, item->clips->id, item->clips->title, "");
        status = write_clips(stream, item->clips, error);
    } else {
        fputc(',', stream);
        write_member(stream, "text", item->text);
    }
    fputc('}', stream);
    return status;
}

int document_write_json(FILE *stream, const struct report_document *document,
                        struct valence_error *error)
{
    int status = VALENCE_OK;
    fputs("{\"schema\":\"valence/report\",\"version\":1,", stream);
    write_member(stream, "valence", valence_version());
    fputc(',', stream);
    write_member(stream, "title", document->title);
    fputs(",\"sections\":[", stream);
    for (int i = 0; i < document->n_sections && !status; i++) {
        const struct report_section *section = &document->sections[i];
        fputs(i ? ",{" : "{", stream);
        write_member(stream, "id", section->id);
        fputc(',', stream);
        write_member(stream, "heading", section->heading);
        fputs(",\"items\":[", stream);
        for (int j = 0; j < section->n_items && !status; j++) {
            if (j)
                fputc(',', stream);
            status = write_item(stream, &section->items[j], error);
        }
        fputs("]}", stream);
    }
    fputs("]}", stream);
    return status;
}
