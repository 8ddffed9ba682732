#include "media/worker_message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/socket.h"

/* ---- Descriptors ---- */

union control {
    struct cmsghdr head; /* for its alignment */
    char bytes[CMSG_SPACE(2 * sizeof(int))];
};

bool worker_send_descriptors(int socket, const void *data, size_t n_bytes, const int *descriptors,
                             int n)
{
    union control control = {0};
    struct iovec piece = {(void *)(uintptr_t)data, n_bytes};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (n > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                 .cmsg_type = SCM_RIGHTS,
                                 .cmsg_len = CMSG_LEN((size_t)n * sizeof(int))};
        memcpy(CMSG_DATA(head), descriptors, (size_t)n * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 && socket_send(socket, (const char *)data + sent, n_bytes - (size_t)sent);
}

bool worker_receive_descriptors(int socket, void *data, size_t n_bytes, int descriptors[2])
{
    union control control;
    struct iovec piece = {data, n_bytes};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got;
    descriptors[0] = descriptors[1] = -1;
    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(descriptors, CMSG_DATA(head),
               head->cmsg_len - CMSG_LEN(0) < 2 * sizeof(int) ? sizeof(int) : 2 * sizeof(int));
    if (got > 0 && socket_receive(socket, (char *)data + got, n_bytes - (size_t)got))
        return true;
    for (int i = 0; i < 2; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    return false;
}
