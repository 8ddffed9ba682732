#include "choices.h"

#include <stdio.h>
#include <string.h>

#include "valence/text.h"
#include "valence/doctor.h"

/* Reports a name that is none of `names`; `what` is "--split". */
static int report_choice(const struct command *command, const char *what, const char *text,
                         const char *const *names, int n)
{
    const char *meant = valence_suggest(text, names, n);
    char list[256] = "";
    for (int i = 0; i < n; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    if (meant)
        return report_usage(command, "%s: unknown value '%s'; did you mean '%s'?", what, text,
                            meant);
    return report_usage(command, "%s: unknown value '%s'; choose one of: %s", what, text, list);
}

int choose_name(const struct command *command, const char *what, const char *text,
                const char *const *names, int n, int *index)
{
    for (*index = 0; *index < n; ++*index)
        if (strcmp(text, names[*index]) == 0)
            return EXIT_FINE;
    return report_choice(command, what, text, names, n);
}

int choose_split(const struct command *command, const char *text, enum valence_split *split)
{
    int index = valence_split_from_name(text);
    if (index < 0)
        return report_choice(command, "--split", text, valence_split_names, VALENCE_N_SPLITS);
    *split = (enum valence_split)index;
    return EXIT_FINE;
}

int choose_dtype(const struct command *command, const char *text, enum valence_dtype *type)
{
    for (int i = 0; i < VALENCE_N_DTYPES; i++)
        if (strcmp(text, valence_dtype_names[i]) == 0) {
            *type = (enum valence_dtype)i;
            return EXIT_FINE;
        }
    return report_choice(command, "--dtype", text, valence_dtype_names, VALENCE_N_DTYPES);
}

int choose_checkpoint(const struct command *command, const char *text,
                      enum valence_checkpoint *which)
{
    int index;
    int code = choose_name(command, "--checkpoint", text, valence_checkpoint_names,
                           VALENCE_N_CHECKPOINTS, &index);
    if (!code)
        *which = (enum valence_checkpoint)index;
    return code;
}

int choose_form(const struct command *command, const char *text, enum valence_export_kind *form)
{
    const char *names[16];
    int n = valence_n_export_kinds(), found = 0;
    for (int i = 0; i < n && i < 16; i++)
        names[i] = valence_export_kind_name(i);
    int code = choose_name(command, "--form", text, names, n, &found);
    *form = (enum valence_export_kind)found;
    return code;
}

int choose_published(const struct command *command, const char *text)
{
    const char *names[64];
    int n = 0;
    if (valence_published_split_find(text))
        return EXIT_FINE;
    for (; n < valence_n_published_splits() && n < 64; n++)
        names[n] = valence_published_split_at(n)->name;
    return report_choice(command, "--published", text, names, n);
}

static int choose_flow(const struct command *command, const char *text, unsigned *flow)
{
    int found = valence_flow_from_name(text);
    if (found < 0) {
        const char *names[VALENCE_ALL_MODALITIES];
        for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++)
            names[missing] = valence_flow_name(missing);
        return report_choice(command, "--flow", text, names, (int)VALENCE_ALL_MODALITIES);
    }
    *flow = (unsigned)found;
    return EXIT_FINE;
}

static void all_flows(unsigned flows[VALENCE_MAX_FLOWS], int *n_flows)
{
    for (int n_missing = 0; n_missing < VALENCE_N_MODALITIES; n_missing++)
        for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++)
            if (__builtin_popcount(missing) == n_missing)
                flows[(*n_flows)++] = missing;
}

int choose_flows(const struct command *command, const char *text, unsigned flows[VALENCE_MAX_FLOWS],
                 int *n_flows)
{
    *n_flows = 0;
    if (strcmp(text, "all") == 0) {
        all_flows(flows, n_flows);
        return EXIT_FINE;
    }
    for (;;) {
        size_t length = strcspn(text, ",");
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
                 text);
        unsigned flow = 0;
        int code = choose_flow(command, name, &flow);
        if (code)
            return code;
        for (int i = 0; i < *n_flows; i++)
            if (flows[i] == flow)
                return report_usage(command, "--flow: '%s' is given twice", name);
        flows[(*n_flows)++] = flow;
        if (text[length] == '\0')
            return EXIT_FINE;
        text += length + 1;
    }
}

int choose_modalities(const struct command *command, const char *what, const char *text,
                      unsigned *modalities)
{
    *modalities = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        char name[64];
        int modality;
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
                 text);
        int code = choose_name(command, what, name, valence_modality_names, VALENCE_N_MODALITIES,
                               &modality);
        if (code)
            return code;
        *modalities |= VALENCE_BIT(modality);
        if (text[length] == '\0')
            return EXIT_FINE;
        text += length + 1;
    }
}
