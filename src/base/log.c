#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

/* The receiver is behind valence_log(), of which there is one in a process; this file is in each of
 * the two libraries. */
void log_line(enum valence_log_level level, const char *format, ...)
{
    char text[VALENCE_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    valence_log(level, text);
}
