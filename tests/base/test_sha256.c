#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"

static void test_the_standards_examples_give_their_digests(void **state)
{
    (void)state;
    const struct {
        const char *text, *digest;
    } examples[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        char text[SHA256_TEXT_BYTES];
        sha256_text(examples[i].text, strlen(examples[i].text), text);
        assert_string_equal(text, examples[i].digest);
    }
}

static void test_a_million_letters_give_their_digest(void **state)
{
    (void)state;
    static char letters[1000000];
    char text[SHA256_TEXT_BYTES];
    memset(letters, 'a', sizeof letters);
    sha256_text(letters, sizeof letters, text);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_standards_examples_give_their_digests),
        cmocka_unit_test(test_a_million_letters_give_their_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
