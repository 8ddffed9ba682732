#include "format/csv_write.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

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
    char text[NUMBER_TEXT_BYTES];
    if (isnan(value))
        return;
    format_double((double)value, 9, text);
    fputs(text, stream);
}
