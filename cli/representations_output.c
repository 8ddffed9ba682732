#include "representations_output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "valence/text.h"

/* ---- Numbers ---- */

/* "0.812 ± 0.013", of one model "0.812", "" where it is undefined. */
static void add_summary(struct table *table, struct valence_seed_summary value, double factor,
                        int digits)
{
    if (isnan(value.mean))
        table_cell(table, "%s", "");
    else if (isnan(value.deviation))
        table_cell(table, "%.*f", digits, factor * value.mean);
    else
        table_cell(table, "%.*f ± %.*f", digits, factor * value.mean, digits,
                   factor * value.deviation);
}

static const char *place_of(enum valence_representation representation)
{
    return representation == VALENCE_REPRESENTATION_POOLED ? "representation" : "cross output";
}

/* "-3" for a bin of one unit, else "0.2 to 0.6". */
static void name_bin(const struct valence_label_bin *bin, char name[64])
{
    double centre = (bin->low + bin->high) / 2;
    if (fabs(bin->high - bin->low - 1) < 1e-9 && fabs(centre - round(centre)) < 1e-9)
        snprintf(name, 64, "%.0f", round(centre) == 0 ? 0 : centre);
    else
        snprintf(name, 64, "%.3g to %.3g", bin->low, bin->high);
}

/* ---- Tables ---- */

static void add_notes(const struct valence_representation_maps *maps, struct table *table)
{
    if (maps->n_beyond)
        table_note(table, "%lld more clips were left out, evenly over the labels (--max-clips).",
                   (long long)maps->n_beyond);
    if (maps->n_without)
        table_note(table, "%lld %s left out that %s no rows of what is missing here.",
                   (long long)maps->n_without,
                   valence_plural(maps->n_without, "clip was", "clips were"),
                   valence_plural(maps->n_without, "has", "have"));
    if (maps->n_unlabelled)
        table_note(table, "%lld %s without a label left out.", (long long)maps->n_unlabelled,
                   valence_plural(maps->n_unlabelled, "clip was", "clips were"));
    if (!maps->trained)
        table_note(table,
                   "WARNING: the model was not trained with the flow %s; it imagines only the "
                   "modalities that some trained flow misses",
                   valence_flow_name(maps->missing));
    if (maps->data == VALENCE_DATA_OTHER)
        table_note(table, "The model was trained on other data.");
    if (maps->synthetic)
        table_note(table, "The data are synthetic.");
}

static void print_all(const struct valence_representation_maps *maps, enum table_format format,
                      FILE *stream)
{
    char title[200];
    struct table table = {.title = title};
    snprintf(title, sizeof title, "%s: distances of %lld %s clips to complete clips%s",
             valence_flow_name(maps->missing), (long long)maps->n_clips,
             valence_split_names[maps->split],
             maps->n_models > 1 ? ", mean ± sd over the models" : "");
    bool several = (maps->missing & (maps->missing - 1)) != 0;
    if (several)
        table_column(&table, "modality", TABLE_LEFT);
    table_column(&table, "at", TABLE_LEFT);
    table_rank(&table, TABLE_STAYS);
    table_column(&table, "MIA", TABLE_LEFT);
    table_rank(&table, TABLE_STAYS);
    table_column(&table, "own", TABLE_RIGHT);
    table_rank(&table, 1);
    table_column(&table, "others", TABLE_RIGHT);
    table_rank(&table, 1);
    table_column(&table, "own/others", TABLE_RIGHT);
    table_rank(&table, TABLE_STAYS);
    table_column(&table, "nearest (%)", TABLE_RIGHT);
    table_column(&table, "nearer (%)", TABLE_RIGHT);
    table_rank(&table, 2);
    table_column(&table, "label r", TABLE_RIGHT);
    table_rank(&table, 3);
    for (int i = 0; i < maps->n_maps; i++) {
        const struct valence_distance_map *map = &maps->maps[i];
        if (several)
            table_cell(&table, "%s", valence_modality_names[map->modality]);
        table_cell(&table, "%s", place_of(map->representation));
        table_cell(&table, "%s", map->imagined ? "after" : "before");
        add_summary(&table, map->all.diagonal, 1, 3);
        add_summary(&table, map->all.off_diagonal, 1, 3);
        add_summary(&table, map->all.ratio, 1, 3);
        add_summary(&table, map->all.nearest, 100, 1);
        add_summary(&table, map->all.nearer, 100, 1);
        add_summary(&table, map->all.label_corr, 1, 2);
    }
    table_note(&table, "own: mean distance to the same clip, complete; others: to other clips; "
                       "nearest: clips to which no other is as near as their own; nearer: other "
                       "clips that are nearer than the own one; label r: correlation of distance "
                       "and difference of labels.");
    add_notes(maps, &table);
    table_print_as(&table, format, stream);
    fputc('\n', stream);
}

/* Of one modality; its maps are `n` from `first` on. */
static void print_bins(const struct valence_representation_maps *maps, int first, int n,
                       enum table_format format, FILE *stream)
{
    char title[200], headings[2 * VALENCE_N_REPRESENTATIONS][64], name[64];
    struct table table = {.title = title};
    snprintf(title, sizeof title, "%s: own/others by label",
             valence_modality_names[maps->maps[first].modality]);
    table_column(&table, "label", TABLE_RIGHT);
    table_column(&table, "clips", TABLE_RIGHT);
    for (int i = 0; i < n; i++) {
        const struct valence_distance_map *map = &maps->maps[first + i];
        snprintf(headings[i], sizeof headings[i], "%s %s",
                 map->representation == VALENCE_REPRESENTATION_POOLED ? "repr." : "cross",
                 map->imagined ? "after" : "before");
        table_column(&table, headings[i], TABLE_RIGHT);
    }
    for (int b = 0; b < maps->n_bins; b++) {
        name_bin(&maps->bins[b], name);
        table_cell(&table, "%s", name);
        table_cell(&table, "%lld", (long long)maps->bins[b].n_clips);
        for (int i = 0; i < n; i++)
            add_summary(&table, maps->maps[first + i].bins[b].ratio, 1, 3);
    }
    table_print_as(&table, format, stream);
    fputc('\n', stream);
}

static void print_plane(const struct valence_representation_maps *maps, enum table_format format,
                        FILE *stream)
{
    struct table table = {.title = "Features, complete and incomplete clips together"};
    table_column(&table, "figure", TABLE_LEFT);
    table_column(&table, "value", TABLE_RIGHT);
    for (int c = 0; c < 2; c++) {
        table_cell(&table, "variance of principal component %d (%%)", c + 1);
        add_summary(&table, maps->plane.explained[c], 100, 1);
    }
    table_cell(&table, "shift of a clip / distance between clips");
    add_summary(&table, maps->plane.shift, 1, 3);
    table_print_as(&table, format, stream);
}

/* ---- CSV ---- */

static void add_row(struct table *table, const struct valence_distance_map *map, const char *bin,
                    const char *figure, struct valence_seed_summary value)
{
    table_cell(table, "%s", map ? valence_modality_names[map->modality] : "");
    table_cell(table, "%s", map ? valence_representation_names[map->representation] : "feature");
    table_cell(table, "%s", !map ? "" : map->imagined ? "after" : "before");
    table_cell(table, "%s", bin);
    table_cell(table, "%s", figure);
    if (isnan(value.mean))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.9g", value.mean);
    if (isnan(value.deviation))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.9g", value.deviation);
}

static void add_figures(struct table *table, const struct valence_distance_map *map,
                        const char *bin, const struct valence_distance_figures *figures)
{
    add_row(table, map, bin, "diagonal", figures->diagonal);
    add_row(table, map, bin, "off_diagonal", figures->off_diagonal);
    add_row(table, map, bin, "ratio", figures->ratio);
    add_row(table, map, bin, "nearest", figures->nearest);
    add_row(table, map, bin, "nearer", figures->nearer);
    add_row(table, map, bin, "label_corr", figures->label_corr);
}

static void print_long(const struct valence_representation_maps *maps, FILE *stream)
{
    static const char *const headings[] = {"modality", "at",   "mia", "label",
                                           "figure",   "mean", "sd"};
    struct table table = {.title = NULL};
    char name[64];
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        table_column(&table, headings[i], TABLE_LEFT);
    for (int i = 0; i < maps->n_maps; i++) {
        add_figures(&table, &maps->maps[i], "all", &maps->maps[i].all);
        for (int b = 0; b < maps->n_bins; b++) {
            name_bin(&maps->bins[b], name);
            add_figures(&table, &maps->maps[i], name, &maps->maps[i].bins[b]);
        }
    }
    add_row(&table, NULL, "all", "explained_1", maps->plane.explained[0]);
    add_row(&table, NULL, "all", "explained_2", maps->plane.explained[1]);
    add_row(&table, NULL, "all", "shift", maps->plane.shift);
    table_print_as(&table, TABLE_CSV, stream);
}

void print_representations(const struct valence_representation_maps *maps, enum table_format format,
                           FILE *stream)
{
    if (format == TABLE_CSV) {
        print_long(maps, stream);
        return;
    }
    print_all(maps, format, stream);
    for (int i = 0; i < maps->n_maps;) {
        int n = 1;
        while (i + n < maps->n_maps && maps->maps[i + n].modality == maps->maps[i].modality)
            n++;
        print_bins(maps, i, n, format, stream);
        i += n;
    }
    print_plane(maps, format, stream);
}
