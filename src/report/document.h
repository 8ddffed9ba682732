/* Making a report's document (report/chart.h).
 *
 *     struct report_builder *builder = report_builder_create();
 *     report_section_add(builder, "learning", "Learning curves");
 *     struct report_chart *chart = report_chart(builder, REPORT_LINES, "loss", "Training loss");
 *     struct report_series *series = report_series(builder, chart, "total", n);
 *     ... report_numbers(builder, n) ...
 *     status = report_builder_finish(builder, "run", &document, &error);
 *
 * Everything that these functions hand out belongs to the builder. Where memory is short they hand
 * out NULL, take NULL, and remember it: collectors check what they write into, and
 * report_builder_finish() gives the error. What is added goes to the section that was named last.
 */
#ifndef VALENCE_REPORT_DOCUMENT_H
#define VALENCE_REPORT_DOCUMENT_H

#include <stdarg.h>
#include <stddef.h>

#include "report/chart.h"
#include "valence/error.h"

struct report_builder;

struct report_builder *report_builder_create(void);
void report_builder_free(struct report_builder *builder); /* takes NULL */

/* Memory was short, or an id or a number of items was beyond a limit. */
bool report_builder_failed(const struct report_builder *builder);

/* ---- Memory that lives as long as the document ---- */

void *report_take(struct report_builder *builder, int64_t n, size_t size); /* zeroed */
double *report_numbers(struct report_builder *builder, int64_t n);
/* A copy, with bytes that are no UTF-8 repaired; "" where memory is short. */
const char *report_text(struct report_builder *builder, const char *text);
const char *report_format(struct report_builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Contents ---- */

/* Adds a section behind the others; goes to the one of that id, which was added. */
void report_section_add(struct report_builder *builder, const char *id, const char *heading);
void report_section(struct report_builder *builder, const char *id);

/* `kind` is one of the first four. */
void report_say(struct report_builder *builder, enum report_item_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A chart, table or list of clips with an id like `id`: another one of that id gets a number. Both
 * texts are copied. */
struct report_chart *report_chart(struct report_builder *builder, enum report_chart_kind kind,
                                  const char *id, const char *title);
void report_note(struct report_builder *builder, struct report_chart *chart, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));
void report_axis_names(struct report_builder *builder, struct report_axis *axis,
                       const char *const *names, int64_t n);
/* Of n values, whose y is allocated and NaN. */
struct report_series *report_series(struct report_builder *builder, struct report_chart *chart,
                                    const char *name, int64_t n);
void report_mark(struct report_builder *builder, struct report_chart *chart, bool on_y, double at,
                 const char *name);

/* Headings are separated by '|'; one that begins with '#' is of numbers. */
struct report_table *report_table(struct report_builder *builder, const char *id, const char *title,
                                  const char *headings);
/* Cells follow row by row. */
void report_cell_text(struct report_builder *builder, struct report_table *table, const char *text);
void report_cell_number(struct report_builder *builder, struct report_table *table, double value,
                        int digits);

struct report_clips *report_clips(struct report_builder *builder, const char *id,
                                  const char *title);

/* ---- The end ---- */

/* Hands out the document, in which sections without items are left out, and frees the builder, also
 * on failure. Free it with report_document_free(), which takes NULL. Errors: MEMORY, LIMIT. */
int report_builder_finish(struct report_builder *builder, const char *title,
                          const struct report_document **document, struct valence_error *error);
void report_document_free(const struct report_document *document);

#endif
