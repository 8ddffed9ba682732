/* The public functions that torture-memory tries. */
#ifndef VALENCE_TEST_TORTURE_COVERAGE_H
#define VALENCE_TEST_TORTURE_COVERAGE_H

/* Reads the headers: every function in them is in a case or in the list of those that allocate
 * nothing, and not in both; every name in cases and lists is a function. */
void test_every_public_function_is_tried_or_allocates_nothing(void **state);

#endif
