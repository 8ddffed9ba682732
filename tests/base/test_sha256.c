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

static void test_pieces_of_any_size_give_the_digest_of_the_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 55, 56, 63, 64, 65, 127, 128, 200};
    unsigned char data[1000];
    char whole[SHA256_TEXT_BYTES], pieces[SHA256_TEXT_BYTES];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7 + i / 256);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct sha256 digest;
        sha256_begin(&digest);
        for (size_t at = 0; at < sizeof data; at += sizes[s])
            sha256_add(&digest, data + at,
                       sizeof data - at < sizes[s] ? sizeof data - at : sizes[s]);
        sha256_end(&digest, pieces);
        sha256_text(data, sizeof data, whole);
        assert_string_equal(pieces, whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_standards_examples_give_their_digests),
        cmocka_unit_test(test_a_million_letters_give_their_digest),
        cmocka_unit_test(test_pieces_of_any_size_give_the_digest_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
