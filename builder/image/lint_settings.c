/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint_internal.h"

#include <ctype.h>
#include <string.h>

/* Cuts the next line off; NULL at the end. */
static char *next_line(char **next)
{
        char *line = *next;

        if (!*line)
                return NULL;
        char *end = strchrnul(line, '\n');
        *next = *end ? end + 1 : end;
        *end = '\0';
        return line;
}

/* The same, but comments and blank lines, without white space at both ends. `comments`: what they start with. */
static char *next_setting(char **next, const char *comments, unsigned *number)
{
        for (char *line; (line = next_line(next));) {
                ++*number;
                line += strspn(line, " \t\r");
                for (size_t length = strlen(line); length > 0 && isspace((unsigned char) line[length - 1]); length--)
                        line[length - 1] = '\0';
                if (*line && !strchr(comments, *line))
                        return line;
        }
        return NULL;
}

/* Cuts the next field of a line of passwd(5) off; NULL when there is none. */
static char *next_field(char **next)
{
        char *field = *next;

        if (!field)
                return NULL;
        char *colon = strchr(field, ':');
        *next = colon ? colon + 1 : NULL;
        if (colon)
                *colon = '\0';
        return field;
}

/* NIS' own lines ("+::") are no users. */
static char *user_name(char **line)
{
        return **line == '+' || **line == '-' ? NULL : next_field(line);
}

/* crypt(5): what each method's hashes look like. */
static void judge_hash(LintRun *run, const char *user, const char *hash)
{
        static const char des[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        size_t length = strlen(hash);
        bool old = strspn(hash, des) == length && length == 13;

        if (length == 0)
                lint_found(run, LINT_PASSWORD_EMPTY, "lets %s in without a password", user);
        else if (old || (hash[0] == '_' && length == 20) || string_starts_with(hash, "$1$"))
                lint_found(run, LINT_PASSWORD_WEAK, "has a hash of %s for %s", hash[0] == '$' ? "MD5" : "DES", user);
        else if (!strchr("!*$", hash[0]))
                lint_found(run, LINT_PASSWORD_PLAIN, "has something for %s that is no hash", user);
}

void lint_shadow(LintRun *run)
{
        char *next = run->content.data;

        for (char *line; (line = next_line(&next));) {
                const char *user = user_name(&line), *hash = next_field(&line);
                if (user && hash && *user)
                        judge_hash(run, user, hash);
        }
}

static void judge_user(LintRun *run, const char *user, const char *password, const char *number)
{
        if (!*password)
                lint_found(run, LINT_PASSWORD_EMPTY, "lets %s in without a password", user);
        else if (strcmp(password, "x") != 0 && !strchr("*!", password[0]))
                lint_found(run, LINT_PASSWORD_PLAIN, "has the password hash of %s, where every program can read it",
                           user);
        if (*number && strspn(number, "0") == strlen(number) && (strcmp(user, "root") != 0 || run->n_roots++ > 0))
                lint_found(run, LINT_SECOND_ROOT, "gives %s the number 0", user);
}

void lint_passwd(LintRun *run)
{
        char *next = run->content.data;

        run->n_roots = 0;
        for (char *line; (line = next_line(&next));) {
                const char *user = user_name(&line), *password = next_field(&line), *number = next_field(&line);
                if (user && *user && password && number)
                        judge_user(run, user, password, number);
        }
}

void lint_machine_id(LintRun *run)
{
        unsigned number = 0;
        char *next = run->content.data, *id = next_setting(&next, "", &number);

        if (id && strcmp(id, "uninitialized") != 0)
                lint_found(run, LINT_MACHINE_ID, "is not empty");
}

void lint_hostname(LintRun *run)
{
        unsigned number = 0;
        char *next = run->content.data, *name = next_setting(&next, "#", &number);

        if (name && strcmp(name, "localhost") != 0)
                lint_found(run, LINT_HOSTNAME, "names the machine \"%.64s\"", name);
}

/* A server on the machine itself is nobody's network. */
static bool is_local_server(const char *line)
{
        const char *address = line + strlen("nameserver");

        if (!string_starts_with(line, "nameserver"))
                return false;
        address += strspn(address, " \t");
        return string_starts_with(address, "127.") || strcmp(address, "::1") == 0;
}

void lint_resolv_conf(LintRun *run)
{
        static const char *const words[] = { "nameserver", "search", "domain" };
        char *next = run->content.data;
        unsigned number = 0;

        for (char *line; (line = next_setting(&next, "#;", &number));)
                for (size_t i = 0; i < ELEMENTS(words); i++)
                        if (string_starts_with(line, words[i]) && !is_local_server(line) &&
                            strcmp(line, "search .") != 0) {
                                lint_found(run, LINT_RESOLV_CONF, "has a %s (line %u)", words[i], number);
                                return;
                        }
}

/* apt_auth.conf(5) */
void lint_apt_auth(LintRun *run)
{
        char *next = run->content.data;
        unsigned number = 0;

        for (char *line; (line = next_setting(&next, "#", &number));)
                if (strstr(line, "password") || strstr(line, "login")) {
                        lint_found(run, LINT_APT_CREDENTIALS, "holds a login (line %u)", number);
                        return;
                }
}

/* "http://user:password@host/" */
static bool has_login(const char *line)
{
        while ((line = strstr(line, "://"))) {
                line += strlen("://");
                size_t length = strcspn(line, "/ \t]\"'");
                if (memchr(line, '@', length))
                        return true;
        }
        return false;
}

void lint_apt_sources(LintRun *run)
{
        char *next = run->content.data;
        unsigned number = 0;

        for (char *line; (line = next_setting(&next, "#", &number));)
                if (has_login(line)) {
                        lint_found(run, LINT_APT_CREDENTIALS, "has an address with a login in it (line %u)", number);
                        return;
                }
}

/* apt.conf(5): Acquire::http::Proxy "x";  and  Acquire { http { Proxy "x"; }; }, for a host as well. */
static bool sets_apt_proxy(const char *line)
{
        while ((line = strcasestr(line, "proxy"))) {
                line += strlen("proxy");
                if (string_starts_with(line, "::"))
                        line += 2 + strcspn(line + 2, " \t\"");
                if (!isspace((unsigned char) *line) && *line != '"')
                        continue;
                const char *value = line + strspn(line, " \t");
                if (*value++ == '"' && *value != '"' && strncasecmp(value, "DIRECT\"", 7) != 0 &&
                    strncasecmp(value, "false\"", 6) != 0)
                        return true;
        }
        return false;
}

void lint_apt_conf(LintRun *run)
{
        char *next = run->content.data;
        unsigned number = 0;
        bool told = false, in_comment = false;

        for (char *line; (line = next_setting(&next, "#", &number));) {
                if (string_starts_with(line, "//"))
                        continue;
                if (string_starts_with(line, "/*"))
                        in_comment = true;
                if (in_comment) {
                        in_comment = !strstr(line, "*/");
                        continue;
                }
                if (sets_apt_proxy(line) && !told) {
                        lint_found(run, LINT_PROXY, "sets a proxy for apt (line %u)", number);
                        told = true;
                }
                if (has_login(line)) {
                        lint_found(run, LINT_APT_CREDENTIALS, "has an address with a login in it (line %u)", number);
                        return;
                }
        }
}

/* http_proxy=x, HTTPS_PROXY="x", https_proxy = x; not no_proxy. */
static bool sets_proxy(const char *line)
{
        static const char *const kinds[] = { "http", "https", "ftp", "all", "socks", "rsync" };

        for (const char *word = line; (word = strcasestr(word, "_proxy")); word++) {
                const char *value = word + strlen("_proxy");
                value += strspn(value, " \t");
                if (*value++ != '=')
                        continue;
                value += strspn(value, " \t\"'");
                if (!*value)
                        continue;
                for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                        size_t length = strlen(kinds[i]);
                        if ((size_t) (word - line) >= length && strncasecmp(word - length, kinds[i], length) == 0)
                                return true;
                }
        }
        return false;
}

void lint_environment(LintRun *run)
{
        char *next = run->content.data;
        unsigned number = 0;

        for (char *line; (line = next_setting(&next, "#", &number));)
                if (sets_proxy(line)) {
                        lint_found(run, LINT_PROXY, "sets a proxy (line %u)", number);
                        return;
                }
}

void lint_authorized_keys(LintRun *run)
{
        char *next = run->content.data;
        unsigned number = 0, n = 0;

        while (next_setting(&next, "#", &number))
                n++;
        if (n > 0)
                lint_found(run, LINT_AUTHORIZED_KEYS, "lets in whoever has %s",
                           n == 1 ? "a certain key" : "one of certain keys");
}

/* Files of many settings, some of which are secrets. */
void lint_tokens(LintRun *run)
{
        static const char *const words[] = { "\"auth\"", "_authToken", "_password", "client-key-data", "token:",
                                             "password:", "psk=", "password=", "private-key=" };
        char *next = run->content.data;
        unsigned number = 0;

        for (char *line; (line = next_setting(&next, "#;", &number));)
                for (size_t i = 0; i < ELEMENTS(words); i++)
                        if (strstr(line, words[i])) {
                                lint_found(run, LINT_CREDENTIALS, "holds a login (line %u)", number);
                                return;
                        }
}

/* wg(8), systemd.netdev(5) */
void lint_wireguard(LintRun *run)
{
        static const char *const words[] = { "PrivateKey", "PresharedKey" };
        char *next = run->content.data;
        unsigned number = 0;

        for (char *line; (line = next_setting(&next, "#;", &number));)
                for (size_t i = 0; i < ELEMENTS(words); i++) {
                        const char *value = line + strlen(words[i]);
                        if (!string_starts_with(line, words[i]) || !strchr(" \t=", *value))
                                continue;
                        value += strspn(value, " \t=");
                        if (!*value)
                                continue;
                        lint_found(run, LINT_PRIVATE_KEY, "holds a key of WireGuard (line %u)", number);
                        return;
                }
}

/* The third word of "Status: install ok installed". */
static bool is_whole(const char *status)
{
        const char *state = strrchr(status, ' ');

        return !state || strcmp(state + 1, "installed") == 0 || strcmp(state + 1, "config-files") == 0 ||
               strcmp(state + 1, "not-installed") == 0;
}

void lint_status(LintRun *run)
{
        char *next = run->content.data, *package = NULL;

        lint_conffiles(run);
        for (char *line; (line = next_line(&next));) {
                if (string_starts_with(line, "Package: "))
                        package = line + strlen("Package: ");
                else if (string_starts_with(line, "Status: ") && package && !is_whole(line))
                        lint_found(run, LINT_PACKAGE_STATE, "says of %.64s: %.64s", package, line + strlen("Status: "));
        }
}
