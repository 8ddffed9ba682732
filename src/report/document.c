#include "report/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

#define MAX_SERIES    256 /* of a chart */
#define MAX_MARKS     32
#define MAX_ITEMS     ((int64_t)1 << 16) /* of a section, and sections of a document */
#define MAX_CELLS     ((int64_t)1 << 24)
#define MAX_TEXT      ((size_t)64 << 20)
#define CHUNK_BYTES   ((size_t)64 << 10)
#define ID_BYTES      80
#define ALIGNED(size) (((size) + 15) & ~(size_t)15)

const char *const report_chart_kind_names[REPORT_N_CHART_KINDS] = {
    [REPORT_LINES] = "lines",         [REPORT_POINTS] = "points", [REPORT_BARS] = "bars",
    [REPORT_HISTOGRAM] = "histogram", [REPORT_HEAT] = "heat",
};
const char *const report_item_kind_names[REPORT_N_ITEM_KINDS] = {
    [REPORT_TEXT] = "text",   [REPORT_WARNING] = "warning", [REPORT_COMMAND] = "command",
    [REPORT_CODE] = "code",   [REPORT_TABLE] = "table",     [REPORT_CHART] = "chart",
    [REPORT_CLIPS] = "clips",
};

/* Everything is handed out from these, and freed with them. */
struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(16) unsigned char bytes[];
};

struct section {
    struct report_section shown;
    struct report_item *items;
    int64_t capacity;
};

/* What is known of a table while cells are added. */
struct table {
    struct report_table shown; /* first, so that its address is this one's */
    struct report_cell *cells;
    int64_t n_cells, capacity;
};

struct chart {
    struct report_chart shown; /* first, as above */
    struct report_series *series;
    struct report_mark *marks;
};

struct report_builder {
    struct chunk *chunks;
    struct section *sections;
    int64_t n_sections, capacity, current;
    const char **ids;
    int64_t n_ids, id_capacity;
    bool failed, is_too_large;
};

struct document {
    struct report_document shown; /* first, as above */
    struct chunk *chunks;
    struct report_section *sections;
};

/* ---- Memory ---- */

struct report_builder *report_builder_create(void)
{
    struct report_builder *builder = allocate(1, sizeof *builder);
    if (builder)
        builder->current = -1;
    return builder;
}

static void free_chunks(struct chunk *chunk)
{
    while (chunk) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void report_builder_free(struct report_builder *builder)
{
    if (!builder)
        return;
    free_chunks(builder->chunks);
    for (int64_t i = 0; i < builder->n_sections; i++)
        free(builder->sections[i].items);
    free(builder->sections);
    free(builder->ids);
    free(builder);
}

bool report_builder_failed(const struct report_builder *builder)
{
    return builder->failed;
}

void *report_take(struct report_builder *builder, int64_t n, size_t size)
{
    size_t bytes;
    if (!size_multiply(n, (int64_t)size, &bytes) || bytes > SIZE_MAX / 2) {
        builder->failed = true;
        return NULL;
    }
    bytes = ALIGNED(bytes);
    struct chunk *chunk = builder->chunks;
    if (!chunk || chunk->size - chunk->used < bytes) {
        size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + room);
        if (!chunk) {
            builder->failed = true;
            return NULL;
        }
        chunk->size = room;
        chunk->next = builder->chunks;
        builder->chunks = chunk;
    }
    void *taken = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return taken;
}

double *report_numbers(struct report_builder *builder, int64_t n)
{
    return report_take(builder, n, sizeof(double));
}

static bool grow(struct report_builder *builder, void **array, int64_t *capacity, int64_t needed,
                 size_t size, int64_t maximum)
{
    int status = grow_array(array, capacity, needed, size, maximum, "items", NULL);
    if (status)
        builder->failed = true;
    if (status == VALENCE_ERROR_LIMIT)
        builder->is_too_large = true;
    return !status;
}

/* ---- Texts ---- */

static const char *keep(struct report_builder *builder, struct text *text)
{
    char *kept = text->failed ? NULL : report_take(builder, (int64_t)text->length + 1, 1);
    if (kept && text->length)
        memcpy(kept, text->data, text->length);
    builder->failed = builder->failed || !kept;
    text_free(text);
    return kept ? kept : "";
}

const char *report_text(struct report_builder *builder, const char *text)
{
    struct text repaired = {.maximum = MAX_TEXT};
    text_append_repaired(&repaired, text, strlen(text));
    return keep(builder, &repaired);
}

static const char *format_list(struct report_builder *builder, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));
static const char *format_list(struct report_builder *builder, const char *format, va_list list)
{
    char *made = NULL;
    if (vasprintf(&made, format, list) < 0) {
        builder->failed = true;
        return "";
    }
    const char *text = report_text(builder, made);
    free(made);
    return text;
}

const char *report_format(struct report_builder *builder, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    const char *text = format_list(builder, format, list);
    va_end(list);
    return text;
}

static bool is_id_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool id_is_taken(const struct report_builder *builder, const char *id)
{
    for (int64_t i = 0; i < builder->n_ids; i++)
        if (strcmp(builder->ids[i], id) == 0)
            return true;
    return false;
}

/* An id like `wanted` that nothing else has, with letters, digits and '-' alone. */
static const char *take_id(struct report_builder *builder, const char *wanted)
{
    char base[ID_BYTES], id[ID_BYTES + 24];
    size_t length = 0;
    for (const char *at = wanted; *at && length + 1 < sizeof base; at++)
        if (is_id_letter(*at))
            base[length++] = *at;
        else if (length && base[length - 1] != '-')
            base[length++] = '-';
    base[length] = '\0';
    snprintf(id, sizeof id, "%s", base);
    for (int64_t number = 2; id_is_taken(builder, id); number++)
        snprintf(id, sizeof id, "%s-%lld", base, (long long)number);
    const char *kept = report_text(builder, id);
    if (grow(builder, (void **)&builder->ids, &builder->id_capacity, builder->n_ids + 1,
             sizeof *builder->ids, MAX_ITEMS))
        builder->ids[builder->n_ids++] = kept;
    return kept;
}

/* ---- Sections and items ---- */

void report_section_add(struct report_builder *builder, const char *id, const char *heading)
{
    if (!grow(builder, (void **)&builder->sections, &builder->capacity, builder->n_sections + 1,
              sizeof *builder->sections, MAX_ITEMS))
        return;
    builder->sections[builder->n_sections] = (struct section){
        .shown = {.id = take_id(builder, id), .heading = report_text(builder, heading)}};
    builder->current = builder->n_sections++;
}

void report_section(struct report_builder *builder, const char *id)
{
    for (int64_t i = 0; i < builder->n_sections; i++)
        if (strcmp(builder->sections[i].shown.id, id) == 0)
            builder->current = i;
}

static void add_item(struct report_builder *builder, struct report_item item)
{
    if (builder->current < 0) {
        builder->failed = true;
        return;
    }
    struct section *section = &builder->sections[builder->current];
    if (grow(builder, (void **)&section->items, &section->capacity, section->shown.n_items + 1,
             sizeof *section->items, MAX_ITEMS))
        section->items[section->shown.n_items++] = item;
}

void report_say(struct report_builder *builder, enum report_item_kind kind, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    const char *text = format_list(builder, format, list);
    va_end(list);
    add_item(builder, (struct report_item){.kind = kind, .text = text});
}

/* ---- Charts ---- */

static struct report_axis plain_axis(void)
{
    return (struct report_axis){.title = "", .unit = "", .low = NAN, .high = NAN, .digits = 3};
}

struct report_chart *report_chart(struct report_builder *builder, enum report_chart_kind kind,
                                  const char *id, const char *title)
{
    struct chart *chart = report_take(builder, 1, sizeof *chart);
    if (!chart)
        return NULL;
    chart->shown = (struct report_chart){.id = take_id(builder, id),
                                         .kind = kind,
                                         .title = report_text(builder, title),
                                         .note = "",
                                         .x = plain_axis(),
                                         .y = plain_axis(),
                                         .z = plain_axis()};
    add_item(builder, (struct report_item){.kind = REPORT_CHART, .chart = &chart->shown});
    return &chart->shown;
}

void report_note(struct report_builder *builder, struct report_chart *chart, const char *format,
                 ...)
{
    va_list list;
    va_start(list, format);
    const char *note = format_list(builder, format, list);
    va_end(list);
    if (chart)
        chart->note = note;
}

void report_axis_names(struct report_builder *builder, struct report_axis *axis,
                       const char *const *names, int64_t n)
{
    const char **copies = report_take(builder, n, sizeof *copies);
    if (!copies)
        return;
    for (int64_t i = 0; i < n; i++)
        copies[i] = report_text(builder, names[i]);
    axis->categories = copies;
    axis->n_categories = n;
}

struct report_series *report_series(struct report_builder *builder, struct report_chart *shown,
                                    const char *name, int64_t n)
{
    struct chart *chart = (struct chart *)shown;
    double *y = report_numbers(builder, n);
    if (!chart || !y)
        return NULL;
    if (!chart->series)
        chart->shown.series = chart->series =
            report_take(builder, MAX_SERIES, sizeof *chart->series);
    if (!chart->series || chart->shown.n_series == MAX_SERIES) {
        builder->is_too_large = builder->is_too_large || chart->series;
        builder->failed = true;
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = NAN;
    struct report_series *series = &chart->series[chart->shown.n_series++];
    *series = (struct report_series){.name = report_text(builder, name), .n = n, .y = y};
    return series;
}

void report_mark(struct report_builder *builder, struct report_chart *shown, bool on_y, double at,
                 const char *name)
{
    struct chart *chart = (struct chart *)shown;
    if (!chart)
        return;
    if (!chart->marks)
        chart->shown.marks = chart->marks = report_take(builder, MAX_MARKS, sizeof *chart->marks);
    if (!chart->marks || chart->shown.n_marks == MAX_MARKS) {
        builder->is_too_large = builder->is_too_large || chart->marks;
        builder->failed = true;
        return;
    }
    chart->marks[chart->shown.n_marks++] =
        (struct report_mark){on_y, at, report_text(builder, name)};
}

/* ---- Tables ---- */

struct report_table *report_table(struct report_builder *builder, const char *id, const char *title,
                                  const char *headings)
{
    int n_columns = 1;
    for (const char *at = headings; *at; at++)
        n_columns += *at == '|';
    struct table *table = report_take(builder, 1, sizeof *table);
    struct report_column *columns = report_take(builder, n_columns, sizeof *columns);
    if (!table || !columns)
        return NULL;
    table->shown = (struct report_table){.id = take_id(builder, id),
                                         .title = report_text(builder, title),
                                         .note = "",
                                         .n_columns = n_columns,
                                         .columns = columns};
    const char *at = headings;
    for (int i = 0; i < n_columns; i++) {
        size_t length = strcspn(at, "|");
        columns[i].number = *at == '#';
        columns[i].heading =
            report_format(builder, "%.*s", (int)length - columns[i].number, at + columns[i].number);
        at += length + (at[length] == '|');
    }
    add_item(builder, (struct report_item){.kind = REPORT_TABLE, .table = &table->shown});
    return &table->shown;
}

/* Room for one more cell. A larger array is taken when it is full, and the small one left. */
static struct report_cell *next_cell(struct report_builder *builder, struct report_table *shown)
{
    struct table *table = (struct table *)shown;
    if (!table)
        return NULL;
    if (table->n_cells == table->capacity) {
        int64_t capacity = table->capacity ? 2 * table->capacity : 64;
        struct report_cell *cells =
            capacity > MAX_CELLS ? NULL : report_take(builder, capacity, sizeof *cells);
        if (!cells) {
            builder->is_too_large = builder->is_too_large || capacity > MAX_CELLS;
            builder->failed = true;
            return NULL;
        }
        if (table->n_cells)
            memcpy(cells, table->cells, (size_t)table->n_cells * sizeof *cells);
        table->shown.cells = table->cells = cells;
        table->capacity = capacity;
    }
    struct report_cell *cell = &table->cells[table->n_cells++];
    table->shown.n_rows = (table->n_cells + shown->n_columns - 1) / shown->n_columns;
    return cell;
}

void report_cell_text(struct report_builder *builder, struct report_table *table, const char *text)
{
    struct report_cell *cell = next_cell(builder, table);
    if (cell)
        *cell = (struct report_cell){.text = report_text(builder, text), .value = NAN};
}

void report_cell_number(struct report_builder *builder, struct report_table *table, double value,
                        int digits)
{
    struct report_cell *cell = next_cell(builder, table);
    if (cell)
        *cell = (struct report_cell){.value = value, .digits = digits};
}

/* ---- Clips ---- */

struct report_clips *report_clips(struct report_builder *builder, const char *id, const char *title)
{
    struct report_clips *clips = report_take(builder, 1, sizeof *clips);
    if (!clips)
        return NULL;
    clips->id = take_id(builder, id);
    clips->title = report_text(builder, title);
    clips->low = clips->high = NAN;
    add_item(builder, (struct report_item){.kind = REPORT_CLIPS, .clips = clips});
    return clips;
}

/* ---- The end ---- */

static int fail_builder(const struct report_builder *builder, struct valence_error *error)
{
    if (builder && builder->is_too_large)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "a report has room for %d series in a chart, %lld items in a section and %lld "
                    "cells in a table: make several reports",
                    MAX_SERIES, (long long)MAX_ITEMS, (long long)MAX_CELLS);
    return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
}

/* Copies a section with its items into the document's memory. */
static void take_over(struct report_builder *builder, const struct section *section,
                      struct report_section *to)
{
    struct report_item *items =
        report_take(builder, section->shown.n_items, sizeof *section->items);
    if (items)
        memcpy(items, section->items, (size_t)section->shown.n_items * sizeof *items);
    *to = section->shown;
    to->items = items;
}

int report_builder_finish(struct report_builder *builder, const char *title,
                          const struct report_document **document, struct valence_error *error)
{
    *document = NULL;
    if (!builder)
        return fail_builder(builder, error);
    struct document *made = allocate(1, sizeof *made);
    if (made) {
        made->shown.title = report_text(builder, title);
        made->sections = report_take(builder, builder->n_sections, sizeof *made->sections);
    }
    for (int64_t i = 0; made && made->sections && i < builder->n_sections; i++)
        if (builder->sections[i].shown.n_items > 0)
            take_over(builder, &builder->sections[i], &made->sections[made->shown.n_sections++]);
    int status = made && !builder->failed ? VALENCE_OK : fail_builder(builder, error);
    if (!status) {
        made->shown.sections = made->sections;
        made->chunks = builder->chunks;
        builder->chunks = NULL;
        *document = &made->shown;
    } else {
        free(made);
    }
    report_builder_free(builder);
    return status;
}

void report_document_free(const struct report_document *shown)
{
    if (!shown)
        return;
    struct document *document = (struct document *)shown;
    free_chunks(document->chunks);
    free(document);
}
