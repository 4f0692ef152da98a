/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/purl.h"

#include "test.h"

static void check(const Purl *purl, const char *expected)
{
        _cleanup_free_ char *text = purl_format(purl);

        assert_non_null(text);
        assert_string_equal(text, expected);
}

/* The examples of the purl specification, and what Debian's versions are made of. */
static void test_encoding(void **state _unused_)
{
        static const struct {
                Purl purl;
                const char *expected;
        } cases[] = {
                { { "debian", "curl", "7.50.3-1", "i386", "jessie" }, "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie" },
                { { "ubuntu", "dpkg", "1.19.0.4", "amd64", "" }, "pkg:deb/ubuntu/dpkg@1.19.0.4?arch=amd64" },
                { { "debian", "attr", "1:2.4.47-2", "source", "" }, "pkg:deb/debian/attr@1:2.4.47-2?arch=source" },
                { { "debian", "attr", "1:2.4.47-2+b1", "amd64", "" }, "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64" },
                { { "debian", "g++", "4:12.2.0-3", "amd64", "debian-12" },
                  "pkg:deb/debian/g%2B%2B@4:12.2.0-3?arch=amd64&distro=debian-12" },
                { { "debian", "bash", "5.2~rc1+dfsg-2_x", "all", "debian-12" },
                  "pkg:deb/debian/bash@5.2~rc1%2Bdfsg-2_x?arch=all&distro=debian-12" },
                { { "Debian", "LibFoo", "1.0A", "amd64", "Sid" }, "pkg:deb/debian/libfoo@1.0A?arch=amd64&distro=Sid" },
                { { "my os", "a/b@c?d#e%f&g=h", "caf\xc3\xa9 \x01\xff", "x&y", "z=1" },
                  "pkg:deb/my%20os/a%2Fb%40c%3Fd%23e%25f%26g%3Dh@caf%C3%A9%20%01%FF?arch=x%26y&distro=z%3D1" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                check(&cases[i].purl, cases[i].expected);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_encoding) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
