/* A caller's options, checked, with the defaults for what he does not know. */
#ifndef VALENCE_EVALUATE_OPTIONS_H
#define VALENCE_EVALUATE_OPTIONS_H

#include "valence/evaluate.h"
#include "valence/predict.h"
#include "valence/protocol.h"

/* `given` may be NULL. ERROR_ARGUMENT for a size that this library does not know or a value out of
 * range. Ranks fail together, except by predict_options_take(), which serves batches in memory,
 * too; what it gives as the collective can be used even then. */
int evaluate_options_take(const struct valence_evaluate_options *given,
                          struct valence_evaluate_options *options, struct valence_error *error);
int predict_options_take(const struct valence_predict_options *given,
                         struct valence_predict_options *options, struct valence_error *error);
int protocol_options_take(const struct valence_protocol_options *given,
                          struct valence_protocol_options *options, struct valence_error *error);

#endif
