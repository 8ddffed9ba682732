#include <string.h>
#include <strings.h>

#include "base/sha256.h"
#include "base/text.h"
#include "http/head.h"

static const char *field_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Compares digests, which are of one length, in a time that does not depend on where they differ.
 */
bool head_has_key(struct MHD_Connection *connection, const char *digest)
{
    static const char scheme[] = "Bearer ";
    const char *value = field_of(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    const bool fits = value && strncasecmp(value, scheme, sizeof scheme - 1) == 0;
    const char *key = fits ? value + sizeof scheme - 1 : "";
    char given[SHA256_TEXT_BYTES];
    unsigned difference = 0;
    sha256_text(key, strlen(key), given);
    for (size_t i = 0; i < sizeof given - 1; i++)
        difference |= (unsigned)((unsigned char)given[i] ^ (unsigned char)digest[i]);
    return fits && difference == 0;
}

struct framing {
    int n_lengths, n_encodings;
    bool is_chunked;
};

static enum MHD_Result count_field(void *user, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct framing *framing = user;
    (void)kind;
    framing->n_lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        framing->n_encodings++;
        framing->is_chunked = value && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

int64_t head_body_bytes(struct MHD_Connection *connection)
{
    struct framing framing = {0};
    long long n;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, count_field, &framing);
    if (framing.n_lengths + framing.n_encodings > 1 || framing.n_encodings != framing.is_chunked)
        return HEAD_LENGTH_UNCLEAR;
    if (framing.is_chunked)
        return -1;
    const char *length = field_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length && parse_int64(length, &n) && n >= 0 ? n : 0;
}
