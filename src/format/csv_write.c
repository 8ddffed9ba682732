#include "format/csv_write.h"

#include <math.h>
#include <string.h>

void csv_write_field(FILE *stream, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

void csv_write_number(FILE *stream, float value)
{
    if (!isnan(value))
        fprintf(stream, "%.9g", (double)value);
}
