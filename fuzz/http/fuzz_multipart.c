/* Forms as clients send them: parsed in pieces of any size, with the same result. The first byte is
 * the size of the pieces. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/multipart.h"

/* What the parser said, folded into a number; how the bytes were cut does not count. */
struct seen {
    unsigned long sum;
    int n_parts;
    bool is_open;
};

static void fold(struct seen *seen, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        seen->sum = seen->sum * 31 + (unsigned char)bytes[i];
}

static int begin(void *user, const char *name, const char *file_name, struct valence_error *error)
{
    struct seen *seen = user;
    (void)error;
    assert(!seen->is_open && *name);
    seen->is_open = true;
    seen->n_parts++;
    fold(seen, name, strlen(name));
    if (file_name)
        fold(seen, file_name, strlen(file_name));
    return 0;
}

static int data(void *user, const char *bytes, size_t n, struct valence_error *error)
{
    struct seen *seen = user;
    (void)error;
    assert(seen->is_open && n > 0);
    fold(seen, bytes, n);
    return 0;
}

static int end(void *user, struct valence_error *error)
{
    struct seen *seen = user;
    (void)error;
    assert(seen->is_open);
    seen->is_open = false;
    return 0;
}

static int parse(const char *bytes, size_t n, size_t piece, struct seen *seen)
{
    const struct multipart_sink sink = {begin, data, end, seen};
    struct multipart *multipart = malloc(sizeof *multipart);
    struct valence_error error;
    *seen = (struct seen){0};
    assert(multipart);
    int status = multipart_begin(multipart, "multipart/form-data; boundary=line", &sink, &error);
    for (size_t at = 0; at < n && !status; at += piece)
        status = multipart_feed(multipart, bytes + at, n - at < piece ? n - at : piece, &error);
    if (!status)
        status = multipart_end(multipart, &error);
    free(multipart);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct seen whole, pieces;
    struct multipart multipart;
    const struct multipart_sink sink = {begin, data, end, &whole};
    if (n < 1)
        return 0;
    const char *text = (const char *)bytes + 1;
    int one = parse(text, n - 1, n, &whole);
    int other = parse(text, n - 1, 1 + bytes[0] % 64, &pieces);
    assert(one == other && whole.n_parts == pieces.n_parts && whole.sum == pieces.sum);
    char *type = strndup(text, n - 1); /* as a header */
    assert(type);
    (void)multipart_begin(&multipart, type, &sink, NULL);
    free(type);
    return 0;
}
