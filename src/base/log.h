/* What is worth telling and no error: it goes to the host's receiver (valence/runtime.h). */
#ifndef VALENCE_BASE_LOG_H
#define VALENCE_BASE_LOG_H

#include "valence/runtime.h"

/* One line without a newline; too long a text is cut. */
void log_line(enum valence_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
