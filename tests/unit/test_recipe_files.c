/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe_cases.h"

#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Each test has a folder of its own and works in it, so that paths in messages are short. */
typedef struct Folder {
        char *path;
        int previous_fd;
} Folder;

static int set_up(void **state)
{
        Folder *folder = calloc(1, sizeof *folder);

        if (!folder || make_temporary_directory("/tmp", "recipe-test-", &folder->path, NULL) < 0)
                return -1;
        folder->previous_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = folder;
        return folder->previous_fd < 0 || chdir(folder->path) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
        Folder *folder = *state;
        int r = fchdir(folder->previous_fd);

        close(folder->previous_fd);
        remove_and_free(&folder->path);
        free(folder);
        return r;
}

static void put(const char *path, const char *text)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *parent = slash ? strndup(path, (size_t) (slash - path)) : NULL;

        if (parent)
                assert_int_equal(make_directories(parent, 0755, NULL), 0);
        assert_int_equal(write_file_atomic(AT_FDCWD, path, text, strlen(text), 0644, NULL), 0);
}

static Recipe *load(const char *path)
{
        _cleanup_error_ Error error = ERROR_INIT;
        Recipe *recipe = NULL;

        if (recipe_load(path, &fixture_options, &recipe, &error) < 0)
                fail_msg("refused:\n%s", error.message);
        return recipe;
}

static void refuse(const char *path, int code, const char *message, const char *hint)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = NULL;
        int r = recipe_load(path, &fixture_options, &recipe, &error);

        if (r != code || !string_equal(error.message, message) || !string_equal(error.hint, hint))
                fail_msg("returned %d\n--- got\n%s\n--- hint\n%s\n--- expected\n%s", r, error.message,
                         error.hint ? error.hint : "(none)", message);
        assert_int_equal(error.kind, ERROR_USAGE);
        assert_null(recipe);
}

static void test_paths(void **state _unused_)
{
        put("r/files/a.conf", "");
        put("r/x.recipe", "[Image]\nName=a\nNspawn=files/a.conf\n[Password]\nHashFile=/dev/null\n"
                          "[Install]\nPackages=p\nFiles=files/a.conf x.recipe\n");
        _cleanup_recipe_ Recipe *recipe = load("r/x.recipe");

        assert_string_equal(recipe_path(recipe), "r/x.recipe");
        assert_string_equal(recipe_directory(recipe), "r");
        assert_string_equal(section_path(recipe_image(recipe), "Nspawn"), "r/files/a.conf");
        assert_string_equal(section_string(recipe_image(recipe), "Nspawn"), "files/a.conf");
        assert_string_equal(section_path(recipe_stage(recipe, 0), "HashFile"), "/dev/null");
        assert_string_equal(section_paths(recipe_stage(recipe, 1), "Files")[1], "r/x.recipe");
        assert_null(section_path(recipe_stage(recipe, 0), "User"));
}

static void test_links_inside(void **state _unused_)
{
        put("real/a", "");
        put("x.recipe", "[Image]\nName=a\nNspawn=link/a\n");
        assert_int_equal(symlink("real", "link"), 0);
        _cleanup_recipe_ Recipe *recipe = load("x.recipe");
        assert_string_equal(section_path(recipe_image(recipe), "Nspawn"), "./link/a");
}

static void test_refused_files(void **state _unused_)
{
        put("r/web.nspawn", "");
        put("outside", "");
        assert_int_equal(mkdir("r/folder", 0755), 0);
        assert_int_equal(mkfifo("r/fifo", 0600), 0);
        assert_int_equal(symlink("../outside", "r/relative"), 0);
        assert_int_equal(symlink("/etc/passwd", "r/absolute"), 0);
        assert_int_equal(symlink("..", "r/up"), 0);
        put("r/x.recipe", "[Image]\nName=a\nNspawn=web.nspwan\n[Install]\nPackages=p\n"
                          "Files=folder fifo relative absolute up/outside web.nspawn nothing/at/all\n"
                          "[Password]\nHashFile=/no/such/file\n[Password]\nHashFile=/etc\n");
        refuse("r/x.recipe", -EINVAL,
               "r/x.recipe:3:8: no such file in the recipe's folder\n"
               "    3 | Nspawn=web.nspwan\n"
               "      |        ^~~~~~~~~~ did you mean \"web.nspawn\"?\n"
               "r/x.recipe:6:7: this is a directory; expected a file\n"
               "    6 | Files=folder fifo relative absolute up/outside web.nspawn nothing/at/all\n"
               "      |       ^~~~~~\n"
               "r/x.recipe:6:14: this is no regular file; expected one\n"
               "    6 | Files=folder fifo relative absolute up/outside web.nspawn nothing/at/all\n"
               "      |              ^~~~\n"
               "r/x.recipe:6:19: a symbolic link on this path leaves the recipe's folder; expected a file inside it\n"
               "    6 | Files=folder fifo relative absolute up/outside web.nspawn nothing/at/all\n"
               "      |                   ^~~~~~~~\n"
               "r/x.recipe:6:28: a symbolic link on this path leaves the recipe's folder; expected a file inside it\n"
               "    6 | Files=folder fifo relative absolute up/outside web.nspawn nothing/at/all\n"
               "      |                            ^~~~~~~~\n"
               "r/x.recipe:6:37: a symbolic link on this path leaves the recipe's folder; expected a file inside it\n"
               "    6 | Files=folder fifo relative absolute up/outside web.nspawn nothing/at/all\n"
               "      |                                     ^~~~~~~~~~\n"
               "r/x.recipe:6:59: no such file in the recipe's folder\n"
               "    6 | Files=folder fifo relative absolute up/outside web.nspawn nothing/at/all\n"
               "      |                                                           ^~~~~~~~~~~~~~\n"
               "r/x.recipe:8:10: can't open this file of the host: No such file or directory\n"
               "    8 | HashFile=/no/such/file\n"
               "      |          ^~~~~~~~~~~~~\n"
               "r/x.recipe:10:10: this is a directory; expected a file\n"
               "   10 | HashFile=/etc\n"
               "      |          ^~~~", NULL);
}

static void test_file_with_version(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        put("a-2.conf", "");
        put("x.recipe", "[Image]\nName=a\nNspawn=%i-%v.conf\n");
        _cleanup_recipe_ Recipe *recipe = load("x.recipe");

        assert_int_equal(recipe_set_version(recipe, "1", &error), -EINVAL);
        assert_string_equal(error.message, "x.recipe:3:8: no such file in the recipe's folder\n"
                                           "    3 | Nspawn=%i-%v.conf\n"
                                           "      |        ^~~~~~~~~~ did you mean \"a-2.conf\"?");
        error_done(&error);
        assert_int_equal(recipe_set_version(recipe, "2", &error), 0);
        assert_string_equal(section_path(recipe_image(recipe), "Nspawn"), "./a-2.conf");
}

static void test_drop_ins(void **state _unused_)
{
        put("x.recipe", "[Image]\nName=a\nDescription=1\nFormats=tar\n[Install]\nPackages=a\n[Script]\nScript=1\n"
                        "[Script]\nScript=2\n");
        put("x.recipe.d/20-b.conf", "[Image]\nDescription=3\nFormats=\nFormats=tar.zst\n[Script 2]\nScript=new\n"
                                    "[File]\nPath=/1\n[File]\nPath=/2\n");
        put("x.recipe.d/10-a.conf", "[Image]\nDescription=2\nFormats=tar.gz\n[Install]\nPackages=b\nRecommends=yes\n"
                                    "[Install +]\nPackages=last\n");
        put("x.recipe.d/30-c.conf.bak", "garbage");
        put("x.recipe.d/.30-c.conf", "garbage");
        _cleanup_recipe_ Recipe *recipe = load("x.recipe");

        assert_string_equal(section_string(recipe_image(recipe), "Description"), "3");
        assert_string_equal(section_string(recipe_image(recipe), "Formats"), "tar.zst");
        assert_int_equal(recipe_n_stages(recipe), 6);
        assert_string_equal(section_string(recipe_stage(recipe, 0), "Packages"), "a b");
        assert_true(section_bool(recipe_stage(recipe, 0), "Recommends"));
        assert_string_equal(section_string(recipe_stage(recipe, 1), "Script"), "1\n");
        assert_string_equal(section_string(recipe_stage(recipe, 2), "Script"), "new\n");
        assert_string_equal(section_string(recipe_stage(recipe, 3), "Packages"), "last");
        assert_string_equal(section_string(recipe_stage(recipe, 5), "Path"), "/2");
        RecipePlace place = section_key_place(recipe_stage(recipe, 2), "Script");
        assert_string_equal(place.file, "x.recipe.d/20-b.conf");
        assert_int_equal(place.line, 6);
}

static void test_refused_drop_ins(void **state _unused_)
{
        put("x.recipe", "[Image]\nName=a\n[Script]\n[Script]\n[File]\nPath=/a\n[Debootstrap]\nSuite=x\nVariant=q\n");
        put("x.recipe.d/a.conf", "[Script]\nScript=x\n[Script 3]\nScript=x\n[Image 2]\n[File]\nMode=0\n[File]\nMode=1\n"
                                 "[File zero]\n[Debootstrap +]\n");
        refuse("x.recipe", -EINVAL,
               "x.recipe:9:9: \"q\" is no value of Variant=; expected one of minbase, buildd, standard\n"
               "    9 | Variant=q\n"
               "      |         ^\n"
               "x.recipe.d/a.conf:1:1: the recipe has 2 [Script] sections; expected the number of one\n"
               "    1 | [Script]\n"
               "      | ^~~~~~~~ write [Script 1] for the first\n"
               "x.recipe.d/a.conf:3:1: there is no [Script] number 3; the recipe has 2\n"
               "    3 | [Script 3]\n"
               "      | ^~~~~~~~~~ [Script +] adds one at the end\n"
               "x.recipe.d/a.conf:5:1: \"2\" behind the name of the section; expected the name alone, "
               "there is only one\n"
               "    5 | [Image 2]\n"
               "      | ^~~~~~~~~\n"
               "x.recipe.d/a.conf:9:1: Mode= stands twice in this section; it takes one value\n"
               "    9 | Mode=1\n"
               "      | ^~~~ the first one is in line 7\n"
               "x.recipe.d/a.conf:10:1: \"zero\" doesn't say which [File] is meant; expected a number from 1, "
               "as in [File 2]\n"
               "   10 | [File zero]\n"
               "      | ^~~~~~~~~~~\n"
               "x.recipe.d/a.conf:11:1: \"+\" behind the name of the section; expected the name alone, "
               "there is only one\n"
               "   11 | [Debootstrap +]\n"
               "      | ^~~~~~~~~~~~~~~", NULL);
}

static void test_no_recipe(void **state _unused_)
{
        static char large[RECIPE_SIZE_MAX + 2];

        put("web.recipe", "");
        put("y.recipe", "[Image]\nName=a\n");
        put("y.recipe.d", "");
        assert_int_equal(mkdir("folder.recipe", 0755), 0);
        memset(large, '#', sizeof large - 1);
        put("large.recipe", large);
        refuse("wbe.recipe", -ENOENT, "Can't open wbe.recipe: No such file or directory",
               "did you mean \"web.recipe\"?");
        refuse("folder.recipe", -EINVAL, "folder.recipe is not a regular file", NULL);
        refuse("large.recipe", -EFBIG,
               "large.recipe is larger than a recipe may be; expected a text of at most 1.0 MiB",
               "put large contents into files beside the recipe, and name them in it");
        refuse("y.recipe", -ENOTDIR, "Can't read the drop-ins in y.recipe.d: Not a directory", NULL);
}

static void test_binary_drop_in(void **state _unused_)
{
        put("x.recipe", "[Image]\nName=a\nZzzzzzzz=1\n");
        put("x.recipe.d/a.conf", "");
        int fd = open("x.recipe.d/a.conf", O_WRONLY | O_CLOEXEC);
        assert_int_equal(write_all(fd, "a\0b", 3), 0);
        close(fd);
        refuse("x.recipe", -EINVAL,
               "x.recipe:3:1: unknown key \"Zzzzzzzz\" in [Image]\n"
               "    3 | Zzzzzzzz=1\n"
               "      | ^~~~~~~~ keys are Name, Description, Version, Architecture, Suite, Formats, Nspawn\n"
               "x.recipe.d/a.conf:1:2: a NUL byte: this is binary data; a recipe is text in UTF-8\n"
               "    1 | a?b\n"
               "      |  ^", NULL);
}

#define files_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                files_test(test_paths),
                files_test(test_links_inside),
                files_test(test_refused_files),
                files_test(test_file_with_version),
                files_test(test_drop_ins),
                files_test(test_refused_drop_ins),
                files_test(test_no_recipe),
                files_test(test_binary_drop_in),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
