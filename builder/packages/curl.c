/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

static CurlLibrary library;
static bool loaded;

static bool find_all(void *handle)
{
        static const struct {
                const char *name;
                size_t offset;
        } symbols[] = {
#define SYMBOL(name) { "curl_" #name, offsetof(CurlLibrary, name) }
                SYMBOL(global_init),       SYMBOL(slist_append),        SYMBOL(slist_free_all),
                SYMBOL(easy_init),         SYMBOL(easy_cleanup),        SYMBOL(easy_setopt),
                SYMBOL(easy_getinfo),      SYMBOL(easy_strerror),      SYMBOL(multi_init),          SYMBOL(multi_cleanup),
                SYMBOL(multi_add_handle),  SYMBOL(multi_remove_handle), SYMBOL(multi_perform),
                SYMBOL(multi_poll),        SYMBOL(multi_info_read),
#undef SYMBOL
        };

        for (size_t i = 0; i < ELEMENTS(symbols); i++) {
                void *symbol = dlsym(handle, symbols[i].name);
                if (!symbol)
                        return false;
                memcpy((char *) &library + symbols[i].offset, &symbol, sizeof symbol);
        }
        return true;
}

static void load(void)
{
        static const char *const names[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };
        void *handle = NULL;

        for (size_t i = 0; !handle && i < ELEMENTS(names); i++)
                handle = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
        loaded = handle && find_all(handle) && library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const CurlLibrary *curl_library(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, load);
        return loaded ? &library : NULL;
}

CURLcode curl_set_protocols(const CurlLibrary *curl, CURL *easy, const char *uri)
{
        bool encrypted = strncasecmp(uri, "https:", strlen("https:")) == 0;
#if LIBCURL_VERSION_NUM >= 0x075500
        static const char both[] = "http,https";
        CURLcode code = curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, both);
        return code ?: curl->easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, encrypted ? "https" : both);
#else
        long both = CURLPROTO_HTTP | CURLPROTO_HTTPS, redirects = encrypted ? CURLPROTO_HTTPS : both;
        CURLcode code = curl->easy_setopt(easy, CURLOPT_PROTOCOLS, both);
        return code ?: curl->easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, redirects);
#endif
}
