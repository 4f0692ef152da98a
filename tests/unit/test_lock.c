/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "packages/lock.h"
#include "packages/transaction.h"

#include <errno.h>
#include <string.h>

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"
#define H3 "3333333333333333333333333333333333333333333333333333333333333333"
#define H4 "4444444444444444444444444444444444444444444444444444444444444444"

/* Everything that a lock can hold. */
static const char whole[] =
        "{\n"
        " \"format\": 1,\n"
        " \"tool\": \"0.1.0\",\n"
        " \"image\": \"web\",\n"
        " \"version\": \"20261123.1\",\n"
        " \"architecture\": \"amd64\",\n"
        " \"source_date_epoch\": 1795465813,\n"
        " \"recipe_sha256\": \"" H1 "\",\n"
        " \"bases\": [\n"
        "  {\"image\": \"ground\", \"version\": \"7\", \"source_date_epoch\": 5}\n"
        " ],\n"
        " \"repositories\": [\n"
        "  {\"uri\": \"http://deb.debian.org/debian\", \"suite\": \"bookworm\", \"date\": 1795465813, \"sha256\": \"" H2 "\"}\n"
        " ],\n"
        " \"packages\": [\n"
        "  {\"name\": \"a\", \"version\": \"1:2-3\", \"architecture\": \"amd64\", \"source\": \"aa\", \"source_version\": \"2\", "
        "\"size\": 7, \"sha256\": \"" H1 "\", \"uri\": \"http://deb.debian.org/debian/pool/a.deb\"},\n"
        "  {\"name\": \"b\", \"version\": \"1\", \"architecture\": \"all\", \"source\": \"b\", \"source_version\": \"1\", "
        "\"size\": 8, \"sha256\": \"" H2 "\", \"uri\": \"\"},\n"
        "  {\"name\": \"b\", \"version\": \"1\", \"architecture\": \"all\", \"source\": \"b\", \"source_version\": \"1\", "
        "\"size\": 8, \"sha256\": \"" H3 "\", \"uri\": \"file:/srv/b.deb\", \"patch_sha256\": \"" H4 "\", "
        "\"patched_sha256\": \"" H1 "\"}\n"
        " ],\n"
        " \"stages\": [\n"
        "  {\"stage\": 1, \"kind\": \"Install\", \"sha256\": \"" H1 "\", \"resolved\": true},\n"
        "  {\"stage\": 1, \"packages\": [\"a:amd64=1:2-3\", \"b:all=1@" H3 "\"]},\n"
        "  {\"stage\": 1, \"remove\": [\"c\"]},\n"
        "  {\"stage\": 1, \"unpack\": [\"a\", \"b:all\"]},\n"
        "  {\"stage\": 1, \"configure\": [\"a\"]},\n"
        "  {\"stage\": 1, \"purge\": [\"d:i386\"]},\n"
        "  {\"stage\": 1, \"configure\": [\"b\"]},\n"
        "  {\"stage\": 1, \"automatic\": [\"b\"]},\n"
        "  {\"stage\": 1, \"manual\": [\"a\", \"e\"]},\n"
        "  {\"stage\": 2, \"kind\": \"File\", \"sha256\": \"" H2 "\", \"resolved\": false},\n"
        "  {\"stage\": 3, \"kind\": \"Upgrade\", \"sha256\": \"" H3 "\", \"resolved\": true}\n"
        " ]\n"
        "}\n";

static void reads(void **state)
{
        _cleanup_lock_ Lock lock = { 0 };

        (void) state;
        assert_int_equal(lock_parse(whole, "x", &lock, NULL), 0);
        assert_string_equal(lock.tool_version, "0.1.0");
        assert_string_equal(lock.image, "web");
        assert_string_equal(lock.version, "20261123.1");
        assert_string_equal(lock.architecture, "amd64");
        assert_string_equal(lock.recipe_sha256, H1);
        assert_int_equal(lock.source_date_epoch_sec, 1795465813);
        assert_int_equal(lock.n_bases, 1);
        assert_string_equal(lock.bases[0].image, "ground");
        assert_string_equal(lock.bases[0].version, "7");
        assert_int_equal(lock.bases[0].source_date_epoch_sec, 5);
        assert_int_equal(lock.n_repositories, 1);
        assert_string_equal(lock.repositories[0].suite, "bookworm");
        assert_string_equal(lock.repositories[0].sha256, H2);
        assert_int_equal(lock.n_packages, 3);
        assert_string_equal(lock.packages[0].source, "aa");
        assert_string_equal(lock.packages[0].source_version, "2");
        assert_int_equal(lock.packages[0].size_bytes, 7);
        assert_null(lock.packages[0].patch_sha256);
        assert_string_equal(lock.packages[1].uri, "");
        assert_string_equal(lock.packages[2].patch_sha256, H4);
        assert_string_equal(lock.packages[2].patched_sha256, H1);
        assert_int_equal(lock.n_stages, 3);
        assert_false(lock.stages[1].resolved);
        assert_true(lock.stages[2].resolved);
        assert_int_equal(lock.stages[2].transaction.n_packages, 0);
}

static void reads_transactions(void **state)
{
        static const AptStep steps[] = { { APT_REMOVE, (char *) "c" },    { APT_UNPACK, (char *) "a" },
                                         { APT_UNPACK, (char *) "b:all" }, { APT_CONFIGURE, (char *) "a" },
                                         { APT_PURGE, (char *) "d:i386" }, { APT_CONFIGURE, (char *) "b" } };
        _cleanup_lock_ Lock lock = { 0 };

        (void) state;
        assert_int_equal(lock_parse(whole, "x", &lock, NULL), 0);
        const AptTransaction *transaction = &lock.stages[0].transaction;
        assert_int_equal(transaction->n_steps, ELEMENTS(steps));
        for (size_t i = 0; i < ELEMENTS(steps); i++) {
                assert_int_equal(transaction->steps[i].action, steps[i].action);
                assert_string_equal(transaction->steps[i].package, steps[i].package);
        }
        assert_int_equal(transaction->n_packages, 2);
        assert_string_equal(transaction->packages[0].file_name, "a_1%3a2-3_amd64.deb");
        assert_string_equal(transaction->packages[0].sha256, H1);
        assert_string_equal(transaction->packages[0].uri, "http://deb.debian.org/debian/pool/a.deb");
        assert_string_equal(transaction->packages[1].sha256, H3);
        assert_string_equal(transaction->packages[1].patched_sha256, H1);
        assert_int_equal(strv_length(transaction->automatic), 1);
        assert_string_equal(transaction->manual[1], "e");
}

static void writes_what_it_reads(void **state)
{
        _cleanup_lock_ Lock lock = { 0 };
        _cleanup_free_ char *text = NULL;

        (void) state;
        assert_int_equal(lock_parse(whole, "x", &lock, NULL), 0);
        assert_int_equal(lock_format(&lock, &text, NULL), 0);
        assert_string_equal(text, whole);
}

static void writes_nothing(void **state)
{
        Lock lock = { .tool_version = (char *) "1", .image = (char *) "x", .version = (char *) "1",
                      .architecture = (char *) "all", .recipe_sha256 = (char *) H1 };
        _cleanup_lock_ Lock again = { 0 };
        _cleanup_free_ char *text = NULL;

        (void) state;
        assert_int_equal(lock_format(&lock, &text, NULL), 0);
        assert_int_equal(lock_parse(text, "x", &again, NULL), 0);
        assert_int_equal(again.n_packages, 0);
        assert_int_equal(again.n_stages, 0);
}

/* One change of the text, and what is said of it. */
static const struct {
        const char *from, *to, *message;
} faults[] = {
        { "{\n", "[\n", "x:1: expected \"{\"" },
        { "\"format\": 1", "\"format\": 2", "x:2: the lock has format 2, and this program reads 1" },
        { "\"format\": 1", "\"format\": \"1\"", "x:2: \"format\" is no number" },
        { " \"tool\": \"0.1.0\",\n", "", "x:3: expected \"tool\"" },
        { "\"image\": \"web\"", "\"image\": \"\"", "x:4: \"image\" is no text" },
        { "\"source_date_epoch\": 1795465813", "\"source_date_epoch\": -1", "x:7: \"source_date_epoch\" is no number" },
        { "\"recipe_sha256\": \"1", "\"recipe_sha256\": \"X", "x:8: \"recipe_sha256\" is no SHA-256" },
        { "\"bases\": [", "\"bases\": {", "x:9: expected \" \"bases\": [\"" },
        { "\"version\": \"7\", ", "", "x:10: \"version\" is missing" },
        { "\"date\": 1795465813", "\"date\": true", "x:13: \"date\" is no number" },
        { "\"suite\": \"bookworm\"", "\"suite\": \"bookworm\", \"old\": 1", "x:13: \"old\" is not known here" },
        { "\"size\": 7", "\"size\": 7.5", "x:16: \"size\" is no number" },
        { "\"name\": \"a\"", "\"name\": \"../a\"", "x:16: \"../a\" 1:2-3 of amd64 can't be a package" },
        { "\"name\": \"a\"", "\"name\": \"c\"", "x:17: the package b stands twice, or is not in its place" },
        { "\"sha256\": \"" H3, "\"sha256\": \"" H2, "x:18: the package b stands twice, or is not in its place" },
        { "\"size\": 8, \"sha256\": \"" H2 "\"", "\"size\": 8, \"sha256\": \"2\"",
          "x:17: \"sha256\" is no SHA-256 in lower-case hexadecimal" },
        { "\"patch_sha256\": \"" H4 "\", ", "", "x:18: \"patch_sha256\" and \"patched_sha256\" belong together" },
        { "{\"name\": \"b\"", "{\"name\" \"b\"", "x:17: ':' expected near '\"b\"'" },
        { "{\"name\": \"b\"", "{\"name\": \"b\", \"name\": \"b\"", "x:17: duplicate object key near '\"name\"'" },
        { "\"stage\": 2", "\"stage\": 3", "x:30: \"stage\" is out of order" },
        { "\"resolved\": false", "\"resolved\": 0", "x:30: \"resolved\" is neither true nor false" },
        { "[\"a:amd64=1:2-3\", ", "[\"a:amd64=1:2-4\", ", "x:22: \"a:amd64=1:2-4\" is none of the lock's packages" },
        { "b:all=1@" H3, "b:all=1", "x:22: \"b:all=1\" is none of the lock's packages" },
        { "\"unpack\": [\"a\", \"b:all\"]", "\"unpack\": [\"b:all\", \"a\"]",
          "x:24: b:all is not the next of the stage's packages" },
        { "\"unpack\": [\"a\", \"b:all\"]", "\"unpack\": [\"a\"]", "x:30: stage 1 has packages that it does not unpack" },
        { "\"remove\": [\"c\"]", "\"remove\": [\"--all\"]", "x:23: \"--all\" can't be a package" },
        { "\"remove\": [\"c\"]", "\"remove\": []", "x:23: expected one list beside \"stage\"" },
        { "\"remove\": [\"c\"]", "\"delete\": [\"c\"]", "x:23: \"delete\" is not known here" },
        { "\"remove\": [\"c\"]", "\"remove\": [1]", "x:23: \"remove\" is no list of names" },
        { "\"resolved\": true},\n  {\"stage\": 1, \"pack", "\"resolved\": false},\n  {\"stage\": 1, \"pack",
          "x:22: the stage takes no packages" },
        { "\"resolved\": true}\n", "\"resolved\": true},\n",
          "x:32: expected an element of \"stages\" or \" ]\"" },
        { "}\n", "} \n", "x:10: expected an element of \"bases\" or \" ],\"" },
        { "]\n}\n", "]\n}\n\n", "x:33: something follows the end" },
        { "]\n}\n", "]\n", "x:33: expected \"}\"" },
};

static char *replaced(const char *from, const char *to)
{
        const char *at = strstr(whole, from);
        char *text = NULL;

        assert_non_null(at);
        assert_true(asprintf(&text, "%.*s%s%s", (int) (at - whole), whole, to, at + strlen(from)) > 0);
        return text;
}

static void refuses(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTS(faults); i++) {
                _cleanup_free_ char *text = replaced(faults[i].from, faults[i].to);
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_lock_ Lock lock = { 0 };
                assert_int_equal(lock_parse(text, "x", &lock, &error), -EBADMSG);
                assert_string_equal(error.message, faults[i].message);
                assert_null(lock.packages);
        }
}

/* Every text that ends too early. */
static void refuses_halves(void **state)
{
        (void) state;
        for (size_t length = 0; length + 1 < strlen(whole); length++) {
                _cleanup_free_ char *text = strndup(whole, length);
                _cleanup_lock_ Lock lock = { 0 };
                assert_int_equal(lock_parse(text, "x", &lock, NULL), -EBADMSG);
        }
}

static void collects(void **state)
{
        AptPackage z = { .name = (char *) "z", .version = (char *) "1", .architecture = (char *) "all",
                         .source = (char *) "zz", .source_version = (char *) "3", .sha256 = (char *) H1,
                         .uri = (char *) "http://user:secret@host/z.deb", .size_bytes = 4 };
        AptPackage y = { .name = (char *) "y", .version = (char *) "1", .architecture = (char *) "all",
                         .sha256 = (char *) H2, .uri = (char *) "file:/home/me/y.deb",
                         .local_path = (char *) "/home/me/y.deb" };
        AptPackage patched = z;
        _cleanup_lock_ Lock lock = { 0 };

        (void) state;
        patched.patch_sha256 = (char *) H3;
        patched.patched_sha256 = (char *) H4;
        assert_int_equal(lock_add_package(&lock, &z), 0);
        assert_int_equal(lock_add_package(&lock, &y), 0);
        assert_int_equal(lock_add_package(&lock, &z), 0);
        assert_int_equal(lock_add_package(&lock, &patched), 0);
        lock_sort(&lock);
        assert_int_equal(lock.n_packages, 2);
        assert_string_equal(lock.packages[0].name, "y");
        assert_string_equal(lock.packages[0].uri, "");
        assert_string_equal(lock.packages[0].source, "y");
        assert_string_equal(lock.packages[0].source_version, "1");
        assert_string_equal(lock.packages[1].uri, "http://host/z.deb");
        assert_string_equal(lock.packages[1].source, "zz");
        assert_string_equal(lock.packages[1].patched_sha256, H4);
        assert_ptr_equal(lock_find(&lock, &z), &lock.packages[1]);
        z.sha256 = (char *) H4;
        assert_null(lock_find(&lock, &z));
}

static void copies_transactions(void **state)
{
        _cleanup_transaction_ AptTransaction copy = { 0 };
        _cleanup_lock_ Lock lock = { 0 };

        (void) state;
        assert_int_equal(lock_parse(whole, "x", &lock, NULL), 0);
        assert_int_equal(apt_transaction_copy(&lock.stages[0].transaction, &copy), 0);
        _cleanup_json_ json_t *before = apt_transaction_to_json(&lock.stages[0].transaction);
        _cleanup_json_ json_t *after = apt_transaction_to_json(&copy);
        assert_true(json_equal(before, after));
        _cleanup_transaction_ AptTransaction again = { 0 };
        assert_int_equal(apt_transaction_from_json(after, &again), 0);
        assert_string_equal(again.packages[1].patched_sha256, H1);
        assert_string_equal(again.packages[0].source, "aa");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads),          cmocka_unit_test(reads_transactions),
                cmocka_unit_test(writes_what_it_reads), cmocka_unit_test(writes_nothing),
                cmocka_unit_test(refuses),        cmocka_unit_test(refuses_halves),
                cmocka_unit_test(collects),       cmocka_unit_test(copies_transactions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
