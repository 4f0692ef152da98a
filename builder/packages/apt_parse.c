/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

void apt_package_done(AptPackage *package)
{
        free(package->name);
        free(package->version);
        free(package->architecture);
        free(package->source);
        free(package->source_version);
        free(package->patch_sha256);
        free(package->patched_sha256);
        free(package->uri);
        free(package->file_name);
        free(package->sha256);
        free(package->local_path);
        *package = (AptPackage){ 0 };
}

void apt_packages_done(AptPackages *packages)
{
        for (size_t i = 0; i < packages->n_items; i++)
                apt_package_done(&packages->items[i]);
        free(packages->items);
        *packages = (AptPackages){ 0 };
}

static void change_done(AptChange *change)
{
        free(change->name);
        free(change->version);
        free(change->architecture);
        *change = (AptChange){ 0 };
}

void apt_changes_done(AptChanges *changes)
{
        for (size_t i = 0; i < changes->n_items; i++)
                change_done(&changes->items[i]);
        free(changes->items);
        strv_free(changes->selected);
        *changes = (AptChanges){ 0 };
}

/* What apt escapes in a file name: "_", ":" and, in the architecture, "." */
static int append_quoted(Buffer *buffer, const char *text, const char *quoted)
{
        for (; *text; text++) {
                unsigned char c = (unsigned char) *text;
                int r = strchr(quoted, c) || c == '%' || c <= ' ' || c >= 0x7f ? buffer_printf(buffer, "%%%02x", c)
                                                                              : buffer_append(buffer, text, 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

char *apt_file_name(const char *name, const char *version, const char *architecture)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        if (append_quoted(&buffer, name, "_:") < 0 || buffer_append(&buffer, "_", 1) < 0 ||
            append_quoted(&buffer, version, "_:") < 0 || buffer_append(&buffer, "_", 1) < 0 ||
            append_quoted(&buffer, architecture, "_:.") < 0 || buffer_append_string(&buffer, ".deb") < 0)
                return NULL;
        return buffer_take(&buffer);
}

/* " [old] (version release [architecture]) [...]", from behind the name. */
static int parse_versions(const char *text, AptChange *change)
{
        text += strspn(text, " ");
        change->is_new = *text != '[';
        if (!change->is_new)
                text += strcspn(text, "]") + (strchr(text, ']') != NULL);
        text += strspn(text, " ");
        const char *end = strchr(text, ')');
        if (*text != '(' || !end)
                return -EINVAL;
        text++;
        const char *bracket = memrchr(text, '[', (size_t) (end - text));
        if (!bracket)
                return -EINVAL;
        change->version = strndup(text, strcspn(text, " )"));
        change->architecture = strndup(bracket + 1, strcspn(bracket + 1, "])"));
        return change->version && change->architecture ? 0 : -ENOMEM;
}

static int add_change(AptChanges *changes, AptChange *change)
{
        AptChange *grown = reallocarray(changes->items, changes->n_items + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        changes->items = grown;
        grown[changes->n_items++] = *change;
        *change = (AptChange){ 0 };
        return 0;
}

static int parse_change(const char *line, AptChanges *changes)
{
        static const struct {
                const char *word;
                AptAction action;
        } words[] = {
                { "Inst ", APT_UNPACK }, { "Conf ", APT_CONFIGURE }, { "Remv ", APT_REMOVE }, { "Purg ", APT_PURGE }
        };
        AptChange change = { 0 };

        for (size_t i = 0; i < ELEMENTS(words); i++) {
                if (!string_starts_with(line, words[i].word))
                        continue;
                change.action = words[i].action;
                line += strlen(words[i].word);
                change.name = strndup(line, strcspn(line, " "));
                int r = change.name ? 0 : -ENOMEM;
                if (r == 0 && change.action == APT_UNPACK)
                        r = parse_versions(line + strlen(change.name), &change);
                if (r == 0)
                        r = add_change(changes, &change);
                change_done(&change);
                return r;
        }
        return 0;
}

/* "Note, selecting 'real' instead of 'virtual'" */
static int parse_note(const char *line, AptChanges *changes)
{
        static const char start[] = "Note, selecting '";

        if (!string_starts_with(line, start))
                return 0;
        line += strlen(start);
        _cleanup_free_ char *name = strndup(line, strcspn(line, "'"));
        return name ? strv_append(&changes->selected, name) : -ENOMEM;
}

int apt_parse_changes(const char *text, AptChanges *ret, Error *error)
{
        _cleanup_changes_ AptChanges changes = { 0 };

        /* progress is overwritten in place with "\r" */
        for (const char *next; *text; text = next) {
                size_t length = strcspn(text, "\r\n");
                next = text + length + (text[length] != '\0');
                _cleanup_free_ char *line = strndup(text, length);
                int r = line ? parse_change(line, &changes) : -ENOMEM;
                if (r == 0)
                        r = parse_note(line, &changes);
                if (r == -ENOMEM)
                        return error_out_of_memory(error);
                if (r < 0)
                        return error_set(error, r, "apt-get says what can't be understood: %s", line);
        }
        *ret = changes;
        changes = (AptChanges){ 0 };
        return 0;
}

static bool is_sha256(const char *text)
{
        return strlen(text) == 2 * SHA256_BYTES && strspn(text, "0123456789abcdef") == 2 * SHA256_BYTES;
}

/* No path, and nothing that a shell, a log or a mount would trip over. */
static bool is_file_name(const char *text)
{
        if (!isalnum((unsigned char) *text) || !string_ends_with(text, ".deb"))
                return false;
        for (; *text; text++)
                if (!isalnum((unsigned char) *text) && !strchr("+-._~%", *text))
                        return false;
        return true;
}

static int parse_uri_line(const char *line, AptPackage *package)
{
        const char *end = strrchr(line, '\'');
        _cleanup_strv_ char **words = NULL;

        if (!end || end == line)
                return -EINVAL;
        _cleanup_free_ char *quoted = strndup(line + 1, (size_t) (end - line - 1));
        words = strv_split(end + 1, " ");
        if (!quoted || !words)
                return -ENOMEM;
        if (strv_length(words) < 2 || !is_file_name(words[0]) ||
            parse_unsigned(words[1], 0, INT64_MAX, &package->size_bytes) < 0)
                return -EINVAL;
        package->uri = apt_public_uri(quoted);
        package->file_name = strdup(words[0]);
        if (words[2] && string_starts_with(words[2], "SHA256:") && is_sha256(words[2] + strlen("SHA256:"))) {
                package->sha256 = strdup(words[2] + strlen("SHA256:"));
                if (!package->sha256)
                        return -ENOMEM;
        }
        return package->uri && package->file_name ? 0 : -ENOMEM;
}

static int add_package(AptPackages *packages, AptPackage *package)
{
        AptPackage *grown = reallocarray(packages->items, packages->n_items + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        packages->items = grown;
        grown[packages->n_items++] = *package;
        *package = (AptPackage){ 0 };
        return 0;
}

int apt_parse_uris(const char *text, AptPackages *ret, Error *error)
{
        _cleanup_apt_packages_ AptPackages packages = { 0 };

        for (const char *next; *text; text = next) {
                size_t length = strcspn(text, "\n");
                next = text + length + (text[length] != '\0');
                if (*text != '\'')
                        continue;
                _cleanup_free_ char *line = strndup(text, length);
                AptPackage package = { 0 };
                int r = line ? parse_uri_line(line, &package) : -ENOMEM;
                if (r == 0)
                        r = add_package(&packages, &package);
                apt_package_done(&package);
                if (r == -ENOMEM)
                        return error_out_of_memory(error);
                if (r < 0)
                        return error_set(error, r, "apt-get says what can't be understood: %s", line);
        }
        *ret = packages;
        packages = (AptPackages){ 0 };
        return 0;
}
