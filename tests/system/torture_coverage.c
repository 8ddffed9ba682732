/* Which public functions torture-memory tries, by the headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "public_functions.h"
#include "torture.h"
#include "torture_coverage.h"

#ifdef VALENCE_TORTURE_MEDIA

/* They look something up, describe, set a default, or free. */
static const char allocates_nothing[] =
    "valence_n_published_splits valence_published_split_at valence_published_split_find "
    "valence_n_convert_kinds valence_convert_kind_name valence_convert_kind_text "
    "valence_convert_options_default valence_doctor_options_default valence_diagnosis_free "
    "valence_encode_report_free valence_collective_default "
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
    "valence_model_class_name valence_confusion_compute "
    "valence_published_options_default valence_n_known_models valence_known_model_get "
    "valence_known_model_find valence_model_fetch_options_default valence_output_stream "
    "valence_output_abort valence_output_is_standard valence_predict_options_default "
    "valence_model_flow_for valence_prosody_n_rows valence_prosody_column_name "
    "valence_reliability_free valence_reliability_n_regions valence_reliability_region "
    "valence_model_reliability valence_run_close valence_run_n_models valence_run_model_name "
    "valence_run_model_path valence_log_format_name valence_run_log_options_default "
    "valence_set_threads valence_threads valence_default_threads "
    "valence_set_log valence_log valence_block_take valence_block_release "
    "valence_features valence_workspace_free valence_workspace_model "
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
    "valence_write_latex valence_figure_format_name valence_figure_options_default "
    "valence_train_n_keys valence_train_n_models valence_train_get_model "
    "valence_train_get_key valence_train_key_find valence_train_config_free "
    "valence_train_options_default valence_train_result_free valence_transcriber_free "
    "valence_transcribe_options_default valence_transcript_free "
    "valence_transcript_read_options_default valence_preview_options_default "
    "valence_transcript_options_default valence_transcript_encoder_close "
    "valence_transcript_encoder_model valence_transcript_encoder_settings valence_version "
    "valence_version_number valence_extractor_options_default valence_extractor_close "
    "valence_extractor_width valence_extractor_settings valence_extractor_text "
    "valence_extracted_free valence_extracted_rows valence_extracted_get_facts "
    "valence_store_n_failures valence_store_get_failure valence_store_merge_options_default "
    "valence_extract_n_keys valence_extract_get_key valence_extract_key_find "
    "valence_extract_config_free valence_extract_options_default valence_extract_report_free "
    "valence_extracted_record valence_transcriber_fingerprint valence_face_detector_fingerprint "
    "valence_face_detector_describe "
    "valence_plural "
    "valence_extractor_transcriber valence_scorer_options_default valence_scorer_close "
    "valence_score_json_close valence_score_report_options_default "
    "valence_score_report_abort valence_scorer_model valence_scorer_modalities "
    "valence_scorer_encoder valence_scorer_adjust valence_scorer_transcriber "
    "valence_scorer_stage_seconds "
    "valence_score_write_csv_head valence_score_write_csv_row valence_score_write_cues "
    "valence_transcript_write_text valence_transcript_write_cues valence_transcript_write_csv_head "
    "valence_transcript_write_csv "
    "valence_score_write_text valence_server_options_default valence_server_port "
    "valence_server_reload valence_server_stop valence_server_free "
    "valence_media_worker_options_default valence_media_workers_free valence_media_worker_run "
    "valence_recording_score_free valence_live_close valence_text_table_options_default "
    "valence_text_table_close valence_plan_options_default valence_experiment_close "
    "valence_experiment_folder valence_experiment_state_free valence_experiment_options_default "
    "valence_n_protocols valence_protocol_get valence_protocol_find "
    "valence_protocol_options_default valence_protocol_evaluation_free valence_auilc "
    "valence_run_n_epochs valence_run_epoch_path "
    "valence_variants_free valence_sweep_options_default valence_experiment_result_free "
    "valence_report_options_default valence_report_free "
    "valence_cost_options_default valence_cost_free valence_encoder_cost_options_default "
    "valence_encoder_costs_free "
    "valence_representations_options_default valence_representations_free "
    /* what MPI allocates, and how it fails, is MPI's */
    "valence_mpi_open valence_mpi_collective valence_mpi_n_local valence_mpi_close";

static const struct {
    const struct torture_case *cases;
    const int *n;
} all_cases[] = {{data_cases, &n_data_cases},
                 {model_cases, &n_model_cases},
                 {media_cases, &n_media_cases},
                 {encode_cases, &n_encode_cases},
                 {experiment_cases, &n_experiment_cases},
                 {report_cases, &n_report_cases},
                 {score_cases, &n_score_cases}};
#define N_LISTS (sizeof all_cases / sizeof all_cases[0])

static bool is_tried(const char *name)
{
    for (size_t i = 0; i < N_LISTS; i++)
        for (int c = 0; c < *all_cases[i].n; c++)
            if (names_have(all_cases[i].cases[c].functions, name))
                return true;
    return false;
}

struct tally {
    int n_tried, n_nothing, n_wrong;
};

static void count(void *user, const char *name, const char *parameters)
{
    struct tally *tally = user;
    bool tried = is_tried(name), nothing = names_have(allocates_nothing, name);
    (void)parameters;
    if (tried + nothing != 1) {
        print_error("%s is in %s a case %s allocates_nothing\n", name, tried ? "both" : "neither",
                    tried ? "and" : "nor");
        tally->n_wrong++;
    }
    tally->n_tried += tried;
    tally->n_nothing += nothing;
}

void test_every_public_function_is_tried_or_allocates_nothing(void **state)
{
    (void)state;
    struct tally tally = {0};
    public_functions_each(count, &tally);
    for (size_t i = 0; i < N_LISTS; i++)
        for (int c = 0; c < *all_cases[i].n; c++)
            tally.n_wrong += names_count_unknown(all_cases[i].cases[c].functions);
    tally.n_wrong += names_count_unknown(allocates_nothing);
    print_message("%d functions are tried, %d allocate nothing\n", tally.n_tried, tally.n_nothing);
    assert_int_equal(tally.n_wrong, 0);
}

#endif
