/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/md5.h"

#include "base/strings.h"

#include <errno.h>

EVP_MD_CTX *md5_new(void)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        if (context && EVP_DigestInit_ex(context, EVP_md5(), NULL) != 1) {
                EVP_MD_CTX_free(context);
                return NULL;
        }
        return context;
}

int md5_finish(EVP_MD_CTX *context, char ret_hex[static MD5_HEX_SIZE])
{
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned length = 0;

        if (EVP_DigestFinal_ex(context, bytes, &length) != 1 || 2 * length + 1 != MD5_HEX_SIZE)
                return -EIO;
        hex_encode(bytes, length, ret_hex);
        return 0;
}
