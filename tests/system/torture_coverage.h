/* The public functions that no case of torture-memory tries. */
#ifndef VALENCE_TEST_TORTURE_COVERAGE_H
#define VALENCE_TEST_TORTURE_COVERAGE_H

/* Reads the headers: every function in them is in a case or in one of the lists, and in one place
 * only; every name in cases and lists is a function. */
void test_every_public_function_is_tried_or_allocates_nothing(void **state);

#endif
