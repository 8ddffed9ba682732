#include "format/csv_write.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "valence/text.h"

void csv_write_quoted(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

void valence_write_csv_field(FILE *stream, const char *text)
{
    if (strpbrk(text, ",\"\r\n"))
        csv_write_quoted(stream, text);
    else
        fputs(text, stream);
}

void valence_write_csv_number(FILE *stream, float value)
{
    char text[NUMBER_TEXT_BYTES];
    if (isnan(value))
        return;
    format_double((double)value, 9, text);
    fputs(text, stream);
}
