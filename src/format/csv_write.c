#include "valence/text.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

void valence_write_csv_field(FILE *stream, const char *text)
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

void valence_write_csv_number(FILE *stream, float value)
{
    char text[NUMBER_TEXT_BYTES];
    if (isnan(value))
        return;
    format_double((double)value, 9, text);
    fputs(text, stream);
}
