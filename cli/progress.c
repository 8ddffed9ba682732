/* Progress on a terminal as a bar that redraws itself, elsewhere as a plain line now and then. */
#include <inttypes.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "terminal.h"

#define REDRAW_S 0.1  /* on a terminal */
#define LINE_S   10.0 /* elsewhere */

#define PATIENCE_S 20 /* from the first signal to the end, whatever happens */

static volatile sig_atomic_t interrupted;

static struct {
    bool quiet;
    bool terminal;
    bool drawn;     /* a bar stands on the terminal's current line */
    bool announced; /* the user was told that the interrupt was heard */
    char stage[96];
    double stage_began_s;
    int64_t stage_first; /* `done` when the stage began: a resumed one does not begin at 0 */
    double last_s;       /* when something was last shown */
} shown;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Interrupts ---- */

static void handle_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* The first signal asks for the end, the next one, whichever of the two, is the end. */
static void on_signal(int number)
{
    interrupted = number;
    handle_signals(SIG_DFL);
    alarm(PATIENCE_S);
}

/* No safe point came: whatever is computing or waiting there, the signal that was asked for ends
 * it. Everything on disk is as after a kill, from which every command goes on. */
static void on_alarm(int number)
{
    static const char text[] = "\nvalence: no safe point within 20 seconds; ended\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_INTERRUPTED);
    _exit(EXIT_INTERRUPTED);
}

/* ---- Drawing ---- */

static void format_duration(char *text, size_t room, double seconds)
{
    long long s = seconds < 0 ? 0 : seconds > 1e9 ? 1000000000 : (long long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, room, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, room, "%lld:%02lld", s / 60, s % 60);
}

/* "1234/16000 clips, loss 0.412, 0:29 left, 512 clips/s": what a narrow terminal leaves out comes
 * last. */
static void format_state(char *text, size_t room, const struct valence_progress_event *event,
                         double elapsed_s)
{
    char left[48] = "", rate[64] = "", total[32] = "";
    double per_s = elapsed_s > 0 ? (double)(event->done - shown.stage_first) / elapsed_s : 0;
    if (event->total > 0)
        snprintf(total, sizeof total, "/%" PRId64, event->total);
    if (per_s > 0)
        snprintf(rate, sizeof rate, per_s < 10 ? ", %.1f %s/s" : ", %.0f %s/s", per_s, event->unit);
    if (per_s > 0 && event->total > event->done) {
        char duration[32];
        format_duration(duration, sizeof duration, (double)(event->total - event->done) / per_s);
        snprintf(left, sizeof left, ", %s left", duration);
    }
    snprintf(text, room, "%" PRId64 "%s %s%s%s%s%s", event->done, total, event->unit,
             event->detail ? ", " : "", event->detail ? event->detail : "", left, rate);
}

/* Leaves out the last parts of a state that does not fit: half a number would be a wrong one. */
static void shorten_state(char *state, int columns)
{
    char *comma;
    while (display_width(state) > columns && (comma = strrchr(state, ',')))
        *comma = '\0';
}

/* "stage  ━━━━╌╌╌╌  state", on one line whatever the terminal's width: without the bar where it is
 * narrow, without the state's last parts where it is narrower, and cut where it is narrower still.
 */
static void draw_bar(const struct valence_progress_event *event, char *state)
{
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    int columns = terminal_columns(stderr) - 1; /* a full line would wrap */
    shorten_state(state, columns - display_width(shown.stage) - 2);
    int room = columns - display_width(shown.stage) - display_width(state) - 4;
    char line[1024];
    size_t used = (size_t)snprintf(line, sizeof line, "%s", shown.stage);
    if (event->total > 0 && room >= 10) {
        int width = room > 30 ? 30 : room;
        double part = (double)event->done / (double)event->total;
        int full = part >= 1 ? width : (int)(part * width);
        used += (size_t)snprintf(line + used, sizeof line - used, utf8 ? "  " : " [");
        for (int i = 0; i < width; i++)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s",
                                     i < full ? (utf8 ? "━" : "#") : (utf8 ? "╌" : "."));
        snprintf(line + used, sizeof line - used, utf8 ? "  %s" : "] %s", state);
    } else {
        snprintf(line + used, sizeof line - used, ": %s", state);
    }
    fputs("\r\033[K", stderr);
    print_cut(stderr, line, columns);
    fflush(stderr);
    shown.drawn = true;
}

static void clear_bar(void)
{
    if (shown.drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        shown.drawn = false;
    }
}

static int report_to_terminal(void *user, const struct valence_progress_event *event)
{
    (void)user;
    if (interrupted) {
        if (!shown.announced && !shown.quiet) {
            clear_bar();
            fputs("stopping at the next safe point; interrupt again to end at once\n", stderr);
        }
        shown.announced = true;
        return 1;
    }
    double now = now_s();
    if (strncmp(shown.stage, event->stage, sizeof shown.stage - 1) != 0) {
        snprintf(shown.stage, sizeof shown.stage, "%s", event->stage);
        shown.stage_began_s = now;
        shown.stage_first = event->done;
    }
    if (shown.quiet || now - shown.last_s < (shown.terminal ? REDRAW_S : LINE_S))
        return 0;
    shown.last_s = now;
    char state[256];
    format_state(state, sizeof state, event, now - shown.stage_began_s);
    if (shown.terminal) {
        draw_bar(event, state);
    } else {
        print_clean(stderr, shown.stage);
        fputs(": ", stderr);
        print_clean(stderr, state);
        fputc('\n', stderr);
    }
    return 0;
}

void terminal_progress_line(const char *text)
{
    if (shown.quiet)
        return;
    clear_bar();
    print_wrapped(stderr, text, 0, 0, log_columns(stderr));
}

struct valence_progress *terminal_progress(bool quiet)
{
    static struct valence_progress progress = {.report = report_to_terminal};
    struct sigaction action = {.sa_handler = on_alarm};
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    memset(&shown, 0, sizeof shown);
    shown.quiet = quiet;
    shown.terminal = isatty(STDERR_FILENO);
    shown.last_s = now_s();
    handle_signals(on_signal);
    return &progress;
}

void terminal_progress_finish(void)
{
    clear_bar();
    alarm(0);
    handle_signals(SIG_DFL);
}
