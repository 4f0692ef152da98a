/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages_fixture.h"

#include "base/digest.h"
#include "packages/apt_internal.h"

/* What apt answers from the part of the indexes that apt_reach() leaves, beside what it answers from all of
 * them: archives made up by chance (always the same ones), dense enough that apt has to choose. */

enum { ARCHIVES = 8, REQUESTS = 3, PACKAGES = 70, VIRTUAL = 6 };

static uint32_t chance_state;

/* 0 to below - 1 */
static unsigned chance(unsigned below)
{
        chance_state = chance_state * 1664525 + 1013904223;
        return (chance_state >> 8) % below;
}

static void append(Buffer *text, const char *words)
{
        assert_int_equal(buffer_append_string(text, words), 0);
}

/* A package, or a virtual one. */
static void append_name(Buffer *text)
{
        bool is_virtual = chance(3) == 0;

        assert_int_equal(
                buffer_printf(text, "%c%u", is_virtual ? 'v' : 'p', chance(is_virtual ? VIRTUAL : PACKAGES)),
                0);
}

static void append_field(Buffer *text, const char *name, unsigned one_of, bool alternatives)
{
        if (chance(one_of) != 0)
                return;
        assert_int_equal(buffer_printf(text, "%s: ", name), 0);
        append_name(text);
        for (unsigned i = chance(3); i > 0; i--) {
                append(text, alternatives && chance(2) == 0 ? " | " : ", ");
                append_name(text);
        }
        append(text, "\n");
}

static void append_package(Buffer *text, unsigned number)
{
        assert_int_equal(
                buffer_printf(text,
                              "Package: p%u\nVersion: %u\nArchitecture: %s\nMaintainer: x\nDescription: x\n",
                              number, 1 + chance(3), chance(3) == 0 ? "all" : "amd64"),
                0);
        assert_int_equal(
                buffer_printf(text, "Filename: pool/p%u.deb\nSize: 1\nSHA256: %064u\n", number, number), 0);
        append_field(text, "Suggests", 2, true);
        append_field(text, "Depends", 2, true);
        append_field(text, "Pre-Depends", 6, true);
        append_field(text, "Recommends", 3, true);
        append_field(text, "Conflicts", 9, false);
        append_field(text, "Breaks", 9, false);
        if (chance(2) == 0)
                assert_int_equal(buffer_printf(text, "Provides: v%u\n", chance(VIRTUAL)), 0);
        append(text, "\n");
}

static void write_text(const char *directory, const char *name, const Buffer *text)
{
        _cleanup_free_ char *path = path_join(directory, name);

        assert_ok(make_directories(directory, 0755, &fixture.error));
        assert_ok(write_file_atomic(AT_FDCWD, path, text->data, text->length, 0644, &fixture.error));
}

/* A repository that is trusted as it is. */
static void make_archive(const char *archive, unsigned seed)
{
        _cleanup_buffer_ Buffer packages = BUFFER_INIT, release = BUFFER_INIT;
        _cleanup_free_ char *dist = path_join(archive, "dists/test"),
                            *binary = path_join(dist, "main/binary-amd64");
        char digest[SHA256_HEX_SIZE];

        chance_state = seed;
        for (unsigned i = 0; i < PACKAGES; i++)
                append_package(&packages, i);
        assert_int_equal(digest_buffer(packages.data, packages.length, digest), 0);
        assert_int_equal(buffer_printf(&release,
                                       "Suite: test\nCodename: test\nDate: Thu, 29 Feb 2024 12:00:00 "
                                       "UTC\nArchitectures: amd64\n"
                                       "Components: main\nSHA256:\n %s %zu main/binary-amd64/Packages\n",
                                       digest, packages.length),
                         0);
        write_text(binary, "Packages", &packages);
        write_text(dist, "Release", &release);
}

static Apt *open_apt(const char *name, const char *archive)
{
        _cleanup_free_ char *cache = fixture_path("cache"), *work = fixture_path(name), *text = NULL;
        _cleanup_repository_list_ RepositoryList list = { 0 };
        Apt *apt = NULL;

        assert_ok(make_directories(cache, 0755, &fixture.error));
        assert_ok(make_directories(work, 0755, &fixture.error));
        AptOptions options = { fixture.sandbox, "amd64", cache, work, fixture.output, false, NULL };
        assert_ok(apt_open(&options, &apt, &fixture.error));
        assert_true(asprintf(&text,
                             "Types: deb\nURIs: file://%s\nSuites: test\nComponents: main\nTrusted: yes\n",
                             archive) > 0);
        assert_ok(repository_parse(text, "test", "/", &list, &fixture.error));
        assert_ok(apt_update(apt, &list, NULL, &fixture.error));
        assert_ok(apt_select(apt, &list, NULL, &fixture.error));
        return apt;
}

/* Status and steps, in one text. */
static char *ask(Apt *apt, const AptRequest *request, bool whole)
{
        const char *argv[] = { "apt-get",
                               "-s",
                               "-q=0",
                               "-y",
                               request->recommends ? "--install-recommends" : "--no-install-recommends",
                               whole ? "-oTest=whole" : APT_REACHED,
                               "install",
                               "--",
                               request->packages[0],
                               request->packages[1],
                               NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT, steps = BUFFER_INIT;
        AptRun run = { .argv = argv, .repositories = &apt->selected, .ret_stdout = &text };
        int status = 0;

        assert_ok(apt_run(apt, &run, &status, &fixture.error));
        assert_int_equal(buffer_printf(&steps, "status %d\n", status), 0);
        for (const char *line = text.data ? text.data : ""; *line;
             line += strcspn(line, "\n"), line += *line == '\n')
                if (string_starts_with(line, "Inst ") || string_starts_with(line, "Conf "))
                        assert_int_equal(buffer_printf(&steps, "%.*s\n", (int) strcspn(line, "\n"), line), 0);
        return buffer_take(&steps);
}

static void compare(Apt *apt, const AptRequest *request, size_t *n_steps)
{
        _cleanup_apt_reach_ AptReach *reach = NULL;
        const Buffer status = BUFFER_INIT;

        assert_ok(apt_reach(apt, request, &status, &reach, &fixture.error));
        _cleanup_free_ char *part = ask(apt, request, false), *whole = ask(apt, request, true);
        assert_string_equal(part, whole);
        for (const char *line = whole; (line = strstr(line, "\nInst ")); line++)
                (*n_steps)++;
}

static void test_same_answers(void **state)
{
        (void) state;
        size_t n_steps = 0;

        need_sandbox();
        for (unsigned i = 0; i < ARCHIVES; i++) {
                char name[32];
                snprintf(name, sizeof name, "archive-%u", i);
                _cleanup_free_ char *archive = fixture_path(name);
                make_archive(archive, i + 1);
                snprintf(name, sizeof name, "work-%u", i);
                _cleanup_apt_ Apt *apt = open_apt(name, archive);
                for (unsigned j = 0; j < REQUESTS; j++) {
                        char first[16], second[16], *packages[] = { first, second, NULL };
                        snprintf(first, sizeof first, "p%u", chance(PACKAGES));
                        snprintf(second, sizeof second, "p%u", chance(PACKAGES));
                        compare(apt,
                                &(AptRequest){
                                        .verb = APT_INSTALL, .packages = packages, .recommends = j % 2 },
                                &n_steps);
                }
        }
        /* most of them are no refusals */
        assert_true(n_steps > (size_t) ARCHIVES * REQUESTS);
}

int main(int argc, char **argv)
{
        sandbox_init_hook(argc, argv);
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_answers) };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
