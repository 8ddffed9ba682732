#include "csv_output.h"

#include <math.h>
#include <stdio.h>

#include "valence/text.h"

void print_csv_number(double value)
{
    putchar(',');
    if (isfinite(value))
        valence_write_csv_number(stdout, (float)value);
}
