/* Representation maps as JSON. */
#include <math.h>

#include "json_output.h"
#include "metric_json.h"
#include "table_files.h"
#include "representations_output.h"
#include "valence/version.h"

/* To 4 significant digits, which is what pictures and plots need. */
static json_t *rounded(float value)
{
    if (!isfinite(value) || value == 0)
        return json_number((double)value);
    double scale = pow(10, 3 - floor(log10(fabs((double)value))));
    return json_real(round((double)value * scale) / scale);
}

/* (rows, columns) */
static json_t *matrix_to_json(const float *values, int64_t rows, int64_t columns)
{
    json_t *matrix = json_array();
    bool good = matrix != NULL;
    for (int64_t i = 0; i < rows && good; i++) {
        json_t *row = json_array();
        for (int64_t j = 0; j < columns && good; j++)
            good = json_array_append_new(row, rounded(values[i * columns + j])) == 0;
        good = json_array_append_new(matrix, row) == 0 && good;
    }
    return json_all_or_nothing(matrix, good);
}

static json_t *figures_to_json(const struct valence_distance_figures *figures)
{
    json_t *object = json_object();
    bool good = json_put(object, "diagonal", seed_summary_to_json(figures->diagonal));
    good = json_put(object, "off_diagonal", seed_summary_to_json(figures->off_diagonal)) && good;
    good = json_put(object, "ratio", seed_summary_to_json(figures->ratio)) && good;
    good = json_put(object, "nearest", seed_summary_to_json(figures->nearest)) && good;
    good = json_put(object, "nearer", seed_summary_to_json(figures->nearer)) && good;
    good = json_put(object, "label_corr", seed_summary_to_json(figures->label_corr)) && good;
    return json_all_or_nothing(object, good);
}

static json_t *bins_to_json(const struct valence_representation_maps *maps,
                            const struct valence_distance_map *map)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (int b = 0; b < maps->n_bins && good; b++) {
        const struct valence_label_bin *bin = &maps->bins[b];
        json_t *object = figures_to_json(&map->bins[b]);
        good = json_put(object, "low", json_real(bin->low)) &&
               json_put(object, "high", json_real(bin->high)) &&
               json_put(object, "clips", json_integer(bin->n_clips));
        good = json_array_append_new(list, object) == 0 && good;
    }
    return json_all_or_nothing(list, good);
}

static json_t *maps_to_json(const struct valence_representation_maps *maps)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (int i = 0; i < maps->n_maps && good; i++) {
        const struct valence_distance_map *map = &maps->maps[i];
        json_t *object = figures_to_json(&map->all);
        good = json_put(object, "modality", json_string(valence_modality_names[map->modality])) &&
               json_put(object, "at",
                        json_string(valence_representation_names[map->representation])) &&
               json_put(object, "mia", json_string(map->imagined ? "after" : "before")) &&
               json_put(object, "bins", bins_to_json(maps, map)) &&
               (!map->grid ||
                json_put(object, "grid", matrix_to_json(map->grid, maps->n_grid, maps->n_grid)));
        good = json_array_append_new(list, object) == 0 && good;
    }
    return json_all_or_nothing(list, good);
}

static json_t *plane_to_json(const struct valence_representation_maps *maps)
{
    json_t *object = json_object(), *explained = json_array(), *labels = json_array();
    bool good = explained && labels;
    for (int c = 0; c < 2; c++)
        good =
            json_array_append_new(explained, seed_summary_to_json(maps->plane.explained[c])) == 0 &&
            good;
    for (int64_t i = 0; i < maps->n_clips && good; i++)
        good = json_array_append_new(labels, rounded(maps->labels[i])) == 0;
    good = json_put(object, "explained", explained) && good;
    good = json_put(object, "labels", labels) && good;
    good = json_put(object, "shift", seed_summary_to_json(maps->plane.shift)) && good;
    good = json_put(object, "complete", matrix_to_json(maps->plane.complete, maps->n_clips, 2)) &&
           good;
    good =
        json_put(object, "missing", matrix_to_json(maps->plane.missing, maps->n_clips, 2)) && good;
    return json_all_or_nothing(object, good);
}

static json_t *models_to_json(const struct valence_run *run)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (int i = 0; i < valence_run_n_models(run) && good; i++)
        good = json_array_append_new(list, json_string(valence_run_model_path(run, i))) == 0;
    return json_all_or_nothing(list, good);
}

static const char *match_name(enum valence_data_match match)
{
    return match == VALENCE_DATA_SAME ? "same" : match == VALENCE_DATA_OTHER ? "other" : "unknown";
}

json_t *representations_to_json(const struct valence_representation_maps *maps,
                                const struct valence_store *store, const struct valence_run *run)
{
    return with_command(
        json_pack("{s:s, s:o, s:o, s:s, s:b, s:{s:s, s:s, s:b, s:s, s:I, s:s, s:{s:I, s:I, "
                  "s:I}}, s:o, s:o}",
                  "valence_version", valence_version(), "machine", this_machine_to_json(), "models",
                  models_to_json(run), "flow", valence_flow_name(maps->missing), "trained",
                  (int)maps->trained, "data", "store", valence_store_path(store), "split",
                  valence_split_names[maps->split], "synthetic", (int)maps->synthetic, "trained_on",
                  match_name(maps->data), "clips", (json_int_t)maps->n_clips, "clips_sha256",
                  maps->clips_sha256, "left_out", "unlabelled", (json_int_t)maps->n_unlabelled,
                  "without", (json_int_t)maps->n_without, "beyond", (json_int_t)maps->n_beyond,
                  "maps", maps_to_json(maps), "features", plane_to_json(maps)));
}

/* ---- Every form ---- */

struct written {
    const struct valence_representation_maps *maps;
    const struct valence_store *store;
    const struct valence_run *run;
};

static void print_form(const void *what, enum table_format format, FILE *stream)
{
    const struct written *written = what;
    print_representations(written->maps, format, stream);
}

static json_t *make_document(const void *what)
{
    const struct written *written = what;
    return representations_to_json(written->maps, written->store, written->run);
}

int write_representations(const char *folder, const struct valence_representation_maps *maps,
                          const struct valence_store *store, const struct valence_run *run,
                          struct valence_error *error)
{
    const struct written written = {maps, store, run};
    const struct table_source source = {"maps", &written, print_form, make_document, NULL};
    return table_files_write(folder, &source, error);
}
