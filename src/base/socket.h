/* Whole messages through the socket that joins two processes. */
#ifndef VALENCE_BASE_SOCKET_H
#define VALENCE_BASE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

/* All of `n_bytes`; false if the other side is gone. Raises no SIGPIPE. */
bool socket_send(int socket, const void *data, size_t n_bytes);
bool socket_receive(int socket, void *data, size_t n_bytes);

#endif
