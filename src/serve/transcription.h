/* POST /v1/audio/transcriptions in the shape of OpenAI's API, for the clients that exist. */
#ifndef VALENCE_SERVE_TRANSCRIPTION_H
#define VALENCE_SERVE_TRANSCRIPTION_H

#include "serve/serve.h"

/* As struct http_route has it: checks the form; the settings are for transcription_work(). */
bool transcription_answer(void *server, const struct http_form *form, void **settings,
                          struct http_reply *reply);

/* On the worker's thread. */
void transcription_work(struct valence_server *server, struct http_job *job,
                        struct http_reply *reply);

#endif
