#include "encode_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "path_kinds.h"
#include "terminal.h"
#include "valence/media.h"
#include "valence/runtime.h"

void encode_request_default(struct encode_request *request)
{
    *request = (struct encode_request){.limits = media_limits_default()};
    valence_encode_options_default(&request->files);
}

struct option option_describe(bool *target)
{
    return (struct option){.type = OPTION_FLAG,
                           .name = "describe",
                           .target = target,
                           .help = "Print the columns' numbers and names, and do nothing else."};
}

static int print_columns(const struct encode_request *request)
{
    char name[64];
    for (int64_t i = 0; i < request->n_columns; i++) {
        request->column_name(i, name, sizeof name);
        printf("%" PRId64 " %s\n", i, name);
    }
    return EXIT_FINE;
}

static int run(struct encode_request *request, encode_function *encode, void *user)
{
    struct valence_error error;
    struct valence_encode_report *report = NULL;
    struct valence_media_options media = media_options_of(&request->limits);
    request->files.media = &media;
    request->files.progress = terminal_progress(request->quiet);
    if (request->threads)
        valence_set_threads((int)request->threads);
    int status = encode(user, request, &report, &error);
    terminal_progress_finish();
    if (report && request->json)
        status = print_report_json(request->output, report, &error);
    else if (report) {
        print_files_summary(request->output, report);
        print_faces_summary(request->output, report);
    }
    if (report)
        print_skipped(report);
    valence_encode_report_free(report);
    if (status)
        explain_paths(request->inputs, (int)request->n_inputs, WANTED_MEDIA, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

int encode_request_run(struct encode_request *request, const struct command *command,
                       const struct option *options, int argc, char **argv,
                       int (*check)(void *user, const struct command *command),
                       encode_function *encode, void *user)
{
    int n, code = EXIT_FAILED;
    const char **positional = calloc((size_t)argc + 1, sizeof *positional);
    if (!positional)
        return report_no_memory();
    if (options_parse(command, options, argc, argv, positional, request->n_columns ? 0 : 1, argc,
                      &n, &code)) {
        request->inputs = positional;
        request->n_inputs = n;
        code = check ? check(user, command) : EXIT_FINE;
        if (code == EXIT_FINE && request->describe)
            code = print_columns(request);
        else if (code == EXIT_FINE && n == 0)
            code = report_usage(command, "an argument is missing: FILE|FOLDER");
        else if (code == EXIT_FINE && !request->output)
            code = report_usage(command, "--output PATH is missing: where to write the features");
        else if (code == EXIT_FINE)
            code = run(request, encode, user);
    }
    free(positional);
    return code;
}
