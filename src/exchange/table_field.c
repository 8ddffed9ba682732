#include "exchange/table_field.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define MAX_PARTS 32

static int add_part(struct table_field *field, struct table_part part, struct valence_error *error)
{
    if (field->n_parts == MAX_PARTS)
        return fail(error, VALENCE_ERROR_LIMIT, "a pattern of more than %d parts", MAX_PARTS);
    field->parts[field->n_parts++] = part;
    return VALENCE_OK;
}

static int add_literal(struct table_field *field, const char *text, size_t length,
                       struct valence_error *error)
{
    if (length == 0)
        return VALENCE_OK;
    char *literal = strndup(text, length);
    if (!literal)
        return fail_memory(error, length, "a pattern");
    int status = add_part(field, (struct table_part){.literal = literal}, error);
    if (status)
        free(literal);
    return status;
}

/* What stands between braces; `name` loses the cut. A column's own name may hold a '<'. */
static bool find_part(const struct csv_reader *reader, char *name, struct table_part *part)
{
    size_t length = strlen(name);
    *part = (struct table_part){.column = csv_find_column(reader, name)};
    if (part->column < 0 && length > 2 && name[length - 2] == '<') {
        part->cut = name[length - 1];
        name[length - 2] = '\0';
        part->column = csv_find_column(reader, name);
    }
    return part->column >= 0 || strcmp(name, "split") == 0;
}

static int add_column(struct table_field *field, const struct csv_reader *reader, const char *text,
                      size_t length, struct valence_error *error)
{
    struct table_part part;
    char *name = strndup(text, length);
    if (!name)
        return fail_memory(error, length, "a pattern");
    int status = find_part(reader, name, &part)
                     ? VALENCE_OK
                     : csv_need_column(reader, name, &part.column, error);
    free(name);
    return status ? status : add_part(field, part, error);
}

static int parse_pattern(struct table_field *field, const struct csv_reader *reader,
                         const char *spec, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (const char *at = spec; *at && !status;) {
        size_t literal = strcspn(at, "{");
        status = add_literal(field, at, literal, error);
        at += literal;
        if (*at == '\0' || status)
            break;
        size_t length = strcspn(++at, "}");
        if (at[length] == '\0')
            return fail(error, VALENCE_ERROR_ARGUMENT, "'%s': a '{' without a '}'", spec);
        status = add_column(field, reader, at, length, error);
        at += length + 1;
    }
    return status;
}

int table_field_parse(struct table_field *field, const struct csv_reader *reader, const char *spec,
                      struct valence_error *error)
{
    *field = (struct table_field){.text = {.maximum = CSV_MAX_ROW_BYTES}};
    field->parts = calloc(MAX_PARTS, sizeof *field->parts);
    if (!field->parts)
        return fail_memory(error, MAX_PARTS * sizeof *field->parts, "a pattern");
    bool whole = csv_find_column(reader, spec) >= 0 || !strchr(spec, '{');
    int status = VALENCE_OK;
    if (whole) {
        struct table_part part = {0};
        status = csv_need_column(reader, spec, &part.column, error);
        if (!status)
            status = add_part(field, part, error);
    } else {
        status = parse_pattern(field, reader, spec, error);
    }
    if (status)
        table_field_free(field);
    return status;
}

void table_field_free(struct table_field *field)
{
    for (int i = 0; i < field->n_parts; i++)
        free(field->parts[i].literal);
    free(field->parts);
    text_free(&field->text);
    *field = (struct table_field){0};
}

bool table_field_fits(const struct csv_reader *reader, const char *spec)
{
    if (csv_find_column(reader, spec) >= 0 || !strchr(spec, '{'))
        return csv_find_column(reader, spec) >= 0;
    for (const char *at = spec; (at = strchr(at, '{'));) {
        struct table_part part;
        char name[TABLE_FIELD_NAME_BYTES];
        size_t length = strcspn(++at, "}");
        if (at[length] == '\0' || length >= sizeof name)
            return false;
        memcpy(name, at, length);
        name[length] = '\0';
        if (!find_part(reader, name, &part))
            return false;
        at += length + 1;
    }
    return true;
}

const char *table_field_text(struct table_field *field, const struct csv_reader *reader,
                             const char *split)
{
    const struct table_part *first = field->parts;
    if (field->n_parts == 0)
        return "";
    if (field->n_parts == 1 && !first->literal && first->column >= 0 && !first->cut)
        return csv_field(reader, first->column);
    text_free(&field->text);
    text_append(&field->text, "", 0);
    for (int i = 0; i < field->n_parts; i++) {
        const struct table_part *part = &field->parts[i];
        const char *text = part->literal       ? part->literal
                           : part->column >= 0 ? csv_field(reader, part->column)
                                               : split;
        const char *end = part->cut ? strrchr(text, part->cut) : NULL;
        text_append(&field->text, text, end ? (size_t)(end - text) : strlen(text));
    }
    return field->text.failed ? NULL : field->text.data;
}
