# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Versions, and what is published under them.

test_same_again() {
        use_key
        small_recipe again </dev/null
        build 0 "$RECIPE" --key "$KEY"
        find_release "$WORK/out" again
        same "$VERSION" 1 version
        sha256sum "$RELEASE/$BASE.tar" >"$WORK/before"
        # another umask, time zone and locale make no difference
        (umask 077 && TZ=Pacific/Auckland LC_ALL=C.UTF-8 build 0 "$RECIPE" --key "$KEY" --json)
        matches "$WORK/stdout" '"unchanged": ?true'
        run 0 sha256sum --check "$WORK/before"
        only_files "$RELEASE" "$BASE".tar{,.sha256,.sha256.asc} "$BASE".{lock,{manifest,provenance,spdx}.json} SHA256SUMS SHA256SUMS.gpg \
                import-pubring.gpg import-pubring.pgp
}

test_never_overwritten() {
        use_key
        small_recipe again </dev/null
        build 0 "$RECIPE" --key "$KEY"
        find_release "$WORK/out" again
        sha256sum "$RELEASE/again-$ARCH-1."* >"$WORK/before"
        printf '\n[File]\nPath=/new\nOwner=0:0\nContent=\n    new\n' >>"$RECIPE"
        build 0 "$RECIPE" --key "$KEY"
        run 0 sha256sum --check "$WORK/before"
        [ -s "$RELEASE/again-$ARCH-1.1.tar" ] || fail 'no version 1.1'
        tar -tf "$RELEASE/again-$ARCH-1.1.tar" | grep -qx './new' || fail 'the new file is not in version 1.1'
        (cd "$RELEASE" && run 0 sha256sum --check --strict SHA256SUMS)
        run 0 gpg --batch --verify "$RELEASE/SHA256SUMS.gpg" "$RELEASE/SHA256SUMS"
        same "$(grep -c '\.tar$' "$RELEASE/SHA256SUMS")" 2 'images in SHA256SUMS'
}

test_formats() {
        use_key
        small_recipe formats </dev/null
        build 0 "$RECIPE" --key "$KEY" --formats tar,tar.gz,tar.xz,tar.zst
        find_release "$WORK/out" formats
        bsdtar -tf "$RELEASE/$BASE.tar" >"$WORK/names"
        for format in gz xz zst; do
                run 0 bsdtar -tf "$RELEASE/$BASE.tar.$format"
                cmp "$WORK/names" "$WORK/stdout"
        done
        zstd -dcq "$RELEASE/$BASE.tar.zst" | cmp - "$RELEASE/$BASE.tar"
        xz -dc "$RELEASE/$BASE.tar.xz" | cmp - "$RELEASE/$BASE.tar"
        gzip -dc "$RELEASE/$BASE.tar.gz" | cmp - "$RELEASE/$BASE.tar"
}

test_unsigned() {
        small_recipe unsigned </dev/null
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" unsigned
        (cd "$RELEASE" && run 0 sha256sum --check --strict SHA256SUMS)
        same "$(find "$RELEASE" -name '*.gpg' -o -name '*.asc' -o -name '*.sha256')" '' 'signatures'
}

# Without --key: a development key beside the output folder, marked as such.
test_development_key() {
        small_recipe development </dev/null
        defer gpgconf --homedir "$WORK/gnupg" --kill all
        build 0 "$RECIPE"
        [ -d "$WORK/gnupg" ] || fail "no key folder beside the output folder"
        same "$(stat -c %a "$WORK/gnupg")" 700 'mode of the key folder'
        gpg --batch --homedir "$WORK/gnupg" --with-colons --list-secret-keys >"$WORK/keys"
        same "$(grep -c ^sec "$WORK/keys")" 1 keys
        matches "$WORK/keys" '^uid:.*development key'
        printf '\n[File]\nPath=/new\nOwner=0:0\nContent=\n    new\n' >>"$RECIPE"
        build 0 "$RECIPE"
        gpg --batch --homedir "$WORK/gnupg" --with-colons --list-secret-keys | diff "$WORK/keys" - || fail 'another key was made'
}

test_two_builds_at_once() {
        local pid
        small_recipe first </dev/null
        cp "$RECIPE" "$WORK/recipes/second.recipe"
        sed -i 's/^Name=.*/Name=second/' "$WORK/recipes/second.recipe"
        "$TEMPLAR" build "$WORK/recipes/second.recipe" --out "$WORK/out" --cache "$CACHE" --no-sign &
        pid=$!
        build 0 "$RECIPE" --no-sign
        wait "$pid"
        find_release "$WORK/out" first
        find_release "$WORK/out" second
}
