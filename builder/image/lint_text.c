/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What no text should hold, whoever built the image. */
typedef enum MarkKind {
        MARK_KEY,  /* "PRIVATE KEY": a closer look tells */
        MARK_TOKEN, /* a key that starts so */
        MARK_TEXT, /* that's it */
} MarkKind;

static const struct {
        const char *text;
        LintId id;
        MarkKind kind;
        const char *finding;
} marks[] = {
        { "PRIVATE KEY", LINT_PRIVATE_KEY, MARK_KEY, "holds a private key" },
        { "AGE-SECRET-KEY-1", LINT_PRIVATE_KEY, MARK_TOKEN, "holds a private key of age" },
        { "PuTTY-User-Key-File-", LINT_PRIVATE_KEY, MARK_TOKEN, "is a private key of PuTTY" },
        { ": no service starts while an image is built\" >&2", LINT_BUILD_LEFTOVER, MARK_TEXT,
          "is the stub that stands in for a program during a build" },
        { "\n# while an image is built, no init runs", LINT_BUILD_LEFTOVER, MARK_TEXT,
          "is the stub that stands in for a program during a build" },
        { "/templar/work/BUILD-", LINT_BUILD_PATH, MARK_TEXT, "names a work folder of templar" },
        { "/tmp/mmdebstrap.", LINT_BUILD_PATH, MARK_TEXT, "names a work folder of mmdebstrap" },
        { "/mkosi-workspace", LINT_BUILD_PATH, MARK_TEXT, "names a work folder of mkosi" },
};

int lint_text_prepare(LintRun *run)
{
        const LintOptions *options = run->options;

        run->words = calloc(ELEMENTS(marks) + options->n_words, sizeof *run->words);
        if (!run->words)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTS(marks); i++)
                run->words[run->n_words++] = marks[i].text;
        for (size_t i = 0; i < options->n_words; i++) {
                if (strlen(options->words[i].text) < LINT_WORD_MIN)
                        return -EINVAL;
                run->words[run->n_words++] = options->words[i].text;
        }
        run->needles = needles_new(run->words, run->n_words);
        return run->needles ? 0 : -ENOMEM;
}

static bool is_word_byte(char byte)
{
        return isalnum((unsigned char) byte) || byte == '_' || byte == '-';
}

/* Not "web" in "webmaster", nor the folder "/srv/a" in "/srv/ab"; but secrets may stand amid anything. */
static bool stands_alone(const LintRun *run, const LintWord *word, size_t offset)
{
        const char *text = run->content.data;
        size_t end = offset + strlen(word->text);

        if (word->id == LINT_SECRET)
                return true;
        if (end < run->content.length && is_word_byte(text[end]))
                return false;
        return offset == 0 || word->id != LINT_BUILD_HOST ||
               !(is_word_byte(text[offset - 1]) || text[offset - 1] == '.');
}

static bool is_token(const LintRun *run, size_t offset, size_t length)
{
        size_t end = offset + length;

        return end < run->content.length && isalnum((unsigned char) run->content.data[end]) &&
               (offset == 0 || !is_word_byte(run->content.data[offset - 1]));
}

static const char *describe(LintId id)
{
        switch (id) {
        case LINT_SECRET:
                return "holds a secret that the build was given";
        case LINT_PROXY:
                return "names the proxy of the machine that built";
        case LINT_BUILD_HOST:
                return "holds the name of the machine that built";
        default:
                return "names a folder of the machine that built";
        }
}

static void tell(LintRun *run, LintId id, const char *finding, const char *name, size_t offset)
{
        uint64_t line = run->line;
        char *text;

        if (run->told & UINT64_C(1) << id)
                return;
        run->told |= UINT64_C(1) << id;
        for (size_t i = 0; i < offset; i++)
                line += run->content.data[i] == '\n';
        if (asprintf(&text, "%s%s%s (line %llu)", finding, *name ? ": " : "", name, (unsigned long long) line) < 0)
                text = NULL;
        lint_pend(run, id, text);
}

static void hear_mark(LintRun *run, size_t index, size_t offset)
{
        size_t length = strlen(marks[index].text);

        if (marks[index].kind == MARK_KEY && !lint_is_key(run->content.data, run->content.length, offset))
                return;
        if (marks[index].kind == MARK_TOKEN && !is_token(run, offset, length))
                return;
        tell(run, marks[index].id, marks[index].finding, "", offset);
}

static void hear(size_t index, size_t offset, void *userdata)
{
        LintRun *run = userdata;

        if (index < ELEMENTS(marks)) {
                hear_mark(run, index, offset);
                return;
        }
        const LintWord *word = &run->options->words[index - ELEMENTS(marks)];
        if (stands_alone(run, word, offset))
                tell(run, word->id, describe(word->id),
                     word->id == LINT_SECRET || word->id == LINT_PROXY ? "" : word->text, offset);
}

void lint_text(LintRun *run)
{
        needles_search(run->needles, run->content.data, run->content.length, hear, run);
}
