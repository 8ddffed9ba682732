/* A JSON object as a form. */
#include <jansson.h>
#include <string.h>

#include "base/fail.h"
#include "http/form.h"

/* A member's value as the text that a form would have. NULL where memory is short. */
static char *value_text(const json_t *value)
{
    if (json_is_string(value))
        return strdup(json_string_value(value));
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
}

static int add_member(struct http_form *form, const char *name, const json_t *value,
                      struct valence_error *error)
{
    struct http_field *field;
    if (json_is_null(value))
        return VALENCE_OK;
    if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value))
        return fail(error, VALENCE_ERROR_FORMAT,
                    "the member '%s' is neither a text nor a number nor true or false", name);
    if (strlen(name) >= MULTIPART_MAX_NAME)
        return fail(error, VALENCE_ERROR_FORMAT, "the name of a member is longer than %d bytes",
                    MULTIPART_MAX_NAME - 1);
    int status = form_add(form, name, &field, error);
    if (status)
        return status;
    field->text = value_text(value);
    if (!field->text)
        return fail_memory(error, 1, "a field");
    field->n_bytes = strlen(field->text);
    return VALENCE_OK;
}

int form_read_json(struct http_form *form, const char *text, size_t n_bytes,
                   struct valence_error *error)
{
    json_error_t where;
    json_t *root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &where);
    const char *name;
    json_t *value;
    int status = VALENCE_OK;
    if (!root)
        return fail(error, VALENCE_ERROR_FORMAT, "the body is not JSON: line %d, column %d: %s",
                    where.line, where.column, where.text);
    if (!json_is_object(root))
        status = fail(error, VALENCE_ERROR_FORMAT, "the JSON of the body is not an object");
    json_object_foreach(root, name, value)
    {
        if (!status)
            status = add_member(form, name, value, error);
    }
    json_decref(root);
    return status;
}
