#include "http/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/fail.h"

/* ---- The boundary ---- */

static int no_boundary(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT,
                "the Content-Type of a form needs a boundary of 1 to %d characters",
                MULTIPART_MAX_BOUNDARY);
}

enum parameter { PARAMETER_ABSENT, PARAMETER_WRONG, PARAMETER_FOUND };

/* The value of `name` among the parameters of a header: copied to `value`, without quotes. WRONG
 * where it does not fit or its quotes are not closed. */
static enum parameter read_parameter(const char *header, const char *name, char *value, size_t room)
{
    const size_t length = strlen(name);
    const char *at = header;
    while (*at) {
        at += strcspn(at, ";");
        at += strspn(at, "; \t");
        const bool is_it = strncasecmp(at, name, length) == 0 && at[length] == '=';
        at += is_it ? length + 1 : strcspn(at, ";=");
        at += !is_it && *at == '=';
        const bool is_quoted = *at == '"';
        size_t n = 0;
        for (at += is_quoted; *at && (is_quoted ? *at != '"' : !strchr("; \t", *at)); at++) {
            if (is_quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
                at++;
            if (is_it && n + 1 < room)
                value[n] = *at;
            n++;
        }
        if (is_quoted && *at != '"')
            return PARAMETER_WRONG;
        if (is_it) {
            value[n < room ? n : room - 1] = '\0';
            return n < room ? PARAMETER_FOUND : PARAMETER_WRONG;
        }
    }
    return PARAMETER_ABSENT;
}

int multipart_begin(struct multipart *multipart, const char *content_type,
                    const struct multipart_sink *sink, struct valence_error *error)
{
    char boundary[MULTIPART_MAX_BOUNDARY + 1];
    *multipart = (struct multipart){.sink = *sink, .n_matched = 2};
    if (read_parameter(content_type, "boundary", boundary, sizeof boundary) != PARAMETER_FOUND ||
        !*boundary)
        return no_boundary(error);
    for (const char *at = boundary; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            return no_boundary(error);
    memcpy(multipart->delimiter, "\r\n--", 4);
    memcpy(multipart->delimiter + 4, boundary, strlen(boundary) + 1);
    multipart->n_delimiter = strlen(multipart->delimiter);
    return VALENCE_OK;
}

/* ---- The head of a part ---- */

/* A line's value behind "name:", or NULL. */
static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(line, name, length) == 0 && line[length] == ':' ? line + length + 1 : NULL;
}

static int end_head(struct multipart *multipart, struct valence_error *error)
{
    char name[MULTIPART_MAX_NAME], file_name[256];
    const char *disposition = NULL;
    multipart->head[multipart->n_head] = '\0';
    if (strlen(multipart->head) != multipart->n_head)
        return fail(error, VALENCE_ERROR_FORMAT, "the head of a part holds a zero byte");
    char *rest = NULL;
    for (char *line = strtok_r(multipart->head, "\r\n", &rest); line && !disposition;
         line = strtok_r(NULL, "\r\n", &rest))
        disposition = header_value(line, "Content-Disposition");
    if (!disposition)
        return fail(error, VALENCE_ERROR_FORMAT, "a part of the form has no Content-Disposition");
    disposition += strspn(disposition, " \t");
    if (strncasecmp(disposition, "form-data", 9) != 0 ||
        read_parameter(disposition, "name", name, sizeof name) != PARAMETER_FOUND || !*name)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "a part of the form has no name of 1 to %d characters", MULTIPART_MAX_NAME - 1);
    const enum parameter file =
        read_parameter(disposition, "filename", file_name, sizeof file_name);
    if (file == PARAMETER_WRONG)
        strcpy(file_name, "upload"); /* it is for messages alone */
    multipart->state = MULTIPART_BODY;
    multipart->n_matched = 0;
    return multipart->sink.begin(multipart->sink.user, name,
                                 file == PARAMETER_ABSENT ? NULL : file_name, error);
}

/* Takes the head's bytes up to the empty line; gives how many. */
static int take_head(struct multipart *multipart, const char *bytes, size_t n_bytes, size_t *taken,
                     struct valence_error *error)
{
    for (size_t i = 0; i < n_bytes; i++) {
        if (multipart->n_head == MULTIPART_MAX_HEAD)
            return fail(error, VALENCE_ERROR_FORMAT, "the head of a part is longer than %d bytes",
                        MULTIPART_MAX_HEAD);
        multipart->head[multipart->n_head++] = bytes[i];
        const char *end = multipart->head + multipart->n_head;
        *taken = i + 1;
        if ((multipart->n_head >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0) ||
            (multipart->n_head == 2 && memcmp(end - 2, "\r\n", 2) == 0))
            return end_head(multipart, error);
    }
    return VALENCE_OK;
}

/* ---- Between parts ---- */

/* Behind a boundary stands CR LF before a part, or -- at the end; blanks may stand before. */
static int take_delimiter(struct multipart *multipart, char c, struct valence_error *error)
{
    if (multipart->n_tail == 0 && (c == ' ' || c == '\t'))
        return VALENCE_OK;
    multipart->tail[multipart->n_tail++] = c;
    if (multipart->n_tail < 2)
        return VALENCE_OK;
    multipart->n_tail = 0;
    if (memcmp(multipart->tail, "--", 2) == 0) {
        multipart->state = MULTIPART_EPILOGUE;
    } else if (memcmp(multipart->tail, "\r\n", 2) == 0) {
        multipart->state = MULTIPART_HEAD;
        multipart->n_head = 0;
    } else {
        return fail(error, VALENCE_ERROR_FORMAT,
                    "a boundary of the form is followed by neither a line's end nor '--'");
    }
    return VALENCE_OK;
}

static int emit(struct multipart *multipart, const char *bytes, size_t n_bytes,
                struct valence_error *error)
{
    return multipart->state == MULTIPART_BODY && n_bytes
               ? multipart->sink.data(multipart->sink.user, bytes, n_bytes, error)
               : VALENCE_OK;
}

static int end_part(struct multipart *multipart, struct valence_error *error)
{
    const bool is_part = multipart->state == MULTIPART_BODY;
    multipart->state = MULTIPART_DELIMITER;
    multipart->n_matched = 0;
    return is_part ? multipart->sink.end(multipart->sink.user, error) : VALENCE_OK;
}

/* Takes bytes of a body, or before the first one, up to the delimiter. A delimiter holds one CR,
 * its first byte: where a match breaks off, the next can begin only at the byte at hand. */
static int take_body(struct multipart *multipart, const char *bytes, size_t n_bytes, size_t *taken,
                     struct valence_error *error)
{
    size_t i = 0;
    int status = VALENCE_OK;
    while (i < n_bytes && !status && multipart->n_matched < multipart->n_delimiter) {
        if (bytes[i] == multipart->delimiter[multipart->n_matched]) {
            multipart->n_matched++;
            i++;
        } else if (multipart->n_matched) {
            status = emit(multipart, multipart->delimiter, multipart->n_matched, error);
            multipart->n_matched = 0;
        } else {
            const char *cr = memchr(bytes + i, '\r', n_bytes - i);
            size_t n = cr ? (size_t)(cr - bytes) - i : n_bytes - i;
            status = emit(multipart, bytes + i, n, error);
            i += n;
        }
    }
    *taken = i;
    return !status && multipart->n_matched == multipart->n_delimiter ? end_part(multipart, error)
                                                                     : status;
}

/* ---- All of it ---- */

int multipart_feed(struct multipart *multipart, const char *bytes, size_t n_bytes,
                   struct valence_error *error)
{
    int status = VALENCE_OK;
    while (n_bytes && !status) {
        size_t taken = 1;
        if (multipart->state == MULTIPART_EPILOGUE)
            return VALENCE_OK;
        if (multipart->state == MULTIPART_DELIMITER)
            status = take_delimiter(multipart, *bytes, error);
        else if (multipart->state == MULTIPART_HEAD)
            status = take_head(multipart, bytes, n_bytes, &taken, error);
        else
            status = take_body(multipart, bytes, n_bytes, &taken, error);
        bytes += taken;
        n_bytes -= taken;
    }
    return status;
}

int multipart_end(const struct multipart *multipart, struct valence_error *error)
{
    if (multipart->state == MULTIPART_EPILOGUE)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_FORMAT,
                multipart->state == MULTIPART_PREAMBLE
                    ? "the form does not hold the boundary that its Content-Type names"
                    : "the form ends before its last boundary");
}
