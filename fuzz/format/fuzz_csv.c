#include "format/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv_reader *reader;
    struct valence_error error;
    bool more = true;
    if (csv_open_memory(data, size, "input", ',', &reader, &error))
        return 0;
    int column;
    (void)csv_need_column(reader, "id", &column, &error);
    while (csv_next(reader, &more, &error) == VALENCE_OK && more)
        for (int i = 0; i < csv_n_columns(reader); i++) {
            double value;
            (void)csv_number(reader, i, &value, &error);
        }
    csv_close(reader);
    return 0;
}
