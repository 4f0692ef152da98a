/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <curl/curl.h>

/* libcurl, loaded when it is first needed: it brings two dozen libraries along, which every start of the program (and
 * each sandbox starts it once more) would pay for. See curl_easy_setopt(3) and its neighbours for the functions. */

typedef struct CurlLibrary {
        typeof(curl_global_init) *global_init;
        typeof(curl_slist_append) *slist_append;
        typeof(curl_slist_free_all) *slist_free_all;
        typeof(curl_easy_init) *easy_init;
        typeof(curl_easy_cleanup) *easy_cleanup;
        typeof(curl_easy_setopt) *easy_setopt;
        typeof(curl_easy_getinfo) *easy_getinfo;
        typeof(curl_easy_strerror) *easy_strerror;
        typeof(curl_multi_init) *multi_init;
        typeof(curl_multi_cleanup) *multi_cleanup;
        typeof(curl_multi_add_handle) *multi_add_handle;
        typeof(curl_multi_remove_handle) *multi_remove_handle;
        typeof(curl_multi_perform) *multi_perform;
        typeof(curl_multi_poll) *multi_poll;
        typeof(curl_multi_info_read) *multi_info_read;
} CurlLibrary;

/* NULL when there is no libcurl, or one that is too old (before 7.66). It is never unloaded. */
const CurlLibrary *curl_library(void);

/* HTTP and HTTPS alone; redirects never lead from an encrypted to a plain address. */
CURLcode curl_set_protocols(const CurlLibrary *curl, CURL *easy, const char *uri);
