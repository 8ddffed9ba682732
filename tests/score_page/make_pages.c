/* make-pages FOLDER: pages of scores for the browser to open (test_browser.py): sound.html plays
 * tone.wav beside it, carried.html carries it, hostile.html has texts that try to break out, and
 * many.html has two hundred texts, two recordings and one that failed. */
#include "report_fixture.h"

static const char *folder;

static void must(int status, const struct valence_error *error)
{
    if (status) {
        fprintf(stderr, "make-pages: %s\n", error->text);
        exit(1);
    }
}

static struct valence_score_report *begin_page(const char *name, struct valence_scorer *scorer,
                                               const char *run, bool embed)
{
    char path[4096];
    struct valence_score_report_options options;
    struct valence_score_report *report;
    struct valence_error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    valence_score_report_options_default(&options);
    options.embed = embed;
    options.overwrite = true;
    options.language = "en";
    must(valence_score_report_open(path, scorer, run, &options, &report, &error), &error);
    return report;
}

static void add(struct valence_score_report *report, const char *id, const char *media,
                const struct valence_recording_score *score)
{
    struct valence_error error;
    must(valence_score_report_add(report, id, media, score, NULL, &error), &error);
}

static void end_page(struct valence_score_report *report)
{
    struct valence_error error;
    must(valence_score_report_commit(report, &error), &error);
}

static void make_hostile(struct valence_scorer *scorer, const char *sound)
{
    struct valence_error error;
    static char large[10241];
    for (int i = 0; i < 10240; i++)
        large[i] = "<b>\"&' x"[i % 8];
    struct valence_score_report *report = begin_page("hostile.html", scorer, HOSTILE, false);
    add(report, HOSTILE, sound, scored_recording(HOSTILE));
    add(report, large, NULL, scored_recording(large));
    must(valence_score_report_add_failure(report, HOSTILE, HOSTILE, &error), &error);
    end_page(report);
}

static void make_many(struct valence_scorer *scorer, const char *sound)
{
    struct valence_error error;
    struct valence_score_report *report = begin_page("many.html", scorer, "run", false);
    add(report, sound, sound, report_recording());
    add(report, "again", sound, report_recording());
    for (int i = 0; i < 200; i++) {
        char id[16];
        struct valence_recording_score *score = scored_recording("a text");
        struct valence_scored_segment segment = score->segments[0];
        snprintf(id, sizeof id, "text %d", i + 1);
        score->seconds = segment.end = 0;
        score->score = segment.score = i % 7 - 3;
        score->segments = &segment;
        add(report, id, NULL, score);
    }
    must(valence_score_report_add_failure(report, "broken.mp4", "it is damaged", &error), &error);
    end_page(report);
}

int main(int argc, char **argv)
{
    char sound[128];
    if (argc != 2 || scored_set_up(NULL))
        return 1;
    folder = argv[1];
    report_make_sound(folder, sound);
    struct valence_scorer *scorer = scored_open_scorer();
    struct valence_score_report *report = begin_page("sound.html", scorer, "a run", false);
    add(report, sound, sound, report_recording());
    end_page(report);
    report = begin_page("carried.html", scorer, "a run", true);
    add(report, sound, sound, report_recording());
    end_page(report);
    make_hostile(scorer, sound);
    make_many(scorer, sound);
    valence_scorer_close(scorer);
    return scored_tear_down(NULL);
}
