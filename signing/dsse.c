/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/dsse.h"

#include "base/base64.h"
#include "base/json.h"

#include <errno.h>
#include <string.h>

int dsse_encode(const char *type, const void *payload, size_t size_bytes, Buffer *ret)
{
        int r = buffer_printf(ret, "DSSEv1 %zu %s %zu ", strlen(type), type, size_bytes);

        return r < 0 ? r : buffer_append(ret, payload, size_bytes);
}

/* --- signing
 * --------------------------------------------------------------------------------------------------- */

static json_t *base64_text(const void *data, size_t size_bytes)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (base64_encode(data, size_bytes, &text) < 0)
                return NULL;
        return json_stringn(text.data ? text.data : "", text.length);
}

static json_t *make_envelope(const Signer *signer, const char *type, const void *payload, size_t size_bytes,
                             const Buffer *signature)
{
        return json_pack("{s:o, s:s, s:[{s:s, s:o}]}", "payload", base64_text(payload, size_bytes), "payloadType",
                         type, "signatures", "keyid", signer_fingerprint(signer), "sig",
                         base64_text(signature->data, signature->length));
}

int dsse_sign(Signer *signer, const char *type, const void *payload, size_t size_bytes, Buffer *ret,
              Error *error)
{
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT, signature = BUFFER_INIT;

        if (dsse_encode(type, payload, size_bytes, &encoded) < 0)
                return error_out_of_memory(error);
        int r = signer_sign(signer, SIGNATURE_DETACHED_BINARY, encoded.data, encoded.length, &signature, error);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *envelope = make_envelope(signer, type, payload, size_bytes, &signature);
        _cleanup_free_ char *text = envelope ? json_dumps(envelope, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (!text || buffer_append_string(ret, text) < 0 || buffer_append(ret, "\n", 1) < 0)
                return error_out_of_memory(error);
        return 0;
}

/* --- opening
 * --------------------------------------------------------------------------------------------------- */

static int not_an_envelope(const char *name, const char *why, Error *error)
{
        return error_set(error, -EBADMSG, "%s is not a signed statement (DSSE): %s", name, why);
}

/* The member `key` of `object`, decoded. */
static int decode_member(const json_t *object, const char *key, const char *name, Buffer *ret, Error *error)
{
        const json_t *text = json_object_get(object, key);
        int r = json_is_string(text) ? base64_decode(json_string_value(text), json_string_length(text), ret) : -EBADMSG;

        if (r == -ENOMEM)
                return error_out_of_memory(error);
        return r < 0 ? error_set(error, r, "%s is not a signed statement (DSSE): its \"%s\" is no base64", name, key) : 0;
}

static int check_signatures(Verifier *verifier, const json_t *signatures, const Signed *encoded, Signature *ret,
                            Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < json_array_size(signatures); i++) {
                _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
                r = decode_member(json_array_get(signatures, i), "sig", encoded->name, &bytes, error);
                if (r == 0)
                        r = verifier_check_detached(verifier, encoded, &(Signed){ &bytes, encoded->name }, ret, error);
        }
        return r;
}

int dsse_open(Verifier *verifier, const Signed *envelope, const char *type, Buffer *ret_payload, Signature *ret,
              Error *error)
{
        _cleanup_buffer_ Buffer payload = BUFFER_INIT, encoded = BUFFER_INIT;
        const Buffer *text = envelope->bytes;
        _cleanup_json_ json_t *object =
                text->length > 0 ? json_loadb(text->data, text->length, JSON_REJECT_DUPLICATES, NULL) : NULL;
        const char *found = json_string_value(json_object_get(object, "payloadType"));
        const json_t *signatures = json_object_get(object, "signatures");

        if (!json_is_object(object) || !found)
                return not_an_envelope(envelope->name, "it has no \"payloadType\"", error);
        if (strcmp(found, type) != 0)
                return error_set(error, -EBADMSG, "%s is of the type \"%.100s\", not \"%s\"", envelope->name, found, type);
        if (json_array_size(signatures) == 0)
                return not_an_envelope(envelope->name, "it has no signature", error);
        int r = decode_member(object, "payload", envelope->name, &payload, error);
        if (r < 0)
                return r;
        if (dsse_encode(type, payload.data, payload.length, &encoded) < 0)
                return error_out_of_memory(error);
        r = check_signatures(verifier, signatures, &(Signed){ &encoded, envelope->name }, ret, error);
        if (r < 0)
                return r;
        *ret_payload = TAKE_BUFFER(payload);
        return 0;
}
