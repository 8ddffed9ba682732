/* What FFmpeg's libraries log: nothing is printed, and the last complaint goes into error texts. */
#ifndef VALENCE_MEDIA_LOG_H
#define VALENCE_MEDIA_LOG_H

#define MEDIA_LOG_BYTES 256

/* From begin to end, what the libraries log on this thread is kept here, and what they log on
 * others, their decoders', is dropped. Outside of this the log of a program that uses FFmpeg itself
 * is as it was. Sections may nest; the innermost keeps. */
struct media_log {
    struct media_log *outer;
    /* the last error that was logged, without its line end; "" if none was */
    char text[MEDIA_LOG_BYTES];
};

void media_log_begin(struct media_log *log);
void media_log_end(struct media_log *log);

#endif
