#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

/* ---- Reading ---- */

int file_open(const char *path, int *descriptor, size_t *size, struct valence_error *error)
{
    /* Opening a pipe that nobody writes to would wait for ever. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file", path)
                   : fail_errno(error, errno, "%s: cannot open", path);
    struct stat status;
    if (fstat(fd, &status) != 0) {
        int number = errno;
        close(fd);
        return fail_errno(error, number, "%s: cannot read its size", path);
    }
    if (!S_ISREG(status.st_mode)) {
        close(fd);
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: not a regular file", path);
    }
    *descriptor = fd;
    *size = (size_t)status.st_size;
    return VALENCE_OK;
}

int file_read_at(int descriptor, const char *path, uint64_t position, void *out, size_t bytes,
                 struct valence_error *error)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(descriptor, (char *)out + done, bytes - done, (off_t)(position + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, errno, "%s: cannot read", path);
        if (got == 0)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: ends at byte %llu (is it cut off?)", path,
                        (unsigned long long)(position + done));
        done += (size_t)got;
    }
    return VALENCE_OK;
}

int file_map_descriptor(struct file_map *map, int descriptor, size_t size, const char *path,
                        struct valence_error *error)
{
    *map = (struct file_map){0};
    void *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0) : NULL;
    if (data == MAP_FAILED)
        return fail_errno(error, errno, "%s: cannot map", path);
    *map = (struct file_map){.data = data, .size = size};
    return VALENCE_OK;
}

int file_map_open(struct file_map *map, const char *path, struct valence_error *error)
{
    int descriptor = -1;
    size_t size = 0;
    *map = (struct file_map){0};
    int status = file_open(path, &descriptor, &size, error);
    if (status)
        return status;
    status = file_map_descriptor(map, descriptor, size, path, error);
    close(descriptor);
    return status;
}

void file_map_close(struct file_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct file_map){0};
}

int file_read_text(const char *path, size_t maximum, char **text, size_t *size,
                   struct valence_error *error)
{
    *text = NULL;
    int file;
    size_t bytes;
    int status = file_open(path, &file, &bytes, error);
    if (status)
        return status;
    if (bytes > maximum)
        status = fail(error, VALENCE_ERROR_LIMIT, "%s: has %zu bytes, more than the %zu expected",
                      path, bytes, maximum);
    else if (!(*text = malloc(bytes + 1)))
        status = fail_memory(error, bytes + 1, path);
    if (!status)
        status = file_read_at(file, path, 0, *text, bytes, error);
    close(file);
    if (status) {
        free(*text);
        *text = NULL;
        return status;
    }
    (*text)[bytes] = '\0';
    if (size)
        *size = bytes;
    return VALENCE_OK;
}

/* ---- Paths ---- */

int make_folders(const char *path, struct valence_error *error)
{
    char *partial = strdup(path);
    if (!partial)
        return fail_memory(error, strlen(path), "a folder name");
    int status = VALENCE_OK;
    for (char *at = partial + 1; !status; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            status = fail_errno(error, errno, "%s: cannot make the folder", partial);
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(partial);
    if (!status && !path_is_folder(path))
        status = fail(error, VALENCE_ERROR_EXISTS, "%s: exists and is not a folder", path);
    return status;
}

char *path_join(const char *folder, const char *name)
{
    size_t room = strlen(folder) + strlen(name) + 2;
    char *joined = malloc(room);
    if (joined) {
        size_t length = strlen(folder);
        bool has_slash = length > 0 && folder[length - 1] == '/';
        snprintf(joined, room, "%s%s%s", folder, has_slash ? "" : "/", name);
    }
    return joined;
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return strndup(path + begin, end - begin);
}

bool path_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

bool path_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool paths_are_same(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

bool path_has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), wanted = strlen(ending);
    return length >= wanted && strcasecmp(path + length - wanted, ending) == 0;
}
