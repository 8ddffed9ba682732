/* The layouts of tables that data sets come in: which columns say what of a clip. */
#ifndef VALENCE_EXCHANGE_TABLE_LAYOUT_H
#define VALENCE_EXCHANGE_TABLE_LAYOUT_H

#include "format/csv.h"
#include "valence/import.h"

/* Fields as table_field.h reads them; NULL: the layout has none. */
struct table_layout {
    const char *name;
    const char *id, *split, *label;          /* by these it is recognised */
    const char *group, *transcript;          /* taken where the table has them */
    const char *label_values, *split_values; /* as in the options */
};

/* Whether a table has the columns of a layout; in a folder of files named by their splits it needs
 * none for the split. */
bool table_layout_is_known(const struct csv_reader *reader, bool in_folder);

/* The layout whose columns the table has, but for those that the options name; the first of them,
 * valence's own, where none fits. Fills what the options leave NULL. */
const struct table_layout *table_layout_apply(const struct csv_reader *reader,
                                              struct valence_import_options *options);

#endif
