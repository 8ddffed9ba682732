/* Which valence this is. */
#ifndef VALENCE_VERSION_H
#define VALENCE_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": of the library that is linked, not of the header compiled against. */
const char *valence_version(void);

#ifdef __cplusplus
}
#endif
#endif
