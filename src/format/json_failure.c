#include "format/json_failure.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/fail.h"

int fail_json(const json_error_t *problem, struct valence_error *error, int status,
              const char *format, ...)
{
    char message[VALENCE_ERROR_TEXT_BYTES];
    /* jansson has a text for everything that can be wrong with JSON, and none for the rest. */
    if (problem->text[0] == '\0' || json_error_code(problem) == json_error_out_of_memory)
        return fail_memory(error, 0, "a JSON value");
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(error, status, "%s", message);
}
