#include "report/figures/data.h"

#include <math.h>

#include "base/text.h"
#include "report/figures/scale.h"
#include "valence/text.h"

/* ---- CSV ---- */

/* The shortest text that reads back to the same double. */
static void write_number(FILE *stream, double value)
{
    char text[NUMBER_TEXT_BYTES] = "";
    double back = NAN;
    for (int digits = 6; digits <= 17 && !isnan(value) && back != value; digits++) {
        format_double(value, digits, text);
        if (!parse_double(text, &back))
            back = NAN;
    }
    fputs(text, stream);
}

static void write_field(FILE *stream, const char *text)
{
    valence_write_csv_field(stream, text ? text : "");
}

/* Which of the columns some series has. */
struct columns {
    bool intervals, labels;
};

static struct columns find_columns(const struct report_chart *chart)
{
    struct columns columns = {0};
    for (int s = 0; s < chart->n_series; s++) {
        columns.intervals = columns.intervals || chart->series[s].low;
        columns.labels = columns.labels || chart->series[s].labels;
    }
    return columns;
}

static const char *category(const struct report_axis *axis, int64_t i)
{
    return axis->categories && i >= 0 && i < axis->n_categories ? axis->categories[i] : "";
}

static void write_x(FILE *stream, const struct report_chart *chart,
                    const struct report_series *series, int64_t i)
{
    if (chart->kind == REPORT_HISTOGRAM) {
        double width = (chart->x.high - chart->x.low) / (double)series->n;
        write_number(stream, chart->x.low + (double)i * width);
        fputc(',', stream);
        write_number(stream, chart->x.low + (double)(i + 1) * width);
    } else if (series->x) {
        write_number(stream, series->x[i]);
    } else {
        write_field(stream, category(&chart->x, i));
    }
}

static void write_point(FILE *stream, const struct report_chart *chart,
                        const struct report_series *series, const struct columns *columns,
                        int64_t i)
{
    write_field(stream, series->name);
    fputc(',', stream);
    write_x(stream, chart, series, i);
    fputc(',', stream);
    write_number(stream, series->y[i]);
    if (columns->intervals) {
        fputc(',', stream);
        write_number(stream, series->low ? series->low[i] : NAN);
        fputc(',', stream);
        write_number(stream, series->low ? series->high[i] : NAN);
    }
    if (columns->labels) {
        fputc(',', stream);
        write_field(stream, series->labels ? series->labels[i] : "");
    }
    fputc('\n', stream);
}

static void write_heat(FILE *stream, const struct report_chart *chart)
{
    fputs("y,x,value\n", stream);
    for (int64_t y = 0; y < chart->y.n_categories && chart->n_series > 0; y++)
        for (int64_t x = 0; x < chart->x.n_categories; x++) {
            write_field(stream, category(&chart->y, y));
            fputc(',', stream);
            write_field(stream, category(&chart->x, x));
            fputc(',', stream);
            write_number(stream, chart->series[0].y[y * chart->x.n_categories + x]);
            fputc('\n', stream);
        }
}

void chart_write_csv(FILE *stream, const struct report_chart *chart)
{
    struct columns columns = find_columns(chart);
    if (chart->kind == REPORT_HEAT) {
        write_heat(stream, chart);
        return;
    }
    fprintf(stream, "series,%s,y%s%s\n",
            chart->kind == REPORT_HISTOGRAM ? "from,to"
            : chart->x.categories           ? "category"
                                            : "x",
            columns.intervals ? ",low,high" : "", columns.labels ? ",label" : "");
    for (int s = 0; s < chart->n_series; s++)
        for (int64_t i = 0; i < chart->series[s].n; i++)
            write_point(stream, chart, &chart->series[s], &columns, i);
}

void table_write_csv(FILE *stream, const struct report_table *table)
{
    for (int c = 0; c < table->n_columns; c++) {
        fputs(c ? "," : "", stream);
        write_field(stream, table->columns[c].heading);
    }
    fputc('\n', stream);
    for (int64_t i = 0; i < table->n_rows * table->n_columns; i++) {
        fputs(i % table->n_columns ? "," : "", stream);
        if (table->cells[i].text)
            write_field(stream, table->cells[i].text);
        else
            write_number(stream, table->cells[i].value);
        fputs(i % table->n_columns == table->n_columns - 1 ? "\n" : "", stream);
    }
}

/* ---- LaTeX ---- */

static void write_latex_cell(FILE *stream, const struct report_cell *cell)
{
    char number[TICK_BYTES];
    if (!cell->text && isnan(cell->value))
        return;
    if (!cell->text)
        scale_label(cell->value, cell->digits, number);
    valence_write_latex(stream, cell->text ? cell->text : number);
}

void table_write_latex(FILE *stream, const struct report_table *table)
{
    fputs("\\begin{table}\n\\centering\n\\caption{", stream);
    valence_write_latex(stream, table->title);
    fprintf(stream, "}\n\\label{tab:%s}\n\\begin{tabular}{", table->id);
    for (int c = 0; c < table->n_columns; c++)
        fputc(table->columns[c].number ? 'r' : 'l', stream);
    fputs("}\n\\toprule\n", stream);
    for (int c = 0; c < table->n_columns; c++) {
        fputs(c ? " & " : "", stream);
        valence_write_latex(stream, table->columns[c].heading);
    }
    fputs(" \\\\\n\\midrule\n", stream);
    for (int64_t i = 0; i < table->n_rows * table->n_columns; i++) {
        fputs(i % table->n_columns ? " & " : "", stream);
        write_latex_cell(stream, &table->cells[i]);
        fputs(i % table->n_columns == table->n_columns - 1 ? " \\\\\n" : "", stream);
    }
    fputs("\\bottomrule\n\\end{tabular}\n", stream);
    if (table->note && table->note[0]) {
        fputs("\n\\smallskip\\footnotesize ", stream);
        valence_write_latex(stream, table->note);
        fputc('\n', stream);
    }
    fputs("\\end{table}\n", stream);
}
