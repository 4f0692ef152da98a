/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/why.h"

#include "base/strings.h"

#include "test.h"

static void test_phrases(void **state)
{
        static const struct {
                const char *before, *now, *phrases; /* one a line */
        } cases[] = {
                { "{'stage':'a'}", "{'stage':'a'}", "" },
                { "{'stage':'a','values':{'X':'1'}}", "{'stage':'b','values':{'X':'1'}}",
                  "a file of the host that it names, or templar itself, changed\n" },
                { "{'stage':'a','values':{'Mode':'0644','Owner':'a','Content':'x\\n'}}",
                  "{'stage':'b','values':{'Mode':'0755','Path':'/x','Content':'y\\n'}}",
                  "Content= changed\nMode= 0644 -> 0755\nOwner= is gone\nPath= is new\n" },
                { "{'values':{'Hash':'1234'}}", "{'values':{'Hash':'5678'}}", "Hash= changed\n" },
                { "{'files':{'a':'1','b':'1'}}", "{'files':{'b':'2','c':'1'}}",
                  "file a is gone\nfile b changed\nfile c is new\n" },
                { "{'packages':{'dbus:amd64':'1.14.10-1~deb12u1 aa','x:all':'1 aa','same:all':'1 aa','gone:all':'3 a'}}",
                  "{'packages':{'dbus:amd64':'1.14.10-1~deb12u2 bb','x:all':'1 bb','same:all':'1 aa','new:all':'2 a'}}",
                  "package dbus 1.14.10-1~deb12u1 -> 1.14.10-1~deb12u2\npackage gone 3 is no longer among them\n"
                  "package new 2 is new\npackage x 1 is another file of the same version\n" },
                /* not known now is not changed */
                { "{'packages':{'a:all':'1 aa'},'removed':['b'],'repositories':['u s 1'],'environment':['A=1']}", "{}", "" },
                { "{'removed':['a','b']}", "{'removed':['b','c']}",
                  "package a is no longer removed\npackage c is removed\n" },
                { "{'repositories':['http://a/debian sid 11','http://b x 1']}",
                  "{'repositories':['http://a/debian sid 22','http://b x 1','http://c y 1']}",
                  "repository http://a/debian sid changed\nrepository http://c y is new\n" },
                { "{'environment':['A=1=2','B=1']}", "{'environment':['A=1=3','B=1','C=']}",
                  "A 1=2 -> 1=3\nC nothing -> \n" },
        };

        (void) state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char texts[2][1024];
                for (unsigned j = 0; j < 2; j++) {
                        snprintf(texts[j], sizeof texts[j], "%s", j == 0 ? cases[i].before : cases[i].now);
                        for (char *c = texts[j]; *c; c++)
                                *c = *c == '\'' ? '"' : *c;
                }
                _cleanup_json_ json_t *before = json_loads(texts[0], 0, NULL), *now = json_loads(texts[1], 0, NULL);
                _cleanup_strv_ char **why = NULL;
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                assert_non_null(before);
                assert_non_null(now);
                assert_int_equal(why_differ(before, now, &why), 0);
                for (char **phrase = why; phrase && *phrase; phrase++)
                        assert_int_equal(buffer_printf(&text, "%s\n", *phrase), 0);
                assert_string_equal(text.data ? text.data : "", cases[i].phrases);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_phrases) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
