#include "http/rate.h"

#include <stdio.h>
#include <string.h>

/* The client's place; a new one is full. */
static int find(struct http_rates *rates, const char *address, int per_minute, double now)
{
    int oldest = 0;
    for (int i = 0; i < rates->n; i++) {
        if (strcmp(rates->clients[i].address, address) == 0)
            return i;
        if (rates->clients[i].last < rates->clients[oldest].last)
            oldest = i;
    }
    int place = rates->n < RATE_MAX_CLIENTS ? rates->n++ : oldest;
    snprintf(rates->clients[place].address, sizeof rates->clients[place].address, "%s", address);
    rates->clients[place].tokens = per_minute;
    rates->clients[place].last = now;
    return place;
}

bool rate_take(struct http_rates *rates, const char *address, int per_minute, double now)
{
    const int i = find(rates, address, per_minute, now);
    double tokens =
        rates->clients[i].tokens + (now - rates->clients[i].last) * (double)per_minute / 60;
    tokens = tokens < per_minute ? tokens : per_minute;
    rates->clients[i].last = now;
    rates->clients[i].tokens = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
}
