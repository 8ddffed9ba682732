/* Configuration files are foreign bytes: any of them is read or refused, and what is accepted
 * prints and reads back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/train_config.h"
#include "valence/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct valence_train_config *config, const char *yaml, size_t size)
{
    struct valence_error error;
    train_config_defaults(config);
    int status = valence_train_config_parse(config, yaml, size, "fuzz.yaml", &error);
    if (status && !error.text[0])
        abort();
    return status;
}

/* "KEY=VALUE" as one assignment. */
static int assign(struct valence_train_config *config, const char *data, size_t size)
{
    struct valence_error error;
    char *text = strndup(data, size), *equals = text ? strchr(text, '=') : NULL;
    int status = VALENCE_ERROR_CONFIG;
    train_config_defaults(config);
    if (equals) {
        *equals = '\0';
        status = valence_train_config_set(config, text, equals + 1, &error);
        if (status && !error.text[0])
            abort();
    }
    valence_text_free(text);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct valence_train_config config, again;
    if (assign(&config, (const char *)data, size) && parse(&config, (const char *)data, size))
        return 0;
    char *text = valence_train_config_text(&config, true);
    if (text && (parse(&again, text, strlen(text)) ||
                 memcmp(config.store, again.store, sizeof config.store) != 0 ||
                 config.learning_rate != again.learning_rate))
        abort();
    valence_text_free(text);
    return 0;
}
