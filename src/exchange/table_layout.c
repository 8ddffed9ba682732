#include "exchange/table_layout.h"

#include <stddef.h>

#include "exchange/table_field.h"

static const struct table_layout layouts[] = {
    {.name = "valence",
     .id = "id",
     .split = "split",
     .label = "label",
     .group = "group",
     .transcript = "transcript"},
    /* MOSI, MOSEI, CH-SIMS: label.csv, meta.csv. */
    {.name = "mmsa",
     .id = "{video_id}_{clip_id}",
     .split = "mode",
     .label = "label",
     .group = "video_id",
     .transcript = "text"},
    /* Of MER2023, test1 to test3 are its three test sets; -10 stands for no label. */
    {.name = "merbench",
     .id = "id",
     .split = "split",
     .label = "valence",
     .transcript = "text_en",
     .label_values = "-10=,-10.0=",
     .split_values = "test1=test,test2=test,test3=test"},
    /* A file for each split, whose dialogues are numbered anew. */
    {.name = "meld",
     .id = "{split}_dia{Dialogue_ID}_utt{Utterance_ID}",
     .label = "Sentiment",
     .group = "{split}_dia{Dialogue_ID}",
     .transcript = "Utterance",
     .label_values = "negative=-1,neutral=0,positive=1"},
};
#define N_LAYOUTS ((int)(sizeof layouts / sizeof *layouts))

static bool has(const struct csv_reader *reader, const char *option, const char *spec)
{
    return option || !spec || table_field_fits(reader, spec);
}

static const struct table_layout *choose(const struct csv_reader *reader,
                                         const struct valence_import_options *options)
{
    for (int i = 0; i < N_LAYOUTS; i++)
        if (has(reader, options->id, layouts[i].id) &&
            has(reader, options->split, layouts[i].split) &&
            has(reader, options->label, layouts[i].label))
            return &layouts[i];
    return &layouts[0];
}

bool table_layout_is_known(const struct csv_reader *reader, bool in_folder)
{
    for (int i = 0; i < N_LAYOUTS; i++)
        if (has(reader, NULL, layouts[i].id) && has(reader, NULL, layouts[i].label) &&
            (in_folder || has(reader, NULL, layouts[i].split)))
            return true;
    return false;
}

/* What may be absent is named where it is there. */
static void name_optional(const struct csv_reader *reader, const char **option, const char *spec)
{
    if (!*option && spec && table_field_fits(reader, spec))
        *option = spec;
}

const struct table_layout *table_layout_apply(const struct csv_reader *reader,
                                              struct valence_import_options *options)
{
    const struct table_layout *layout = choose(reader, options);
    if (!options->label && !options->label_values)
        options->label_values = layout->label_values;
    if (!options->split && !options->split_values)
        options->split_values = layout->split_values;
    options->id = options->id ? options->id : layout->id;
    options->split = options->split ? options->split : layout->split;
    options->label = options->label ? options->label : layout->label;
    name_optional(reader, &options->group, layout->group);
    name_optional(reader, &options->transcript, layout->transcript);
    return layout;
}
