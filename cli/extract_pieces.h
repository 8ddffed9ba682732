/* One extraction by several processes, on one machine or many with a shared disk: mpirun, srun, or
 * the same command in several terminals.
 *
 * The clips are cut into pieces of clips that follow each other. A process takes a piece that no
 * other has, and then the next, until none is left; so faster processes do more. Each piece is a
 * store in OUTPUT.pieces, with a lock that a process which dies loses: another one then takes the
 * piece and goes on where it was interrupted. Whoever finds all pieces finished first merges them,
 * in their order, into the store that one process would have made. */
#ifndef VALENCE_CLI_EXTRACT_PIECES_H
#define VALENCE_CLI_EXTRACT_PIECES_H

#include "valence/extract_store.h"

/* What became of it in this process. */
struct pieces_result {
    char output[VALENCE_CONFIG_VALUE_BYTES];
    int64_t n_taken;  /* pieces that this process finished */
    int64_t n_made;   /* clips that it made */
    int64_t n_failed; /* clips that could not be made, by anyone; else as n_clips */
    int64_t n_clips;  /* of the store; -1: another process has merged it */
};

/* `options` are those of the whole; `config` is changed. A store at the output that is finished is
 * left alone unless it is to be overwritten. */
int extract_in_pieces(struct valence_extract_config *config,
                      struct valence_extract_options *options, int64_t n_pieces,
                      struct pieces_result *result, struct valence_error *error);

#endif
