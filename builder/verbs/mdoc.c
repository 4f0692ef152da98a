/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/mdoc.h"

#include "base/strings.h"
#include "verbs/helptext.h"

#include <string.h>

#define LINE_COLUMNS 72

/* A character of running text; `first` on its line, where "." and "'" would be requests. */
static void put_character(FILE *stream, char c, bool first)
{
        if (c == '\\')
                fputs("\\e", stream);
        else if (first && (c == '.' || c == '\''))
                fprintf(stream, "\\&%c", c);
        else
                putc(c, stream);
}

static bool ends_sentence(const char *word, size_t length)
{
        return strchr(".!?", word[length - 1]) != NULL;
}

/* Words of one paragraph, a new line for each sentence. */
static void put_words(FILE *stream, const char *text, size_t length)
{
        const char *end = text + length;
        unsigned column = 0;
        bool new_line = true;

        for (;;) {
                while (text < end && strchr(" \n", *text))
                        text++;
                if (text == end)
                        break;
                size_t word = strcspn(text, " \n");
                if (word > (size_t) (end - text))
                        word = (size_t) (end - text);
                if (!new_line && column + word > LINE_COLUMNS)
                        new_line = true, putc('\n', stream);
                else if (!new_line)
                        putc(' ', stream), column++;
                for (size_t i = 0; i < word; i++)
                        put_character(stream, text[i], new_line && i == 0);
                column = (new_line ? 0 : column) + (unsigned) word;
                new_line = ends_sentence(text, word);
                if (new_line)
                        putc('\n', stream);
                text += word;
        }
        if (!new_line)
                putc('\n', stream);
}

static void put_literal(FILE *stream, const char *text, size_t length)
{
        fputs(".Bd -literal -offset indent\n", stream);
        while (length > 0) {
                size_t line = strcspn(text, "\n"), skip = strspn(text, " ");
                if (line > length)
                        line = length;
                for (size_t i = skip; i < line; i++)
                        put_character(stream, text[i], i == skip);
                putc('\n', stream);
                text += line + (line < length);
                length -= line + (line < length);
        }
        fputs(".Ed\n", stream);
}

static void put_text(FILE *stream, const char *text)
{
        for (;;) {
                const char *blank = strstr(text, "\n\n");
                size_t length = blank ? (size_t) (blank - text) : strlen(text);
                if (*text == ' ')
                        put_literal(stream, text, length);
                else
                        put_words(stream, text, length);
                if (!blank)
                        return;
                text = blank + 2;
                if (*text != ' ')
                        fputs(".Pp\n", stream);
        }
}

/* As a sentence: help texts of tables have neither capital nor stop. */
static void put_sentence(FILE *stream, const char *text)
{
        _cleanup_free_ char *sentence = NULL;

        if (asprintf(&sentence, "%s%s", text, string_ends_with(text, ".") ? "" : ".") < 0) {
                sentence = NULL;
                return;
        }
        if (*sentence >= 'a' && *sentence <= 'z')
                *sentence = (char) (*sentence - 'a' + 'A');
        put_text(stream, sentence);
}

/* One word of a synopsis: "[FINGERPRINT...]" is optional and repeats, "DIRECTORY|FILE" is either. */
static void put_argument(FILE *stream, const char *word, size_t length)
{
        bool optional = word[0] == '[';
        const char *end = word + length - optional, *name = word + optional;

        for (;;) {
                size_t n = strcspn(name, ".|] ");
                fprintf(stream, ".%sAr %.*s%s\n", optional ? "Op " : "", (int) n, name,
                        name + n < end && name[n] == '.' ? " ..." : "");
                name += n;
                if (name >= end || *name != '|')
                        return;
                fputs("|\n", stream);
                name++;
        }
}

static void put_arguments(FILE *stream, const char *arguments)
{
        while (*(arguments += strspn(arguments, " "))) {
                bool command = string_starts_with(arguments, "[-- ");
                size_t length = command ? strlen(arguments) : strcspn(arguments, " ");
                if (command)
                        fprintf(stream, ".Op Fl \\- Ar %.*s ...\n", (int) strcspn(arguments + 4, "."), arguments + 4);
                else
                        put_argument(stream, arguments, length);
                arguments += length;
        }
}

static void put_option(FILE *stream, const Option *option)
{
        fputs(".It ", stream);
        if (option->letter)
                fprintf(stream, "Fl %c , ", option->letter);
        fprintf(stream, "Fl \\-%s", option->name);
        if (option->argument)
                fprintf(stream, " Ar %s", option->argument);
        putc('\n', stream);
        put_sentence(stream, option->help);
}

static void put_options(FILE *stream, const Option *options)
{
        bool open = false;

        for (const Option *option = options; option->name; option++) {
                if (option->hidden)
                        continue;
                if (!open)
                        fputs(".Bl -tag -width Ds\n", stream);
                open = true;
                put_option(stream, option);
        }
        if (open)
                fputs(".El\n", stream);
}

static void put_word_list(FILE *stream, const Verb *verb)
{
        const char *word, *text;

        if (!verb->words_title)
                return;
        fprintf(stream, ".Pp\n%s:\n.Bl -tag -width Ds\n", verb->words_title);
        for (size_t i = 0; verb->words(i, &word, &text); i++) {
                fprintf(stream, ".It Cm %s\n", word);
                put_sentence(stream, text);
        }
        fputs(".El\n", stream);
}

static void put_verb(FILE *stream, const Verb *verb)
{
        fprintf(stream, ".Ss templar %s\n.Nm templar Cm %s\n.Op Ar option ...\n", verb->name, verb->name);
        put_arguments(stream, verb->arguments);
        fputs(".Pp\n", stream);
        put_text(stream, verb->description);
        put_options(stream, verb->options);
        put_word_list(stream, verb);
        for (const VerbExample *example = verb->examples; example && example->command; example++) {
                fputs(".Pp\n", stream);
                put_sentence(stream, example->help);
                put_literal(stream, example->command, strlen(example->command));
        }
}

void mdoc_verbs(FILE *stream, const Verb *const *verbs)
{
        for (; *verbs; verbs++)
                if (!(*verbs)->hidden)
                        put_verb(stream, *verbs);
}

static void put_section(FILE *stream, const SectionSchema *section)
{
        fprintf(stream, ".Ss [%s]\\&\n", section->name);
        put_text(stream, section->help);
        if (section->keys->name)
                fputs(".Bl -tag -width Ds\n", stream);
        for (const KeySchema *key = section->keys; key->name; key++) {
                _cleanup_free_ char *type = help_key_type(key);
                fprintf(stream, ".It Va %s Ns =\n", key->name);
                put_sentence(stream, key->help);
                put_sentence(stream, type ? type : "");
        }
        if (section->keys->name)
                fputs(".El\n", stream);
}

void mdoc_recipe(FILE *stream, const RecipeSchema *schema)
{
        put_section(stream, schema->image);
        for (const SectionSchema *const *stage = schema->stages; *stage; stage++)
                put_section(stream, *stage);
}

void mdoc_cleaning(FILE *stream, const CleanEntry *entries)
{
        fputs(".Bl -tag -width Ds\n", stream);
        for (; entries->name; entries++) {
                fprintf(stream, ".It Cm %s\n", entries->name);
                put_sentence(stream, entries->help);
                _cleanup_free_ char *paths = clean_entry_paths(entries->name), *files = NULL;
                if (asprintf(&files, "Files: %s", paths ?: "") < 0)
                        files = NULL;
                put_sentence(stream, files ?: "");
        }
        fputs(".El\n", stream);
}
