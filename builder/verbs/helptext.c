/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/helptext.h"

#include <string.h>

#define OPTION_COLUMN 26
#define SUMMARY_COLUMN 16
#define CLEANING_COLUMN 20

static const char *const type_texts[] = {
        [KEY_STRING] = "text",
        [KEY_TEXT] = "text of several lines; no specifiers",
        [KEY_WORD] = "a word",
        [KEY_BOOL] = "yes or no",
        [KEY_LIST] = "a list of words",
        [KEY_LINES] = "text; each assignment adds one",
        [KEY_ENUM] = "one of",
        [KEY_ENUM_LIST] = "a list of",
        [KEY_SOURCE] = "a file of the recipe's folder",
        [KEY_SOURCE_LIST] = "a list of files of the recipe's folder",
        [KEY_HOST_FILE] = "a file of the recipe's folder, or of the host by its absolute path",
        [KEY_TARGET] = "an absolute path in the image",
        [KEY_TARGET_LIST] = "a list of absolute paths in the image",
        [KEY_MODE] = "an octal mode",
        [KEY_URI] = "an http, https or file URI",
        [KEY_URI_LIST] = "a list of http, https or file URIs",
};

char *help_key_type(const KeySchema *key)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = buffer_append_string(&text, type_texts[key->type]);

        for (size_t i = 0; r >= 0 && key->choices && key->choices[i]; i++)
                r = buffer_printf(&text, "%s %s", i > 0 ? "," : "", key->choices[i]);
        if (r >= 0 && key->required)
                r = buffer_append_string(&text, "; required");
        else if (r >= 0 && !string_empty(key->fallback))
                r = buffer_printf(&text, "; default: %s", key->fallback);
        return r < 0 ? NULL : buffer_take(&text);
}

/* One paragraph's words; returns with the line open. */
static void wrap_words(FILE *stream, const char *text, size_t length, unsigned indent, unsigned column)
{
        const char *end = text + length;
        bool first = true;

        for (;;) {
                while (text < end && strchr(" \n", *text))
                        text++;
                if (text == end)
                        return;
                size_t word = strcspn(text, " \n");
                if (word > (size_t) (end - text))
                        word = (size_t) (end - text);
                if (!first && column + 1 + word > HELP_COLUMNS) {
                        fprintf(stream, "\n%*s", (int) indent, "");
                        column = indent;
                } else if (!first) {
                        putc(' ', stream);
                        column++;
                }
                fwrite(text, 1, word, stream);
                column += (unsigned) word;
                text += word;
                first = false;
        }
}

void help_wrap(FILE *stream, const char *text, unsigned indent, unsigned column)
{
        for (;;) {
                const char *blank = strstr(text, "\n\n");
                size_t length = blank ? (size_t) (blank - text) : strlen(text);
                if (*text == ' ')
                        fwrite(text, 1, length, stream);
                else
                        wrap_words(stream, text, length, indent, column);
                putc('\n', stream);
                if (!blank)
                        return;
                text = blank + 2;
                fprintf(stream, "\n%*s", *text == ' ' ? 0 : (int) indent, "");
                column = indent;
        }
}

/* A term at `indent` with its explanation from `column` on, on the next line when the term is too long. */
static void write_entry(FILE *stream, unsigned indent, const char *term, unsigned column, const char *text)
{
        unsigned end = indent + (unsigned) strlen(term);

        fprintf(stream, "%*s%s", (int) indent, "", term);
        if (end + 1 >= column)
                fprintf(stream, "\n%*s", (int) column, "");
        else
                fprintf(stream, "%*s", (int) (column - end), "");
        help_wrap(stream, text, column, column);
}

static void write_verbs(FILE *stream, const Verb *const *verbs, const char *group)
{
        size_t length = group ? strlen(group) : 0;

        for (; *verbs; verbs++)
                if (!(*verbs)->hidden && (!group || (strncmp((*verbs)->name, group, length) == 0 &&
                                                     (*verbs)->name[length] == ' ')))
                        write_entry(stream, 2, (*verbs)->name, SUMMARY_COLUMN, (*verbs)->summary);
}

void help_overview(FILE *stream, const Verb *const *verbs)
{
        fputs("templar builds versioned, reproducible, signed images for systemd-nspawn.\n\n"
              "Usage: templar VERB [OPTION...] [ARGUMENT...]\n\nVerbs:\n",
              stream);
        write_verbs(stream, verbs, NULL);
        fputs("\nMore:\n", stream);
        write_entry(stream, 2, "templar help VERB", OPTION_COLUMN, "what a verb does, its options, examples");
        write_entry(stream, 2, "templar help recipe", OPTION_COLUMN, "what a recipe may say");
        write_entry(stream, 2, "templar --version", OPTION_COLUMN, "the version of this program");
        fputs("\nExit status: 0 done, 1 failed, 2 wrong usage or wrong recipe.\n", stream);
}

void help_group(FILE *stream, const Verb *const *verbs, const char *group)
{
        fprintf(stream, "Usage: templar %s VERB [OPTION...] [ARGUMENT...]\n\nVerbs:\n", group);
        write_verbs(stream, verbs, group);
        fprintf(stream, "\nSee: templar help %s VERB\n", group);
}

static void write_option(FILE *stream, const Option *option)
{
        char term[128], letter[] = { '-', option->letter, ',', ' ', '\0' };

        if (option->hidden)
                return;
        snprintf(term, sizeof term, "%s--%s%s%s", option->letter ? letter : "    ", option->name,
                 option->argument ? " " : "", option->argument ? option->argument : "");
        write_entry(stream, 2, term, OPTION_COLUMN, option->help);
}

static void write_words(FILE *stream, const Verb *verb)
{
        const char *word, *text;

        if (!verb->words_title)
                return;
        fprintf(stream, "\n%s:\n", verb->words_title);
        for (size_t i = 0; verb->words(i, &word, &text); i++)
                write_entry(stream, 2, word, CLEANING_COLUMN, text);
}

void help_verb(FILE *stream, const Verb *verb)
{
        static const Option help = { .name = "help", .letter = 'h', .help = "show this help" };

        fprintf(stream, "Usage: templar %s [OPTION...]%s%s\n\n", verb->name, *verb->arguments ? " " : "",
                verb->arguments);
        help_wrap(stream, verb->description, 0, 0);
        fputs("\nOptions:\n", stream);
        for (const Option *option = verb->options; option->name; option++)
                write_option(stream, option);
        write_option(stream, &help);
        write_words(stream, verb);
        if (verb->examples)
                fputs("\nExamples:\n", stream);
        for (const VerbExample *example = verb->examples; example && example->command; example++) {
                fprintf(stream, "%s  %s\n      ", example == verb->examples ? "" : "\n", example->command);
                help_wrap(stream, example->help, 6, 6);
        }
}

const SectionSchema *help_find_section(const RecipeSchema *schema, const char *name)
{
        if (strcmp(schema->image->name, name) == 0)
                return schema->image;
        for (const SectionSchema *const *stage = schema->stages; *stage; stage++)
                if (strcmp((*stage)->name, name) == 0)
                        return *stage;
        return NULL;
}

static void write_section_line(FILE *stream, const SectionSchema *section)
{
        fprintf(stream, "\n[%s]\n  ", section->name);
        help_wrap(stream, section->help, 2, 2);
        for (const KeySchema *key = section->keys; key->name; key++) {
                char term[80];
                snprintf(term, sizeof term, "%s=", key->name);
                write_entry(stream, 2, term, OPTION_COLUMN - 4, key->help);
        }
}

void help_recipe(FILE *stream, const RecipeSchema *schema)
{
        help_wrap(stream,
                  "A recipe describes one image, in the syntax of systemd's unit files. [Image] says what it "
                  "is; "
                  "the other sections are its stages: they run in the order in which they stand, and may "
                  "repeat.",
                  0, 0);
        write_section_line(stream, schema->image);
        for (const SectionSchema *const *stage = schema->stages; *stage; stage++)
                write_section_line(stream, *stage);
        fputs("\nTypes and defaults: templar help recipe SECTION\nSyntax: man 5 templar.recipe\n", stream);
}

void help_section(FILE *stream, const SectionSchema *section)
{
        fprintf(stream, "[%s]\n  ", section->name);
        help_wrap(stream, section->help, 2, 2);
        for (const KeySchema *key = section->keys; key->name; key++) {
                _cleanup_free_ char *type = help_key_type(key);
                fprintf(stream, "\n  %s=\n      ", key->name);
                help_wrap(stream, key->help, 6, 6);
                fputs("      Type: ", stream);
                help_wrap(stream, type ? type : "", 12, 12);
        }
}

void help_cleaning(FILE *stream, const CleanEntry *entries)
{
        fputs("\nEvery build ends with a cleaning. Keep= leaves out what it names of these:\n", stream);
        for (; entries->name; entries++)
                write_entry(stream, 2, entries->name, CLEANING_COLUMN, entries->help);
}
