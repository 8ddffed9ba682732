#include "http/form.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

/* ---- Fields ---- */

const struct http_field *http_form_field(const struct http_form *form, const char *name)
{
    for (int i = 0; i < form->n; i++)
        if (strcmp(form->fields[i].name, name) == 0)
            return &form->fields[i];
    return NULL;
}

int form_add(struct http_form *form, const char *name, struct http_field **field,
             struct valence_error *error)
{
    const size_t length = strlen(name);
    const bool is_list = length > 2 && strcmp(name + length - 2, "[]") == 0;
    if (!is_list && http_form_field(form, name))
        return fail(error, VALENCE_ERROR_FORMAT, "the field '%s' is given twice", name);
    if (form->n == HTTP_MAX_FIELDS)
        return fail(error, VALENCE_ERROR_LIMIT, "the request has more than %d fields",
                    HTTP_MAX_FIELDS);
    if (!form->fields && !(form->fields = calloc(HTTP_MAX_FIELDS, sizeof *form->fields)))
        return fail_memory(error, HTTP_MAX_FIELDS * sizeof *form->fields, "a form");
    *field = &form->fields[form->n];
    **field = (struct http_field){.name = strdup(name), .descriptor = -1};
    if (!(*field)->name)
        return fail_memory(error, length, "a field");
    form->n++;
    return VALENCE_OK;
}

void form_free(struct http_form *form)
{
    for (int i = 0; i < form->n; i++) {
        struct http_field *field = &form->fields[i];
        free(field->name);
        free(field->text);
        free(field->file_name);
        if (field->descriptor >= 0)
            close(field->descriptor);
    }
    free(form->fields);
    *form = (struct http_form){0};
}

/* ---- Uploads ---- */

/* A file that has no name from the beginning, or loses it at once. */
static int open_upload(const char *folder, int *descriptor, struct valence_error *error)
{
    *descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*descriptor >= 0)
        return VALENCE_OK;
    char *path = path_join(folder, "valence-upload-XXXXXX");
    if (!path)
        return fail_memory(error, strlen(folder), "a path");
    *descriptor = mkostemp(path, O_CLOEXEC);
    int number = errno;
    if (*descriptor >= 0)
        unlink(path);
    free(path);
    return *descriptor >= 0
               ? VALENCE_OK
               : fail_errno(error, number, "an upload cannot be kept for the time of its request");
}

static int write_upload(struct form_reader *reader, const char *bytes, size_t n_bytes,
                        struct valence_error *error)
{
    const int descriptor = reader->form->fields[reader->form->n - 1].descriptor;
    while (n_bytes) {
        ssize_t written = write(descriptor, bytes, n_bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_errno(error, errno, "an upload cannot be kept");
        bytes += written;
        n_bytes -= (size_t)written;
    }
    return VALENCE_OK;
}

/* ---- Parts ---- */

static int too_long(const struct form_reader *reader, const char *what, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_LIMIT, "%s is longer than %lld bytes", what,
                (long long)reader->options->max_text_bytes);
}

static int begin_part(void *user, const char *name, const char *file_name,
                      struct valence_error *error)
{
    struct form_reader *reader = user;
    struct http_field *field;
    int status = form_add(reader->form, name, &field, error);
    text_free(&reader->text);
    reader->text = (struct text){.maximum = (size_t)reader->options->max_text_bytes};
    reader->n_bytes = 0;
    if (status || !file_name)
        return status;
    field->file_name = strdup(file_name);
    return field->file_name ? open_upload(reader->options->folder, &field->descriptor, error)
                            : fail_memory(error, strlen(file_name), "a name");
}

static int add_to_part(void *user, const char *bytes, size_t n_bytes, struct valence_error *error)
{
    struct form_reader *reader = user;
    const struct http_field *field = &reader->form->fields[reader->form->n - 1];
    reader->n_bytes += (int64_t)n_bytes;
    if (field->file_name)
        return write_upload(reader, bytes, n_bytes, error);
    text_append(&reader->text, bytes, n_bytes);
    return reader->text.no_memory ? fail_memory(error, n_bytes, "a field")
           : reader->text.failed  ? too_long(reader, "a text of the form", error)
                                  : VALENCE_OK;
}

/* The text as a field's value: UTF-8 without zero bytes. */
static int take_text(struct form_reader *reader, struct http_field *field,
                     struct valence_error *error)
{
    text_append(&reader->text, "", 0);
    if (reader->text.failed)
        return fail_memory(error, 1, "a field");
    if (!is_utf8(reader->text.data, reader->text.length) ||
        memchr(reader->text.data, '\0', reader->text.length))
        return fail(error, VALENCE_ERROR_FORMAT, "the field '%s' is not UTF-8", field->name);
    field->text = reader->text.data;
    field->n_bytes = reader->text.length;
    reader->text = (struct text){.maximum = reader->text.maximum};
    return VALENCE_OK;
}

static int end_part(void *user, struct valence_error *error)
{
    struct form_reader *reader = user;
    struct http_field *field = &reader->form->fields[reader->form->n - 1];
    if (!field->file_name)
        return take_text(reader, field, error);
    field->n_bytes = (size_t)reader->n_bytes;
    return VALENCE_OK;
}

/* ---- The body ---- */

enum form_kind form_kind_of(const char *content_type)
{
    static const struct {
        const char *type;
        enum form_kind kind;
    } kinds[] = {{"multipart/form-data", FORM_MULTIPART}, {"application/json", FORM_JSON}};
    for (size_t i = 0; content_type && i < sizeof kinds / sizeof *kinds; i++) {
        const size_t length = strlen(kinds[i].type);
        if (strncasecmp(content_type, kinds[i].type, length) == 0 &&
            strchr("; \t", content_type[length])) /* the end of the text, too */
            return kinds[i].kind;
    }
    return FORM_NONE;
}

int form_reader_begin(struct form_reader *reader, struct http_form *form, const char *content_type,
                      const struct valence_server_options *options, struct valence_error *error)
{
    const struct multipart_sink sink = {begin_part, add_to_part, end_part, reader};
    *reader = (struct form_reader){.form = form,
                                   .options = options,
                                   .kind = form_kind_of(content_type),
                                   .text = {.maximum = (size_t)options->max_text_bytes}};
    return reader->kind == FORM_MULTIPART
               ? multipart_begin(&reader->multipart, content_type, &sink, error)
               : VALENCE_OK;
}

int form_reader_feed(struct form_reader *reader, const char *bytes, size_t n_bytes,
                     struct valence_error *error)
{
    if (reader->kind == FORM_MULTIPART)
        return multipart_feed(&reader->multipart, bytes, n_bytes, error);
    text_append(&reader->text, bytes, n_bytes);
    return reader->text.no_memory ? fail_memory(error, n_bytes, "a JSON body")
           : reader->text.failed  ? too_long(reader, "the JSON", error)
                                  : VALENCE_OK;
}

int form_reader_end(struct form_reader *reader, struct valence_error *error)
{
    if (reader->kind == FORM_MULTIPART)
        return multipart_end(&reader->multipart, error);
    return form_read_json(reader->form, reader->text.data ? reader->text.data : "",
                          reader->text.length, error);
}

void form_reader_free(struct form_reader *reader)
{
    text_free(&reader->text);
}
