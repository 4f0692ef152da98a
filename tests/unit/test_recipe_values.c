/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe_cases.h"

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_NAME X64 X64 X64 X64

/* What values may be: each fault with every word that is said of it. */

static const RefusedCase identity_cases[] = {
        { .what = "name with underscore",
          .text = "[Image]\n"
          "Name=debian_12\n",
          .expected = "x.recipe:2:12: \"_\" in the name of the image; "
          "expected letters, digits, \".\" and \"-\" only\n"
          "    2 | Name=debian_12\n"
          "      |            ^" },
        { .what = "name with umlaut",
          .text = "[Image]\n"
          "Name=b\303\244r\n",
          .expected = "x.recipe:2:7: \"\303\244\" in the name of the image; "
          "expected letters, digits, \".\" and \"-\" only\n"
          "    2 | Name=b\303\244r\n"
          "      |       ^" },
        { .what = "name starts with a dot",
          .text = "[Image]\n"
          "Name=.a\n",
          .expected = "x.recipe:2:6: the name of the image starts with \".\"; expected a letter or a digit there\n"
          "    2 | Name=.a\n"
          "      |      ^" },
        { .what = "name ends with a dash",
          .text = "[Image]\n"
          "Name=a-\n",
          .expected = "x.recipe:2:7: the name of the image ends with \"-\"; expected a letter or a digit there\n"
          "    2 | Name=a-\n"
          "      |       ^" },
        { .what = "name with two dots",
          .text = "[Image]\n"
          "Name=a..b\n",
          .expected = "x.recipe:2:7: \"..\" in the name of the image; expected a letter or a digit around every dot\n"
          "    2 | Name=a..b\n"
          "      |       ^~" },
        { .what = "name with dash after dot",
          .text = "[Image]\n"
          "Name=a.-b\n",
          .expected = "x.recipe:2:7: \".-\" in the name of the image; expected a letter or a digit around every dot\n"
          "    2 | Name=a.-b\n"
          "      |       ^~" },
        { .what = "name with a slash",
          .text = "[Image]\n"
          "Name=../a\n",
          .expected = "x.recipe:2:6: the name of the image starts with \".\"; expected a letter or a digit there\n"
          "    2 | Name=../a\n"
          "      |      ^" },
        { .what = "name of two words",
          .text = "[Image]\n"
          "Name=a b\n",
          .expected = "x.recipe:2:7: \" \" in the name of the image; expected letters, digits, \".\" and \"-\" only\n"
          "    2 | Name=a b\n"
          "      |       ^" },
        { .what = "name with specifier",
          .text = "[Image]\n"
          "Name=debian-%s\n"
          "[Debootstrap]\n"
          "Suite=x\n",
          .expected = "x.recipe:2:13: a specifier in the value that specifiers are made from; "
          "expected the name of the image\n"
          "    2 | Name=debian-%s\n"
          "      |             ^~" },
        { .what = "name too long with a date",
          .text = "[Image]\n"
          "Name=nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\n",
          .expected = "x.recipe:2:6: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn-amd64-YYYYMMDD has 65 characters; "
          "expected at most 64, for it names machines\n"
          "    2 | Name=nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\n"
          "      |      ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ shorten it by 1" },
        { .what = "name too long with its version",
          .text = "[Image]\n"
          "Name=nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\n"
          "Version=1.22\n",
          .expected = "x.recipe:2:6: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn-amd64-1.22 has 65 characters; "
          "expected at most 64, for it names machines\n"
          "    2 | Name=nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\n"
          "      |      ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ shorten it by 1" },
        { .what = "version",
          .text = "[Image]\n"
          "Name=a\n"
          "Version=1.0~rc1\n",
          .expected = "x.recipe:3:12: \"~\" in the version; expected letters, digits, \".\" and \"-\" only\n"
          "    3 | Version=1.0~rc1\n"
          "      |            ^" },
        { .what = "architecture of the kernel",
          .text = "[Image]\n"
          "Name=a\n"
          "Architecture=x86_64\n",
          .expected = "x.recipe:3:14: \"x86_64\" is no architecture of Debian; expected a name like amd64 or arm64\n"
          "    3 | Architecture=x86_64\n"
          "      |              ^~~~~~ did you mean \"amd64\"?" },
        { .what = "architecture misspelled",
          .text = "[Image]\n"
          "Name=a\n"
          "Architecture=amd46\n",
          .expected = "x.recipe:3:14: \"amd46\" is no architecture of Debian; expected a name like amd64 or arm64\n"
          "    3 | Architecture=amd46\n"
          "      |              ^~~~~ did you mean \"amd64\"?" },
        { .what = "suite",
          .text = "[Image]\n"
          "Name=a\n"
          "Suite=-x\n",
          .expected = "x.recipe:3:7: this is no name of a suite; "
          "expected letters, digits and \"-._+~/\" behind the first character, as in bookworm\n"
          "    3 | Suite=-x\n"
          "      |       ^" },
        { .what = "suite of itself",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=%s\n",
          .expected = "x.recipe:4:7: a specifier in the value that specifiers are made from; "
          "expected the name of a suite\n"
          "    4 | Suite=%s\n"
          "      |       ^~" },
};

static void test_identity(void **state _unused_)
{
        check_refused(identity_cases, ELEMENTS(identity_cases));
}

static const RefusedCase specifiers_cases[] = {
        { .what = "unknown specifier",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=100% sure, %x\n",
          .expected = "x.recipe:3:16: unknown specifier; "
          "expected %i (image), %v (version), %a (architecture), %s (suite) or %%\n"
          "    3 | Description=100% sure, %x\n"
          "      |                ^~ a percent sign is written \"%%\"" },
        { .what = "percent sign at the end",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=50%\n",
          .expected = "x.recipe:3:15: a percent sign at the end; expected %i, %v, %a, %s or %%\n"
          "    3 | Description=50%\n"
          "      |               ^ a percent sign is written \"%%\"" },
        { .what = "no suite",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=%s\n",
          .expected = "x.recipe:3:13: %s stands for the suite, and this recipe has none; expected a Suite=\n"
          "    3 | Description=%s\n"
          "      |             ^~ set Suite= in the first section" },
};

static void test_specifiers(void **state _unused_)
{
        check_refused(specifiers_cases, ELEMENTS(specifiers_cases));
}

static const RefusedCase types_cases[] = {
        { .what = "enum",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Variant=minbas\n",
          .expected = "x.recipe:5:9: \"minbas\" is no value of Variant=; expected one of minbase, buildd, standard\n"
          "    5 | Variant=minbas\n"
          "      |         ^~~~~~ did you mean \"minbase\"?" },
        { .what = "unknown format",
          .text = "[Image]\n"
          "Name=a\n"
          "Formats=tar.xz tar.bz2 zip\n",
          .expected = "x.recipe:3:16: \"tar.bz2\" is no value of Formats=; "
          "expected one of tar, tar.gz, tar.xz, tar.zst\n"
          "    3 | Formats=tar.xz tar.bz2 zip\n"
          "      |                ^~~~~~~ did you mean \"tar.gz\"?\n"
          "x.recipe:3:24: \"zip\" is no value of Formats=; expected one of tar, tar.gz, tar.xz, tar.zst\n"
          "    3 | Formats=tar.xz tar.bz2 zip\n"
          "      |                        ^~~" },
        { .what = "bool",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a\n"
          "Recommends=maybe\n",
          .expected = "x.recipe:5:12: \"maybe\" is neither yes nor no; "
          "expected yes, no, true, false, on, off, 1 or 0\n"
          "    5 | Recommends=maybe\n"
          "      |            ^~~~~" },
        { .what = "word",
          .text = "[Image]\n"
          "Name=a\n"
          "[Password]\n"
          "User=root  toor\n"
          "Locked=yes\n",
          .expected = "x.recipe:4:10: several words; expected one\n"
          "    4 | User=root  toor\n"
          "      |          ^~~~~~" },
        { .what = "mode",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/a\n"
          "Mode=0888\n",
          .expected = "x.recipe:5:6: \"0888\" is no mode; expected an octal number up to 7777, as in 0644\n"
          "    5 | Mode=0888\n"
          "      |      ^~~~" },
        { .what = "mode too large",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/a\n"
          "Mode=10000\n",
          .expected = "x.recipe:5:6: \"10000\" is no mode; expected an octal number up to 7777, as in 0644\n"
          "    5 | Mode=10000\n"
          "      |      ^~~~~" },
        { .what = "relative target",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=etc/hosts\n",
          .expected = "x.recipe:4:6: a path in the image is absolute; expected one that starts with \"/\"\n"
          "    4 | Path=etc/hosts\n"
          "      |      ^~~~~~~~~ did you mean \"/etc/hosts\"?" },
        { .what = "target with dots",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/etc/../../x\n",
          .expected = "x.recipe:4:6: \"..\" in a path in the image; expected one without it\n"
          "    4 | Path=/etc/../../x\n"
          "      |      ^~~~~~~~~~~~" },
        { .what = "target with a long name",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/"
          LONG_NAME
          "\n",
          .expected = "x.recipe:4:6: this path is longer than Linux allows; expected at most 4095 bytes, "
          "255 between two slashes\n"
          "    4 | Path=/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\n"
          "      |      ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~" },
        { .what = "target is the root",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/a\n"
          "Remove=/var/x //\n",
          .expected = "x.recipe:5:15: this is the root of the image; expected a path below it\n"
          "    5 | Remove=/var/x //\n"
          "      |               ^~" },
        { .what = "absolute source",
          .text = "[Image]\n"
          "Name=a\n"
          "Nspawn=/etc/passwd\n",
          .expected = "x.recipe:3:8: an absolute path leaves the recipe's folder; expected one relative to it\n"
          "    3 | Nspawn=/etc/passwd\n"
          "      |        ^~~~~~~~~~~ put the file beside the recipe" },
        { .what = "source with dots",
          .text = "[Image]\n"
          "Name=a\n"
          "Nspawn=../web.nspawn\n",
          .expected = "x.recipe:3:8: \"..\" leaves the recipe's folder; expected a path inside it\n"
          "    3 | Nspawn=../web.nspawn\n"
          "      |        ^~~~~~~~~~~~~ put the file beside the recipe" },
        { .what = "host file with dots",
          .text = "[Image]\n"
          "Name=a\n"
          "[Password]\n"
          "HashFile=../x\n",
          .expected = "x.recipe:4:10: \"..\" leaves the recipe's folder; expected a path inside it\n"
          "    4 | HashFile=../x\n"
          "      |          ^~~~ put the file beside the recipe" },
        { .what = "uri without scheme",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirror=deb.debian.org/debian\n",
          .expected = "x.recipe:5:8: no address that can be used here; expected http://, https:// or file:///\n"
          "    5 | Mirror=deb.debian.org/debian\n"
          "      |        ^~~~~~~~~~~~~~~~~~~~~ did you mean \"http://deb.debian.org/debian\"?" },
        { .what = "uri of another scheme",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirror=htp://deb.debian.org/debian\n",
          .expected = "x.recipe:5:8: no address that can be used here; expected http://, https:// or file:///\n"
          "    5 | Mirror=htp://deb.debian.org/debian\n"
          "      |        ^~~~~~~~~~~~~~~~~~~~~~~~~~~ did you mean \"http://\"?" },
        { .what = "uri is a path",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirror=/srv/mirror\n",
          .expected = "x.recipe:5:8: no address that can be used here; expected http://, https:// or file:///\n"
          "    5 | Mirror=/srv/mirror\n"
          "      |        ^~~~~~~~~~~ did you mean \"file:///srv/mirror\"?" },
        { .what = "uri with credentials",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirror=https://me:secret@example.org/debian\n",
          .expected = "x.recipe:5:16: credentials in a recipe end up in the image; "
          "expected an address without user and password\n"
          "    5 | Mirror=https://*********@example.org/debian\n"
          "      |                ^~~~~~~~~ put them into /etc/apt/auth.conf.d of this machine, see apt_auth.conf(5)" },
        { .what = "credentials of another scheme",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirrors=ftp://me:secret@h/\n",
          .expected = "x.recipe:5:15: credentials in a recipe end up in the image; "
          "expected an address without user and password\n"
          "    5 | Mirrors=ftp://*********@h/\n"
          "      |               ^~~~~~~~~ put them into /etc/apt/auth.conf.d of this machine, see apt_auth.conf(5)" },
        { .what = "credentials beside another fault",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirror=https://me:secret@h/%20\n",
          .expected = "x.recipe:5:28: unknown specifier; "
          "expected %i (image), %v (version), %a (architecture), %s (suite) or %%\n"
          "    5 | Mirror=https://*********@h/%20\n"
          "      |                            ^~ a percent sign is written \"%%\"" },
        { .what = "uri without host",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirrors=http://h/ http:///x\n",
          .expected = "x.recipe:5:26: \"\" is no host; expected a name or an address\n"
          "    5 | Mirrors=http://h/ http:///x\n"
          "      |                          ^" },
        { .what = "uri with a bad port",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirror=http://h:99999/\n",
          .expected = "x.recipe:5:16: \"99999\" is no port; expected a number from 1 to 65535\n"
          "    5 | Mirror=http://h:99999/\n"
          "      |                ^~~~~~" },
        { .what = "uri with a bad character",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "Mirror=http://h/<x>\n",
          .expected = "x.recipe:5:17: byte 0x3c in an address; expected it percent-encoded\n"
          "    5 | Mirror=http://h/<x>\n"
          "      |                 ^ write %%3C" },
};

static void test_types(void **state _unused_)
{
        check_refused(types_cases, ELEMENTS(types_cases));
}

static const RefusedCase checks_of_the_schema_cases[] = {
        { .what = "check of a value",
          .text = "[Image]\n"
          "Name=a\n"
          "[Password]\n"
          "Hash=secret\n",
          .expected = "x.recipe:4:6: a plain-text password; expected a crypt(5) string\n"
          "    4 | Hash=******\n"
          "      |      ^~~~~~ make one with: mkpasswd" },
        { .what = "check across keys",
          .text = "[Image]\n"
          "Name=a\n"
          "[Password]\n"
          "User=root\n",
          .expected = "x.recipe:3:1: [Password] needs one of Hash=, HashFile= and Locked=yes\n"
          "    3 | [Password]\n"
          "      | ^~~~~~~~~~" },
        { .what = "check across keys, at a key",
          .text = "[Image]\n"
          "Name=a\n"
          "[Password]\n"
          "Hash=$6$x\n"
          "Locked=yes\n",
          .expected = "x.recipe:5:8: Locked= excludes Hash=; expected one of them\n"
          "    5 | Locked=yes\n"
          "      |        ^~~" },
};

static void test_checks_of_the_schema(void **state _unused_)
{
        check_refused(checks_of_the_schema_cases, ELEMENTS(checks_of_the_schema_cases));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_specifiers),
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_checks_of_the_schema),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
