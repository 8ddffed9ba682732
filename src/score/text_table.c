#include "valence/text_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "format/csv.h"

struct valence_text_table {
    struct csv_reader *reader;
    int text, id; /* columns; id -1: rows are counted */
    int64_t n;
    char number[24];
};

void valence_text_table_options_default(struct valence_text_table_options *options)
{
    *options = (struct valence_text_table_options){.size = sizeof *options};
}

static int find_text(struct valence_text_table *table, const char *name,
                     struct valence_error *error)
{
    table->text = csv_find_column(table->reader, name ? name : "transcript");
    if (table->text < 0 && !name)
        table->text = csv_find_column(table->reader, "text");
    if (table->text >= 0)
        return VALENCE_OK;
    int status = csv_need_column(table->reader, name ? name : "transcript", &table->text, error);
    if (error)
        snprintf(error->key, sizeof error->key, "text_column");
    return status;
}

static int find_id(struct valence_text_table *table, const char *name, struct valence_error *error)
{
    table->id = csv_find_column(table->reader, name ? name : "id");
    if (table->id >= 0 || !name)
        return VALENCE_OK;
    int status = csv_need_column(table->reader, name, &table->id, error);
    if (error)
        snprintf(error->key, sizeof error->key, "id_column");
    return status;
}

int valence_text_table_open(const char *path, const struct valence_text_table_options *options,
                            struct valence_text_table **table, struct valence_error *error)
{
    struct valence_text_table_options own;
    *table = NULL;
    valence_text_table_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    struct valence_text_table *opened = status ? NULL : allocate(1, sizeof *opened);
    if (!status && !opened)
        status = fail_memory(error, sizeof *opened, "a table");
    if (!status)
        status = csv_open(path, CSV_FIND_DELIMITER, &opened->reader, error);
    if (!status)
        status = find_text(opened, own.text_column, error);
    if (!status)
        status = find_id(opened, own.id_column, error);
    if (status)
        valence_text_table_close(opened);
    else
        *table = opened;
    return status;
}

void valence_text_table_close(struct valence_text_table *table)
{
    if (!table)
        return;
    csv_close(table->reader);
    free(table);
}

int valence_text_table_next(struct valence_text_table *table, const char **id, const char **text,
                            struct valence_error *error)
{
    bool more;
    *id = *text = NULL;
    int status = csv_next(table->reader, &more, error);
    if (status || !more)
        return status;
    table->n++;
    snprintf(table->number, sizeof table->number, "%lld", (long long)table->n);
    *id = table->id < 0 ? table->number : csv_field(table->reader, table->id);
    if (!**id)
        return fail(error, VALENCE_ERROR_DATA, "line %lld: the id is empty",
                    (long long)csv_line(table->reader));
    *text = csv_field(table->reader, table->text);
    return VALENCE_OK;
}
