/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/licence.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct Name {
        const char *debian, *spdx;
} Name;

/* Names without a version, and those that Debian spells in its own way. Artistic: what Debian ships as that
 * (/usr/share/common-licenses) is Perl's. Left out on purpose, because one name stands for several texts: BSD, BSD-3,
 * MIT-style names, Apache, GPL, LGPL, MPL, OpenLDAP, Unicode, RSA, permissive, public-domain. */
static const Name names[] = {
        { "Artistic", "Artistic-1.0-Perl" },
        { "Perl", "Artistic-1.0-Perl OR GPL-1.0-or-later" },
        { "Expat", "MIT" },
        { "Apache-1", "Apache-1.0" },
        { "Apache-2", "Apache-2.0" },
        { "Artistic-2", "Artistic-2.0" },
        { "Boost-1.0", "BSL-1.0" },
        { "CC0", "CC0-1.0" },
        { "CDDL-1", "CDDL-1.0" },
        { "CPL-1", "CPL-1.0" },
        { "EPL-1", "EPL-1.0" },
        { "EPL-2", "EPL-2.0" },
        { "FreeType", "FTL" },
        { "GFDL-NIV-1.1", "GFDL-1.1-no-invariants-only" },
        { "GFDL-NIV-1.1+", "GFDL-1.1-no-invariants-or-later" },
        { "GFDL-NIV-1.2", "GFDL-1.2-no-invariants-only" },
        { "GFDL-NIV-1.2+", "GFDL-1.2-no-invariants-or-later" },
        { "GFDL-NIV-1.3", "GFDL-1.3-no-invariants-only" },
        { "GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later" },
        { "OpenLDAP-2.8", "OLDAP-2.8" },
        { "PSF-2", "PSF-2.0" },
        { "QPL-1", "QPL-1.0" },
        { "SIL-1.1", "OFL-1.1" },
        { "SIL-OFL-1.1", "OFL-1.1" },
        { "WTFPL-2", "WTFPL" },
        { "Zope-2.1", "ZPL-2.1" },
};

/* On the SPDX list under the same name. */
static const char *const identifiers[] = {
        "0BSD", "AFL-1.1", "AFL-1.2", "AFL-2.0", "AFL-2.1", "AFL-3.0", "Apache-1.0", "Apache-1.1", "Apache-2.0", "APSL-2.0",
        "Artistic-1.0", "Artistic-1.0-cl8", "Artistic-1.0-Perl", "Artistic-2.0", "Beerware", "Bitstream-Vera", "blessing",
        "BlueOak-1.0.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-2-Clause-Patent", "BSD-2-Clause-Views", "BSD-3-Clause",
        "BSD-3-Clause-Attribution", "BSD-3-Clause-Clear", "BSD-3-Clause-LBNL", "BSD-4-Clause", "BSD-4-Clause-UC",
        "BSD-Protection", "BSD-Source-Code", "BSL-1.0", "bzip2-1.0.6", "CC-BY-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0",
        "CC-BY-4.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-3.0", "CC-BY-ND-4.0",
        "CC-BY-SA-1.0", "CC-BY-SA-2.0", "CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0", "CDDL-1.0", "CDDL-1.1",
        "CECILL-2.0", "CECILL-2.1", "CECILL-B", "CECILL-C", "CNRI-Python", "CPL-1.0", "curl", "ECL-2.0", "EFL-1.0",
        "EFL-2.0", "Entessa", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2", "FSFAP", "FSFUL", "FSFULLR", "FTL", "HPND",
        "HPND-sell-variant", "IBM-pibs", "ICU", "IJG", "Info-ZIP", "IPA", "IPL-1.0", "ISC", "JasPer-2.0", "JSON",
        "Latex2e", "Libpng", "libpng-2.0", "libtiff", "LPL-1.02", "LPPL-1.0", "LPPL-1.1", "LPPL-1.2", "LPPL-1.3a",
        "LPPL-1.3c", "MIT", "MIT-0", "MIT-CMU", "MIT-feh", "MIT-Modern-Variant", "MirOS", "MPL-1.0", "MPL-1.1", "MPL-2.0",
        "MPL-2.0-no-copyleft-exception", "MS-PL", "MulanPSL-2.0", "NAIST-2003", "NBPL-1.0", "NCSA", "NetCDF", "NGPL",
        "NLOD-1.0", "NTP", "NTP-0", "OFL-1.0", "OFL-1.1", "OGL-UK-3.0", "OLDAP-2.8", "OpenSSL", "OSL-1.1", "OSL-2.1",
        "OSL-3.0", "PDDL-1.0", "PHP-3.0", "PHP-3.01", "Plexus", "PostgreSQL", "PSF-2.0", "Python-2.0", "QPL-1.0", "Qhull",
        "Ruby", "SGI-B-2.0", "SISSL", "Sleepycat", "SMLNJ", "Spencer-86", "Spencer-94", "Spencer-99", "SSH-OpenSSH",
        "SSH-short", "TCL", "TCP-wrappers", "TU-Berlin-1.0", "Unicode-DFS-2015", "Unicode-DFS-2016",
        "Unicode-TOU", "Unlicense", "UPL-1.0", "Vim", "W3C", "WTFPL", "X11", "XFree86-1.1", "xpp", "Zlib",
        "zlib-acknowledgement", "ZPL-2.0", "ZPL-2.1",
};

/* "GPL-2", "GPL-2.0", "GPL-2+", "GPL-2-or-later": the versions that there are, as SPDX writes them. */
typedef struct Family {
        const char *debian, *spdx;
        const char *versions[5];
} Family;

static const Family families[] = {
        { "GPL-", "GPL-", { "1.0", "2.0", "3.0" } },
        { "LGPL-", "LGPL-", { "2.0", "2.1", "3.0" } },
        { "AGPL-", "AGPL-", { "1.0", "3.0" } },
        { "GFDL-", "GFDL-", { "1.1", "1.2", "1.3" } },
};

static const char *rest_after(const char *text, const char *prefix)
{
        size_t length = strlen(prefix);

        return strncasecmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* Behind the version, which may stand without its ".0"; NULL when it is another one. */
static const char *rest_after_version(const char *text, const char *version)
{
        const char *rest = rest_after(text, version);

        if (rest || version[1] != '.' || version[2] != '0' || *text != *version || text[1] == '.')
                return rest;
        return text + 1;
}

static const char *family_id(const char *name, char buffer[static LICENCE_ID_MAX])
{
        for (size_t i = 0; i < ELEMENTS(families); i++) {
                const char *rest = rest_after(name, families[i].debian);
                for (const char *const *version = families[i].versions; rest && *version; version++) {
                        const char *end = rest_after_version(rest, *version);
                        if (!end)
                                continue;
                        bool only = !*end || strcasecmp(end, "-only") == 0;
                        if (!only && strcmp(end, "+") != 0 && strcasecmp(end, "-or-later") != 0)
                                continue;
                        snprintf(buffer, LICENCE_ID_MAX, "%s%s%s", families[i].spdx, *version,
                                 only ? "-only" : "-or-later");
                        return buffer;
                }
        }
        return NULL;
}

static const char *known_id(const char *name)
{
        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (strcasecmp(name, names[i].debian) == 0)
                        return names[i].spdx;
        for (size_t i = 0; i < ELEMENTS(identifiers); i++)
                if (strcasecmp(name, identifiers[i]) == 0)
                        return identifiers[i];
        return NULL;
}

/* "MPL-1.1+": any identifier but those of the families may carry the operator. */
static const char *later_id(const char *name, char buffer[static LICENCE_ID_MAX])
{
        size_t length = strlen(name);

        if (length < 2 || length >= LICENCE_ID_MAX || name[length - 1] != '+')
                return NULL;
        memcpy(buffer, name, length - 1);
        buffer[length - 1] = '\0';
        const char *id = known_id(buffer);
        if (!id || strchr(id, ' ') || strlen(id) + 2 > LICENCE_ID_MAX)
                return NULL;
        snprintf(buffer, LICENCE_ID_MAX, "%s+", id);
        return buffer;
}

const char *licence_id(const char *name, char buffer[static LICENCE_ID_MAX])
{
        const char *id = family_id(name, buffer);

        if (!id)
                id = known_id(name);
        return id ? id : later_id(name, buffer);
}
