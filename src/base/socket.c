#include "base/socket.h"

#include <errno.h>
#include <sys/socket.h>

bool socket_send(int socket, const void *data, size_t n_bytes)
{
    for (size_t done = 0; done < n_bytes;) {
        ssize_t n = send(socket, (const char *)data + done, n_bytes - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

bool socket_receive(int socket, void *data, size_t n_bytes)
{
    for (size_t done = 0; done < n_bytes;) {
        ssize_t n = recv(socket, (char *)data + done, n_bytes - done, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}
