/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/kinds.h"
#include "stages/stage.h"

#include "base/process.h"
#include "stage_fixture.h"

#include <time.h>

#include <crypt.h>

/* Stages that need no packages, run on small trees. */

static struct {
        Recipe *recipe;
        Output *output;
        Report *report;
        RepositoryList repositories;
        char **pins;
        char *note;
} run;

static int setup(void **state)
{
        int r = fixture_setup(state);

        if (r < 0 || output_new(NULL, &run.output, &fixture.error) < 0 ||
            report_new(REPORT_QUIET, false, &run.report) < 0)
                return -1;
        return 0;
}

static void forget_recipe(void)
{
        run.recipe = recipe_free(run.recipe);
        repository_list_done(&run.repositories);
        strv_free(run.pins);
        free(run.note);
        run.pins = NULL;
        run.note = NULL;
}

static int teardown(void **state)
{
        forget_recipe();
        run.output = output_free(run.output);
        run.report = report_free(run.report);
        return fixture_teardown(state);
}

static void add_file(const char *name, const char *content, mode_t mode)
{
        _cleanup_free_ char *path = path_join(fixture.directory, name);

        assert_int_equal(write_file_atomic(AT_FDCWD, path, content, strlen(content), mode, &fixture.error), 0);
}

static void load(const char *sections)
{
        _cleanup_free_ char *path = path_join(fixture.directory, "x.recipe"), *text = NULL;
        RecipeOptions options = { .schema = &stage_recipe_schema, .architecture = "amd64" };

        forget_recipe();
        assert_true(asprintf(&text, "[Image]\nName=x\n%s", sections) > 0);
        add_file("x.recipe", text, 0644);
        assert_ok(recipe_load(path, &options, &run.recipe, &fixture.error));
}

static int run_stage(size_t index)
{
        const RecipeSection *section = recipe_stage(run.recipe, index);
        _cleanup_remove_ char *work = NULL;
        _cleanup_strv_ char **environment = NULL;
        _cleanup_transaction_ AptTransaction used = { 0 };

        assert_ok(make_temporary_directory(fixture.directory, "work.", &work, &fixture.error));
        for (const char *const *item = sandbox_environment; *item; item++)
                assert_int_equal(strv_append(&environment, *item), 0);
        assert_int_equal(strv_append(&environment, "IMAGE_NAME=x"), 0);
        StageContext context = {
                .recipe = run.recipe,
                .section = section,
                .sandbox = fixture.sandbox,
                .tree = &fixture.tree,
                .work_directory = work,
                .cache_directory = fixture.directory,
                .environment = (const char *const *) environment,
                .repositories = &run.repositories,
                .pins = &run.pins,
                .output = run.output,
                .report = run.report,
                .ret_note = TAKE_PTR(run.note),
                .ret_used = &used,
        };
        int r = stage_kind_of(section)->run(&context, &fixture.error);
        run.note = context.ret_note;
        return r;
}

static void run_all(const char *sections)
{
        load(sections);
        for (size_t i = 0; i < recipe_n_stages(run.recipe); i++)
                assert_ok(run_stage(i));
}

static void test_file(void **state)
{
        static const TreeEntry planted[] = {
                { "/etc/passwd", "root:x:0:0::/:\nwww-data:x:33:33::/:\n", 0 },
                { "/etc/group", "root:x:0:\nadm:x:4:\n", 0 },
                { "/etc/securetty", "console\ntty1", 0600 },
                { "/etc/link", "-> securetty", 0 },
                { "/etc/out", "-> ../../../../outside", 0 },
                { NULL, NULL, 0 },
        };

        (void) state;
        plant_tree(planted);
        add_file("source", "copied\n", 0755);
        add_file("plain", "plain\n", 0600);
        run_all("[File]\nPath=/etc/securetty\nAppend=pts/0\nAppend=tty1\n"
                "[File]\nPath=/etc/link\nAppend=pts/0\nAppend=pts/1\n"
                "[File]\nPath=/etc/out\nContent=\n one\n  two\n"
                "[File]\nPath=/new/deep/file\nAppend=first\nMode=0600\nOwner=www-data:adm\n"
                "[File]\nPath=/new/program\nSource=source\n"
                "[File]\nPath=/new/plain\nSource=plain\nOwner=7:8\n"
                "[File]\nPath=/new/link\nLink=../etc/%i\n");
        assert_tree("/etc/ 0755 0:0\n/etc/group 0644 0:0 \"root:x:0:|adm:x:4:|\"\n/etc/link -> securetty\n"
                    "/etc/out 0644 0:0 \"one| two|\"\n/etc/passwd 0644 0:0 \"root:x:0:0::/:|www-data:x:33:33::/:|\"\n"
                    "/etc/securetty 0600 0:0 \"console|tty1|pts/0|pts/1|\"\n/new/ 0755 0:0\n/new/deep/ 0755 0:0\n"
                    "/new/deep/file 0600 33:4 \"first|\"\n/new/link -> ../etc/x\n/new/plain 0644 7:8 \"plain|\"\n"
                    "/new/program 0755 0:0 \"copied|\"\n");
}

static void test_file_append_changes_owner_when_asked(void **state)
{
        static const TreeEntry planted[] = {
                { "/a", "a\n", 04755 },
                { NULL, NULL, 0 },
        };

        (void) state;
        plant_tree(planted);
        run_all("[File]\nPath=/a\nAppend=b\nOwner=5:6\n");
        assert_tree("/a 4755 5:6 \"a|b|\"\n");
        run_all("[File]\nPath=/a\nAppend=b\nMode=0640\n");
        assert_tree("/a 0640 5:6 \"a|b|\"\n");
}

static void test_file_unknown_owner(void **state)
{
        static const TreeEntry planted[] = { { "/etc/passwd", "root:x:0:0::/:\n", 0 }, { NULL, NULL, 0 } };

        (void) state;
        plant_tree(planted);
        load("[File]\nPath=/x\nContent=\n y\nOwner=rot\n");
        assert_fails(run_stage(0), -ENOENT, "The image has no user \"rot\"");
}

static void test_remove_paths(void **state)
{
        static const TreeEntry planted[] = {
                { "/usr/share/doc/a/b", "x", 0 }, { "/usr/share/man", "-> /etc", 0 }, { "/etc/x", "x", 0 },
                { "/up", "-> /../..", 0 },        { NULL, NULL, 0 },
        };

        (void) state;
        plant_tree(planted);
        run_all("[Remove]\nPaths=/usr/share/doc /usr/share/man /missing /up\n");
        assert_tree("/etc/ 0755 0:0\n/etc/x 0644 0:0 \"x\"\n/usr/ 0755 0:0\n/usr/share/ 0755 0:0\n");
        assert_string_equal(run.note, "4 paths");
}

#define SHADOW "root:*:19000:0:99999:7:::\nwww-data:*:19000:0:99999:7:::\n"

static void test_password(void **state)
{
        static const TreeEntry planted[] = { { "/etc/shadow", SHADOW, 0640 }, { NULL, NULL, 0 } };

        _cleanup_free_ char *expected = NULL;
        long day = (long) (time(NULL) / 86400);

        (void) state;
        plant_tree(planted);
        run_all("[Password]\nHash=$6$salt$"
                "IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.\n"
                "[Password]\nUser=www-data\nLocked=yes\n");
        assert_true(asprintf(&expected,
                             "/etc/ 0755 0:0\n/etc/shadow 0640 0:0 "
                             "\"root:$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130"
                             "MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.:%ld:0:99999:7:::|www-data:!*:%ld:0:99999:7:::|\"\n",
                             day, day) > 0);
        assert_tree(expected);
        load("[Password]\nUser=www-dta\nLocked=yes\n");
        assert_fails(run_stage(0), -ENOENT, "The image has no user \"www-dta\"");
}

/* The hash that root has in the tree. */
static char *root_hash(void)
{
        _cleanup_free_ char *text = show_tree();
        char *start = strstr(text, "root:");

        assert_non_null(start);
        start += strlen("root:");
        return strndup(start, strcspn(start, ":"));
}

static void test_password_file(void **state)
{
        static const TreeEntry old[] = { { "/etc/shadow", SHADOW, 0640 }, { NULL, NULL, 0 } };
        static const TreeEntry new[] = {
                { "/var/lib/dpkg/status",
                  "Package: libcrypt1\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n", 0 },
                { NULL, NULL, 0 },
        };
        _cleanup_remove_ char *outside = NULL;
        _cleanup_free_ char *path = NULL, *section = NULL;

        (void) state;
        assert_ok(make_temporary_directory("/tmp", "templar-test-password.", &outside, &fixture.error));
        path = path_join(outside, "password");
        assert_ok(write_file_atomic(AT_FDCWD, path, "secret\n", 7, 0600, &fixture.error));
        assert_true(asprintf(&section, "[Password]\nPasswordFile=%s\n", path) > 0);
        plant_tree(old);
        run_all(section);
        _cleanup_free_ char *sha512 = root_hash();
        assert_true(string_starts_with(sha512, "$6$"));
        assert_string_equal(crypt("secret", sha512), sha512);
        plant_tree(new);
        run_all(section);
        _cleanup_free_ char *yescrypt = root_hash();
        assert_true(string_starts_with(yescrypt, "$y$j9T$"));
        assert_string_equal(crypt("secret", yescrypt), yescrypt);
}

static void test_password_file_refused(void **state)
{
        static const struct {
                const char *content;
                mode_t mode;
                int code;
                const char *message;
        } cases[] = {
                { "secret\n", 0604, -EPERM, "can be read or written by everybody" },
                { "", 0600, -EINVAL, "is empty" },
                { "\n", 0600, -EINVAL, "is empty" },
                { "a\nb\n", 0600, -EINVAL, "one line" },
        };
        static const TreeEntry planted[] = { { "/etc/shadow", SHADOW, 0640 }, { NULL, NULL, 0 } };
        _cleanup_remove_ char *outside = NULL;
        _cleanup_free_ char *path = NULL, *section = NULL, *inside = NULL;

        (void) state;
        plant_tree(planted);
        assert_ok(make_temporary_directory("/tmp", "templar-test-password.", &outside, &fixture.error));
        path = path_join(outside, "password");
        assert_true(asprintf(&section, "[Password]\nPasswordFile=%s\n", path) > 0);
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                assert_ok(write_file_atomic(AT_FDCWD, path, cases[i].content, strlen(cases[i].content), cases[i].mode,
                                            &fixture.error));
                load(section);
                assert_fails(run_stage(0), cases[i].code, cases[i].message);
        }
        add_file("secret", "secret\n", 0600);
        assert_true(asprintf(&inside, "[Password]\nPasswordFile=%s/secret\n", fixture.directory) > 0);
        load(inside);
        assert_fails(run_stage(0), -EINVAL, "lies in the recipe's folder");
}

#define KEY "\x99\x01\x0d"

static void make_repositories(void)
{
        repository_list_done(&run.repositories);
        strv_free(run.pins);
        run.pins = NULL;
        for (size_t i = 0; i < recipe_n_stages(run.recipe); i++) {
                const RecipeSection *section = recipe_stage(run.recipe, i);
                if (stage_kind_of(section)->repositories)
                        assert_ok(stage_kind_of(section)->repositories(section, run.recipe, &run.repositories,
                                                                       &run.pins, &fixture.error));
        }
}

/* "uri suite" of each, joined by "; ". */
static void assert_repositories(const char *sections, const char *expected, size_t n_pins)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        load(sections);
        make_repositories();
        assert_int_equal(buffer_append_string(&text, ""), 0);
        for (size_t i = 0; i < run.repositories.n_items; i++) {
                const Repository *repository = &run.repositories.items[i];
                _cleanup_free_ char *suites = strv_join(repository->suites, ",");
                assert_int_equal(buffer_printf(&text, "%s%s %s", i > 0 ? "; " : "", repository->uris[0], suites), 0);
        }
        assert_string_equal(text.data, expected);
        assert_int_equal(strv_length(run.pins), n_pins);
}

#define BOOTSTRAP "[Debootstrap]\nSuite=bookworm\nMirror=http://m.example/debian/\nKeyring=key.gpg\n"
#define SECTION(suites) "[Repositories]\nURIs=http://r.example/\nSignedBy=key.gpg\nSuites=" suites "\n"

static void test_repositories_in_force(void **state)
{
        (void) state;
        add_file("key.gpg", KEY, 0644);
        add_file("two.sources",
                 "Types: deb\nURIs: http://a.example/\nSuites: bookworm bookworm-updates\nComponents: main\n"
                 "Signed-By: key.gpg\n\nTypes: deb\nURIs: http://b.example/\nSuites: x\nComponents: main\n"
                 "Trusted: yes\n",
                 0644);
        assert_repositories(BOOTSTRAP, "http://m.example/debian bookworm", 0);
        assert_repositories(BOOTSTRAP SECTION("x"), "http://m.example/debian bookworm; http://r.example/ x", 0);
        assert_repositories(BOOTSTRAP SECTION("bookworm"), "http://r.example/ bookworm", 0);
        assert_repositories(BOOTSTRAP SECTION("x") SECTION("y bookworm"),
                            "http://r.example/ x; http://r.example/ y,bookworm", 0);
        assert_repositories(BOOTSTRAP SECTION("bookworm") SECTION("bookworm"),
                            "http://r.example/ bookworm; http://r.example/ bookworm", 0);
        assert_repositories(BOOTSTRAP SECTION("x") "Pin=a release n=x 1\n" SECTION(
                                    "y") "Replace=yes\nPin=b origin o 2\n" SECTION("bookworm"),
                            "http://r.example/ y; http://r.example/ bookworm", 1);
        assert_repositories(BOOTSTRAP "[Repositories]\nFile=two.sources\n",
                            "http://a.example/ bookworm,bookworm-updates; http://b.example/ x", 0);
}

static void test_repositories_without_key(void **state)
{
        (void) state;
        load("[Repositories]\nURIs=http://r.example/\nSuites=nonesuch\n");
        const RecipeSection *section = recipe_stage(run.recipe, 0);
        int r = stage_repositories.repositories(section, run.recipe, &run.repositories, &run.pins, &fixture.error);
        assert_int_equal(r, -ENOKEY);
        assert_non_null(strstr(fixture.error.message, "no keyring to verify http://r.example/"));
        assert_non_null(strstr(fixture.error.hint, "Trusted=yes"));
        error_done(&fixture.error);
}

static void test_debootstrap_comes_first(void **state)
{
        (void) state;
        add_file("key.gpg", KEY, 0644);
        load("[Script]\nScript=true\n" BOOTSTRAP);
        int r = stage_debootstrap.repositories(recipe_stage(run.recipe, 1), run.recipe, &run.repositories, &run.pins,
                                               &fixture.error);
        assert_int_equal(r, -EINVAL);
        assert_non_null(strstr(fixture.error.message, "must be the first stage"));
        error_done(&fixture.error);
}

static void run_only(const char *sections, size_t index)
{
        load(sections);
        make_repositories();
        assert_ok(run_stage(index));
}

static void test_repositories_written(void **state)
{
        static const TreeEntry planted[] = {
                { "/etc/apt/sources.list", "deb http://m.example/debian bookworm main\n", 0 },
                { "/etc/apt/sources.list.d/old.list", "x\n", 0 },
                { "/etc/apt/preferences.d/old.pref", "x\n", 0 },
                { NULL, NULL, 0 },
        };

        (void) state;
        add_file("key.gpg", KEY, 0600);
        plant_tree(planted);
        run_only(BOOTSTRAP SECTION("bookworm") "Pin=nginx* release n=x 500\nPin=a version 1.2* -1\n", 1);
        assert_tree(
                "/etc/ 0755 0:0\n/etc/apt/ 0755 0:0\n/etc/apt/keyrings/ 0755 0:0\n"
                "/etc/apt/keyrings/key.gpg 0644 0:0 \"" KEY "\"\n/etc/apt/preferences.d/ 0755 0:0\n"
                "/etc/apt/preferences.d/old.pref 0644 0:0 \"x|\"\n"
                "/etc/apt/preferences.d/templar.pref 0644 0:0 \"Package: nginx*|Pin: release n=x|Pin-Priority: 500||"
                "Package: a|Pin: version 1.2*|Pin-Priority: -1|\"\n"
                "/etc/apt/sources.list.d/ 0755 0:0\n/etc/apt/sources.list.d/old.list 0644 0:0 \"x|\"\n"
                "/etc/apt/sources.list.d/templar.sources 0644 0:0 \"Types: deb|URIs: http://r.example/|"
                "Suites: bookworm|Components: main|Signed-By: /etc/apt/keyrings/key.gpg|\"\n");
        run_only(BOOTSTRAP SECTION("x") SECTION("y") "Replace=yes\nFormat=list\n", 2);
        assert_tree("/etc/ 0755 0:0\n/etc/apt/ 0755 0:0\n/etc/apt/keyrings/ 0755 0:0\n"
                    "/etc/apt/keyrings/key.gpg 0644 0:0 \"" KEY "\"\n/etc/apt/preferences.d/ 0755 0:0\n"
                    "/etc/apt/sources.list 0644 0:0 \"deb [signed-by=/etc/apt/keyrings/key.gpg] http://r.example/ y "
                    "main|\"\n"
                    "/etc/apt/sources.list.d/ 0755 0:0\n");
}

static void test_repositories_beside_debootstrap(void **state)
{
        static const TreeEntry planted[] = { { "/etc/apt/sources.list", "x\n", 0 }, { NULL, NULL, 0 } };

        (void) state;
        add_file("key.gpg", KEY, 0600);
        add_file("my.sources", "Types: deb\nURIs: http://a.example/\nSuites: x\nComponents: main\nTrusted: yes\n",
                 0644);
        plant_tree(planted);
        run_only(BOOTSTRAP "[Repositories]\nFile=my.sources\n", 1);
        assert_string_equal(run.note, "trusted without signature: http://a.example/");
        assert_tree("/etc/ 0755 0:0\n/etc/apt/ 0755 0:0\n/etc/apt/sources.list 0644 0:0 \"x|\"\n"
                    "/etc/apt/sources.list.d/ 0755 0:0\n/etc/apt/sources.list.d/my.sources 0644 0:0 \"Types: deb|"
                    "URIs: http://a.example/|Suites: x|Components: main|Trusted: yes|\"\n");
}

/* apt of trusty reads no deb822 and no Signed-By. */
static void test_repositories_of_old_suites(void **state)
{
        static const TreeEntry planted[] = { { "/etc/apt/sources.list", "x\n", 0 }, { NULL, NULL, 0 } };

        (void) state;
        add_file("key.asc",
                 "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQEN\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n", 0644);
        plant_tree(planted);
        run_only("[Debootstrap]\nSuite=trusty\nKeyring=key.asc\n"
                 "[Repositories]\nURIs=http://r.example/\nSignedBy=key.asc\nSuites=trusty trusty-updates\n"
                 "[Repositories]\nURIs=http://r.example/\nSignedBy=key.asc\nSuites=extra\n", 1);
        assert_ok(run_stage(2));
        assert_tree("/etc/ 0755 0:0\n/etc/apt/ 0755 0:0\n/etc/apt/sources.list 0644 0:0 \"deb http://r.example/ "
                    "trusty main|"
                    "deb http://r.example/ trusty-updates main|\"\n/etc/apt/sources.list.d/ 0755 0:0\n"
                    "/etc/apt/sources.list.d/templar-2.list 0644 0:0 \"deb http://r.example/ extra main|\"\n"
                    "/etc/apt/trusted.gpg.d/ 0755 0:0\n/etc/apt/trusted.gpg.d/key.gpg 0644 0:0 \"" KEY "\"\n");
}

/* Two keyrings of one name, and one that is wanted twice. */
static void test_keyrings_of_one_name(void **state)
{
        _cleanup_free_ char *other = path_join(fixture.directory, "other"), *tree = NULL;

        (void) state;
        assert_int_equal(mkdir(other, 0755), 0);
        add_file("key.gpg", KEY, 0644);
        add_file("other/key.gpg", "\x99other", 0644);
        load(SECTION("a") "[Repositories]\nURIs=http://r.example/\nSignedBy=other/key.gpg\nSuites=b\n" SECTION("c"));
        make_repositories();
        for (size_t i = 0; i < 3; i++)
                assert_ok(run_stage(i));
        tree = show_tree();
        assert_non_null(strstr(tree, "/etc/apt/keyrings/key-2.gpg 0644 0:0 \"\x99other\"\n"
                                     "/etc/apt/keyrings/key.gpg 0644 0:0 \"" KEY "\"\n"
                                     "/etc/apt/sources.list.d/ "));
        assert_non_null(strstr(tree, "templar.sources 0644 0:0 \"Types: deb|URIs: http://r.example/|Suites: a|"
                                     "Components: main|Signed-By: /etc/apt/keyrings/key.gpg|"));
        assert_non_null(strstr(tree, "templar-2.sources 0644 0:0 \"Types: deb|URIs: http://r.example/|Suites: b|"
                                     "Components: main|Signed-By: /etc/apt/keyrings/key-2.gpg|"));
        assert_non_null(strstr(tree, "templar-3.sources 0644 0:0 \"Types: deb|URIs: http://r.example/|Suites: c|"
                                     "Components: main|Signed-By: /etc/apt/keyrings/key.gpg|"));
}

static void test_packaged_keyring_is_used(void **state)
{
        static const TreeEntry planted[] = {
                { "/usr/share/keyrings/debian-archive-keyring.gpg", "x", 0 },
                { NULL, NULL, 0 },
        };

        (void) state;
        if (!repository_default_keyring("bookworm")) {
                print_message("SKIP: no debian-archive-keyring on this machine\n");
                skip();
        }
        plant_tree(planted);
        run_only("[Repositories]\nURIs=http://r.example/\nSuites=bookworm\nName=my\n", 0);
        _cleanup_free_ char *text = show_tree();
        assert_non_null(strstr(text, "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg|\""));
        assert_null(strstr(text, "/etc/apt/keyrings"));
}

/* A tree with busybox, for scripts. */
static bool plant_busybox(void)
{
        if (access("/bin/busybox", R_OK) < 0) {
                print_message("SKIP: no /bin/busybox; install busybox-static\n");
                return false;
        }
        _cleanup_free_ char *to = path_join(fixture.tree_path, "bin/busybox");
        static const TreeEntry planted[] = {
                { "/bin/", NULL, 0 }, { "/bin/sh", "-> busybox", 0 }, { "/bin/cat", "-> busybox", 0 },
                { "/bin/id", "-> busybox", 0 }, { "/etc/", NULL, 0 }, { NULL, NULL, 0 },
        };
        plant_tree(planted);
        const char *const copy[] = { "install", "-m", "0755", "/bin/busybox", to, NULL };
        assert_ok(process_run(&(ProcessCommand){ .argv = copy, .stdin_fd = -1 }, &fixture.error));
        return true;
}

static void test_script(void **state)
{
        (void) state;
        if (!plant_busybox())
                skip();
        add_file("script", "#! /bin/sh  -x \necho from file\n", 0600);
        run_all("[Script]\nScript=\n echo $IMAGE_NAME $(id -u) $PWD > /etc/out\n"
                "[Script]\nFile=script\n");
        _cleanup_free_ char *tail = output_tail(run.output), *tree = show_tree();
        assert_non_null(strstr(tree, "/etc/out 0644 0:0 \"x 0 /|\""));
        assert_non_null(strstr(tail, "+ echo from file\nfrom file"));
}

static void test_script_fails(void **state)
{
        (void) state;
        if (!plant_busybox())
                skip();
        load("[Script]\nScript=\n echo before\n false\n echo after\n");
        int r = run_stage(0);
        assert_true(r < 0);
        assert_non_null(strstr(fixture.error.message, "exited with status 1"));
        assert_non_null(strstr(fixture.error.detail, "before"));
        assert_null(strstr(fixture.error.detail, "after"));
        error_done(&fixture.error);
        load("[Script]\nScript=\n #!/usr/bin/nonesuch\n true\n");
        r = run_stage(0);
        assert_true(r < 0);
        assert_non_null(strstr(fixture.error.message, "/usr/bin/nonesuch"));
        error_done(&fixture.error);
        load("[Script]\nScript=\n #!perl\n true\n");
        assert_fails(run_stage(0), -EINVAL, "no interpreter by an absolute path");
        add_file("script", " \n", 0600);
        load("[Script]\nFile=script\n");
        assert_fails(run_stage(0), -EINVAL, "the script is empty");
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_file_append_changes_owner_when_asked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_file_unknown_owner, setup, teardown),
                cmocka_unit_test_setup_teardown(test_remove_paths, setup, teardown),
                cmocka_unit_test_setup_teardown(test_password, setup, teardown),
                cmocka_unit_test_setup_teardown(test_password_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_password_file_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repositories_in_force, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repositories_without_key, setup, teardown),
                cmocka_unit_test_setup_teardown(test_debootstrap_comes_first, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repositories_written, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repositories_beside_debootstrap, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repositories_of_old_suites, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keyrings_of_one_name, setup, teardown),
                cmocka_unit_test_setup_teardown(test_packaged_keyring_is_used, setup, teardown),
                cmocka_unit_test_setup_teardown(test_script, setup, teardown),
                cmocka_unit_test_setup_teardown(test_script_fails, setup, teardown),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
