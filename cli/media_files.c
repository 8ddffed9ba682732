#include "media_files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "terminal.h"
#include "valence/media.h"

struct media_limits media_limits_default(void)
{
    struct valence_media_options options;
    valence_media_options_default(&options);
    return (struct media_limits){.audio_stream = -1,
                                 .max_pixels = options.max_pixels,
                                 .max_mib = options.max_bytes >> 20,
                                 .max_seconds = options.max_seconds};
}

struct valence_media_options media_options_of(const struct media_limits *limits)
{
    struct valence_media_options options;
    valence_media_options_default(&options);
    options.accept_damaged = limits->accept_damaged;
    options.audio_stream = (int)limits->audio_stream;
    options.max_pixels = limits->max_pixels;
    options.max_bytes = limits->max_mib << 20;
    options.max_seconds = limits->max_seconds;
    return options;
}

int media_file_open(const char *path, const struct valence_media_options *options,
                    struct valence_media **media, struct valence_error *error)
{
    return strcmp(path, "-") == 0 ? valence_media_open_descriptor(STDIN_FILENO, "standard input",
                                                                  options, media, error)
                                  : valence_media_open(path, options, media, error);
}

void media_file_warn(const char *path, const struct valence_media *media)
{
    const char *warning = valence_media_warning(media);
    if (!warning[0])
        return;
    terminal_progress_finish();
    fputs("valence: ", stderr);
    print_clean(stderr, path);
    fputs(": ", stderr);
    print_clean(stderr, warning);
    fputs("; valence uses the readable part\n", stderr);
}
