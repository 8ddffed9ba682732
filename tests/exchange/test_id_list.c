/* Lists of ids, and the arrays of a folder. */
#include "store_fixture.h"

#include "exchange/id_list.h"

static void add(struct id_list *list, const char *id)
{
    assert_fine(id_list_add(list, id, strlen(id), &error));
}

static void test_a_sorted_list_has_each_id_once(void **state)
{
    (void)state;
    struct id_list list = {0};
    id_list_sort(&list);
    assert_false(id_list_has(&list, "a"));
    add(&list, "b");
    add(&list, "a");
    add(&list, "b");
    add(&list, "ab");
    id_list_sort(&list);
    assert_int_equal(list.n, 3);
    assert_string_equal(list.ids[0], "a");
    assert_string_equal(list.ids[1], "ab");
    assert_true(id_list_has(&list, "b"));
    assert_false(id_list_has(&list, "B"));
    id_list_free(&list);
    assert_int_equal(list.n, 0);
}

static void test_a_folders_arrays_are_ids(void **state)
{
    (void)state;
    static const char *const files[] = {"v_1.npy", "v.2.NPY", ".hidden.npy", "labels.csv"};
    struct id_list list = {0};
    for (int i = 0; i < 4; i++) {
        FILE *file = fopen(in_folder(files[i]), "w");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    assert_fine(id_list_add_folder(&list, folder, &error));
    id_list_sort(&list);
    assert_int_equal(list.n, 2);
    assert_true(id_list_has(&list, "v_1"));
    assert_true(id_list_has(&list, "v.2"));
    id_list_free(&list);
    assert_fails(id_list_add_folder(&list, in_folder("nothing"), &error), VALENCE_ERROR_IO,
                 "nothing");
    id_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sorted_list_has_each_id_once),
        TEST_IN_FOLDER(test_a_folders_arrays_are_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
