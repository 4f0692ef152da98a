/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "stages/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SCRIPT_TARGET "/run/templar/script"
#define SCRIPT_LIMIT_BYTES (4u << 20)
#define INTERPRETER_MAX_BYTES 255
#define LINE_MAX_BYTES 50

static bool is_blank(const char *text)
{
        return text[strspn(text, " \t\r\n")] == '\0';
}

static int check(const RecipeSection *section, Error *error)
{
        const char *script = section_string(section, "Script");

        if (section_has(section, "Script") == section_has(section, "File"))
                return error_set_usage(error, -EINVAL, "[Script] needs one of Script= and File=");
        if (section_has(section, "Script") && (!script || is_blank(script)))
                return error_set_usage(error, -EINVAL, "Script= is empty");
        return 0;
}

static int digest(const RecipeSection *section, Digest *digest, Error *error)
{
        return section_has(section, "File") ? stage_digest_file(digest, section_path(section, "File"), error) : 0;
}

/* What the network gives is another thing tomorrow. */
static bool cacheable(const RecipeSection *section)
{
        return section_has(section, "Cache") ? section_bool(section, "Cache") : !section_bool(section, "Network");
}

/* Cut where no character is torn apart. */
static char *describe_line(const char *line, size_t length)
{
        bool cut = length > LINE_MAX_BYTES;
        char *text = NULL;

        if (cut)
                for (length = LINE_MAX_BYTES - 3; ((unsigned char) line[length] & 0xc0) == 0x80; length--)
                        ;
        return asprintf(&text, "Script: %.*s%s", (int) length, line, cut ? "..." : "") < 0 ? NULL : text;
}

/* A script's first command tells more than "Script". */
static char *describe(const RecipeSection *section)
{
        if (section_has(section, "File")) {
                char *words[] = { (char *) section_string(section, "File"), NULL };
                return stage_describe("Script", words);
        }
        for (const char *line = section_string(section, "Script"); *line;) {
                line += strspn(line, " \t\n");
                size_t length = strcspn(line, "\n");
                if (length > 0 && line[0] != '#' && !string_starts_with(line, "set -"))
                        return describe_line(line, length);
                line += length;
        }
        return strdup("Script");
}

/* As the kernel reads it (execve(2)): the interpreter and the rest of the line as one argument. */
static int parse_interpreter(const char *script, char **ret_interpreter, char **ret_argument, Error *error)
{
        if (strncmp(script, "#!", 2) != 0) {
                *ret_interpreter = strdup("/bin/sh");
                *ret_argument = strdup("-e");
                return *ret_interpreter && *ret_argument ? 0 : error_out_of_memory(error);
        }
        const char *start = script + 2 + strspn(script + 2, " \t");
        size_t line = strcspn(start, "\n"), length = strcspn(start, " \t\n");
        if (length > 0 && line > 0 && start[line - 1] == '\r')
                return error_set(error, -EINVAL, "The first line of the script ends with a carriage return");
        if (start[0] != '/' || line > INTERPRETER_MAX_BYTES)
                return error_set(error, -EINVAL, "The script's first line names no interpreter by an absolute path");
        while (line > length && strchr(" \t", start[line - 1]))
                line--;
        size_t gap = strspn(start + length, " \t");
        *ret_interpreter = strndup(start, length);
        if (!*ret_interpreter)
                return error_out_of_memory(error);
        if (length + gap < line) {
                *ret_argument = strndup(start + length + gap, line - length - gap);
                if (!*ret_argument)
                        return error_out_of_memory(error);
        }
        return 0;
}

static int read_script(StageContext *context, Buffer *ret, Error *error)
{
        int r;

        if (section_has(context->section, "File"))
                r = read_file(AT_FDCWD, section_path(context->section, "File"), SCRIPT_LIMIT_BYTES, ret, error);
        else
                r = buffer_append_string(ret, section_string(context->section, "Script")) < 0
                            ? error_out_of_memory(error)
                            : 0;
        if (r < 0)
                return r;
        if (strlen(ret->data) != ret->length)
                return error_set(error, -EINVAL, "The script contains a NUL byte");
        if (is_blank(ret->data))
                return recipe_error(context->recipe, section_key_place(context->section, "File"), error,
                                    "the script is empty");
        return 0;
}

static int run(StageContext *context, Error *error)
{
        _cleanup_buffer_ Buffer script = BUFFER_INIT;
        _cleanup_free_ char *interpreter = NULL, *argument = NULL, *path = path_join(context->work_directory, "script");

        if (!path)
                return error_out_of_memory(error);
        int r = read_script(context, &script, error);
        if (r == 0)
                r = parse_interpreter(script.data, &interpreter, &argument, error);
        if (r == 0)
                r = write_file_atomic(AT_FDCWD, path, script.data, script.length, 0755, error);
        if (r < 0)
                return r;
        const char *argv[] = { interpreter, argument ?: SCRIPT_TARGET, argument ? SCRIPT_TARGET : NULL, NULL };
        SandboxMount mount = { .source = path, .target = SCRIPT_TARGET };
        return sandbox_run(context->sandbox,
                           &(SandboxCommand){ .root = SANDBOX_ROOT_TREE,
                                              .tree = context->tree,
                                              .argv = argv,
                                              .environment = context->environment,
                                              .mounts = &mount,
                                              .n_mounts = 1,
                                              .network = section_bool(context->section, "Network"),
                                              .stdin_fd = -1,
                                              .output = context->output },
                           error);
}

static const KeySchema keys[] = {
        { .name = "Script", .type = KEY_TEXT,
          .help = "The script, run with /bin/sh -e unless its first line names an interpreter (#!)." },
        { .name = "File", .type = KEY_SOURCE, .help = "A file with the script, instead of Script=." },
        { .name = "Network", .type = KEY_BOOL, .fallback = "no",
          .help = "Whether the script reaches the network; what it fetches is not verified by templar." },
        { .name = "Cache", .type = KEY_BOOL,
          .help = "Whether the result is kept for later builds; without it yes, but no with Network=yes." },
        { .name = NULL },
};

const SectionSchema stage_script_schema = {
        .name = "Script",
        .help = "Runs a script as root of the image, in the sandbox, with IMAGE_NAME, IMAGE_VERSION, ARCHITECTURE, "
                "SUITE and SOURCE_DATE_EPOCH in its environment. What it starts ends with it.",
        .keys = keys,
        .check = check,
};

const StageKind stage_script = {
        .schema = &stage_script_schema,
        .version = 1,
        .sees_environment = true,
        .cacheable = cacheable,
        .digest = digest,
        .describe = describe,
        .run = run,
};
