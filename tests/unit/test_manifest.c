/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/manifest.h"

#include "image_fixture.h"
#include "recipe_fixture.h"

#include <time.h>

static Recipe *load_recipe(const char *description)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *text = NULL;
        Recipe *recipe;

        assert_true(asprintf(&text, "[Image]\nName=demo\n%s%s\n[Debootstrap]\nSuite=bookworm\n",
                             *description ? "Description=" : "", description) > 0);
        if (fixture_parse(text, NULL, &recipe, &error) < 0)
                fail_msg("%s", error.message);
        return recipe;
}

static DpkgPackage packages[] = {
        { (char *) "bash", (char *) "5.2.15-2", (char *) "amd64", (char *) "bash", (char *) "5.2.15-2", NULL },
        { (char *) "libc6", (char *) "2.36-9", (char *) "amd64", (char *) "glibc", (char *) "2.36-9", NULL },
};
static AptRelease releases[] = {
        { .uri = (char *) "http://deb.debian.org/debian", .suite = (char *) "bookworm", .sha256 = (char *) "ab12",
          .date_sec = 1700000000 },
};
static const ManifestStage stages[] = {
        { "Debootstrap", "Debootstrap bookworm (minbase)", "0123" },
        { "Script", "Script \"quoted\" caf\xe9", "4567" },
};
static const PackOutput outputs[] = {
        { .format = IMAGE_TAR_XZ, .level = IMAGE_LEVEL_DEFAULT, .size_bytes = 38289536, .sha256 = "cdef" },
        { .format = IMAGE_TAR_ZST, .level = 19, .size_bytes = UINT64_C(5000000000), .sha256 = "89ab" },
};
static const char *const output_names[] = { "demo-amd64-1.tar.xz", "demo-amd64-1.tar.zst" };
static const PackStatistics statistics = { .tar_bytes = 170373120, .tar_sha256 = "feed", .n_entries = 8724,
                                           .content_bytes = 163000000 };

static Manifest full_manifest(const Recipe *recipe, const DpkgList *list, const AptReleases *all_releases)
{
        return (Manifest){
                .recipe = recipe,
                .version = "20231114",
                .source_date_epoch_sec = 1700000000,
                .stages = stages,
                .n_stages = ELEMENTS(stages),
                .packages = list,
                .releases = all_releases,
                .statistics = &statistics,
                .outputs = outputs,
                .output_names = output_names,
                .n_outputs = ELEMENTS(outputs),
        };
}

static void test_allowed(void **state _unused_)
{
        _cleanup_recipe_ Recipe *recipe = load_recipe("A demo");
        _cleanup_lint_allows_ LintAllows allows = { 0 };
        Manifest manifest = full_manifest(recipe, &(DpkgList){ 0 }, &(AptReleases){ 0 });
        _cleanup_free_ char *text = NULL;

        assert_int_equal(lint_allow_add(&allows, "private-key:/etc/*.pem a test's", true, NULL), 0);
        assert_int_equal(lint_allow_add(&allows, "hostname it is one machine", true, NULL), 0);
        manifest.allows = &allows;
        assert_int_equal(manifest_format(&manifest, &text, NULL), 0);
        assert_true(string_starts_with(text, "{\n"
                "  \"allowed\": [\n"
                "    {\"check\":\"private-key\",\"path\":\"/etc/*.pem\",\"reason\":\"a test's\"},\n"
                "    {\"check\":\"hostname\",\"path\":null,\"reason\":\"it is one machine\"}\n"
                "  ],\n"));
}

static void test_text(void **state _unused_)
{
        _cleanup_recipe_ Recipe *recipe = load_recipe("A demo");
        const DpkgList list = { .items = packages, .n_items = ELEMENTS(packages) };
        const AptReleases all_releases = { .items = releases, .n_items = 1, .newest_sec = 1700000000 };
        Manifest manifest = full_manifest(recipe, &list, &all_releases);
        _cleanup_free_ char *text = NULL, *expected = NULL;

        assert_int_equal(manifest_format(&manifest, &text, NULL), 0);
        assert_true(asprintf(&expected,
                "{\n"
                "  \"allowed\": [],\n"
                "  \"architecture\": \"amd64\",\n"
                "  \"description\": \"A demo\",\n"
                "  \"files\": [\n"
                "    {\"format\":\"tar.xz\",\"level\":6,\"name\":\"demo-amd64-1.tar.xz\",\"sha256\":\"cdef\",\"size\":38289536},\n"
                "    {\"format\":\"tar.zst\",\"level\":19,\"name\":\"demo-amd64-1.tar.zst\",\"sha256\":\"89ab\",\"size\":5000000000}\n"
                "  ],\n"
                "  \"manifest_version\": 1,\n"
                "  \"name\": \"demo\",\n"
                "  \"packages\": [\n"
                "    {\"architecture\":\"amd64\",\"name\":\"bash\",\"source\":\"bash\",\"source_version\":\"5.2.15-2\",\"version\":\"5.2.15-2\"},\n"
                "    {\"architecture\":\"amd64\",\"name\":\"libc6\",\"source\":\"glibc\",\"source_version\":\"2.36-9\",\"version\":\"2.36-9\"}\n"
                "  ],\n"
                "  \"recipe_sha256\": \"%s\",\n"
                "  \"repositories\": [\n"
                "    {\"date\":\"2023-11-14T22:13:20Z\",\"inrelease_sha256\":\"ab12\",\"suite\":\"bookworm\",\"uri\":\"http://deb.debian.org/debian\"}\n"
                "  ],\n"
                "  \"source_date_epoch\": {\"seconds\":1700000000,\"time\":\"2023-11-14T22:13:20Z\"},\n"
                "  \"stages\": [\n"
                "    {\"description\":\"Debootstrap bookworm (minbase)\",\"digest\":\"0123\",\"kind\":\"Debootstrap\"},\n"
                "    {\"description\":\"Script \\\"quoted\\\" caf\xc3\xa9\",\"digest\":\"4567\",\"kind\":\"Script\"}\n"
                "  ],\n"
                "  \"suite\": \"bookworm\",\n"
                "  \"tar\": {\"content_bytes\":163000000,\"entries\":8724,\"sha256\":\"feed\",\"size\":170373120},\n"
                "  \"tool\": {\"name\":\"templar\",\"version\":\"" TEMPLAR_VERSION "\"},\n"
                "  \"version\": \"20231114\"\n"
                "}\n", recipe_digest(recipe)) > 0);
        assert_string_equal(text, expected);
}

/* Nothing is left out where there is nothing: readers find the same members always. */
static void test_empty(void **state _unused_)
{
        _cleanup_recipe_ Recipe *recipe = load_recipe("");
        Manifest manifest = full_manifest(recipe, NULL, NULL);
        _cleanup_free_ char *text = NULL;

        manifest.n_stages = 0;
        manifest.n_outputs = 0;
        assert_int_equal(manifest_format(&manifest, &text, NULL), 0);
        assert_non_null(strstr(text, "\n  \"description\": null,\n"));
        assert_non_null(strstr(text, "\n  \"files\": [],\n"));
        assert_non_null(strstr(text, "\n  \"packages\": [],\n"));
        assert_non_null(strstr(text, "\n  \"repositories\": [],\n"));
        assert_non_null(strstr(text, "\n  \"stages\": [],\n"));
}

static void test_any_time(void **state _unused_)
{
        static const struct {
                int64_t time_sec;
                const char *text;
        } cases[] = {
                { 0, "{\"seconds\":0,\"time\":\"1970-01-01T00:00:00Z\"}" },
                { INT64_C(4294967296), "{\"seconds\":4294967296,\"time\":\"2106-02-07T06:28:16Z\"}" },
        };
        _cleanup_recipe_ Recipe *recipe = load_recipe("");

        setenv("TZ", "Asia/Tokyo", 1);
        tzset();
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                Manifest manifest = full_manifest(recipe, NULL, NULL);
                _cleanup_free_ char *text = NULL;
                manifest.source_date_epoch_sec = cases[i].time_sec;
                assert_int_equal(manifest_format(&manifest, &text, NULL), 0);
                assert_non_null(strstr(text, cases[i].text));
        }
        unsetenv("TZ");
        tzset();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                IMAGE_TEST(test_text),
                IMAGE_TEST(test_allowed),
                IMAGE_TEST(test_empty),
                IMAGE_TEST(test_any_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
