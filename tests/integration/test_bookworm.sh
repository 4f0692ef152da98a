# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The shipped recipe debian-bookworm, and programs that read what came out.

test_files() {
        local name=debian-bookworm image
        need_bookworm
        case $VERSION in
        [0-9]*[0-9]) ;;
        *) fail "version '$VERSION'" ;;
        esac
        for image in "$BASE.tar.xz" "$BASE.tar.gz"; do
                [ -s "$RELEASE/$image" ] || fail "$image is missing"
                [ -s "$RELEASE/$image.sha256" ] || fail "$image.sha256 is missing"
                [ -s "$RELEASE/$image.sha256.asc" ] || fail "$image.sha256.asc is missing"
        done
        only_files "$RELEASE" "$BASE".tar.{xz,gz}{,.sha256,.sha256.asc} "$BASE".{lock,{manifest,provenance,spdx}.json} SHA256SUMS SHA256SUMS.gpg \
                import-pubring.gpg import-pubring.pgp
        same "$(find "$RELEASE" -type f ! -perm 0644 -printf '%f ')" '' 'files that are not 0644'
        cmp "$RELEASE/import-pubring.gpg" "$RELEASE/import-pubring.pgp"
        same "$(head -c 27 "$RELEASE/import-pubring.gpg" | grep -ac 'BEGIN PGP')" 0 'armored keyring'
        case $BASE in
        "$name-$ARCH-"*) ;;
        *) fail "base name $BASE" ;;
        esac
}

test_sums() {
        need_bookworm
        cd "$RELEASE"
        run 0 sha256sum --check --strict SHA256SUMS
        same "$(wc -l <SHA256SUMS)" "$(find . -type f ! -name 'SHA256SUMS*' ! -name .lock | wc -l)" 'lines of SHA256SUMS'
        no_match SHA256SUMS '  ?\./' "$(printf '\r')"
        for image in "$BASE".tar.{xz,gz}; do
                gpg --batch --quiet --homedir "$(new_home)" --no-default-keyring --keyring "$RELEASE/import-pubring.gpg" \
                        --output - --decrypt "$image.sha256" >"$WORK/$image.lines"
                run 0 sha256sum --check --strict "$WORK/$image.lines"
        done
}

new_home() {
        mktemp -d -p "$WORK"
}

test_signatures() {
        local image
        need_bookworm
        GNUPGHOME=$(new_home)
        export GNUPGHOME
        run 0 gpg --batch --quiet --import "$RELEASE/import-pubring.gpg"
        run 0 gpg --batch --status-fd 1 --verify "$RELEASE/SHA256SUMS.gpg" "$RELEASE/SHA256SUMS"
        matches "$WORK/stdout" '^\[GNUPG:\] VALIDSIG .* 00 [0-9A-F]{40}$'
        same "$(grep -c 'GOODSIG' "$WORK/stdout")" 1 'signatures on SHA256SUMS'
        for image in "$BASE".tar.{xz,gz}; do
                run 0 gpg --batch --verify "$RELEASE/$image.sha256"
                run 0 gpg --batch --verify "$RELEASE/$image.sha256.asc" "$RELEASE/$image.sha256"
        done
        printf x >>"$RELEASE/../changed"
        cp "$RELEASE/SHA256SUMS" "$WORK/sums"
        echo >>"$WORK/sums"
        run 1 gpg --batch --verify "$RELEASE/SHA256SUMS.gpg" "$WORK/sums"
        rm "$RELEASE/../changed"
}

test_verify_verb() {
        need_bookworm
        run 0 "$TEMPLAR" verify "$RELEASE" --keyring "$RELEASE/import-pubring.gpg"
        run 0 "$TEMPLAR" verify "$RELEASE/$BASE.tar.xz" --keyring "$RELEASE/import-pubring.gpg"
        cp -a "$RELEASE" "$WORK/changed"
        printf x | dd of="$WORK/changed/$BASE.tar.xz" bs=1 seek=100000 conv=notrunc status=none
        run 1 "$TEMPLAR" verify "$WORK/changed" --keyring "$RELEASE/import-pubring.gpg"
        matches "$WORK/stderr" "$BASE.tar.xz"
}

test_manifest() {
        local manifest
        need_bookworm
        manifest=$RELEASE/$BASE.manifest.json
        run 0 jq -e . "$manifest"
        unpack_release "$WORK/tree"
        # every installed package, with the version that dpkg knows
        dpkg-query --admindir="$WORK/tree/var/lib/dpkg" -W -f '${Package} ${Version} ${Architecture}\n' | sort >"$WORK/installed"
        jq -r '.packages[] | "\(.name) \(.version) \(.architecture)"' "$manifest" | sort >"$WORK/listed"
        run 0 diff "$WORK/installed" "$WORK/listed"
        run 0 jq -e '[.packages[] | select((.source // "") == "")] | length == 0' "$manifest"
        matches "$manifest" "$(sha256sum <"$RELEASE/$BASE.tar.xz" | cut -d' ' -f1)" \
                "$(sha256sum <"$RELEASE/$BASE.tar.gz" | cut -d' ' -f1)"
}

test_tar() {
        need_bookworm
        for image in "$RELEASE/$BASE".tar.{xz,gz}; do
                run 0 tar -tf "$image"
                [ ! -s "$WORK/stderr" ] || fail 'tar has something to say'
                sed 's,^\./,,; s,/$,,' "$WORK/stdout" | sort >"$WORK/by-tar"
                run 0 bsdtar -tf "$image"
                [ ! -s "$WORK/stderr" ] || fail 'bsdtar has something to say'
                sed 's,^\./,,; s,/$,,' "$WORK/stdout" | sort >"$WORK/by-bsdtar"
                run 0 cmp "$WORK/by-tar" "$WORK/by-bsdtar"
                matches "$WORK/by-tar" '^usr/bin/dpkg$' '^etc/os-release$'
        done
        # what hosts refuse or dislike: device nodes, sockets, other people's ids
        run 0 tar --numeric-owner -tvf "$RELEASE/$BASE.tar.xz"
        no_match "$WORK/stdout" '^[bcps]'
        same "$(awk '{ split($2, o, "/"); if (o[1] > 65535 || o[2] > 65535) n++ } END { print n + 0 }' "$WORK/stdout")" 0 'big ids'
}

test_packages() {
        need_bookworm
        unpack_release "$WORK/tree"
        run 0 dpkg --root="$WORK/tree" --audit
        [ ! -s "$WORK/stdout" ] || fail 'dpkg --audit is not content'
        run 0 chroot "$WORK/tree" apt-get check
        run 0 dpkg-query --admindir="$WORK/tree/var/lib/dpkg" -W -f '${db:Status-Status} ${Package}\n' \
                dbus login libpam-systemd systemd-resolved systemd-sysv
        no_match "$WORK/stdout" '^not-installed'
        # dpkg's own md5sums of every file
        run 0 dpkg --root="$WORK/tree" --verify
        [ ! -s "$WORK/stdout" ] || no_match "$WORK/stdout" '^..5.*  /'
}

test_clean() {
        local tree=$WORK/tree
        need_bookworm
        unpack_release "$tree"
        [ ! -e "$tree/etc/hostname" ] || fail '/etc/hostname is there'
        [ -f "$tree/etc/machine-id" ] && [ ! -s "$tree/etc/machine-id" ] || fail '/etc/machine-id is not empty'
        same "$(find "$tree/var/lib/apt/lists" "$tree/var/cache/apt/archives" -type f ! -name lock)" '' 'apt files'
        same "$(find "$tree/var/log" -type f -size +0)" '' 'logs'
        same "$(find "$tree/var/lib/dpkg" "$tree/etc" -maxdepth 1 \( -name '*-old' -o -name '*-' \))" '' 'backups'
        [ ! -e "$tree/usr/sbin/policy-rc.d" ] || fail 'policy-rc.d is there'
        same "$(chroot "$tree" dpkg-divert --list | grep -Ev 'by (dash|usr-is-merged)$' || true)" '' 'diversions'
        [ ! -L "$tree/sbin/start-stop-daemon" ] && [ -x "$tree/sbin/start-stop-daemon" ] || fail 'start-stop-daemon'
        same "$(find "$tree/dev" "$tree/proc" "$tree/sys" "$tree/run" "$tree/tmp" -mindepth 1 ! -type d)" '' 'files in /dev, /run ...'
        ! grep -rIl "$WORK\|$SHARED\|$CACHE" "$tree/etc" "$tree/var" || fail 'paths of the build are in the image'
        same "$(grep -c '^pts/0$' "$tree/etc/securetty")" 1 'pts/0 in securetty'
        matches "$tree/etc/shadow" '^root:\$y\$'
        matches "$(find "$tree/etc/apt/sources.list.d" -name '*.sources' | head -n 1)" '^Suites:.* bookworm' '^Signed-By:'
}

# One JSON object a line, as --json promises; seconds and digests in them.
test_json_events() {
        need_bookworm
        run 0 jq -es 'all(type == "object" and has("event"))' "$IMAGE/events.json"
        jq -r .event "$IMAGE/events.json" | sort | uniq -c >&2
        matches "$IMAGE/events.json" "$(sha256sum <"$RELEASE/$BASE.tar.xz" | cut -d' ' -f1)"
}
