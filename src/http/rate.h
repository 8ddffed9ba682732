/* How many requests a minute each client may make: a bucket of tokens for each address. */
#ifndef VALENCE_HTTP_RATE_H
#define VALENCE_HTTP_RATE_H

#include <netinet/in.h>
#include <stdbool.h>

/* Beyond that many clients at once, the one that was quiet for longest is forgotten. */
#define RATE_MAX_CLIENTS 1024

struct http_rates {
    int n;
    struct {
        char address[INET6_ADDRSTRLEN];
        double tokens, last;
    } clients[RATE_MAX_CLIENTS];
};

/* Whether the client may make one more request at the time `now`. */
bool rate_take(struct http_rates *rates, const char *address, int per_minute, double now);

#endif
