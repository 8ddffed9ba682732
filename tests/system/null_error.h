/* What the parts of test-null-error share. */
#ifndef VALENCE_TEST_NULL_ERROR_H
#define VALENCE_TEST_NULL_ERROR_H

#define FOREIGN VALENCE_TEST_DATA "/exchange/fixtures/csd/splits.csv"
/* Nothing is there; it is only read. */
#define MISSING "/nonexistent/file"
/* Below a file, so that nobody can make it, root neither. */
#define NOWHERE FOREIGN "/folder/file"

extern char test_folder[]; /* the test's own */

/* Calls a function, and notes that it was called. */
#define TRY(function, ...) (note_tried(#function), function(__VA_ARGS__))
void note_tried(const char *function);

/* In null_error_media.c. */
void test_media(void **state);
void test_models(void **state);
void test_encoders(void **state);
void test_texts(void **state);
void test_simulators(void **state);
void test_faces(void **state);
void test_recognition(void **state);
void test_extraction(void **state);
void test_scorers(void **state);

#endif
