/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/provenance.h"
#include "image/spdx_internal.h"

#include "test.h"

#include <string.h>

#define STRING(text) ((char *) (uintptr_t) (text))

static LockPackage locked[] = {
        { .name = STRING("bash"), .version = STRING("5.2.15-2"), .architecture = STRING("amd64"), .source = STRING("bash"),
          .source_version = STRING("5.2.15-2"), .uri = STRING("http://deb.debian.org/debian/pool/b.deb"),
          .sha256 = STRING("aaaa") },
        { .name = STRING("g++"), .version = STRING("4:12.2"), .architecture = STRING("all"), .source = STRING("gcc"),
          .source_version = STRING("1"), .uri = STRING(""), .sha256 = STRING("bbbb") },
        { .name = STRING("makedev"), .version = STRING("2.3.1-97"), .architecture = STRING("all"),
          .source = STRING("makedev"), .source_version = STRING("2.3.1-97"), .uri = STRING("http://deb.debian.org/m.deb"),
          .sha256 = STRING("cccc"), .patch_sha256 = STRING("dddd"), .patched_sha256 = STRING("eeee") },
};
static AptRelease repositories[] = {
        { .uri = STRING("http://deb.debian.org/debian"), .suite = STRING("bookworm"), .sha256 = STRING("1111") },
        { .uri = STRING("file:/srv/flat/"), .suite = STRING("./"), .sha256 = STRING("2222") },
};
static const Lock lock = { .packages = locked, .n_packages = ELEMENTS(locked), .repositories = repositories,
                           .n_repositories = ELEMENTS(repositories) };

static DpkgPackage installed[] = {
        { STRING("bash"), STRING("5.2.15-2"), STRING("amd64"), STRING("bash"), STRING("5.2.15-2"),
          STRING("Matthias Klose <doko@debian.org>") },
        { STRING("bash"), STRING("5.2.15-2"), STRING("amd64"), STRING("bash"), STRING("5.2.15-2"), NULL },
        { STRING("g++"), STRING("4:12.2"), STRING("all"), STRING("gcc"), STRING("12.2+dfsg~1"),
          STRING("Debian GCC Maintainers <debian-gcc@lists.debian.org>") },
        { STRING("gcc"), STRING("4:12.2"), STRING("all"), STRING("gcc"), STRING("12.2+dfsg~1"), NULL },
        { STRING("makedev"), STRING("2.3.1-97+templar1"), STRING("all"), STRING("makedev"), STRING("2.3.1-97+templar1"),
          NULL },
};
#define FORMAT "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
static const char *copyrights[] = { FORMAT "\nFiles: *\nLicense: GPL-3+\n", "", "prose", "",
                                    FORMAT "\nFiles: *\nLicense: custom\n Be \"nice\".\n" };
static const PackOutput outputs[] = { { .format = IMAGE_TAR_XZ, .sha256 = "f0f0" },
                                      { .format = IMAGE_TAR, .sha256 = "f1f1" } };
static const char *const output_names[] = { "demo-amd64-1.tar.xz", "demo-amd64-1.tar" };
static const PackStatistics statistics = { .tar_sha256 = "f1f1" };

static const Inventory inventory = {
        .packages = { .items = installed, .n_items = ELEMENTS(installed) },
        .copyrights = copyrights,
        .os_release = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
};

static Spdx example(void)
{
        return (Spdx){
                .base_name = "demo-amd64-1",
                .name = "demo-amd64",
                .version = "1",
                .description = "A demo",
                .suite = "bookworm",
                .source_date_epoch_sec = 1700000000,
                .inventory = &inventory,
                .lock = &lock,
                .statistics = &statistics,
                .outputs = outputs,
                .output_names = output_names,
                .n_outputs = ELEMENTS(outputs),
        };
}

static json_t *format(const Spdx *spdx)
{
        _cleanup_free_ char *text = NULL, *again = NULL;

        assert_int_equal(spdx_format(spdx, &text, NULL), 0);
        assert_int_equal(spdx_format(spdx, &again, NULL), 0);
        assert_string_equal(text, again);
        json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(object);
        return object;
}

static const json_t *find_package(const json_t *document, const char *name, const char *purpose)
{
        const json_t *packages = json_object_get(document, "packages");

        for (size_t i = 0; i < json_array_size(packages); i++) {
                const json_t *package = json_array_get(packages, i);
                if (string_equal(json_string_value(json_object_get(package, "name")), name) &&
                    string_equal(json_string_value(json_object_get(package, "primaryPackagePurpose")), purpose))
                        return package;
        }
        fail_msg("no package %s", name);
        return NULL;
}

static const char *member(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "(none)";
}

static const char *checksum(const json_t *package)
{
        return member(json_array_get(json_object_get(package, "checksums"), 0), "checksumValue");
}

static const char *purl(const json_t *package)
{
        return member(json_array_get(json_object_get(package, "externalRefs"), 0), "referenceLocator");
}

static bool related(const json_t *document, const json_t *from, const char *type, const json_t *to)
{
        const json_t *relations = json_object_get(document, "relationships");

        for (size_t i = 0; i < json_array_size(relations); i++) {
                const json_t *relation = json_array_get(relations, i);
                if (strcmp(member(relation, "spdxElementId"), member(from, "SPDXID")) == 0 &&
                    strcmp(member(relation, "relationshipType"), type) == 0 &&
                    strcmp(member(relation, "relatedSpdxElement"), member(to, "SPDXID")) == 0)
                        return true;
        }
        return false;
}

static void test_document(void **state _unused_)
{
        const Spdx spdx = example();
        _cleanup_json_ json_t *document = format(&spdx);
        const json_t *system = find_package(document, "debian", "OPERATING_SYSTEM");
        const json_t *image = find_package(document, "demo-amd64", "CONTAINER");

        assert_string_equal(member(document, "spdxVersion"), "SPDX-2.3");
        assert_string_equal(member(document, "dataLicense"), "CC0-1.0");
        assert_string_equal(member(document, "documentNamespace"), "https://spdx.org/spdxdocs/demo-amd64-1-f1f1");
        assert_string_equal(member(json_object_get(document, "creationInfo"), "created"), "2023-11-14T22:13:20Z");
        assert_string_equal(member(system, "versionInfo"), "12");
        assert_string_equal(member(image, "packageFileName"), "demo-amd64-1.tar.xz");
        assert_string_equal(checksum(image), "f0f0");
        assert_string_equal(member(image, "comment"),
                            "SHA-256 of the tar: f1f1; of demo-amd64-1.tar.xz: f0f0; of demo-amd64-1.tar: f1f1");
        assert_true(related(document, document, "DESCRIBES", image));
        assert_true(related(document, image, "CONTAINS", system));
        /* image, system, bash, g++, gcc, makedev, and the sources bash, gcc, makedev */
        assert_int_equal(json_array_size(json_object_get(document, "packages")), 9);
        assert_int_equal(json_array_size(json_object_get(document, "relationships")), 2 + 4 * 2);
}

static void test_packages(void **state _unused_)
{
        const Spdx spdx = example();
        _cleanup_json_ json_t *document = format(&spdx);
        const json_t *system = find_package(document, "debian", "OPERATING_SYSTEM"),
                     *bash = find_package(document, "bash", NULL),
                     *gxx = find_package(document, "g++", NULL), *gcc = find_package(document, "gcc", NULL),
                     *makedev = find_package(document, "makedev", NULL), *source = find_package(document, "gcc", "SOURCE");

        assert_string_equal(purl(bash), "pkg:deb/debian/bash@5.2.15-2?arch=amd64&distro=debian-12");
        assert_string_equal(purl(gxx), "pkg:deb/debian/g%2B%2B@4:12.2?arch=all&distro=debian-12");
        assert_string_equal(purl(source), "pkg:deb/debian/gcc@12.2%2Bdfsg~1?arch=source&distro=debian-12");
        assert_string_equal(purl(makedev), "pkg:deb/debian/makedev@2.3.1-97%2Btemplar1?arch=all&distro=debian-12");
        assert_string_equal(purl(find_package(document, "makedev", "SOURCE")),
                            "pkg:deb/debian/makedev@2.3.1-97?arch=source&distro=debian-12");
        assert_string_equal(checksum(bash), "aaaa");
        assert_string_equal(checksum(gxx), "bbbb");
        assert_string_equal(checksum(gcc), "(none)");
        assert_string_equal(checksum(makedev), "eeee");
        assert_string_equal(member(makedev, "sourceInfo"),
                            "Version 2.3.1-97 (SHA-256 of the .deb: cccc), changed by a patch (SHA-256: dddd)");
        assert_string_equal(member(bash, "downloadLocation"), "http://deb.debian.org/debian/pool/b.deb");
        assert_string_equal(member(gxx, "downloadLocation"), "NOASSERTION");
        assert_string_equal(member(makedev, "downloadLocation"), "NOASSERTION");
        assert_string_equal(member(bash, "supplier"), "Person: Matthias Klose (doko@debian.org)");
        assert_string_equal(member(bash, "licenseDeclared"), "GPL-3.0-or-later");
        assert_string_equal(member(gxx, "licenseDeclared"), "NOASSERTION");
        assert_true(related(document, system, "CONTAINS", bash) && related(document, system, "CONTAINS", gxx));
        assert_true(related(document, gxx, "GENERATED_FROM", source) && related(document, gcc, "GENERATED_FROM", source));
        const json_t *extracted = json_object_get(document, "hasExtractedLicensingInfos");
        assert_int_equal(json_array_size(extracted), 1);
        assert_string_equal(member(json_array_get(extracted, 0), "licenseId"), member(makedev, "licenseDeclared"));
        assert_string_equal(member(json_array_get(extracted, 0), "extractedText"), "Be \"nice\".");
}

/* A tree without dpkg and os-release. */
static void test_bare(void **state _unused_)
{
        const Inventory none = { .os_release = "" };
        Spdx spdx = example();

        spdx.inventory = &none;
        spdx.lock = NULL;
        spdx.suite = "";
        spdx.description = NULL;
        spdx.n_outputs = 0;
        _cleanup_json_ json_t *document = format(&spdx);
        const json_t *system = find_package(document, "linux", "OPERATING_SYSTEM");
        assert_string_equal(member(system, "versionInfo"), "(none)");
        assert_null(json_object_get(document, "hasExtractedLicensingInfos"));
        assert_int_equal(json_array_size(json_object_get(document, "packages")), 2);
}

static void test_suppliers(void **state _unused_)
{
        static const struct {
                const char *maintainer, *expected;
        } cases[] = {
                { "Santiago Vila <sanvila@debian.org>", "Person: Santiago Vila (sanvila@debian.org)" },
                { "Debian LVM Team <team+lvm@tracker.debian.org>",
                  "Organization: Debian LVM Team (team+lvm@tracker.debian.org)" },
                { "Foo <foo@packages.debian.org>", "Organization: Foo (foo@packages.debian.org)" },
                { "Ubuntu Developers <x@y>", "Organization: Ubuntu Developers (x@y)" },
                { "Nobody", "Person: Nobody" },
                { "Open <never", "Person: Open (never)" },
                { "  ", "NOASSERTION" },
                { "<a@b>", "NOASSERTION" },
                { "", "NOASSERTION" },
                { NULL, "NOASSERTION" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *supplier = spdx_supplier(cases[i].maintainer);
                assert_string_equal(supplier, cases[i].expected);
        }
}

/* No two elements share an identifier, and only letters, digits, "." and "-" stand in it. */
static void test_identifiers(void **state _unused_)
{
        _cleanup_free_ char *first = spdx_id("Package", (const char *const[]){ "g++", "1", "a-b" }),
                            *second = spdx_id("Package", (const char *const[]){ "g--", "1", "a-b" }),
                            *third = spdx_id("Package", (const char *const[]){ "g++", "1-a", "b" });

        assert_true(string_starts_with(first, "SPDXRef-Package-g---"));
        assert_string_not_equal(first, second);
        assert_string_not_equal(first, third);
        assert_int_equal(strspn(first + strlen("SPDXRef-"),
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"),
                         strlen(first) - strlen("SPDXRef-"));
}

static void test_system(void **state _unused_)
{
        static const struct {
                const char *os_release, *suite, *distribution;
        } cases[] = {
                { "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n", "x", "debian-12" },
                { "ID=debian\nVERSION_CODENAME=trixie\n", "x", "debian-trixie" },
                { "ID=debian\n", "sid", "debian-sid" },
                { "ID=ubuntu\nVERSION_ID=16.04\n", "xenial", "ubuntu-16.04" },
                { "", "", "linux" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_spdx_system_ SpdxSystem system = { 0 };
                assert_int_equal(spdx_system(cases[i].os_release, cases[i].suite, &system), 0);
                assert_string_equal(system.distribution, cases[i].distribution);
        }
}

static void test_provenance(void **state _unused_)
{
        _cleanup_(provenance_files_done) ProvenanceFiles subjects = { 0 }, dependencies = { 0 };
        _cleanup_spdx_system_ SpdxSystem system = { 0 };
        _cleanup_free_ char *text = NULL;
        char *settings[] = { STRING("Image.Version=2"), NULL }, *formats[] = { STRING("tar"), NULL };
        Lock short_lock = { .packages = locked + 2, .n_packages = 1, .repositories = repositories, .n_repositories = 2 };

        assert_int_equal(provenance_add(&subjects, "subject", "demo-amd64-1.tar", "f1f1"), 0);
        assert_int_equal(provenance_add(&dependencies, "recipe", "demo.recipe", "0a"), 0);
        assert_int_equal(provenance_add(&dependencies, "recipe", "demo.recipe", "0b"), 0);
        assert_int_equal(provenance_add(&dependencies, "file", "motd", "0c"), 0);
        assert_int_equal(spdx_system(inventory.os_release, "", &system), 0);
        const Provenance provenance = {
                .recipe = "demo.recipe", .settings = settings, .formats = formats, .name = "demo", .version = "1",
                .architecture = "amd64", .suite = "bookworm", .source_date_epoch_sec = 1700000000, .subjects = &subjects,
                .dependencies = &dependencies, .lock = &short_lock, .system = &system,
        };
        assert_int_equal(provenance_format(&provenance, &text, NULL), 0);
        assert_string_equal(
                text,
                "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{\"buildDefinition\":{"
                "\"buildType\":\"tag:templar,2026:build/v1\","
                "\"externalParameters\":{\"formats\":[\"tar\"],\"recipe\":\"demo.recipe\",\"settings\":[\"Image.Version=2\"],"
                "\"source_date_epoch\":1700000000},"
                "\"internalParameters\":{\"architecture\":\"amd64\",\"image\":\"demo\","
                "\"suite\":\"bookworm\",\"version\":\"1\"},"
                "\"resolvedDependencies\":["
                "{\"annotations\":{\"role\":\"recipe\"},\"digest\":{\"sha256\":\"0a\"},\"name\":\"demo.recipe\"},"
                "{\"annotations\":{\"role\":\"file\"},\"digest\":{\"sha256\":\"0c\"},\"name\":\"motd\"},"
                "{\"annotations\":{\"role\":\"repository\"},\"digest\":{\"sha256\":\"1111\"},"
                "\"uri\":\"http://deb.debian.org/debian/dists/bookworm/InRelease\"},"
                "{\"annotations\":{\"role\":\"repository\"},\"digest\":{\"sha256\":\"2222\"},"
                "\"uri\":\"file:/srv/flat/./InRelease\"},"
                "{\"annotations\":{\"patch_sha256\":\"dddd\",\"patched_sha256\":\"eeee\",\"role\":\"package\"},"
                "\"digest\":{\"sha256\":\"cccc\"},\"downloadLocation\":\"http://deb.debian.org/m.deb\","
                "\"uri\":\"pkg:deb/debian/makedev@2.3.1-97?arch=all&distro=debian-12\"}]},"
                "\"runDetails\":{\"builder\":{\"id\":\"tag:templar,2026:builder\",\"version\":{\"templar\":\"" TEMPLAR_VERSION
                "\"}}}},"
                "\"predicateType\":\"https://slsa.dev/provenance/v1\","
                "\"subject\":[{\"digest\":{\"sha256\":\"f1f1\"},\"name\":\"demo-amd64-1.tar\"}]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_document),  cmocka_unit_test(test_packages),    cmocka_unit_test(test_bare),
                cmocka_unit_test(test_suppliers), cmocka_unit_test(test_identifiers), cmocka_unit_test(test_system),
                cmocka_unit_test(test_provenance),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
