/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe_cases.h"

/* What a recipe may look like: each fault with every word that is said of it. */

static const RefusedCase sections_and_keys_cases[] = {
        { .what = "unknown section",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstap]\n"
          "Suite=x\n",
          .expected = "x.recipe:3:1: unknown section [Debootstap]\n"
          "    3 | [Debootstap]\n"
          "      | ^~~~~~~~~~~~ did you mean \"Debootstrap\"?" },
        { .what = "section in another case",
          .text = "[Image]\n"
          "Name=a\n"
          "[debootstrap]\n"
          "Suite=bookworm\n",
          .expected = "x.recipe:3:1: unknown section [debootstrap]\n"
          "    3 | [debootstrap]\n"
          "      | ^~~~~~~~~~~~~ did you mean \"Debootstrap\"?" },
        { .what = "section like no other",
          .text = "[Image]\n"
          "Name=a\n"
          "[Zzzzzzzz]\n",
          .expected = "x.recipe:3:1: unknown section [Zzzzzzzz]\n"
          "    3 | [Zzzzzzzz]\n"
          "      | ^~~~~~~~~~ sections are Image, Debootstrap, Install, Password, File, Script, Upgrade" },
        { .what = "unknown key",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Sutie=bookworm\n",
          .expected = "x.recipe:4:1: unknown key \"Sutie\" in [Debootstrap]\n"
          "    4 | Sutie=bookworm\n"
          "      | ^~~~~ did you mean \"Suite\"?" },
        { .what = "key of another section",
          .text = "[Image]\n"
          "Name=a\n"
          "[Upgrade]\n"
          "Mirror=http://x/\n",
          .expected = "x.recipe:4:1: unknown key \"Mirror\" in [Upgrade]\n"
          "    4 | Mirror=http://x/\n"
          "      | ^~~~~~ Mirror= belongs to [Debootstrap]" },
        { .what = "key like no other",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a\n"
          "Zzzzzzzz=1\n",
          .expected = "x.recipe:5:1: unknown key \"Zzzzzzzz\" in [Install]\n"
          "    5 | Zzzzzzzz=1\n"
          "      | ^~~~~~~~ keys are Packages, Recommends, Files" },
        { .what = "section without keys",
          .text = "[Image]\n"
          "Name=a\n"
          "[Upgrade]\n"
          "Zzzzzzzz=1\n",
          .expected = "x.recipe:4:1: unknown key \"Zzzzzzzz\" in [Upgrade]\n"
          "    4 | Zzzzzzzz=1\n"
          "      | ^~~~~~~~ [Upgrade] has no keys" },
        { .what = "duplicate scalar",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/a\n"
          "Mode=0600\n"
          "Path=/b\n",
          .expected = "x.recipe:6:1: Path= stands twice in this section; it takes one value\n"
          "    6 | Path=/b\n"
          "      | ^~~~ the first one is in line 4" },
        { .what = "image twice",
          .text = "[Image]\n"
          "Name=a\n"
          "[Image]\n"
          "Name=b\n",
          .expected = "x.recipe:3:1: section [Image] stands twice; it may stand only once\n"
          "    3 | [Image]\n"
          "      | ^~~~~~~ the first one is in line 1" },
        { .what = "single stage twice",
          .text = "[Image]\n"
          "Name=a\n"
          "[Debootstrap]\n"
          "Suite=a\n"
          "[Debootstrap]\n"
          "Suite=b\n",
          .expected = "x.recipe:5:1: section [Debootstrap] stands twice; it may stand only once\n"
          "    5 | [Debootstrap]\n"
          "      | ^~~~~~~~~~~~~ the first one is in line 3" },
        { .what = "number in a recipe",
          .text = "[Image]\n"
          "Name=a\n"
          "[Script 2]\n"
          "Script=x\n",
          .expected = "x.recipe:3:1: \"2\" behind the name of the section; "
          "expected the name alone, numbers are for drop-ins\n"
          "    3 | [Script 2]\n"
          "      | ^~~~~~~~~~" },
        { .what = "no image",
          .text = "[Upgrade]\n",
          .expected = "x.recipe: there is no section [Image]\n"
          "      every recipe has one, with the name of the image: Name=" },
        { .what = "nothing at all",
          .text = "",
          .expected = "x.recipe: there is no section [Image]\n"
          "      every recipe has one, with the name of the image: Name=" },
        { .what = "image misspelled",
          .text = "[Imaeg]\n"
          "Name=a\n",
          .expected = "x.recipe:1:1: unknown section [Imaeg]\n"
          "    1 | [Imaeg]\n"
          "      | ^~~~~~~ did you mean \"Image\"?" },
        { .what = "required key",
          .text = "[Image]\n"
          "Description=x\n"
          "[File]\n"
          "Content=a\n",
          .expected = "x.recipe:1:1: [Image] needs Name=\n"
          "    1 | [Image]\n"
          "      | ^~~~~~~\n"
          "x.recipe:3:1: [File] needs Path=\n"
          "    3 | [File]\n"
          "      | ^~~~~~" },
        { .what = "required key is empty",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a\n"
          "Packages=\n",
          .expected = "x.recipe:5:1: Packages= is empty; [Install] needs a value for it\n"
          "    5 | Packages=\n"
          "      | ^~~~~~~~" },
};

static void test_sections_and_keys(void **state _unused_)
{
        check_refused(sections_and_keys_cases, ELEMENTS(sections_and_keys_cases));
}

static const RefusedCase lines_cases[] = {
        { .what = "before the first section",
          .text = "Name=a\n"
          "Version=1\n"
          "[Image]\n"
          "Name=a\n",
          .expected = "x.recipe:1:1: an assignment before the first section; expected [Image]\n"
          "    1 | Name=a\n"
          "      | ^~~~~~ put the name of its section before it" },
        { .what = "no assignment",
          .text = "[Image]\n"
          "Name=a\n"
          "Description\n",
          .expected = "x.recipe:3:1: this is no assignment; expected Key=Value or [Section]\n"
          "    3 | Description\n"
          "      | ^~~~~~~~~~~" },
        { .what = "no key",
          .text = "[Image]\n"
          "Name=a\n"
          "=x\n",
          .expected = "x.recipe:3:1: a value without a key; expected Key=Value\n"
          "    3 | =x\n"
          "      | ^~" },
        { .what = "header without end",
          .text = "[Image\n"
          "Name=a\n",
          .expected = "x.recipe:1:1: the name of the section has no end; expected \"]\"\n"
          "    1 | [Image\n"
          "      | ^~~~~~ write [Image]" },
        { .what = "text behind a header",
          .text = "[Image] # the image\n"
          "Name=a\n",
          .expected = "x.recipe:1:8: text behind the name of a section; expected the end of the line\n"
          "    1 | [Image] # the image\n"
          "      |        ^~~~~~~~~~~~ put comments on lines of their own" },
        { .what = "header without name",
          .text = "[Image]\n"
          "Name=a\n"
          "[]\n",
          .expected = "x.recipe:3:1: a section without a name; expected [Name]\n"
          "    3 | []\n"
          "      | ^~" },
        { .what = "indented assignment",
          .text = "[Image]\n"
          "  Name=a\n",
          .expected = "x.recipe:2:3: a line that starts with white space continues a text, and there is none before it\n"
          "    2 |   Name=a\n"
          "      |   ^~~~~~ remove the white space at the start of the line" },
        { .what = "indented word",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a\n"
          "\011b c\n",
          .expected = "x.recipe:5:2: a line that starts with white space continues a text, and there is none before it\n"
          "    5 | \011b c\n"
          "      | \011^~~ end the line before it with a backslash, or repeat Packages=" },
        { .what = "text that isn't indented",
          .text = "[Image]\n"
          "Name=a\n"
          "[Script]\n"
          "Script=\n"
          "  echo a\n"
          "echo b\n",
          .expected = "x.recipe:6:1: this is no assignment; expected Key=Value or [Section]\n"
          "    6 | echo b\n"
          "      | ^~~~~~ a line that continues a text starts with white space" },
        { .what = "white space behind the backslash",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a \\ \n"
          "  b\n",
          .expected = "x.recipe:4:12: white space behind the backslash: the line would not be continued\n"
          "    4 | Packages=a \\ \n"
          "      |            ^ remove the white space at the end of the line" },
        { .what = "backslash before a section",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a \\\n"
          "[Upgrade]\n",
          .expected = "x.recipe:4:12: the backslash makes the section below a part of this value\n"
          "    4 | Packages=a \\\n"
          "      |            ^ remove it" },
        { .what = "backslash at the end",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a \\\n",
          .expected = "x.recipe:4:12: the file ends with a backslash, and no line continues the value\n"
          "    4 | Packages=a \\\n"
          "      |            ^ remove it" },
};

static void test_lines(void **state _unused_)
{
        check_refused(lines_cases, ELEMENTS(lines_cases));
}

static const RefusedCase bytes_and_excerpts_cases[] = {
        { .what = "latin-1",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=B\344r\n"
          "[Upgrade]\n",
          .expected = "x.recipe:3:14: byte 0xe4 is no part of a UTF-8 text here; save the file as UTF-8\n"
          "    3 | Description=B?r\n"
          "      |              ^" },
        { .what = "overlong utf-8",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=\300\257\n",
          .expected = "x.recipe:3:13: byte 0xc0 is no part of a UTF-8 text here; save the file as UTF-8\n"
          "    3 | Description=??\n"
          "      |             ^" },
        { .what = "control character",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=a\033[31m\n",
          .expected = "x.recipe:3:14: control character 0x1b; a recipe is text in UTF-8\n"
          "    3 | Description=a?[31m\n"
          "      |              ^" },
        { .what = "carriage return",
          .text = "[Image]\015\n"
          "Name=a\015\n",
          .expected = "x.recipe:1:8: the line ends with CR LF, as on Windows; expected LF alone\n"
          "    1 | [Image]?\n"
          "      |        ^ convert the file: sed -i 's/\\r$//' x.recipe" },
        { .what = "tab before the caret",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=a\011b\011%x\n",
          .expected = "x.recipe:3:17: unknown specifier; "
          "expected %i (image), %v (version), %a (architecture), %s (suite) or %%\n"
          "    3 | Description=a\011b\011%x\n"
          "      |              \011 \011^~ a percent sign is written \"%%\"" },
        { .what = "wide characters before the caret",
          .text = "[Image]\n"
          "Name=a\n"
          "Description=\303\274\342\202\254 %x\n",
          .expected = "x.recipe:3:19: unknown specifier; "
          "expected %i (image), %v (version), %a (architecture), %s (suite) or %%\n"
          "    3 | Description=\303\274\342\202\254 %x\n"
          "      |                ^~ a percent sign is written \"%%\"" },
        { .what = "long line",
          .text = "[Image]\n"
          "Name=a\n"
          "Description="
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "%x"
          "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
          "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n",
          .expected = "x.recipe:3:213: unknown specifier; "
          "expected %i (image), %v (version), %a (architecture), %s (suite) or %%\n"
          "    3 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx%xyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...\n"
          "      |                                            ^~ a percent sign is written \"%%\"" },
        { .what = "in a continued line",
          .text = "[Image]\n"
          "Name=a\n"
          "[Install]\n"
          "Packages=a \\\n"
          "    # why\n"
          "    b%x \\\n"
          "    c\n",
          .expected = "x.recipe:6:6: unknown specifier; "
          "expected %i (image), %v (version), %a (architecture), %s (suite) or %%\n"
          "    6 |     b%x \\\n"
          "      |      ^~ a percent sign is written \"%%\"" },
        { .what = "several at once",
          .text = "[Image]\n"
          "Name=a_b\n"
          "Sutie=x\n"
          "[File]\n"
          "Path=a\n"
          "[Nix]\n",
          .expected = "x.recipe:2:7: \"_\" in the name of the image; expected letters, digits, \".\" and \"-\" only\n"
          "    2 | Name=a_b\n"
          "      |       ^\n"
          "x.recipe:3:1: unknown key \"Sutie\" in [Image]\n"
          "    3 | Sutie=x\n"
          "      | ^~~~~ did you mean \"Suite\"?\n"
          "x.recipe:5:6: a path in the image is absolute; expected one that starts with \"/\"\n"
          "    5 | Path=a\n"
          "      |      ^ did you mean \"/a\"?\n"
          "x.recipe:6:1: unknown section [Nix]\n"
          "    6 | [Nix]\n"
          "      | ^~~~~ sections are Image, Debootstrap, Install, Password, File, Script, Upgrade" },
};

static void test_bytes_and_excerpts(void **state _unused_)
{
        check_refused(bytes_and_excerpts_cases, ELEMENTS(bytes_and_excerpts_cases));
}

static const RefusedCase settings_cases[] = {
        { .what = "set: no setting",
          .text = "[Image]\n"
          "Name=a\n",
          .expected = "--set: this is no setting; expected Section.Key=Value or Section[2].Key=Value\n"
          "      | Name\n"
          "      | ^~~~",
          .settings = { "Name" } },
        { .what = "set: unknown section",
          .text = "[Image]\n"
          "Name=a\n",
          .expected = "--set: unknown section [Imag]\n"
          "      | Imag.Name=x\n"
          "      | ^~~~ did you mean \"Image\"?",
          .settings = { "Imag.Name=x" } },
        { .what = "set: unknown key",
          .text = "[Image]\n"
          "Name=a\n",
          .expected = "--set: unknown key \"Nme\" in [Image]\n"
          "      | Image.Nme=x\n"
          "      |       ^~~ did you mean \"Name\"?",
          .settings = { "Image.Nme=x" } },
        { .what = "set: bad value",
          .text = "[Image]\n"
          "Name=a\n",
          .expected = "--set: \"zip\" is no value of Formats=; expected one of tar, tar.gz, tar.xz, tar.zst\n"
          "      | Image.Formats=tar.gz zip\n"
          "      |                      ^~~",
          .settings = { "Image.Formats=tar.gz zip" } },
        { .what = "set: several",
          .text = "[Image]\n"
          "Name=a\n"
          "[Upgrade]\n"
          "[File]\n"
          "Path=/a\n"
          "[File]\n"
          "Path=/b\n",
          .expected = "--set: the recipe has 2 [File] sections; expected the number of one\n"
          "      | File.Mode=1\n"
          "      | ^~~~ write File[1].Key= for the first",
          .settings = { "File.Mode=1" } },
        { .what = "set: no such number",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/a\n",
          .expected = "--set: there is no [File] number 2; the recipe has 1\n"
          "      | File[2].Mode=1\n"
          "      | ^~~~",
          .settings = { "File[2].Mode=1" } },
        { .what = "set: no number",
          .text = "[Image]\n"
          "Name=a\n"
          "[File]\n"
          "Path=/a\n",
          .expected = "--set: \"x\" doesn't say which [File] is meant; expected a number from 1, as in File[2].Key=\n"
          "      | File[x].Mode=1\n"
          "      | ^~~~",
          .settings = { "File[x].Mode=1" } },
        { .what = "set: number of the image",
          .text = "[Image]\n"
          "Name=a\n",
          .expected = "--set: \"1\" behind the name of the section; expected the name alone, there is only one\n"
          "      | Image[1].Name=x\n"
          "      | ^~~~~",
          .settings = { "Image[1].Name=x" } },
        { .what = "set: line feed",
          .text = "[Image]\n"
          "Name=a\n",
          .expected = "--set: this value has one line; expected no line feed\n"
          "      | Image.Description=a\n"
          "      |                    ^",
          .settings = { "Image.Description=a\n" "b" } },
        { .what = "set: required key",
          .text = "[Image]\n"
          "Name=a\n",
          .expected = "--set: [File] needs Path=\n"
          "      | File.Mode=0600\n"
          "      | ^~~~",
          .settings = { "File.Mode=0600" } },
};

static void test_settings(void **state _unused_)
{
        check_refused(settings_cases, ELEMENTS(settings_cases));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sections_and_keys),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_bytes_and_excerpts),
                cmocka_unit_test(test_settings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
