/* The protocols that there are, and what is published of them. */
#include <math.h>
#include <string.h>

#include "evaluate/protocol_mask.h"

const char *const valence_noise_kind_names[VALENCE_MAX_NAMES] = {"gaussian", "missing", "hybrid"};
const char *const valence_replacement_names[VALENCE_MAX_NAMES] = {"word", "unknown"};
const char *const valence_mask_random_names[VALENCE_MAX_NAMES] = {"fixed", "numpy", "valence"};

#define FOR_EACH_RATE   "one model for each rate, masked at it in training and validation"
#define ONE_MODEL       "one model for all conditions"
#define UNKNOWN_MODELS  "how many models were trained is not verified"
#define VALIDATION      "epochs chosen on validation"
#define VALIDATION_LOSS "epochs chosen by validation loss"
#define UNKNOWN_EPOCHS  "how the epochs were chosen is not verified"

/* CIDer's five by rate. */
#define CIDER(key, text, mask, training)                                                           \
    {                                                                                              \
        .name = key, .source = "CIDer", .rule = text, .random = mask,                              \
        .published_training = training, .published_selection = UNKNOWN_EPOCHS, .by_rate = true,    \
        .has_auilc = true, .seed = 1111                                                            \
    }

/* Damage to words, of which no figures are published. */
#define OF_WORDS(key, origin, text)                                                                \
    {                                                                                              \
        .name = key, .source = origin, .rule = text, .random = VALENCE_MASK_NUMPY,                 \
        .by_rate = true, .has_auilc = true, .seed = 111                                            \
    }

static const struct valence_protocol_info infos[N_PROTOCOLS] = {
    [PROTOCOL_TEXT_MISSING] = {.name = "text-missing",
                               .source = "arXiv 2410.15029",
                               .rule = "Every clip complete, then every clip without text.",
                               .random = VALENCE_MASK_FIXED,
                               .published_training = ONE_MODEL,
                               .published_selection = VALIDATION,
                               .seed = 1},
    [PROTOCOL_FIXED] = {.name = "fixed",
                        .source = "MoMKE (ACM MM 2024)",
                        .rule = "The seven subsets of modalities, all clips having the same.",
                        .random = VALENCE_MASK_FIXED,
                        .published_training = "one model for each subset, after 50 complete epochs",
                        .published_selection = "epochs chosen by the best test F1",
                        .chosen_on_test = true,
                        .seed = 66},
    [PROTOCOL_SIX_CONDITIONS] = {.name = "six-conditions",
                                 .source = "MMIN (ACL 2021)",
                                 .rule = "The six proper subsets of modalities, each for all "
                                         "clips.",
                                 .random = VALENCE_MASK_FIXED,
                                 .published_training = ONE_MODEL,
                                 .published_selection = VALIDATION,
                                 .seed = 1},
    [PROTOCOL_ERASE] = {.name = "erase",
                        .source = "TFR-Net, EMT-DLFR, MMSA",
                        .rule = "Each row of each modality is erased with probability r.",
                        .random = VALENCE_MASK_NUMPY,
                        .published_training = FOR_EACH_RATE,
                        .published_selection = VALIDATION_LOSS,
                        .by_rate = true,
                        .has_auilc = true,
                        .seed = -1},
    [PROTOCOL_ERASE_RANDOM] = {.name = "erase-random",
                               .source = "LNLN (NeurIPS 2024)",
                               .rule = "As erase, with one seed for all modalities.",
                               .random = VALENCE_MASK_NUMPY,
                               .published_training = "one model, each clip at a rate of its own",
                               .published_selection =
                                   "each metric at its best test epoch at r = 0.5",
                               .chosen_on_test = true,
                               .by_rate = true,
                               .seed = 1111},
    [PROTOCOL_RMFM] = CIDER("rmfm",
                            "Each row of each modality is erased with probability r, drawn over "
                            "all modalities at once.",
                            VALENCE_MASK_NUMPY, "one model, each row at a rate of its own"),
    [PROTOCOL_RMFM_SAME] =
        CIDER("rmfm-same", "As rmfm, drawn modality by modality.", VALENCE_MASK_NUMPY, ONE_MODEL),
    [PROTOCOL_RMM] = CIDER("rmm",
                           "Each modality of each clip is absent with probability r; a clip may "
                           "lose all.",
                           VALENCE_MASK_NUMPY, ONE_MODEL),
    [PROTOCOL_TMFM] = CIDER("tmfm",
                            "Each moment is erased with probability r, in all modalities at once; "
                            "for aligned streams.",
                            VALENCE_MASK_NUMPY, ONE_MODEL),
    [PROTOCOL_STMFM] = CIDER("stmfm",
                             "One block of a share r of the inner rows is erased, the same in all "
                             "modalities; for aligned streams.",
                             VALENCE_MASK_OWN, ONE_MODEL),
    [PROTOCOL_SMM] = {.name = "smm",
                      .source = "CIDer",
                      .rule = "The seven subsets of modalities, by one model.",
                      .random = VALENCE_MASK_FIXED,
                      .published_training = ONE_MODEL,
                      .published_selection = UNKNOWN_EPOCHS,
                      .seed = 1111},
    [PROTOCOL_RANDOM_MODALITY] = {.name = "random-modality",
                                  .source = "GCNet, CPM-Net, MMIN's incomplete setting",
                                  .rule = "A share of the modalities is absent, at least one of "
                                          "each clip stays.",
                                  .random = VALENCE_MASK_NUMPY,
                                  .published_training = UNKNOWN_MODELS,
                                  .published_selection = "epochs chosen by validation F1 (non-0)",
                                  .by_rate = true,
                                  .seed = 1},
    [PROTOCOL_BATCH_MODALITY] = {.name = "batch-modality",
                                 .source = "IMDer, DiCMoR",
                                 .rule = "A share of the batches loses two modalities, another "
                                         "share one.",
                                 .random = VALENCE_MASK_OWN,
                                 .published_training = UNKNOWN_MODELS,
                                 .published_selection = VALIDATION_LOSS,
                                 .by_rate = true,
                                 .seed = 1111},
    [PROTOCOL_DROP_RATE] = {.name = "drop-rate",
                            .source = "MPLMM (ACL 2024)",
                            .rule = "With probability d a clip loses one of the six proper subsets "
                                    "of modalities.",
                            .random = VALENCE_MASK_OWN,
                            .published_training = "one model, trained with modalities dropped at d",
                            .published_selection =
                                "the figures are of the validation part that chose the epochs",
                            .chosen_on_test = true,
                            .by_rate = true,
                            .seed = 666},
    [PROTOCOL_IMBALANCED] = {.name = "imbalanced",
                             .source = "MissBench (arXiv 2603.09874)",
                             .rule = "Each modality is absent with a probability of its own.",
                             .random = VALENCE_MASK_OWN,
                             .published_training = UNKNOWN_MODELS,
                             .published_selection = UNKNOWN_EPOCHS,
                             .seed = 1},
    [PROTOCOL_NOISE] = {.name = "noise",
                        .source = "MSA-Robustness (NAACL 2022), by its abstract",
                        .rule = "A share of the clips gets noise in one modality: Gaussian, zeros, "
                                "or one or the other. The published rule was read in an abstract "
                                "alone.",
                        .random = VALENCE_MASK_OWN,
                        .published_training = "one model, with noise in training",
                        .published_selection = UNKNOWN_EPOCHS,
                        .by_rate = true,
                        .seed = 1},
    [PROTOCOL_DROP_WORDS] =
        OF_WORDS("drop-words", "valence",
                 "Each row of text is deleted with probability r, the same rows as in erase."),
    [PROTOCOL_REPLACE_WORDS] =
        OF_WORDS("replace-words", "valence; the text of TFR-Net and EMT-DLFR",
                 "Each row of text is replaced with probability r, the same rows as in erase."),
};

int valence_n_protocols(void)
{
    return N_PROTOCOLS;
}

const struct valence_protocol_info *valence_protocol_get(int i)
{
    return i >= 0 && i < N_PROTOCOLS ? &infos[i] : NULL;
}

const struct valence_protocol_info *valence_protocol_find(const char *name)
{
    for (int i = 0; i < N_PROTOCOLS && name; i++)
        if (strcmp(infos[i].name, name) == 0)
            return &infos[i];
    return NULL;
}

enum protocol protocol_of(const struct valence_protocol_info *info)
{
    return (enum protocol)(info - infos);
}

double valence_auilc(const double *rates, const double *values, int n)
{
    double area = 0;
    if (n < 2 || !rates || !values)
        return NAN;
    for (int i = 0; i + 1 < n; i++)
        area += (values[i] + values[i + 1]) / 2 * (rates[i + 1] - rates[i]);
    return area;
}
