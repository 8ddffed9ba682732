/* Scores of sentences from the command line, encoded as a model's training encoded its text. */
#ifndef VALENCE_CLI_SENTENCES_H
#define VALENCE_CLI_SENTENCES_H

#include <stdbool.h>

#include "options.h"
#include "valence/predict.h"

/* A prediction for each sentence in turn, whose index is the prediction's clip. `encoder` is the
 * language model's GGUF file or name, NULL: the one known by name that training used. Errors:
 * UNSUPPORTED if the model was not trained on text that valence encoded; DATA if the encoder
 * is not the one that training used; ARGUMENT for a sentence without words. */
int sentences_predict(const struct valence_model *model, const struct option_list *sentences,
                      const char *encoder, bool offline, bool quiet,
                      const struct valence_predict_options *options,
                      valence_prediction_receiver receive, void *user,
                      struct valence_prediction_counts *counts, struct valence_error *error);

#endif
