/* Bodies of type multipart/form-data (RFC 7578), parsed as they come. */
#ifndef VALENCE_HTTP_MULTIPART_H
#define VALENCE_HTTP_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "valence/error.h"

#define MULTIPART_MAX_BOUNDARY 70 /* RFC 2046 */
#define MULTIPART_MAX_HEAD     4096
#define MULTIPART_MAX_NAME     128

/* Receives the parts. What a function returns other than 0 ends the parsing, with its error. */
struct multipart_sink {
    /* `file_name` is NULL for a plain field. */
    int (*begin)(void *user, const char *name, const char *file_name, struct valence_error *error);
    int (*data)(void *user, const char *bytes, size_t n_bytes, struct valence_error *error);
    int (*end)(void *user, struct valence_error *error);
    void *user;
};

enum multipart_state {
    MULTIPART_PREAMBLE,
    MULTIPART_DELIMITER, /* behind a boundary: more parts, or the end */
    MULTIPART_HEAD,
    MULTIPART_BODY,
    MULTIPART_EPILOGUE
};

struct multipart {
    struct multipart_sink sink;
    enum multipart_state state;
    char delimiter[4 + MULTIPART_MAX_BOUNDARY + 1]; /* CR LF -- boundary */
    size_t n_delimiter, n_matched;
    char head[MULTIPART_MAX_HEAD + 1]; /* of the part at hand */
    size_t n_head;
    char tail[2]; /* behind a boundary */
    size_t n_tail;
};

/* Begins a body with the header's value, "multipart/form-data; boundary=...". Errors: FORMAT where
 * it has no usable boundary. */
int multipart_begin(struct multipart *multipart, const char *content_type,
                    const struct multipart_sink *sink, struct valence_error *error);

/* More bytes; their end. Errors: FORMAT, saying what is wrong; those of the sink. */
int multipart_feed(struct multipart *multipart, const char *bytes, size_t n_bytes,
                   struct valence_error *error);
int multipart_end(const struct multipart *multipart, struct valence_error *error);

#endif
