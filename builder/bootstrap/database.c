/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/database.h"

#include "base/file.h"
#include "bootstrap/paths.h"
#include "packages/deb822.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define INTERESTS_LIMIT_BYTES ((uint64_t) 16 << 20)

/* Neither synced nor renamed: until dpkg runs nobody else looks. What is at that name is no link, as nothing in the
 * tree has run that could have made one, or dpkg would follow it, too. */
static int write_at(int directory_fd, const char *name, const void *data, size_t size_bytes, mode_t mode, int flags,
                    Error *error)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, mode);
        int r = fd < 0 ? -errno : write_all(fd, data, size_bytes);

        if (r == 0 && (flags & O_TRUNC) && fchmod(fd, mode) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't write %s of dpkg's database", name) : 0;
}

static int write_buffer(int directory_fd, const char *name, const Buffer *buffer, Error *error)
{
        return write_at(directory_fd, name, buffer->data ? buffer->data : "", buffer->length, 0644, O_TRUNC, error);
}

static int append_buffer(int directory_fd, const char *name, const Buffer *buffer, Error *error)
{
        if (buffer->length == 0)
                return 0;
        return write_at(directory_fd, name, buffer->data, buffer->length, 0644, O_APPEND, error);
}

static int open_database(int root_fd, const char *name, Error *error)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, DATABASE_PATH "/%s", name) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        int fd = open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
        return fd < 0 ? error_set_errno(error, -fd, "Can't open %s of the tree", path) : fd;
}

int database_make(int root_fd, const char *architecture, Error *error)
{
        static const char *const directories[] = { "info", "updates", "triggers" };
        _cleanup_buffer_ Buffer arch = BUFFER_INIT, format = BUFFER_INIT, nothing = BUFFER_INIT;
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(directories); i++) {
                _cleanup_free_ char *path = NULL;
                if (asprintf(&path, DATABASE_PATH "/%s", directories[i]) < 0) {
                        path = NULL;
                        return error_out_of_memory(error);
                }
                r = make_directories_in_root(root_fd, path, 0755);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't make %s of the tree", path);
        }
        _cleanup_close_ int fd = open_database(root_fd, "", error), info_fd = open_database(root_fd, "info", error);
        if (fd < 0 || info_fd < 0)
                return fd < 0 ? fd : info_fd;
        if (buffer_printf(&arch, "%s\n", architecture) < 0 || buffer_append_string(&format, "1\n") < 0)
                return error_out_of_memory(error);
        r = write_buffer(fd, "arch", &arch, error);
        if (r == 0)
                r = write_buffer(fd, "status", &nothing, error);
        return r == 0 ? write_buffer(info_fd, "format", &format, error) : r;
}

int database_name(const Package *package, char **ret)
{
        int n = package->multi_arch_same
                        ? asprintf(ret, "%s:%s", package->origin->name, package->origin->architecture)
                        : asprintf(ret, "%s", package->origin->name);

        return n < 0 ? -ENOMEM : 0;
}

/* ------------------------------------------------------------------------------------------------ status */

static int append_conffiles(const Package *package, Buffer *ret)
{
        int r = package->n_conffiles > 0 ? buffer_append_string(ret, "Conffiles:\n") : 0;

        for (size_t i = 0; r == 0 && i < package->n_conffiles; i++) {
                const Conffile *conffile = &package->conffiles[i];
                r = buffer_printf(ret, " %s %s%s\n", conffile->path, *conffile->md5 ? conffile->md5 : "newconffile",
                                  conffile->remove_on_upgrade ? " remove-on-upgrade" : "");
        }
        return r;
}

int database_stanza(const Package *package, Buffer *ret)
{
        Deb822 reader = DEB822_INIT(package_control(package));
        Deb822Field field;
        int r = deb822_next_stanza(&reader) ? 1 : 0;

        while (r > 0 && (r = deb822_next_field(&reader, &field)) > 0) {
                size_t length = (size_t) (field.value + field.value_length - field.name);
                if (buffer_append(ret, field.name, length) < 0 || buffer_append(ret, "\n", 1) < 0)
                        return -ENOMEM;
                if (deb822_is(&field, "Package") && buffer_append_string(ret, "Status: install ok unpacked\n") < 0)
                        return -ENOMEM;
        }
        if (r == 0)
                r = append_conffiles(package, ret);
        return r == 0 ? buffer_append(ret, "\n", 1) : r;
}

/* ------------------------------------------------------------------------------------------------ info */

/* "/." first; without a type. */
static int format_list(const Package *package, Buffer *ret)
{
        const char *path;
        PathType type;
        int r = 0;

        for (size_t at = 0; r == 0 && (path = paths_next(&package->paths, &at, &type));)
                r = buffer_printf(ret, "%s\n", path);
        return r;
}

static int write_info(int info_fd, const char *name, const char *suffix, const void *data, size_t size_bytes, mode_t mode,
                      Error *error)
{
        _cleanup_free_ char *file = NULL;

        if (asprintf(&file, "%s.%s", name, suffix) < 0) {
                file = NULL;
                return error_out_of_memory(error);
        }
        return write_at(info_fd, file, data, size_bytes, mode, O_TRUNC, error);
}

static int write_list(int info_fd, Package *package, Error *error)
{
        _cleanup_buffer_ Buffer list = BUFFER_INIT;
        _cleanup_free_ char *name = NULL;

        if (database_name(package, &name) < 0 || format_list(package, &list) < 0)
                return error_out_of_memory(error);
        package->paths_changed = false;
        return write_info(info_fd, name, "list", list.data ? list.data : "", list.length, 0644, error);
}

static int write_files(int info_fd, const Package *package, Error *error)
{
        _cleanup_free_ char *name = NULL;
        int r = 0;

        if (database_name(package, &name) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; r == 0 && i < package->n_files; i++) {
                const ControlFile *file = &package->files[i];
                if (strcmp(file->name, "control") != 0 && strcmp(file->name, "list") != 0)
                        r = write_info(info_fd, name, file->name, file->data, file->size_bytes, file->mode, error);
        }
        if (r == 0 && package->md5sums.length > 0)
                r = write_info(info_fd, name, "md5sums", package->md5sums.data, package->md5sums.length, 0644, error);
        return r;
}

/* ------------------------------------------------------------------------------------------------ triggers */

/* "interest-noawait /usr/lib": *ret_name is the trigger, up to the end of its line. */
static bool parse_interest(const char *line, const char **ret_name, size_t *ret_length, bool *ret_noawait)
{
        static const struct {
                const char *word;
                bool noawait;
        } words[] = { { "interest", false }, { "interest-await", false }, { "interest-noawait", true } };
        const char *word = line + strspn(line, " \t");
        size_t length = strcspn(word, " \t\n");

        for (size_t i = 0; i < ELEMENTS(words); i++) {
                if (strlen(words[i].word) != length || strncmp(word, words[i].word, length) != 0)
                        continue;
                *ret_name = word + length + strspn(word + length, " \t");
                *ret_length = strcspn(*ret_name, " \t\r#\n");
                *ret_noawait = words[i].noawait;
                return *ret_length > 0;
        }
        return false;
}

/* Files are listed in one file, other triggers have one each. */
static int add_interest(int triggers_fd, const char *package, const char *trigger, size_t length, bool noawait,
                        Error *error)
{
        _cleanup_buffer_ Buffer line = BUFFER_INIT;
        _cleanup_free_ char *name = strndup(trigger, length);
        const char *suffix = noawait ? "/noawait" : "";

        if (!name)
                return error_out_of_memory(error);
        bool is_file = *name == '/';
        if (!is_file && (strchr(name, '/') || *name == '.'))
                return error_set(error, -EBADMSG, "%s wants a trigger with a name that can't be: %s", package, name);
        if (buffer_printf(&line, "%s%s%s%s\n", is_file ? name : "", is_file ? " " : "", package, suffix) < 0)
                return error_out_of_memory(error);
        return append_buffer(triggers_fd, is_file ? "File" : name, &line, error);
}

static int add_triggers(int triggers_fd, const Package *package, Error *error)
{
        const ControlFile *file = package_file(package, "triggers");
        _cleanup_free_ char *name = NULL;
        int r = 0;

        if (!file)
                return 0;
        if (database_name(package, &name) < 0)
                return error_out_of_memory(error);
        for (const char *line = file->data; r == 0 && *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *trigger;
                size_t length;
                bool noawait;
                if (parse_interest(line, &trigger, &length, &noawait))
                        r = add_interest(triggers_fd, name, trigger, length, noawait, error);
        }
        return r;
}

static bool has_below(const Package *package, const char *path, size_t length)
{
        PathType type;
        size_t at = 0;

        for (const char *own; (own = paths_next(&package->paths, &at, &type));)
                if (type != PATH_DIRECTORY && strncmp(own, path, length) == 0 && (own[length] == '/' || own[length] == '\0'))
                        return true;
        return false;
}

/* One line of "File", "PATH PACKAGE[/noawait]"; *ret gets "PATH AWAITER..." or "PATH -". */
static int activate(const char *line, const Packages *packages, const size_t *numbers, size_t n_numbers, Buffer *ret)
{
        static const char noawait[] = "/noawait";
        size_t length = strcspn(line, " \n"), end = strcspn(line, "\n");
        bool waits = end < strlen(noawait) || strncmp(line + end - strlen(noawait), noawait, strlen(noawait)) != 0;
        bool found = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n_numbers && (waits || !found); i++) {
                const Package *package = &packages->items[numbers[i]];
                _cleanup_free_ char *name = NULL;
                if (!has_below(package, line, length))
                        continue;
                if (!found)
                        r = buffer_append(ret, line, length);
                found = true;
                if (r == 0 && waits)
                        r = database_name(package, &name);
                if (r == 0)
                        r = buffer_printf(ret, " %s", waits ? name : "-");
        }
        return r == 0 && found ? buffer_append_string(ret, "\n") : r;
}

int database_activate(int root_fd, const Packages *packages, const size_t *numbers, size_t n_numbers, Error *error)
{
        _cleanup_close_ int triggers_fd = open_database(root_fd, "triggers", error);
        _cleanup_buffer_ Buffer interests = BUFFER_INIT, activated = BUFFER_INIT;

        if (triggers_fd < 0)
                return triggers_fd;
        _cleanup_close_ int fd = openat(triggers_fd, "File", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return 0;
        int r = fd < 0 ? -errno : read_descriptor(fd, INTERESTS_LIMIT_BYTES, &interests);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read triggers/File of dpkg's database");
        for (const char *line = interests.data ? interests.data : ""; r == 0 && *line;
             line += strcspn(line, "\n"), line += *line == '\n')
                r = activate(line, packages, numbers, n_numbers, &activated);
        if (r < 0)
                return error_out_of_memory(error);
        return append_buffer(triggers_fd, "Unincorp", &activated, error);
}

/* ------------------------------------------------------------------------------------------------ all of it */

int database_add(int root_fd, Packages *packages, const size_t *numbers, size_t n_numbers, Error *error)
{
        _cleanup_close_ int fd = open_database(root_fd, "", error);
        _cleanup_close_ int info_fd = fd < 0 ? fd : open_database(root_fd, "info", error);
        _cleanup_close_ int triggers_fd = info_fd < 0 ? info_fd : open_database(root_fd, "triggers", error);
        _cleanup_buffer_ Buffer status = BUFFER_INIT;
        int r = triggers_fd < 0 ? triggers_fd : 0;

        for (size_t i = 0; r == 0 && i < n_numbers; i++) {
                const Package *package = &packages->items[numbers[i]];
                r = write_files(info_fd, package, error);
                if (r == 0)
                        r = add_triggers(triggers_fd, package, error);
                if (r == 0 && database_stanza(package, &status) < 0)
                        r = error_out_of_memory(error);
        }
        for (size_t i = 0; r == 0 && i < packages->n_items; i++)
                if (packages->items[i].paths_changed)
                        r = write_list(info_fd, &packages->items[i], error);
        return r == 0 ? append_buffer(fd, "status", &status, error) : r;
}
