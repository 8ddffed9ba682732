#include "models/verified_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define LINE_BYTES   (PATH_MAX + 160)
#define MEMORY_BYTES (1 << 20) /* more is not read: some thousand files */

/* The line of a file as it is now; false where there is no such file, or its path has a newline. */
static bool make_line(const char *path, const char *check, char line[LINE_BYTES])
{
    struct stat status;
    char *whole = realpath(path, NULL);
    bool known = whole && !strchr(whole, '\n') && stat(whole, &status) == 0;
    if (known)
        snprintf(line, LINE_BYTES, "%.80s %" PRId64 " %" PRId64 "%09ld %s\n", check,
                 (int64_t)status.st_size, (int64_t)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                 whole);
    free(whole);
    return known;
}

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    while (text && *text) {
        if (strncmp(text, line, length) == 0)
            return true;
        text = strchr(text, '\n');
        text += text != NULL;
    }
    return false;
}

/* ---- In this process ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *recent[16]; /* lines, the oldest replaced first */
static unsigned n_recent;

static bool is_recent(const char *line)
{
    bool found = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof recent / sizeof *recent && !found; i++)
        found = recent[i] && strcmp(recent[i], line) == 0;
    pthread_mutex_unlock(&lock);
    return found;
}

static void keep_recent(const char *line)
{
    char *copy = strdup(line);
    if (!copy)
        return;
    pthread_mutex_lock(&lock);
    char **place = &recent[n_recent++ % (sizeof recent / sizeof *recent)];
    free(*place);
    *place = copy;
    pthread_mutex_unlock(&lock);
}

/* ---- Beyond it ---- */

static bool is_in_file(const char *memory, const char *line)
{
    char *text = NULL;
    if (!memory || file_read_text(memory, MEMORY_BYTES, &text, NULL, NULL))
        return false;
    bool found = has_line(text, line);
    free(text);
    return found;
}

bool verified_before(const char *memory, const char *path, const char *check)
{
    char line[LINE_BYTES];
    return make_line(path, check, line) && (is_recent(line) || is_in_file(memory, line));
}

void verified_remember(const char *memory, const char *path, const char *check)
{
    char line[LINE_BYTES];
    if (!make_line(path, check, line) || verified_before(memory, path, check))
        return;
    keep_recent(line);
    int file = memory ? open(memory, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (file < 0)
        return;
    /* One write, so that lines of several processes do not mix. A torn one matches nothing. */
    ssize_t written = write(file, line, strlen(line));
    (void)written;
    close(file);
}
