#include "remedies.h"

#include <stddef.h>
#include <string.h>

/* The one table from status and key to options. */
static const struct {
    int status; /* 0: whatever it is */
    const char *key;
    const char *remedy;
} remedies[] = {
    {VALENCE_ERROR_DATA, "accept_unfinished",
     "--accept-unfinished, or for train --set accept_unfinished=true, reads it as far as it got"},
    {0, "overwrite", "--force replaces it"},
    {VALENCE_ERROR_IO, "file",
     "'valence models fetch NAME --from FILE' takes it from a file, --mirror DIR|URL from "
     "elsewhere"},
    {VALENCE_ERROR_NOT_FOUND, "offline",
     "without --offline it is fetched, as by 'valence models fetch NAME'"},
    {VALENCE_ERROR_NOT_FOUND, "mirror", "--mirror DIR|URL or VALENCE_MIRROR names another"},
    {VALENCE_ERROR_LIMIT, "embed", "without --embed the page plays the files from where they are"},
    {VALENCE_ERROR_ARGUMENT, "variant",
     "--variant 'NAME KEY=VALUE ...' sets what the variant changes; without KEY=VALUE, or with the "
     "values of another one, there is nothing to compare"},
    {VALENCE_ERROR_ARGUMENT, "n_draws", "give fewer --draws or wider ranges, or use --method grid"},
    {0, "sounds", "--sounds FOLDER names it"},
    {0, "skip", "--skip leaves it out"},
    {VALENCE_ERROR_NOT_FOUND, "whisper_model",
     "'valence models fetch whisper-base' gets it, --whisper FILE names it"},
    {VALENCE_ERROR_NOT_FOUND, "faces_model",
     "'valence models fetch faces' gets it, --faces FILE names it"},
    {VALENCE_ERROR_UNSUPPORTED, "faces_model", "'valence encode faces -m FILE' reads it"},
    {VALENCE_ERROR_NOT_FOUND, "text_model",
     "'valence models fetch NAME' gets those that 'valence models' lists, --llm FILE names it"},
    {VALENCE_ERROR_NOT_FOUND, "wavlm_model",
     "'valence models' says where it comes from, --wavlm FILE names it"},
    {VALENCE_ERROR_NOT_FOUND, "manet_model",
     "'valence models' says where it comes from, --manet FILE names it"},
    {VALENCE_ERROR_NOT_FOUND, "vad",
     "'valence models fetch silero-vad' gets it, --vad FILE names it"},
    {VALENCE_ERROR_NOT_FOUND, "text_column", "--text-column NAME names it"},
    {VALENCE_ERROR_NOT_FOUND, "id_column", "--id-column NAME names it"},
    {VALENCE_ERROR_NOT_FOUND, "partial", "--partial joins those that you named"},
    {VALENCE_ERROR_EXISTS, "target", "give another name, or remove it first"},
    {VALENCE_ERROR_UNSUPPORTED, "raw",
     "--raw reads samples without a header: 16 bit, little-endian, 16 kHz, mono"},
    {VALENCE_ERROR_FORMAT, "accept_damaged", "--accept-damaged uses the readable part"},
    {VALENCE_ERROR_ARGUMENT, "language", "--language CODE, or auto"},
    {VALENCE_ERROR_LIMIT, "max_seconds", "--max-seconds S sets the limit"},
    {VALENCE_ERROR_LIMIT, "max_pixels", "--max-pixels N sets the limit"},
    {VALENCE_ERROR_LIMIT, "max_bytes", "--max-mib N sets the limit"},
    {VALENCE_ERROR_LIMIT, "max_clip_seconds", "--set max_clip_seconds=S sets the limit"},
    {VALENCE_ERROR_LIMIT, "media.max_pixels", "--set media.max_pixels=N sets the limit"},
    {VALENCE_ERROR_LIMIT, "media.max_mib", "--set media.max_mib=N sets the limit"},
    {VALENCE_ERROR_FORMAT, "media.accept_damaged",
     "--set media.accept_damaged=true uses the readable part"},
    {VALENCE_ERROR_CONFIG, "output", "-o STORE names it"},
    {VALENCE_ERROR_CONFIG, "config", "valence train --print-config shows all keys"},
    {VALENCE_ERROR_DATA, "accept_changed_data", "--accept-changed-data resumes all the same"},
    {VALENCE_ERROR_NOT_FOUND, "validation_fraction",
     "valence import --validation-fraction draws a validation part"},
    {VALENCE_ERROR_UNSUPPORTED, "form", "try another --form"},
    {VALENCE_ERROR_ARGUMENT, "wavlm", "--wavlm FILE names WavLM, --llm FILE the language model"},
    {VALENCE_ERROR_ARGUMENT, "llm", "--wavlm FILE names WavLM, --llm FILE the language model"},
    {0, "kind", "export with --form safetensors, which holds every store"},
    /* importing: what is wrong with a clip, a setting or a source */
    {0, "skip.label",
     "correct it, set --label-range or --label-values, or leave such clips out with --skip label"},
    {0, "skip.split", "correct it, set --split-values, or leave such clips out with --skip split"},
    {0, "skip.value", "correct it, or leave such clips out with --skip value"},
    {VALENCE_ERROR_DATA, "zero_invalid",
     "--zero-invalid stores such values as 0, --skip value leaves such clips out"},
    {0, "skip.width", "correct it, or leave such clips out with --skip width"},
    {0, "skip.empty", "correct it, or leave such clips out with --skip empty"},
    {0, "skip.duplicate", "correct it, or leave such clips out with --skip duplicate"},
    {0, "skip.missing", "correct it, or import such clips without the stream with --skip missing"},
    {VALENCE_ERROR_DATA, "dtype", "--dtype f32 stores it, --skip value leaves such clips out"},
    {0, "dtype", "--dtype f16 or f32 decides"},
    {0, "id", "--id-column NAME names it"},
    {0, "split",
     "--split-column NAME names the column, --split-column '' means that the source has none"},
    {0, "label", "--label-column NAME names it, --label-column '' imports without labels"},
    {0, "group",
     "--group-column NAME names the column, --group-column '' means that the source has none"},
    {VALENCE_ERROR_UNSUPPORTED, "labels",
     "'valence score -m RUN' gives the classes of recordings and texts"},
    {VALENCE_ERROR_UNSUPPORTED, "explain", "score without --explain and --report"},
    {VALENCE_ERROR_UNSUPPORTED, "transcript",
     "valence import csd --transcript-column FILE.csd makes transcripts of words"},
    {0, "transcript",
     "--transcript-column NAME names the column, --transcript-column '' means that the source has "
     "none"},
    {0, "label_values", "--label-values FROM=TO,..."},
    {0, "split_values", "--split-values FROM=TO,..."},
    {0, "label_map", "--label-map 'x-3'"},
    {VALENCE_ERROR_NOT_FOUND, "text_stream", "'valence inspect STORE' lists its streams"},
    {0, "labels_only",
     "--audio, --text and --video name streams, --labels-only imports without features"},
    {0, "validation_fraction", "--validation-fraction"},
    {0, "trim_zeros", "--trim-zeros leaves them out"},
    {0, "zeros_missing", "--zeros-missing stores such streams as missing"},
    {VALENCE_ERROR_ARGUMENT, "streams",
     "--audio, --text and --video name them, --labels-only imports without features"},
    {0, "streams", "--audio, --text and --video name them"},
    {VALENCE_ERROR_NOT_FOUND, "keep_epochs", "train with --set keep_epochs=true"},
    {VALENCE_ERROR_ARGUMENT, "rates", "--rates LIST names the rates"},
    {VALENCE_ERROR_ARGUMENT, "modality_rates",
     "--modality-rates audio=P,text=P,video=P gives them"},
    {VALENCE_ERROR_LIMIT, "padded_rows", "--padded-rows sets it, --max-rows cuts longer clips"},
    {VALENCE_ERROR_ARGUMENT, "store", "--store STORE names it"},
    {VALENCE_ERROR_ARGUMENT, "api_key",
     "--api-key-file FILE sets it; --insecure serves everyone who reaches this machine"},
    {VALENCE_ERROR_BUSY, "port", "--port N takes another, 0 any that is free"},
};

const char *remedy_for(const struct valence_error *error)
{
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (strcmp(remedies[i].key, error->key) == 0 &&
            (remedies[i].status == 0 || remedies[i].status == error->status))
            return remedies[i].remedy;
    return NULL;
}
