/* Networks whose parameters are computed at once instead of learnt by steps: the constant and the
 * linear function of mean rows. What an epoch does for the others, in one. */
#ifndef VALENCE_TRAIN_CLOSED_FORM_H
#define VALENCE_TRAIN_CLOSED_FORM_H

#include "train/trainer_private.h"

/* Takes the pass over the training clips that the loader has begun, sets the parameters and adds
 * the losses to the state's sums.
 *
 * constant: the median of the training labels, which has the smallest mean absolute error.
 * linear:   ridge regression (kernels/ridge.h) on the mean rows of every clip in every flow, whose
 *           squared errors weigh as losses.complete and losses.missing say, all flows of a clip
 *           together 1. Where ridge.penalty is 0, that of a fixed list is taken whose error on the
 *           validation clips, as `select` says, is smallest. Of classes it is logistic regression
 *           with that penalty (kernels/logistic.h), and the error is the cross-entropy.
 *
 * Memory of linear: 8 bytes for each clip, flow and column, of both parts. Errors: CANCELLED,
 * nothing being saved; DATA, MEMORY. */
int closed_form_train(struct trainer *trainer, struct valence_error *error);

#endif
