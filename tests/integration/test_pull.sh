# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A stock systemd-pull takes the release from a stock web server, and refuses what was touched.

build_shared_small() {
        use_key
        small_recipe small <<<''
        sed -i 's/^Formats=.*/Formats=tar.xz tar.gz\nNspawn=small.nspawn/' "$RECIPE"
        printf '[Exec]\nBoot=no\n' >"$WORK/recipes/small.nspawn"
        run 0 "$TEMPLAR" build "$RECIPE" --out "$1" --cache "$CACHE" --key "$KEY"
}

# A small release with a settings file, for what needs no Debian.
need_small() {
        shared_image small build_shared_small
        find_release "$IMAGE" small
}

# serve_copy IMAGE: a copy of the release that may be spoiled, behind a web server, with its key on the host
serve_copy() {
        "need_$1"
        mkdir -p "$WORK/www"
        cp -a --reflink=auto "$RELEASE/." "$WORK/www"
        use_host_keyring "$RELEASE/import-pubring.gpg"
        start_nginx "$WORK/www"
}

# flip FILE [OFFSET]: another byte in its middle
flip() {
        local at=${2:-$(($(stat -c %s "$1") / 2))} old
        old=$(dd if="$1" bs=1 skip="$at" count=1 status=none | od -An -tu1)
        # shellcheck disable=SC2059
        printf "\\$(printf '%03o' $(((old + 1) % 256)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

refused() {
        pull 1 "$URL/$BASE.tar.xz" refused
        [ ! -e "$WORK/machines/refused" ] || fail 'the image is there all the same'
        no_match "$WORK/nginx/access.log" ' 5[0-9][0-9] '
}

same_tree() {
        local tree=$1
        unpack_release "$WORK/tree"
        run 0 diff --no-dereference --recursive --brief "$WORK/tree" "$tree"
        (cd "$WORK/tree" && find . -printf '%P %y %m %U %G %l %T@\n' | sort) >"$WORK/meta-1"
        (cd "$tree" && find . -printf '%P %y %m %U %G %l %T@\n' | sort) >"$WORK/meta-2"
        # the root folder is the host's own
        run 0 diff <(grep -v '^ d' "$WORK/meta-1") <(grep -v '^ d' "$WORK/meta-2")
}

test_tar_xz() {
        serve_copy bookworm
        pull 0 "$URL/$BASE.tar.xz" first
        matches "$WORK/stderr" 'Signature verification succeeded'
        same_tree "$WORK/machines/first"
}

test_tar_gz() {
        serve_copy bookworm
        pull 0 "$URL/$BASE.tar.gz" first
        matches "$WORK/stderr" 'Signature verification succeeded'
        [ -x "$WORK/machines/first/usr/bin/dpkg" ] || fail 'no dpkg in the image'
}

test_pull_again() {
        serve_copy small
        pull 0 "$URL/$BASE.tar.xz" first
        pull 0 "$URL/$BASE.tar.xz" second
        matches "$WORK/nginx/access.log" 'tar.xz HTTP/1.1" 304 '
        [ -x "$WORK/machines/second/bin/busybox" ] || fail 'no busybox in the second image'
        cmp "$WORK/machines/second.nspawn" "$WORK/www/$BASE.nspawn"
}

# A host that finds no .sha256 beside the image goes by SHA256SUMS.
test_sums_only() {
        serve_copy small
        rm "$WORK/www"/*.sha256 "$WORK/www"/*.sha256.asc
        pull 0 "$URL/$BASE.tar.xz" first
        matches "$WORK/stderr" 'Signature verification succeeded'
        matches "$WORK/nginx/access.log" 'GET /SHA256SUMS.gpg .* 200 '
}

test_flipped_image() {
        serve_copy small
        flip "$WORK/www/$BASE.tar.xz"
        refused
}

test_flipped_image_end() {
        serve_copy small
        flip "$WORK/www/$BASE.tar.xz" $(($(stat -c %s "$WORK/www/$BASE.tar.xz") - 6))
        refused
}

test_flipped_settings() {
        serve_copy small
        flip "$WORK/www/$BASE.nspawn"
        refused
}

test_flipped_sha256() {
        serve_copy small
        # in the digest itself
        flip "$WORK/www/$BASE.tar.xz.sha256" "$(grep -abo "[0-9a-f]*  *\**$BASE.tar.xz\$" "$WORK/www/$BASE.tar.xz.sha256" | head -n 1 | cut -d: -f1)"
        refused
}

test_flipped_sums() {
        serve_copy small
        rm "$WORK/www"/*.sha256 "$WORK/www"/*.sha256.asc
        flip "$WORK/www/SHA256SUMS" 3
        refused
}

test_flipped_signature() {
        serve_copy small
        rm "$WORK/www"/*.sha256 "$WORK/www"/*.sha256.asc
        flip "$WORK/www/SHA256SUMS.gpg" $(($(stat -c %s "$WORK/www/SHA256SUMS.gpg") - 10))
        refused
}

test_no_signature() {
        serve_copy small
        rm "$WORK/www"/*.sha256 "$WORK/www"/*.sha256.asc "$WORK/www/SHA256SUMS.gpg"
        refused
}

test_other_key() {
        local home
        serve_copy small
        home=$(mktemp -d -p "$WORK")
        gpg --batch --quiet --homedir "$home" --passphrase '' --quick-generate-key 'Another <other@example.invalid>' \
                ed25519 sign never
        gpg --batch --quiet --homedir "$home" --export >"$WORK/other.gpg"
        gpgconf --homedir "$home" --kill all
        cp "$WORK/other.gpg" "$WORK/.etc-systemd/import-pubring.gpg"
        refused
}

# systemd-import takes the file itself.
test_import() {
        local program format
        program=$(find_systemd systemd-import) || skip 'needs systemd-container'
        need_bookworm
        mkdir -p "$WORK/machines"
        run 0 timeout --signal=KILL 120 "$program" tar --image-root="$WORK/machines" "$RELEASE/$BASE.tar.xz" from-xz
        same_tree "$WORK/machines/from-xz"
        need_small
        run 0 timeout --signal=KILL 120 "$program" tar --image-root="$WORK/machines" "$RELEASE/$BASE.tar.gz" from-gz
        [ -x "$WORK/machines/from-gz/bin/busybox" ] || fail 'no busybox in the image of tar.gz'
}
