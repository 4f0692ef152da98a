/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe_cases.h"

#include "recipe/identity.h"

static void check_string(const RecipeSection *section, const char *key, const char *expected)
{
        const char *value = section_string(section, key);

        if (!string_equal(value, expected))
                fail_msg("%s= is \"%s\", expected \"%s\"", key, value ? value : "(null)",
                         expected ? expected : "(null)");
}

static void check_list(char *const *list, const char *expected)
{
        _cleanup_free_ char *joined = strv_join(list, "|");

        assert_string_equal(joined, expected);
}

/* A value as it stands in a recipe, and as it is handed out. */
typedef struct ValueCase {
        const char *text; /* of the section */
        const char *key;
        const char *expected;
} ValueCase;

static void check_values(const ValueCase *cases, size_t n_cases)
{
        for (size_t i = 0; i < n_cases; i++) {
                _cleanup_recipe_ Recipe *recipe = parse_good(cases[i].text, NULL);
                assert_int_equal(recipe_n_stages(recipe), 1);
                check_string(recipe_stage(recipe, 0), cases[i].key, cases[i].expected);
        }
}

static void test_values(void **state _unused_)
{
        static const ValueCase cases[] = {
                { "[Install]\n  \t\nPackages \t= \t a  b\t c \t\n", "Packages", "a b c" },
                { "[Install]\nPackages=a\n; no\n# no\n   # no\nPackages=b\n", "Packages", "a b" },
                { "[Install]\nPackages=a\nPackages=\nPackages=b\n", "Packages", "b" },
                { "[Install]\nPackages=a \\\n  b \\\n# no\n  c\nRecommends=on", "Packages", "a b c" },
                { "[Install]\nPackages=a \\\n\nRecommends=TRUE", "Packages", "a" },
                { "[Install]\nPackages=a\\\\\nRecommends=TRUE", "Packages", "a\\\\" },
                { "[Install]\nPackages=a=b [c] #d\n", "Packages", "a=b [c] #d" },
                { "[Install]\nPackages=a\nRecommends=oN\n", "Recommends", "yes" },
                { "[Install]\nPackages=a\nRecommends=0\n", "Recommends", "no" },
                { "[Install]\nPackages=a\n", "Recommends", "no" },
                { "[Install]\nPackages=a\nRecommends=\n", "Recommends", "no" },
                { "[Install]\nPackages=a\n", "Files", NULL },
                { "[Debootstrap]\nSuite=x\nOptions=a  b\nOptions=c\n", "Options", "a  b\nc" },
                { "[Debootstrap]\nSuite=x\nMirror=file:///srv/a%%20b\n", "Mirror", "file:///srv/a%20b" },
                { "[Debootstrap]\nSuite=x\nMirrors=http://[::1]:8080/ https://h_1.example?a#b\n", "Mirrors",
                  "http://[::1]:8080/ https://h_1.example?a#b" },
                { "[File]\nPath=/etc/with space\nMode=755\n", "Mode", "0755" },
                { "[File]\nPath=/etc/with space\nMode=07777\n", "Path", "/etc/with space" },
                { "[Password]\nLocked=1\n", "User", "root" },
                { "[Password]\nHash=$y$j9T$a/b.c$x\n", "Hash", "$y$j9T$a/b.c$x" },
        };

        check_values(cases, ELEMENTS(cases));
}

static void test_text(void **state _unused_)
{
        static const ValueCase cases[] = {
                { "[Script]\nScript=\n", "Script", "" },
                { "[Script]\nScript=echo a\n", "Script", "echo a\n" },
                { "[Script]\nScript=echo a \\\n    b\n", "Script", "echo a \\\nb\n" },
                { "[Script]\nScript=\n    a\n      b\n    c", "Script", "a\n  b\nc\n" },
                { "[Script]\nScript=\n\ta\n\t\tb\n", "Script", "a\n\tb\n" },
                { "[Script]\nScript=\n\t a\n  b\n", "Script", "\t a\n  b\n" },
                { "[Script]\nScript=\n\n  a\n\n \n  b\n\n\n", "Script", "\na\n\n\nb\n" },
                { "[Script]\nScript=\n  #!/bin/sh\n  ; x\n  [Image]\n  A=b\n", "Script",
                  "#!/bin/sh\n; x\n[Image]\nA=b\n" },
                { "[Script]\nScript=\n  a\n# no\n; no\n  b\n", "Script", "a\nb\n" },
                { "[Script]\nScript=\n  %i %x 100%\n", "Script", "%i %x 100%\n" },
                { "[Script]\nScript=\n  a  \n  b\nNetwork=yes\n", "Script", "a  \nb\n" },
                { "[Script]\nScript=\n  a\nNetwork=yes\n", "Network", "yes" },
                { "[Script]\n", "Script", NULL },
        };

        check_values(cases, ELEMENTS(cases));
}

static void test_sections_in_order(void **state _unused_)
{
        _cleanup_recipe_ Recipe *recipe = parse_good("[Script]\nScript=a\n[Upgrade]\n[Script]\nScript=b\n[Upgrade]\n",
                                                     NULL);
        static const char *const expected[] = { "Script", "Upgrade", "Script", "Upgrade" };

        assert_int_equal(recipe_n_stages(recipe), ELEMENTS(expected));
        for (size_t i = 0; i < ELEMENTS(expected); i++)
                assert_string_equal(section_schema(recipe_stage(recipe, i))->name, expected[i]);
        check_string(recipe_stage(recipe, 2), "Script", "b\n");
        assert_ptr_equal(section_schema(recipe_image(recipe)), &fixture_image);
}

static void test_lists_and_presence(void **state _unused_)
{
        _cleanup_recipe_ Recipe *recipe = parse_good("Formats=tar.gz tar.gz tar\nDescription=\n[Script]\nScript=\n"
                                                     "[Install]\nPackages=x y\nFiles=a sub/b\n[Debootstrap]\nSuite=s\n"
                                                     "Include=a\nInclude=\n", NULL);
        const RecipeSection *image = recipe_image(recipe), *install = recipe_stage(recipe, 1);

        check_list(section_list(image, "Formats"), "tar.gz|tar");
        assert_false(section_has(image, "Description"));
        assert_null(section_string(image, "Description"));
        assert_true(section_has(recipe_stage(recipe, 0), "Script"));
        check_list(section_list(install, "Packages"), "x|y");
        check_list(section_paths(install, "Files"), "./a|./sub/b");
        assert_false(section_bool(install, "Recommends"));
        assert_null(section_list(recipe_stage(recipe, 2), "Include"));
        assert_false(section_has(recipe_stage(recipe, 2), "Include"));
}

static void test_default_and_reset_list(void **state _unused_)
{
        _cleanup_recipe_ Recipe *plain = parse_good("", NULL), *reset = parse_good("Formats=\n", NULL);

        check_list(section_list(recipe_image(plain), "Formats"), "tar.xz");
        assert_false(section_has(recipe_image(plain), "Formats"));
        assert_null(section_list(recipe_image(reset), "Formats"));
}

static void test_identity(void **state _unused_)
{
        _cleanup_recipe_ Recipe *own = parse_good("Architecture=arm64\nSuite=trixie\n[Debootstrap]\nSuite=%s\n", NULL);
        _cleanup_recipe_ Recipe *taken = parse_good("[Upgrade]\n[Debootstrap]\nSuite=sid\n", NULL);
        _cleanup_recipe_ Recipe *none = parse_good("", NULL);

        assert_string_equal(recipe_name(own), "a");
        assert_string_equal(recipe_architecture(own), "arm64");
        assert_string_equal(recipe_suite(own), "trixie");
        check_string(recipe_stage(own, 0), "Suite", "trixie");
        assert_string_equal(recipe_architecture(taken), "amd64");
        assert_string_equal(recipe_suite(taken), "sid");
        assert_string_equal(recipe_suite(none), "");
        assert_string_equal(recipe_path(none), "x.recipe");
        assert_string_equal(recipe_directory(none), ".");
}

static void test_architectures(void **state _unused_)
{
        static const char *const cases[][2] = {
                { "i686", "i386" },   { "armv7l", "armhf" },        { "ppc64le", "ppc64el" },
                { "s390x", "s390x" }, { "loongarch64", "loong64" }, { "parisc64", "hppa" },
                { "riscv64", "riscv64" },
        };
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = NULL;
        const RecipeOptions options = { .schema = &fixture_schema };
        IdentityFault fault;

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                assert_string_equal(identity_debian_architecture(cases[i][0]), cases[i][1]);
                assert_int_equal(identity_check_architecture(cases[i][1], &fault, &error), 0);
        }
        assert_int_equal(recipe_parse("x", "[Image]\nName=a\n", 15, &options, &recipe, &error), 0);
        assert_int_equal(identity_check_architecture(recipe_architecture(recipe), &fault, &error), 0);
}

static void test_version(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = parse_good("Description=%i_%v %%v\n[File]\nPath=/%v/x\nContent=%v\n", NULL);
        const char *before = section_string(recipe_stage(recipe, 0), "Path");
        char digest[65];

        assert_true(recipe_uses_version(recipe));
        assert_string_equal(before, "/%v/x");
        snprintf(digest, sizeof digest, "%s", recipe_digest(recipe));
        assert_int_equal(recipe_set_version(recipe, "20240101", &error), 0);
        check_string(recipe_image(recipe), "Description", "a_20240101 %v");
        check_string(recipe_stage(recipe, 0), "Path", "/20240101/x");
        check_string(recipe_stage(recipe, 0), "Content", "%v\n");
        assert_string_not_equal(recipe_digest(recipe), digest);
        assert_int_equal(recipe_set_version(recipe, "20240101.1", &error), 0);
        check_string(recipe_stage(recipe, 0), "Path", "/20240101.1/x");
        assert_string_equal(before, "/%v/x"); /* as long as the recipe */
}

static void test_version_is_given(void **state _unused_)
{
        _cleanup_recipe_ Recipe *given = parse_good("Version=1.2\nDescription=%v\n", NULL);
        _cleanup_recipe_ Recipe *unused = parse_good("", NULL);

        check_string(recipe_image(given), "Description", "1.2");
        assert_true(recipe_uses_version(given));
        assert_false(recipe_uses_version(unused));
}

static void test_bad_versions(void **state _unused_)
{
        static const struct {
                const char *version, *expected;
        } cases[] = {
                { "1_0", "\"1_0\": \"_\" in the version; expected letters, digits, \".\" and \"-\" only" },
                { "-1", "\"-1\": the version starts with \"-\"; expected a letter or a digit there" },
                { "", "An empty version; expected letters, digits, \".\" and \"-\"" },
                { "12345678901234567890123456789012345678901234567890123456789",
                  "x.recipe:2:6: a-amd64-12345678901234567890123456789012345678901234567890123456789 has 67 characters; "
                  "expected at most 64, for it names machines\n    2 | Name=a\n      |      ^" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_recipe_ Recipe *recipe = parse_good("", NULL);
                assert_int_equal(recipe_set_version(recipe, cases[i].version, &error), -EINVAL);
                assert_string_equal(error.message, cases[i].expected);
                assert_int_equal(error.kind, ERROR_USAGE);
        }
}

static void test_settings(void **state _unused_)
{
        char *settings[] = { "Image.Name=b",     "Image.Formats=",     "Image.Formats=tar",      "Image.Name=c",
                             "File[2].Mode=600", "Password.User=admin", "Password.Locked=yes",
                             "Script.Script=a\n  b", NULL };
        _cleanup_recipe_ Recipe *recipe = parse_good("Formats=tar.gz\n[File]\nPath=/1\n[File]\nPath=/2\nMode=0700\n"
                                                     "[Script]\nScript=x\n", settings);

        assert_string_equal(recipe_name(recipe), "c");
        check_list(section_list(recipe_image(recipe), "Formats"), "tar");
        assert_int_equal(recipe_n_stages(recipe), 4);
        check_string(recipe_stage(recipe, 0), "Mode", "0644");
        check_string(recipe_stage(recipe, 1), "Mode", "0600");
        check_string(recipe_stage(recipe, 2), "Script", "a\n  b\n");
        check_string(recipe_stage(recipe, 3), "User", "admin");
        assert_true(section_bool(recipe_stage(recipe, 3), "Locked"));
        RecipePlace place = section_key_place(recipe_stage(recipe, 1), "Mode");
        assert_string_equal(place.file, "--set");
        assert_int_equal(place.line, 0);
}

static void test_places_and_errors(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        char *settings[] = { "File.Mode=0600", "Image.Description=hello", NULL };
        _cleanup_recipe_ Recipe *recipe = parse_good("[File]\nPath= /etc/x  \n", settings);
        const RecipeSection *file = recipe_stage(recipe, 0);
        RecipePlace place = section_key_place(file, "Path");

        assert_string_equal(place.file, "x.recipe");
        assert_int_equal(place.line, 4);
        assert_int_equal(place.column, 7);
        assert_int_equal(recipe_error(recipe, place, &error, "no %s here", "file"), -EINVAL);
        assert_string_equal(error.message, "x.recipe:4:7: no file here\n    4 | Path= /etc/x  \n      |       ^~~~~~");
        assert_int_equal(error.kind, ERROR_USAGE);
        recipe_error(recipe, section_place(file), &error, "bad");
        assert_string_equal(error.message, "x.recipe:3:1: bad\n    3 | [File]\n      | ^~~~~~");
        recipe_error(recipe, section_key_place(file, "Content"), &error, "bad");
        assert_string_equal(error.message, "x.recipe:3:1: bad\n    3 | [File]\n      | ^~~~~~");
        recipe_error(recipe, section_key_place(file, "Mode"), &error, "bad");
        assert_string_equal(error.message, "--set: bad\n      | File.Mode=0600\n      |           ^~~~");
        recipe_error(recipe, section_key_place(recipe_image(recipe), "Description"), &error, "bad");
        assert_string_equal(error.message, "--set: bad\n      | Image.Description=hello\n"
                                           "      |                   ^~~~~");
}

static void test_digest(void **state _unused_)
{
        static const struct {
                const char *a, *b;
                bool same;
        } cases[] = {
                { "[Install]\nPackages=a b\n", "# x\n\n[Install]\nPackages =a\nPackages= \\\n b", true },
                { "[File]\nPath=/a\nMode=600\n", "[File]\nMode=0600\nPath=/a\n", true },
                { "[Install]\nPackages=a\n", "[Install]\nPackages=a\nRecommends=off\n", true },
                { "Description=a\n", "Description=%i\n", true },
                { "[Install]\nPackages=a b\n", "[Install]\nPackages=b a\n", false },
                { "[Install]\nPackages=a\n[Upgrade]\n", "[Upgrade]\n[Install]\nPackages=a\n", false },
                { "[Debootstrap]\nSuite=x\nOptions=a b\n", "[Debootstrap]\nSuite=x\nOptions=a\nOptions=b\n", false },
                { "Formats=\n", "", false },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_recipe_ Recipe *a = parse_good(cases[i].a, NULL), *b = parse_good(cases[i].b, NULL);
                assert_int_equal(strlen(recipe_digest(a)), 64);
                if ((strcmp(recipe_digest(a), recipe_digest(b)) == 0) != cases[i].same)
                        fail_msg("digests of case %zu are %s", i, cases[i].same ? "different" : "the same");
        }
}

static void test_byte_order_mark(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = NULL;

        assert_int_equal(fixture_parse("\xef\xbb\xbf[Image]\nName=a\n", NULL, &recipe, &error), 0);
        assert_int_equal(section_place(recipe_image(recipe)).column, 1);
}

static size_t count_lines(const char *text, const char *start)
{
        size_t n = 0;

        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                n += string_starts_with(line, start);
        return n;
}

static void test_many_errors(void **state _unused_)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = NULL;

        assert_int_equal(buffer_append_string(&text, "[Image]\nName=a_\n"), 0);
        for (size_t i = 0; i < 30; i++)
                assert_int_equal(buffer_printf(&text, "Key%zu=x\n", i), 0);
        assert_int_equal(fixture_parse(text.data, NULL, &recipe, &error), -EINVAL);
        assert_int_equal(count_lines(error.message, "x.recipe:"), 20);
        /* told in the order of the text, though names are looked at after keys */
        assert_true(string_starts_with(error.message, "x.recipe:2:7: \"_\" in the name"));
        assert_true(string_ends_with(error.message, "\nand 11 more errors"));
}

static void test_too_many_stages(void **state _unused_)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = NULL;

        assert_int_equal(buffer_append_string(&text, "[Image]\nName=a\n"), 0);
        for (size_t i = 0; i < 1003; i++)
                assert_int_equal(buffer_append_string(&text, "[Upgrade]\n"), 0);
        assert_int_equal(fixture_parse(text.data, NULL, &recipe, &error), -EINVAL);
        assert_string_equal(error.message, "x.recipe:1003:1: more than 1000 stages in one recipe\n"
                                           " 1003 | [Upgrade]\n      | ^~~~~~~~~");
}

/* Bytes from a fixed seed: whatever they are, they are refused, briefly, in printable text. */
static void test_random_bytes(void **state _unused_)
{
        _cleanup_free_ char *data = malloc(RECIPE_SIZE_MAX);
        uint32_t seed = 1;

        assert_non_null(data);
        for (unsigned round = 0; round < 3; round++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_recipe_ Recipe *recipe = NULL;
                for (size_t i = 0; i < RECIPE_SIZE_MAX; i++) {
                        seed = seed * 1664525 + 1013904223;
                        data[i] = (char) (seed >> 24);
                        if (round > 0 && data[i] == 0)
                                data[i] = '\n';
                        if (round == 2)
                                data[i] = "=[]\n \\#aIN%"[(unsigned char) data[i] % 11];
                }
                assert_int_equal(recipe_parse("r", data, RECIPE_SIZE_MAX, &fixture_options, &recipe, &error), -EINVAL);
                assert_in_range(strlen(error.message), 1, 20000);
                for (const char *c = error.message; *c; c++)
                        assert_true((unsigned char) *c >= 0x20 || *c == '\n' || *c == '\t');
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_sections_in_order),
                cmocka_unit_test(test_lists_and_presence),
                cmocka_unit_test(test_default_and_reset_list),
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_architectures),
                cmocka_unit_test(test_version),
                cmocka_unit_test(test_version_is_given),
                cmocka_unit_test(test_bad_versions),
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_places_and_errors),
                cmocka_unit_test(test_digest),
                cmocka_unit_test(test_byte_order_mark),
                cmocka_unit_test(test_many_errors),
                cmocka_unit_test(test_too_many_stages),
                cmocka_unit_test(test_random_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
