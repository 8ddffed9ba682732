/* The options of `valence evaluate --protocol`. */
#include "protocol_request.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choices.h"

/* The next of the texts that commas separate, to `item`; false behind the last. */
static bool next_item(const char **list, char *item, size_t room)
{
    if (!*list)
        return false;
    size_t length = strcspn(*list, ",");
    snprintf(item, room, "%.*s", (int)(length < room ? length : room - 1), *list);
    *list = (*list)[length] ? *list + length + 1 : NULL;
    return true;
}

static bool read_rate(const char *text, double *rate)
{
    return option_read_number(text, rate) && *rate >= 0 && *rate <= 1;
}

static int choose_protocols(const struct command *command, const char *list,
                            struct protocol_request *request)
{
    const char *names[MAX_PROTOCOLS];
    int n = valence_n_protocols();
    char item[64];
    n = n < MAX_PROTOCOLS ? n : MAX_PROTOCOLS;
    for (int i = 0; i < n; i++)
        names[i] = valence_protocol_get(i)->name;
    while (next_item(&list, item, sizeof item)) {
        int index;
        int code = choose_name(command, "--protocol", item, names, n, &index);
        if (code)
            return code;
        for (int i = 0; i < request->n_protocols; i++)
            if (request->protocols[i] == valence_protocol_get(index))
                return report_usage(command, "--protocol: '%s' is given twice", item);
        request->protocols[request->n_protocols++] = valence_protocol_get(index);
    }
    return EXIT_FINE;
}

static int choose_rates(const struct command *command, const char *list,
                        struct protocol_request *request)
{
    char item[64];
    request->options.rates = request->rates;
    while (next_item(&list, item, sizeof item)) {
        int n = request->options.n_rates++;
        if (n == MAX_PROTOCOL_RATES)
            return report_usage(command, "--rates: more than %d rates", MAX_PROTOCOL_RATES);
        if (!read_rate(item, &request->rates[n]))
            return report_usage(command, "--rates: '%s' is not a number from 0 to 1", item);
        if (n && request->rates[n] <= request->rates[n - 1])
            return report_usage(command, "--rates: %s is not above the rate before it", item);
    }
    return EXIT_FINE;
}

/* "audio=0.2" into the modality and the text behind the sign. */
static int split_modality(const struct command *command, const char *option, char *item,
                          int *modality, const char **value)
{
    char *sign = strchr(item, '=');
    if (!sign)
        return report_usage(command, "%s: '%s' is not MODALITY=VALUE", option, item);
    *sign = '\0';
    *value = sign + 1;
    return choose_name(command, option, item, valence_modality_names, VALENCE_N_MODALITIES,
                       modality);
}

static int choose_modality_rates(const struct command *command, const char *list,
                                 struct valence_protocol_options *options)
{
    static const char option[] = "--modality-rates";
    char item[64];
    while (next_item(&list, item, sizeof item)) {
        const char *value = NULL;
        int modality = 0;
        int code = split_modality(command, option, item, &modality, &value);
        if (code)
            return code;
        if (!read_rate(value, &options->modality_rates[modality]))
            return report_usage(command, "%s: '%s' is not a number from 0 to 1", option, value);
    }
    return EXIT_FINE;
}

static int choose_padded_rows(const struct command *command, const char *list,
                              struct valence_protocol_options *options)
{
    static const char option[] = "--padded-rows";
    char item[64];
    while (next_item(&list, item, sizeof item)) {
        const char *value = NULL;
        int64_t n;
        int modality = 0;
        int code = split_modality(command, option, item, &modality, &value);
        if (code)
            return code;
        if (!option_read_integer(value, &n) || n < 1 || n > 100000000)
            return report_usage(command, "%s: '%s' is not a number of rows", option, value);
        options->padded_rows[modality] = n;
    }
    return EXIT_FINE;
}

/* Every rate once: a run at each. */
static int choose_rate_runs(const struct command *command, const struct option_list *list,
                            struct protocol_request *request)
{
    for (int i = 0; i < list->n; i++) {
        char rate[32];
        size_t length = strcspn(list->values[i], "=");
        struct rate_run *to = &request->rate_runs[request->n_rate_runs++];
        snprintf(rate, sizeof rate, "%.*s", (int)(length < sizeof rate ? length : 0),
                 list->values[i]);
        if (list->values[i][length] != '=' || !read_rate(rate, &to->rate))
            return report_usage(command, "--at: '%s' is not RATE=RUN with a rate from 0 to 1",
                                list->values[i]);
        to->run = list->values[i] + length + 1;
        for (int k = 0; k < i; k++)
            if (fabs(request->rate_runs[k].rate - to->rate) < 1e-9)
                return report_usage(command, "--at: two runs for the rate %g", to->rate);
    }
    for (int p = 0; p < request->n_protocols && list->n; p++)
        if (!request->protocols[p]->by_rate)
            return report_usage(command, "--at: %s has no rates", request->protocols[p]->name);
    return EXIT_FINE;
}

/* Every option, and the one protocol that reads it; NULL where several do. */
struct protocol_option {
    const char *name, *protocol;
    bool is_given;
};

#define N_PROTOCOL_OPTIONS 15

static void list_options(const struct protocol_texts *texts,
                         struct protocol_option options[N_PROTOCOL_OPTIONS])
{
    const struct protocol_option all[N_PROTOCOL_OPTIONS] = {
        {"--rates", NULL, texts->rates},
        {"--at", NULL, texts->at.n},
        {"--select", NULL, texts->select},
        {"--modality-rates", "imbalanced", texts->modality_rates},
        {"--noise", "noise", texts->noise >= 0},
        {"--noisy", "noise", texts->noisy},
        {"--noise-kind", "noise", texts->noise_kind},
        {"--replaced-by", "replace-words", texts->replaced_by},
        {"--erased", NULL, texts->erased},
        {"--keep-text-ends", NULL, texts->keep_text_ends},
        {"--padded-rows", NULL, texts->padded_rows},
        {"--mask-seed", NULL, texts->mask_seed >= 0},
        {"--mask-batch", "batch-modality", texts->mask_batch >= 0},
        {"--format", NULL, texts->format},
        {"--tables", NULL, texts->tables}};
    memcpy(options, all, sizeof all);
}

const char *protocol_texts_given(const struct protocol_texts *texts)
{
    struct protocol_option options[N_PROTOCOL_OPTIONS];
    list_options(texts, options);
    for (int i = 0; i < N_PROTOCOL_OPTIONS; i++)
        if (options[i].is_given)
            return options[i].name;
    return NULL;
}

/* An option that no chosen protocol reads would change nothing, and be taken for what was
 * measured. */
static int check_readers(const struct command *command, const struct protocol_texts *texts,
                         const struct protocol_request *request)
{
    struct protocol_option options[N_PROTOCOL_OPTIONS];
    list_options(texts, options);
    for (int i = 0; i < N_PROTOCOL_OPTIONS; i++) {
        bool is_read = !options[i].is_given || !options[i].protocol;
        for (int p = 0; p < request->n_protocols && !is_read; p++)
            is_read = strcmp(request->protocols[p]->name, options[i].protocol) == 0;
        if (!is_read)
            return report_usage(command, "%s goes with --protocol %s only", options[i].name,
                                options[i].protocol);
    }
    return EXIT_FINE;
}

/* The place of a value in `names`; 0, the default, where none is given. */
static int choose_given(const struct command *command, const char *option, const char *value,
                        const char *const *names, int n, int *index)
{
    return value ? choose_name(command, option, value, names, n, index) : EXIT_FINE;
}

int protocol_request_parse(const struct command *command, const struct protocol_texts *texts,
                           struct protocol_request *request)
{
    struct valence_protocol_options *options = &request->options;
    static const char *const selections[] = {"validation", "as-published"};
    int format = 0, erasure = 0, replacement = 0, noise_kind = 0, selection = 0;
    *request = (struct protocol_request){.n_protocols = 0};
    valence_protocol_options_default(options);
    if (texts->mask_seed >= 0)
        options->mask_seed = texts->mask_seed;
    if (texts->mask_batch >= 0)
        options->mask_batch = texts->mask_batch;
    if (texts->noise >= 0)
        options->noise = texts->noise;
    options->keep_text_ends = texts->keep_text_ends;
    int code = choose_protocols(command, texts->protocols, request);
    if (!code)
        code = check_readers(command, texts, request);
    if (!code && texts->rates)
        code = choose_rates(command, texts->rates, request);
    if (!code && texts->modality_rates)
        code = choose_modality_rates(command, texts->modality_rates, options);
    if (!code && texts->padded_rows)
        code = choose_padded_rows(command, texts->padded_rows, options);
    if (!code && texts->noisy)
        code = choose_modalities(command, "--noisy", texts->noisy, &options->noisy_modalities);
    if (!code)
        code = choose_given(command, "--erased", texts->erased, valence_erasure_names,
                            VALENCE_N_ERASURES, &erasure);
    if (!code)
        code = choose_given(command, "--replaced-by", texts->replaced_by, valence_replacement_names,
                            VALENCE_N_REPLACEMENTS, &replacement);
    if (!code)
        code = choose_given(command, "--noise-kind", texts->noise_kind, valence_noise_kind_names,
                            VALENCE_N_NOISE_KINDS, &noise_kind);
    options->erasure = (enum valence_erasure)erasure;
    options->replacement = (enum valence_replacement)replacement;
    options->noise_kind = (enum valence_noise_kind)noise_kind;
    if (!code)
        code = choose_given(command, "--select", texts->select, selections, 2, &selection);
    if (!code)
        code = choose_given(command, "--format", texts->format, table_format_names, TABLE_N_FORMATS,
                            &format);
    request->format = (enum table_format)format;
    request->tables = texts->tables;
    request->as_published = selection == 1;
    return code ? code : choose_rate_runs(command, &texts->at, request);
}
