/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/diff.h"

#include "image/capability.h"
#include "tar_fixture.h"

#include <sys/resource.h>

static Index index_of(const File *files)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_close_ int fd = archive_file(files);
        Index index = { 0 };

        if (index_image(fd, &index, &error) < 0)
                fail_msg("%s", error.message);
        return index;
}

/* "+path", "-path", "~path:what", a line each; what does not differ is left out. */
static void hear(const IndexEntry *before, const IndexEntry *after, unsigned what, void *userdata)
{
        const IndexEntry *entry = after ? after : before;

        if (!before || !after)
                assert_int_equal(buffer_printf(userdata, "%c%s\n", before ? '-' : '+', entry->path), 0);
        else if (what)
                assert_int_equal(buffer_printf(userdata, "~%s:%x\n", entry->path, what), 0);
}

static void expect(const File *left, const File *right, const char *expected)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer lines = BUFFER_INIT;
        _cleanup_index_ Index before = index_of(left), after = index_of(right);

        assert_int_equal(diff_walk(&before, &after, hear, &lines, &error), 0);
        assert_string_equal(lines.data ?: "", expected);
}

#define FILES(...) ((const File[]){ __VA_ARGS__, { 0 } })

static void test_changes(void **state _unused_)
{
        expect(FILES({ .path = "a", .content = "1" }), FILES({ .path = "a", .content = "1" }), "");
        expect(FILES({ .path = "a", .content = "1" }), FILES({ .path = "a", .content = "2" }), "~a:2\n");
        expect(FILES({ .path = "a" }), FILES({ .path = "b" }), "-a\n+b\n");
        expect(FILES({ .path = "a" }), FILES({ .path = "a", .link = "x" }), "~a:1\n");
        expect(FILES({ .path = "a", .link = "y" }), FILES({ .path = "a", .link = "x" }), "~a:4\n");
        expect(FILES({ .path = "a" }, { .path = "b", .link = "=a" }), FILES({ .path = "a" }, { .path = "b" }),
               "~b:1\n");
        expect(FILES({ .path = "a", .mode = 0644 }), FILES({ .path = "a", .mode = 04755 }), "~a:8\n");
        expect(FILES({ .path = "a", .content = "1", .uid = 1 }), FILES({ .path = "a", .content = "2" }), "~a:12\n");
        expect(FILES({ .path = "a" }), FILES({ .path = "a", .capability = "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0" }),
               "~a:20\n");
}

/* A directory, what is in it, then its neighbours, whatever bytes their names have; the order of the archives is
 * another. */
static void test_order(void **state _unused_)
{
        expect(FILES({ .path = "x" }),
               FILES({ .path = "a/" }, { .path = "a/z" }, { .path = "a!" }, { .path = "a.b" }, { .path = "b" },
                     { .path = "x" }),
               "+a\n+a/z\n+a!\n+a.b\n+b\n");
        expect(FILES({ .path = "b" }, { .path = "a.b" }, { .path = "a/" }, { .path = "a!" }, { .path = "a/z" }),
               FILES({ .path = "a/" }, { .path = "a/z" }, { .path = "a!" }, { .path = "a.b" }, { .path = "b" }), "");
        /* of a path that comes twice the last one counts */
        expect(FILES({ .path = "a", .content = "1" }, { .path = "b" }, { .path = "a", .content = "2" }),
               FILES({ .path = "a", .content = "2" }, { .path = "b" }), "");
        assert_true(index_compare_paths("a/b", "a.b") < 0);
        assert_true(index_compare_paths("a", "a/b") < 0);
        assert_true(index_compare_paths("a/b", "a\001") < 0);
        assert_true(index_compare_paths("\xff", "a") > 0);
        assert_int_equal(index_compare_paths("a/b", "a/b"), 0);
}

static void append_notices(const DiffSummary *summary, DiffNoticeKind kind, Buffer *lines)
{
        for (size_t i = 0; i < summary->notices[kind].n_items; i++)
                assert_int_equal(buffer_printf(lines, "%d %s: %s\n", (int) kind, summary->notices[kind].items[i].name,
                                               summary->notices[kind].items[i].text),
                                 0);
}

static DiffSummary summarize(const File *left, const File *right, Buffer *lines)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_index_ Index before = index_of(left), after = index_of(right);
        const PackageSet none = { 0 };
        DiffSummary summary = { 0 };

        if (diff_summarize(&before, &after, &none, &none, &summary, &error) < 0)
                fail_msg("%s", error.message);
        for (int kind = 0; kind < DIFF_NOTICE_KINDS; kind++)
                append_notices(&summary, (DiffNoticeKind) kind, lines);
        return summary;
}

static void test_rights(void **state _unused_)
{
        _cleanup_buffer_ Buffer lines = BUFFER_INIT;
        static const char raw[] = "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0",
                          admin[] = "\1\0\0\2\0\60\0\0\0\0\0\0\0\0\0\0\0\0\0";
        _cleanup_diff_summary_ DiffSummary summary = summarize(
                FILES({ .path = "a", .mode = 04755 }, { .path = "b", .mode = 0755 }, { .path = "c", .mode = 0666 },
                      { .path = "d", .mode = 0644 }, { .path = "e/" }, { .path = "p", .capability = raw },
                      { .path = "q", .capability = raw }, { .path = "u", .mode = 04755, .uid = 5 }),
                FILES({ .path = "a", .mode = 04755, .content = "new" }, { .path = "b", .mode = 02755 },
                      { .path = "c", .mode = 0666 }, { .path = "d", .mode = 0646 }, { .path = "e/", .mode = 0777 },
                      { .path = "f/", .mode = 01777 }, { .path = "g", .mode = 04711 },
                      { .path = "p", .capability = raw }, { .path = "q", .capability = admin },
                      { .path = "r", .capability = raw }, { .path = "s", .link = "g" },
                      { .path = "u", .mode = 04755 }),
                &lines);

        assert_string_equal(lines.data, "0 /b: mode 2755, was 0755\n"
                                        "0 /g: mode 4711, new\n"
                                        "0 /u: mode 4755, was 4755\n"
                                        "1 /q: cap_net_admin,cap_net_raw=ep, was cap_net_raw=ep\n"
                                        "1 /r: cap_net_raw=ep\n"
                                        "2 /d: mode 0646, was 0644\n"
                                        "2 /e: mode 0777, was 0755\n");
        assert_int_equal(summary.n_added, 4);
        assert_int_equal(summary.n_removed, 0);
        assert_int_equal(summary.n_changed, 6);
}

static void test_units(void **state _unused_)
{
        _cleanup_buffer_ Buffer lines = BUFFER_INIT;
        static const char ssh[] =
                "[Socket]\nListenStream=22\n ListenStream = [::]:2222 \n#ListenStream=1\nListenFIFO=\n";
        _cleanup_diff_summary_ DiffSummary summary = summarize(
                FILES({ .path = "etc/systemd/system/multi-user.target.wants/old.service", .link = "/x" },
                      { .path = "etc/systemd/system/sockets.target.wants/dbus.socket", .link = "/x" },
                      { .path = "usr/lib/systemd/system/dbus.socket", .content = "ListenStream=/run/dbus\n" },
                      { .path = "usr/lib/systemd/system/ssh.socket", .content = ssh }),
                FILES({ .path = "etc/rc2.d/S01nginx", .link = "../init.d/nginx" },
                      { .path = "etc/rc3.d/S01nginx", .link = "../init.d/nginx" },
                      { .path = "etc/systemd/system/dbus.socket.d/more.conf", .content = "ListenDatagram=9\n" },
                      { .path = "etc/systemd/system/multi-user.target.wants/new.service", .link = "/x" },
                      { .path = "etc/systemd/system/multi-user.target.wants/old.service", .link = "/y" },
                      { .path = "etc/systemd/system/sockets.target.wants/dbus.socket", .link = "/x" },
                      { .path = "etc/systemd/system/sockets.target.wants/get@1.socket", .link = "/x" },
                      { .path = "etc/systemd/system/sockets.target.wants/ssh.socket", .link = "/x" },
                      { .path = "usr/lib/systemd/system/dbus.socket", .content = "ListenStream=/run/dbus\n" },
                      { .path = "usr/lib/systemd/system/get@.socket", .content = "ListenStream=80\n" },
                      { .path = "usr/lib/systemd/system/idle.socket", .content = "ListenStream=81\n" },
                      { .path = "usr/lib/systemd/system/ssh.socket", .content = ssh }),
                &lines);

        assert_int_equal(summary.n_changed, 1);
        assert_string_equal(lines.data, "3 nginx: sysvinit\n"
                                        "3 new.service: multi-user.target\n"
                                        "3 get@1.socket: sockets.target\n"
                                        "3 ssh.socket: sockets.target\n"
                                        "4 dbus.socket: ListenDatagram=9\n"
                                        "4 get@.socket: ListenStream=80\n"
                                        "4 ssh.socket: ListenStream=22\n"
                                        "4 ssh.socket: ListenStream=[::]:2222\n");
}

static void test_growths(void **state _unused_)
{
        File before[21] = { { 0 } }, after[21] = { { 0 } };
        char names[20][8];
        static char content[4000];
        _cleanup_buffer_ Buffer lines = BUFFER_INIT;

        for (size_t i = 0; i < 20; i++) {
                snprintf(names[i], sizeof names[i], "f%02zu", i);
                before[i] = (File){ .path = names[i], .content = content, .size_bytes = 1000 };
                after[i] = (File){ .path = names[i], .content = content, .size_bytes = 1000 + (i * 7 % 20) * 100 };
        }
        after[3].size_bytes = 10;
        _cleanup_diff_summary_ DiffSummary summary = summarize(before, after, &lines);
        assert_int_equal(summary.files.n_items, DIFF_GROWTHS);
        for (size_t i = 0; i < DIFF_GROWTHS; i++)
                assert_int_equal(summary.files.items[i].after_bytes - summary.files.items[i].before_bytes,
                                 1900 - 100 * i);
        assert_string_equal(summary.files.items[0].name, "/f17");
        assert_int_equal(summary.n_changed, 19);
}

static void test_packages(void **state _unused_)
{
        static const char before[] =
                "Package: a\nStatus: install ok installed\nInstalled-Size: 10\nArchitecture: amd64\nVersion: 1\n\n"
                "Package: b\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n"
                "Package: c\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n";
        static const char after[] =
                "Package: c\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
                "Package: b\nStatus: install ok installed\nArchitecture: all\nVersion: 2\nInstalled-Size: 3\n\n"
                "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\nInstalled-Size: 12\n"
                "Conffiles:\n /etc/x abc\n";
        _cleanup_package_set_ PackageSet left = { 0 }, right = { 0 };
        _cleanup_diff_summary_ DiffSummary summary = { 0 };
        _cleanup_error_ Error error = ERROR_INIT;

        assert_int_equal(package_set_from_status(before, &left, &error), 0);
        assert_int_equal(package_set_from_status(after, &right, &error), 0);
        assert_int_equal(left.n_items, 2);
        assert_int_equal(right.n_items, 3);
        assert_int_equal(diff_summarize(NULL, NULL, &left, &right, &summary, &error), 0);
        assert_int_equal(summary.n_packages_added, 1);
        assert_int_equal(summary.n_packages_changed, 1);
        assert_int_equal(summary.n_packages_removed, 0);
        assert_string_equal(summary.packages.items[0].name, "b");
        assert_int_equal(summary.packages.items[0].after_bytes, 3072);
        assert_string_equal(summary.packages.items[1].name, "a");
        assert_int_equal(summary.packages.items[1].before_bytes, 10240);
        assert_int_equal(package_set_from_status("Package: a\nnonsense\n", &left, &error), -EINVAL);
        assert_string_equal(error.message, "dpkg's status file is damaged at line 2");
}

/* Of one that is there twice the newest counts. */
static void test_packages_of_lock(void **state _unused_)
{
        LockPackage packages[] = {
                { .name = (char *) "a", .version = (char *) "1.10", .architecture = (char *) "amd64" },
                { .name = (char *) "a", .version = (char *) "1.9", .architecture = (char *) "amd64" },
                { .name = (char *) "a", .version = (char *) "1.9", .architecture = (char *) "i386" },
        };
        _cleanup_package_set_ PackageSet set = { 0 };

        assert_int_equal(package_set_from_lock(&(Lock){ .packages = packages, .n_packages = 3 }, &set, NULL), 0);
        assert_int_equal(set.n_items, 2);
        assert_string_equal(set.items[0].version, "1.10");
        assert_string_equal(set.items[1].architecture, "i386");
}

static void test_capabilities(void **state _unused_)
{
        static const struct {
                const char *data;
                size_t size_bytes;
                const char *text;
        } cases[] = {
                { "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, "cap_net_raw=ep" },
                { "\0\0\0\2\0\60\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, "cap_net_admin,cap_net_raw=p" },
                { "\0\0\0\2\1\0\0\0\3\0\0\0\0\1\0\0\0\0\0\0", 20,
                  "cap_checkpoint_restore=p cap_chown=ip cap_dac_override=i" },
                { "\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\200\0\0\0\0", 20, "63=p" },
                { "\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, "none" },
                { "\1\0\0\2\0\40\0\0", 8, "damaged" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = capability_text((const uint8_t *) cases[i].data, cases[i].size_bytes);
                assert_string_equal(text, cases[i].text);
        }
}

#define ENTRIES 300000
#define MEMORY_MAX_KIB (64 << 10)

/* Paths in no order, so that all of them have to be sorted. */
static int scattered_archive(void)
{
        const char *parent = getenv("TMPDIR");
        int fd = open(parent ?: "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;
        uint64_t total = 0;

        assert_true(fd >= 0);
        put_member(&tar, "", S_IFDIR | 0755, NULL);
        for (uint64_t i = 0; i < ENTRIES; i++) {
                char path[100];
                snprintf(path, sizeof path, "%016llx-some-longer-name",
                         (unsigned long long) (i * UINT64_C(0x9e3779b97f4a7c15)));
                put_member(&tar, path, S_IFREG | 0644, NULL);
                if (tar.length < (1 << 20) && i + 1 < ENTRIES)
                        continue;
                assert_int_equal(write_all(fd, tar.data, tar.length), 0);
                total += tar.length;
                tar.length = 0;
        }
        char zeros[2 * TAR_RECORD_BYTES] = { 0 };
        assert_int_equal(write_all(fd, zeros, tar_trailer(total)), 0);
        return fd;
}

/* The sanitizer's own memory would count, too. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

static void test_memory(void **state _unused_)
{
        _cleanup_close_ int fd = scattered_archive();
        int status;

        /* in a process of its own: what others took before doesn't count */
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                _cleanup_index_ Index index = { 0 };
                _cleanup_buffer_ Buffer lines = BUFFER_INIT;
                struct rusage usage_;
                bool good = index_image(fd, &index, NULL) == 0 && index.n_entries == ENTRIES + 1 &&
                            diff_walk(&index, &index, hear, &lines, NULL) == 0 && lines.length == 0 &&
                            getrusage(RUSAGE_SELF, &usage_) == 0;
#ifndef SANITIZED
                good = good && usage_.ru_maxrss <= MEMORY_MAX_KIB;
#endif
                _exit(!good);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_changes),          cmocka_unit_test(test_order),
                cmocka_unit_test(test_rights),           cmocka_unit_test(test_units),
                cmocka_unit_test(test_growths),          cmocka_unit_test(test_packages),
                cmocka_unit_test(test_packages_of_lock), cmocka_unit_test(test_capabilities),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
