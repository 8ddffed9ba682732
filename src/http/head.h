/* What the head of a request says about its body, and whose it is. */
#ifndef VALENCE_HTTP_HEAD_H
#define VALENCE_HTTP_HEAD_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether it carries the key with this digest (sha256_text), as "Authorization: Bearer KEY". */
bool head_has_key(struct MHD_Connection *connection, const char *digest);

/* Of the body: more than any server takes, since its end is not known. */
#define HEAD_LENGTH_UNCLEAR INT64_MAX

/* The length of the body as declared; -1: it comes in chunks. HEAD_LENGTH_UNCLEAR where the head
 * gives the length more than once, or in a way that this server does not read: a proxy may see
 * another end of the request than the server does, and take the rest for a request of another
 * client (RFC 9112, 6.3 and 11.2). */
int64_t head_body_bytes(struct MHD_Connection *connection);

#endif
