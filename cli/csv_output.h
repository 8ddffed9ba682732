/* CSV that several commands print. */
#ifndef VALENCE_CLI_CSV_OUTPUT_H
#define VALENCE_CLI_CSV_OUTPUT_H

/* A comma and the number; nothing behind the comma for one that is not known. */
void print_csv_number(double value);

#endif
