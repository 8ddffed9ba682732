#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static valence_log_function receiver;
static void *receiver_user;

void valence_set_log(valence_log_function receive, void *user)
{
    receiver = receive;
    receiver_user = user;
}

void log_line(enum valence_log_level level, const char *format, ...)
{
    char text[VALENCE_ERROR_TEXT_BYTES];
    if (!receiver)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    receiver(receiver_user, level, text);
}
