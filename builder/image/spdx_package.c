/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/spdx_internal.h"

#include "packages/licence.h"
#include "packages/purl.h"

#include <errno.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ where it comes from */

/* Lists and teams are organizations; the rest are persons. */
static bool is_organization(const char *name, const char *address)
{
        static const char *const words[] = { "Team", "team", "Maintainers", "maintainers", "Group", "Developers",
                                             "Project", "Packaging", "Packagers" };

        if (strstr(address, "@lists.") || strstr(address, "@packages.") || strstr(address, "@tracker."))
                return true;
        for (size_t i = 0; i < ELEMENTS(words); i++)
                if (strstr(name, words[i]))
                        return true;
        return false;
}

char *spdx_supplier(const char *maintainer)
{
        const char *open = maintainer ? strrchr(maintainer, '<') : NULL;
        size_t length = open ? (size_t) (open - maintainer) : maintainer ? strlen(maintainer) : 0;

        while (length > 0 && strchr(" \t", maintainer[length - 1]))
                length--;
        if (length == 0)
                return strdup(SPDX_NO_ASSERTION);
        _cleanup_free_ char *name = strndup(maintainer, length);
        _cleanup_free_ char *address = strndup(open ? open + 1 : "", open ? strcspn(open + 1, ">") : 0);
        char *text = NULL;
        if (!name || !address)
                return NULL;
        const char *kind = is_organization(name, address) ? "Organization" : "Person";
        int n = *address ? asprintf(&text, "%s: %s (%s)", kind, name, address) : asprintf(&text, "%s: %s", kind, name);
        return n < 0 ? NULL : text;
}

static const LockPackage *first_of_name(const Lock *lock, const char *name)
{
        size_t low = 0, high = lock->n_packages;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (strcmp(lock->packages[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return lock->packages + low;
}

const LockPackage *spdx_archive(const Lock *lock, const DpkgPackage *package)
{
        const LockPackage *end = lock ? lock->packages + lock->n_packages : NULL, *patched = NULL;

        if (!lock || lock->n_packages == 0)
                return NULL;
        for (const LockPackage *found = first_of_name(lock, package->name);
             found < end && strcmp(found->name, package->name) == 0; found++) {
                if (strcmp(found->architecture, package->architecture) != 0)
                        continue;
                if (!found->patched_sha256 && strcmp(found->version, package->version) == 0)
                        return found;
                /* [PatchDeb] Suffix= makes the version longer */
                if (found->patched_sha256 && string_starts_with(package->version, found->version))
                        patched = found;
        }
        return patched;
}

/* ------------------------------------------------------------------------------------------------ elements */

static json_t *checksums(const char *sha256)
{
        return json_pack("[{s:s, s:s}]", "algorithm", "SHA256", "checksumValue", sha256);
}

static json_t *purl_reference(const SpdxSystem *system, const char *name, const char *version, const char *architecture)
{
        _cleanup_free_ char *purl = purl_format(&(Purl){ system->id, name, version, architecture, system->distribution });

        if (!purl)
                return NULL;
        return json_pack("[{s:s, s:s, s:s}]", "referenceCategory", "PACKAGE-MANAGER", "referenceType", "purl",
                         "referenceLocator", purl);
}

static json_t *licence_of(const char *text, json_t *references)
{
        _cleanup_copyright_ Copyright copyright = { 0 };
        _cleanup_free_ char *expression = NULL;
        int r = copyright_parse(text, strlen(text), &copyright);

        if (r == 0)
                r = licence_declared(&copyright, references, &expression);
        if (r < 0 && r != -EBADMSG)
                return NULL;
        return json_string(expression ? expression : SPDX_NO_ASSERTION);
}

/* apt's "copy:" and paths of this machine tell others nothing. */
static bool is_public(const char *uri)
{
        return string_starts_with(uri, "http://") || string_starts_with(uri, "https://");
}

static json_t *patch_note(const LockPackage *archive)
{
        return json_sprintf("Version %s (SHA-256 of the .deb: %s), changed by a patch (SHA-256: %s)", archive->version,
                            archive->sha256, archive->patch_sha256 ? archive->patch_sha256 : "unknown");
}

static bool add_archive(json_t *object, const LockPackage *archive)
{
        if (!archive)
                return true;
        if (!json_put(object, "checksums", checksums(archive->patched_sha256 ? archive->patched_sha256 : archive->sha256)))
                return false;
        if (archive->patched_sha256)
                return json_put(object, "sourceInfo", patch_note(archive));
        return !is_public(archive->uri) || json_put(object, "downloadLocation", json_text(archive->uri));
}

json_t *spdx_package(const Spdx *spdx, const SpdxSystem *system, size_t index, const char *id, json_t *references)
{
        const DpkgPackage *package = &spdx->inventory->packages.items[index];
        _cleanup_json_ json_t *object = spdx_element(id, package->name, package->version, NULL);
        _cleanup_free_ char *supplier = spdx_supplier(package->maintainer);

        if (!object || !supplier || !json_put(object, "supplier", json_text(supplier)) ||
            !json_put(object, "licenseDeclared", licence_of(spdx->inventory->copyrights[index], references)) ||
            !json_put(object, "externalRefs",
                      purl_reference(system, package->name, package->version, package->architecture)) ||
            !add_archive(object, spdx_archive(spdx->lock, package)))
                return NULL;
        return TAKE_PTR(object);
}

json_t *spdx_source(const SpdxSystem *system, const char *name, const char *version, const char *id)
{
        _cleanup_json_ json_t *object = spdx_element(id, name, version, "SOURCE");

        if (!object || !json_put(object, "externalRefs", purl_reference(system, name, version, "source")))
                return NULL;
        return TAKE_PTR(object);
}
