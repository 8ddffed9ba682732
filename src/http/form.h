/* The fields of a request's body, collected as it comes: multipart/form-data, or one JSON object
 * whose members are the fields. */
#ifndef VALENCE_HTTP_FORM_H
#define VALENCE_HTTP_FORM_H

#include "base/text.h"
#include "http/http.h"
#include "http/multipart.h"

enum form_kind { FORM_NONE, FORM_MULTIPART, FORM_JSON };

struct form_reader {
    struct http_form *form;
    const struct valence_server_options *options;
    enum form_kind kind;
    struct multipart multipart;
    struct text text; /* of the field at hand, or the JSON */
    int64_t n_bytes;  /* of the upload at hand */
};

/* What a Content-Type says, which may be NULL. */
enum form_kind form_kind_of(const char *content_type);

/* Begins a form, which is empty. The reader must stay where it is. Errors of all three: FORMAT and
 * DATA for what is wrong with the body; LIMIT; IO, DISK_FULL; MEMORY. */
int form_reader_begin(struct form_reader *reader, struct http_form *form, const char *content_type,
                      const struct valence_server_options *options, struct valence_error *error);
int form_reader_feed(struct form_reader *reader, const char *bytes, size_t n_bytes,
                     struct valence_error *error);
int form_reader_end(struct form_reader *reader, struct valence_error *error);

/* Frees what the reader holds; the form stays. */
void form_reader_free(struct form_reader *reader);

/* Frees the fields and closes the uploads. */
void form_free(struct http_form *form);

/* Makes the members of a JSON object fields: texts, numbers and booleans. null counts as absent. */
int form_read_json(struct http_form *form, const char *text, size_t n_bytes,
                   struct valence_error *error);

/* Adds an empty field with this name. Errors: FORMAT for a name given twice, unless it ends in
 * "[]"; LIMIT for too many; MEMORY. */
int form_add(struct http_form *form, const char *name, struct http_field **field,
             struct valence_error *error);

#endif
