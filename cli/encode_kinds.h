/* What `valence encode KIND` can be; each is defined in encode_NAME.c. */
#ifndef VALENCE_CLI_ENCODE_KINDS_H
#define VALENCE_CLI_ENCODE_KINDS_H

#include "options.h"

/* name in C, and on the command line */
#define ENCODE_KINDS(X)                                                                            \
    X(wavlm, "wavlm")                                                                              \
    X(whisper, "whisper")                                                                          \
    X(prosody, "prosody")                                                                          \
    X(manet, "manet")                                                                              \
    X(faces, "faces")                                                                              \
    X(text, "text")                                                                                \
    X(simulated_text, "simulated-text")

#define DECLARE_ENCODE_KIND(name, word) extern const struct command encode_##name;
ENCODE_KINDS(DECLARE_ENCODE_KIND)
#undef DECLARE_ENCODE_KIND

#endif
