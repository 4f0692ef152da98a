/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/pool.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "packages/apt_internal.h"

/* RFC 3986, 2.1; a NUL stays as it is written. */
static char *decode(const char *text)
{
        char *decoded = strdup(text), *to = decoded;

        for (const char *from = text; decoded && *from; from++) {
                unsigned code = 0;
                if (*from == '%' && isxdigit((unsigned char) from[1]) && isxdigit((unsigned char) from[2]) &&
                    sscanf(from + 1, "%2x", &code) == 1 && code > 0) {
                        *to++ = (char) code;
                        from += 2;
                } else {
                        *to++ = *from;
                }
        }
        if (decoded)
                *to = '\0';
        return decoded;
}

static char *encode(const char *path)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        for (; *path; path++) {
                bool plain = isalnum((unsigned char) *path) || strchr("/-._~+:,=@!$&'()*", *path);
                if (buffer_printf(&text, plain ? "%c" : "%%%02X", (unsigned char) *path) < 0)
                        return NULL;
        }
        return buffer_take(&text);
}

static char *made_path(const AptPackage *package)
{
        const char *source = package->source ?: package->name;
        int prefix_length = string_starts_with(source, "lib") && strlen(source) > 3 ? 4 : 1;
        char *path = NULL;

        return asprintf(&path, "pool/main/%.*s/%s/%s", prefix_length, source, source, package->file_name) < 0 ? NULL : path;
}

char *pool_path(const AptPackage *package)
{
        const char *found = NULL;

        for (const char *at = package->uri; at && (at = strstr(at, "/pool/")); at++)
                found = at + 1;
        if (!found)
                return made_path(package);
        char *path = decode(found);
        if (!path || (path_is_inside(path) && string_ends_with(path, ".deb")))
                return path;
        free(path);
        return made_path(package);
}

char *pool_path_by_hash(const AptPackage *package)
{
        char *path = NULL;

        return asprintf(&path, "pool/by-hash/%s.deb", package->sha256) < 0 ? NULL : path;
}

static int add_directory(const char *directory, const AptPackage *package, const char *path, char ***ret_paths)
{
        const char *const places[] = { path, package->file_name };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(places); i++)
                r = strv_appendf(ret_paths, "%s/%s", directory, places[i]);
        if (r == 0)
                r = strv_appendf(ret_paths, "%s/pool/by-hash/%s.deb", directory, package->sha256);
        if (r == 0)
                r = strv_appendf(ret_paths, "%s/%.2s/%s.deb", directory, package->sha256, package->sha256);
        return r == 0 ? strv_appendf(ret_paths, "%s/packages/%.2s/%s.deb", directory, package->sha256, package->sha256)
                      : r;
}

static int add_address(const char *uri, const AptPackage *package, const char *path, char ***ret_uris)
{
        _cleanup_free_ char *encoded = encode(path);
        size_t length = strlen(uri);

        while (length > 0 && uri[length - 1] == '/')
                length--;
        if (!encoded || strv_appendf(ret_uris, "%.*s/%s", (int) length, uri, encoded) < 0)
                return -ENOMEM;
        return strv_appendf(ret_uris, "%.*s/pool/by-hash/%s.deb", (int) length, uri, package->sha256);
}

static int add_own(const AptPackage *package, char ***ret_paths, char ***ret_uris)
{
        const char *local = package->uri ? apt_local_path(package->uri) : NULL;

        if (string_empty(package->uri))
                return 0;
        if (!local)
                return strv_append(ret_uris, package->uri);
        /* a name may have what looks like a code */
        _cleanup_free_ char *decoded = decode(local);
        int r = decoded ? strv_append(ret_paths, decoded) : -ENOMEM;
        return r == 0 && strcmp(decoded, local) != 0 ? strv_append(ret_paths, local) : r;
}

int pool_places(char *const *pools, const AptPackage *package, char ***ret_paths, char ***ret_uris)
{
        _cleanup_strv_ char **paths = NULL, **uris = NULL;
        _cleanup_free_ char *path = pool_path(package);
        int r = path ? 0 : -ENOMEM;

        for (; r == 0 && pools && *pools; pools++) {
                const char *directory = strstr(*pools, "://") ? apt_local_path(*pools) : *pools;
                r = directory ? add_directory(directory, package, path, &paths)
                              : add_address(*pools, package, path, &uris);
        }
        if (r == 0)
                r = add_own(package, &paths, &uris);
        if (r < 0)
                return r;
        *ret_paths = TAKE_PTR(paths);
        *ret_uris = TAKE_PTR(uris);
        return 0;
}
