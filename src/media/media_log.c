#include "media/media_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>

static _Thread_local struct media_log *innermost;
static atomic_int n_sections;

static void receive(void *context, int level, const char *format, va_list arguments)
{
    if (!innermost) {
        if (atomic_load(&n_sections) == 0)
            av_log_default_callback(context, level, format, arguments);
        return;
    }
    if (level > AV_LOG_ERROR)
        return;
    int prefix = 0; /* the component is named by the text itself where it matters */
    char line[MEDIA_LOG_BYTES];
    av_log_format_line2(NULL, level, format, arguments, line, sizeof line, &prefix);
    line[strcspn(line, "\r\n")] = '\0';
    for (char *c = line; *c; c++)
        *c = (unsigned char)*c < ' ' ? ' ' : *c; /* names in a file may hold anything */
    if (line[0])
        snprintf(innermost->text, sizeof innermost->text, "%s", line);
}

static void install(void)
{
    av_log_set_callback(receive);
}

void media_log_begin(struct media_log *log)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    log->outer = innermost;
    log->text[0] = '\0';
    innermost = log;
    atomic_fetch_add(&n_sections, 1);
}

void media_log_end(struct media_log *log)
{
    atomic_fetch_sub(&n_sections, 1);
    innermost = log->outer;
}
