/* Which public functions torture-memory tries, by the headers. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "torture.h"
#include "torture_coverage.h"

#ifdef VALENCE_TORTURE_MEDIA

/* They look something up, describe, set a default, or free. */
static const char allocates_nothing[] =
    "valence_n_published_splits valence_published_split_at valence_published_split_find "
    "valence_n_convert_kinds valence_convert_kind_name valence_convert_kind_text "
    "valence_convert_options_default valence_doctor_options_default valence_diagnosis_free "
    "valence_encode_report_free "
    "valence_encode_options_default valence_encode_store_options_default "
    "valence_encoder_options_default valence_encoder_free valence_encoder_describe "
    "valence_encoder_state_free valence_features_free valence_fail valence_set_allocator "
    "valence_model_config_check valence_status_name "
    "valence_status_text "
    "valence_store_scale valence_evaluate_options_default valence_evaluation_free "
    "valence_summarise_reliability valence_comparison_free valence_n_export_kinds "
    "valence_export_kind_name valence_export_kind_text valence_export_options_default "
    "valence_face_options_default valence_face_detector_close valence_face_column_name "
    "valence_face_clip_free valence_n_import_kinds valence_import_kind_name "
    "valence_import_kind_text valence_n_skips valence_skip_name valence_skip_text "
    "valence_import_options_default valence_checkpoint_summary_free valence_source_free "
    "valence_media_options_default valence_media_close valence_media_get_info "
    "valence_media_warning valence_sound_free valence_picture_free valence_scale_from_name "
    "valence_metric_describe valence_scale_metrics valence_warning_describe "
    "valence_model_config_default valence_flow_name valence_flow_from_name valence_model_free "
    "valence_model_n_members valence_model_get_config valence_model_n_parameters "
    "valence_model_stream_name valence_model_modalities valence_view_modalities "
    "valence_model_label_range valence_model_get_provenance valence_model_encoder "
    "valence_published_options_default valence_n_known_models valence_known_model_get "
    "valence_known_model_find valence_model_fetch_options_default valence_output_stream "
    "valence_output_abort valence_output_is_standard valence_predict_options_default "
    "valence_model_flow_for valence_prosody_n_rows valence_prosody_column_name "
    "valence_reliability_free valence_reliability_n_regions valence_reliability_region "
    "valence_model_reliability valence_run_close valence_run_n_models valence_run_model_name "
    "valence_run_model_path valence_set_threads valence_threads valence_default_threads "
    "valence_set_log valence_log valence_features valence_workspace_free valence_workspace_model "
    "valence_model_distance_limit valence_simulator_options_default valence_simulator_free "
    "valence_simulator_models_default valence_simulator_settings valence_simulator_rate_hz "
    "valence_simulator_width valence_simulation_free valence_store_options_default "
    "valence_store_close valence_store_path valence_store_is_finished valence_store_source "
    "valence_store_label_scale valence_store_n_clips valence_store_n_streams "
    "valence_store_get_stream valence_store_clip valence_store_find_stream "
    "valence_store_find_clip valence_column_statistics_free valence_store_writer_options_default "
    "valence_store_writer_replaced valence_store_writer_n_clips valence_stream_maker_default "
    "valence_dtype_size valence_modality_from_name valence_stream_from_name "
    "valence_split_from_name valence_clip_key valence_data_summary_free valence_data_summary_id "
    "valence_data_summary_group valence_data_summary_split valence_synthesize_options_default "
    "valence_suggest valence_text_free valence_write_csv_field valence_write_csv_number "
    "valence_train_n_keys "
    "valence_train_get_key valence_train_key_find valence_train_config_free "
    "valence_train_options_default valence_train_result_free valence_transcriber_free "
    "valence_transcribe_options_default valence_transcript_free "
    "valence_transcript_read_options_default "
    "valence_transcript_options_default valence_transcript_encoder_close "
    "valence_transcript_encoder_model valence_transcript_encoder_settings valence_version "
    "valence_version_number valence_extractor_options_default valence_extractor_close "
    "valence_extractor_width valence_extractor_settings valence_extractor_text "
    "valence_extracted_free valence_extracted_rows valence_extracted_get_facts "
    "valence_extracted_record valence_transcriber_fingerprint valence_face_detector_fingerprint";

/* They allocate and no case tries them yet: they need weights or a network, run a model in C++
 * libraries that end the program without memory, or, as valence_source_inspect() does, take a
 * source for another kind where memory is short for a moment. */
static const char untried[] =
    "valence_source_inspect valence_encode_files valence_encode_text_files valence_simulate_files "
    "valence_encode_store_text valence_simulate_store valence_encoder_load "
    "valence_encoder_state_create valence_encoder_encode valence_convert "
    "valence_convert_known_model "
    "valence_face_detector_open valence_faces_find valence_face_clip_create "
    "valence_face_clip_add valence_face_clip_rows "
    "valence_model_fetch "
    "valence_simulator_create valence_simulator_open valence_simulate valence_simulate_frames "
    "valence_transcriber_load valence_transcribe valence_transcript_encoder_open "
    "valence_transcript_encoder_open_recorded valence_transcript_encoder_encode "
    "valence_transcribe_samples valence_extractor_open valence_extract_clip";

static bool has_word(const char *list, const char *word, size_t n)
{
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

static bool is_tried(const struct torture_case *cases, int n_cases, const char *name)
{
    for (int i = 0; i < n_cases; i++)
        if (has_word(cases[i].functions, name, strlen(name)))
            return true;
    return false;
}

struct tally {
    int n_tried, n_nothing, n_untried, n_wrong;
    /* Every function, with a blank before and behind it. */
    char all[1 << 15];
};

static void count(struct tally *tally, const char *name)
{
    bool tried = is_tried(data_cases, n_data_cases, name) ||
                 is_tried(model_cases, n_model_cases, name) ||
                 is_tried(media_cases, n_media_cases, name);
    bool nothing = has_word(allocates_nothing, name, strlen(name));
    bool left = has_word(untried, name, strlen(name));
    if (tried + nothing + left != 1) {
        print_error("%s is in %d of: a case, allocates_nothing, untried\n", name,
                    tried + nothing + left);
        tally->n_wrong++;
    }
    tally->n_tried += tried;
    tally->n_nothing += nothing;
    tally->n_untried += left;
    strcat(strcat(tally->all, name), " ");
    assert_true(strlen(tally->all) < sizeof tally->all - 256);
}

/* The name before the first parenthesis behind each VALENCE_API; an array's declaration has a
 * bracket or an equals sign or a semicolon first. */
static void count_header(struct tally *tally, char *text)
{
    for (char *at = text; (at = strstr(at, "VALENCE_API"));) {
        at += strlen("VALENCE_API");
        char *end = at + strcspn(at, "([;#");
        if (*end != '(')
            continue;
        char name[128] = "";
        char *begin = end;
        while (begin > at && (begin[-1] == '_' || (begin[-1] >= 'a' && begin[-1] <= 'z')))
            begin--;
        assert_true(end - begin < (ptrdiff_t)sizeof name);
        memcpy(name, begin, (size_t)(end - begin));
        if (strncmp(name, "valence_", 8) == 0)
            count(tally, name);
        at = end;
    }
}

static void count_headers(struct tally *tally)
{
    static char text[1 << 17];
    DIR *folder = opendir(VALENCE_HEADERS);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[1024];
        if (!strstr(entry->d_name, ".h"))
            continue;
        snprintf(path, sizeof path, "%s/%s", VALENCE_HEADERS, entry->d_name);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        size_t size = fread(text, 1, sizeof text - 1, file);
        assert_true(size < sizeof text - 1);
        text[size] = '\0';
        fclose(file);
        count_header(tally, text);
    }
    closedir(folder);
}

/* Names that are no functions: of functions that were renamed or removed. */
static void check_names(struct tally *tally, const char *names)
{
    char name[128];
    for (int n; sscanf(names, " %127s%n", name, &n) == 1; names += n)
        if (!has_word(tally->all, name, strlen(name))) {
            print_error("%s is no public function\n", name);
            tally->n_wrong++;
        }
}

void test_every_public_function_is_tried_or_allocates_nothing(void **state)
{
    (void)state;
    static struct tally tally;
    count_headers(&tally);
    for (int i = 0; i < n_data_cases; i++)
        check_names(&tally, data_cases[i].functions);
    for (int i = 0; i < n_model_cases; i++)
        check_names(&tally, model_cases[i].functions);
    for (int i = 0; i < n_media_cases; i++)
        check_names(&tally, media_cases[i].functions);
    check_names(&tally, allocates_nothing);
    check_names(&tally, untried);
    print_message("%d functions are tried, %d allocate nothing, %d are left\n", tally.n_tried,
                  tally.n_nothing, tally.n_untried);
    assert_int_equal(tally.n_wrong, 0);
}

#endif
