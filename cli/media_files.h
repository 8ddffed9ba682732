/* The limits for media files, as options. */
#ifndef VALENCE_CLI_MEDIA_FILES_H
#define VALENCE_CLI_MEDIA_FILES_H

#include "options.h"

/* of valence/media.h, which a build without encoders does not install */
struct valence_media;
struct valence_media_options;

/* What the options below fill; start from media_limits_default(). */
struct media_limits {
    bool accept_damaged;
    int64_t audio_stream, max_pixels, max_mib;
    double max_seconds;
};

/* Rows of a command's table. */
#define MEDIA_OPTIONS(limits)                                                                      \
    {OPTION_FLAG,                                                                                  \
     0,                                                                                            \
     "accept-damaged",                                                                             \
     &(limits).accept_damaged,                                                                     \
     NULL,                                                                                         \
     "Use the readable part of damaged or truncated files (default: an error).",                   \
     0,                                                                                            \
     0},                                                                                           \
        {OPTION_INT,                                                                               \
         0,                                                                                        \
         "audio-stream",                                                                           \
         &(limits).audio_stream,                                                                   \
         "N",                                                                                      \
         "The sound stream to use, counted from 0 (default: the best).",                           \
         0,                                                                                        \
         1000},                                                                                    \
        {OPTION_NUMBER,                                                                            \
         0,                                                                                        \
         "max-seconds",                                                                            \
         &(limits).max_seconds,                                                                    \
         "S",                                                                                      \
         "Refuse files that are longer (default: 21600, 6 hours).",                                \
         1,                                                                                        \
         1e7},                                                                                     \
        {OPTION_INT,                                                                               \
         0,                                                                                        \
         "max-pixels",                                                                             \
         &(limits).max_pixels,                                                                     \
         "N",                                                                                      \
         "Refuse pictures with more pixels (default: 67108864, 8192 x 8192).",                     \
         1,                                                                                        \
         268435456},                                                                               \
    {                                                                                              \
        OPTION_INT, 0, "max-mib", &(limits).max_mib, "N",                                          \
            "Memory limit in MiB for the pictures or sound of a file (default: 1024).", 1, 1 << 20 \
    }

struct media_limits media_limits_default(void);
struct valence_media_options media_options_of(const struct media_limits *limits);

/* Opens FILE or "-". */
int media_file_open(const char *path, const struct valence_media_options *options,
                    struct valence_media **media, struct valence_error *error);

/* Says on stderr what is wrong with a file that was taken nevertheless, if anything is. */
void media_file_warn(const char *path, const struct valence_media *media);

#endif
