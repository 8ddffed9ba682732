/* The protocols that there are, and what is published of them. */
#include <math.h>
#include <string.h>

#include "evaluate/protocol_mask.h"

const char *const valence_noise_kind_names[VALENCE_MAX_NAMES] = {"gaussian", "missing", "hybrid"};
const char *const valence_replacement_names[VALENCE_MAX_NAMES] = {"word", "unknown"};
const char *const valence_mask_random_names[VALENCE_MAX_NAMES] = {"fixed", "numpy", "valence"};

#define FOR_EACH_RATE "one for each rate, masked at it in training and validation"
#define ONE_MODEL     "one for all conditions"
#define VALIDATION    "validation loss"

static const struct valence_protocol_info infos[N_PROTOCOLS] = {
    [PROTOCOL_TEXT_MISSING] = {.name = "text-missing",
                               .source = "arXiv 2410.15029",
                               .rule = "Every clip complete, then every clip without text.",
                               .random = VALENCE_MASK_FIXED,
                               .published_training = ONE_MODEL,
                               .published_selection = "validation",
                               .seed = 1},
    [PROTOCOL_FIXED] = {.name = "fixed",
                        .source = "MoMKE (ACM MM 2024)",
                        .rule = "The seven subsets of modalities, all clips having the same.",
                        .random = VALENCE_MASK_FIXED,
                        .published_training = "one for each subset, after 50 complete epochs",
                        .published_selection = "best test F1",
                        .chosen_on_test = true,
                        .seed = 66},
    [PROTOCOL_SIX_CONDITIONS] = {.name = "six-conditions",
                                 .source = "MMIN (ACL 2021)",
                                 .rule = "The six proper subsets of modalities, each for all "
                                         "clips.",
                                 .random = VALENCE_MASK_FIXED,
                                 .published_training = ONE_MODEL,
                                 .published_selection = "validation",
                                 .seed = 1},
    [PROTOCOL_ERASE] = {.name = "erase",
                        .source = "TFR-Net, EMT-DLFR, MMSA",
                        .rule = "Each row of each modality is erased with probability r.",
                        .random = VALENCE_MASK_NUMPY,
                        .published_training = FOR_EACH_RATE,
                        .published_selection = VALIDATION,
                        .by_rate = true,
                        .has_auilc = true,
                        .seed = -1},
    [PROTOCOL_ERASE_RANDOM] = {.name = "erase-random",
                               .source = "LNLN (NeurIPS 2024)",
                               .rule = "As erase, with one seed for all modalities.",
                               .random = VALENCE_MASK_NUMPY,
                               .published_training = "one, each clip at a rate of its own",
                               .published_selection = "each metric's best test epoch at r = 0.5",
                               .chosen_on_test = true,
                               .by_rate = true,
                               .seed = 1111},
    [PROTOCOL_RMFM] = {.name = "rmfm",
                       .source = "CIDer",
                       .rule = "Each row of each modality is erased with probability r, drawn "
                               "over all modalities at once.",
                       .random = VALENCE_MASK_NUMPY,
                       .published_training = "one, each row at a rate of its own",
                       .published_selection = "not verified",
                       .by_rate = true,
                       .has_auilc = true,
                       .seed = 1111},
    [PROTOCOL_RMFM_SAME] = {.name = "rmfm-same",
                            .source = "CIDer",
                            .rule = "As rmfm, drawn modality by modality.",
                            .random = VALENCE_MASK_NUMPY,
                            .published_training = ONE_MODEL,
                            .published_selection = "not verified",
                            .by_rate = true,
                            .has_auilc = true,
                            .seed = 1111},
    [PROTOCOL_RMM] = {.name = "rmm",
                      .source = "CIDer",
                      .rule = "Each modality of each clip is absent with probability r; a clip may "
                              "lose all.",
                      .random = VALENCE_MASK_NUMPY,
                      .published_training = ONE_MODEL,
                      .published_selection = "not verified",
                      .by_rate = true,
                      .has_auilc = true,
                      .seed = 1111},
    [PROTOCOL_TMFM] = {.name = "tmfm",
                       .source = "CIDer",
                       .rule = "Each moment is erased with probability r, in all modalities at "
                               "once; for aligned streams.",
                       .random = VALENCE_MASK_NUMPY,
                       .published_training = ONE_MODEL,
                       .published_selection = "not verified",
                       .by_rate = true,
                       .has_auilc = true,
                       .seed = 1111},
    [PROTOCOL_STMFM] = {.name = "stmfm",
                        .source = "CIDer",
                        .rule = "One block of a share r of the inner rows is erased, the same in "
                                "all modalities; for aligned streams.",
                        .random = VALENCE_MASK_OWN,
                        .published_training = ONE_MODEL,
                        .published_selection = "not verified",
                        .by_rate = true,
                        .has_auilc = true,
                        .seed = 1111},
    [PROTOCOL_SMM] = {.name = "smm",
                      .source = "CIDer",
                      .rule = "The seven subsets of modalities, by one model.",
                      .random = VALENCE_MASK_FIXED,
                      .published_training = ONE_MODEL,
                      .published_selection = "not verified",
                      .seed = 1111},
    [PROTOCOL_RANDOM_MODALITY] = {.name = "random-modality",
                                  .source = "GCNet, CPM-Net, MMIN's incomplete setting",
                                  .rule = "A share of the modalities is absent, at least one of "
                                          "each clip stays.",
                                  .random = VALENCE_MASK_NUMPY,
                                  .published_training = "not verified",
                                  .published_selection = "validation F1 (non-0)",
                                  .by_rate = true,
                                  .seed = 1},
    [PROTOCOL_BATCH_MODALITY] = {.name = "batch-modality",
                                 .source = "IMDer, DiCMoR",
                                 .rule = "A share of the batches loses two modalities, another "
                                         "share one.",
                                 .random = VALENCE_MASK_OWN,
                                 .published_training = "not verified",
                                 .published_selection = VALIDATION,
                                 .by_rate = true,
                                 .seed = 1111},
    [PROTOCOL_DROP_RATE] = {.name = "drop-rate",
                            .source = "MPLMM (ACL 2024)",
                            .rule = "With probability d a clip loses one of the six proper subsets "
                                    "of modalities.",
                            .random = VALENCE_MASK_OWN,
                            .published_training = "one, dropped at d",
                            .published_selection = "the figures are those of validation",
                            .chosen_on_test = true,
                            .by_rate = true,
                            .seed = 666},
    [PROTOCOL_IMBALANCED] = {.name = "imbalanced",
                             .source = "MissBench (arXiv 2603.09874)",
                             .rule = "Each modality is absent with a probability of its own.",
                             .random = VALENCE_MASK_OWN,
                             .published_training = "not verified",
                             .published_selection = "not verified",
                             .seed = 1},
    [PROTOCOL_NOISE] = {.name = "noise",
                        .source = "MSA-Robustness (NAACL 2022), by its abstract",
                        .rule = "A share of the clips gets noise in one modality: Gaussian, zeros, "
                                "or one or the other. The published rule was read in an abstract "
                                "alone.",
                        .random = VALENCE_MASK_OWN,
                        .published_training = "one, with noise in training",
                        .published_selection = "not verified",
                        .by_rate = true,
                        .seed = 1},
    [PROTOCOL_DROP_WORDS] = {.name = "drop-words",
                             .source = "valence",
                             .rule = "Each row of text is deleted with probability r, the "
                                     "same rows as in erase.",
                             .random = VALENCE_MASK_NUMPY,
                             .published_training = "none, the rule is valence's own",
                             .published_selection = "none",
                             .by_rate = true,
                             .has_auilc = true,
                             .seed = 111},
    [PROTOCOL_REPLACE_WORDS] = {.name = "replace-words",
                                .source = "valence; the text of TFR-Net and EMT-DLFR",
                                .rule = "Each row of text is replaced with probability r, the "
                                        "same rows as in erase.",
                                .random = VALENCE_MASK_NUMPY,
                                .published_training = "none, the rule is valence's own",
                                .published_selection = "none",
                                .by_rate = true,
                                .has_auilc = true,
                                .seed = 111},
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
