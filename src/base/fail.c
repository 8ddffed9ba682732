#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *valence_status_name(int status)
{
    switch (status) {
#define STATUS_CASE(name, value, text)                                                             \
    case value:                                                                                    \
        return #name;
        VALENCE_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "UNKNOWN";
}

const char *valence_status_text(int status)
{
    switch (status) {
#define STATUS_CASE(name, value, text)                                                             \
    case value:                                                                                    \
        return text;
        VALENCE_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

static void write_text(struct valence_error *error, int status, const char *format, va_list args)
{
    error->status = status;
    error->key[0] = '\0';
    vsnprintf(error->text, sizeof error->text, format, args);
    if (error->text[0] == '\0')
        snprintf(error->text, sizeof error->text, "%s", valence_status_text(status));
}

int fail(struct valence_error *error, int status, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        write_text(error, status, format, args);
        va_end(args);
    }
    return status;
}

static void write_keyed(struct valence_error *error, int status, const char *key,
                        const char *format, va_list args)
{
    write_text(error, status, format, args);
    snprintf(error->key, sizeof error->key, "%s", key ? key : "");
}

int fail_key(struct valence_error *error, int status, const char *key, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        write_keyed(error, status, key, format, args);
        va_end(args);
    }
    return status;
}

int valence_fail(struct valence_error *error, int status, const char *key, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        write_keyed(error, status, key, format, args);
        va_end(args);
    }
    return status;
}

int fail_errno(struct valence_error *error, int number, const char *format, ...)
{
    int status = number == ENOSPC || number == EDQUOT ? VALENCE_ERROR_DISK_FULL
                 : number == ENOMEM                   ? VALENCE_ERROR_MEMORY
                                                      : VALENCE_ERROR_IO;
    if (error) {
        va_list args;
        va_start(args, format);
        write_text(error, status, format, args);
        va_end(args);
        size_t used = strlen(error->text);
        snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(number));
    }
    return status;
}

int fail_memory(struct valence_error *error, size_t bytes, const char *what)
{
    return fail(error, VALENCE_ERROR_MEMORY, "cannot allocate %.1f MiB for %s",
                (double)bytes / (1024.0 * 1024.0), what);
}

int fail_within(int status, struct valence_error *error, const char *format, ...)
{
    if (!error)
        return status;
    char inner[VALENCE_ERROR_TEXT_BYTES];
    memcpy(inner, error->text, sizeof inner);
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, ": %s", inner);
    return status;
}

int fail_in_file(int status, struct valence_error *error, const char *file, const char *format, ...)
{
    if (!error)
        return status;
    char context[VALENCE_ERROR_TEXT_BYTES];
    size_t length = strlen(file);
    if (strncmp(error->text, file, length) == 0 && strncmp(error->text + length, ": ", 2) == 0)
        memmove(error->text, error->text + length + 2, strlen(error->text + length + 2) + 1);
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    return fail_within(status, error, "%s: %s", file, context);
}
