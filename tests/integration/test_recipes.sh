# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The other shipped recipes. (debian-trixie and debian-bullseye: make check-recipes.)

test_check() {
        local recipe options
        for recipe in "$SOURCE"/recipes/*.recipe; do
                options=()
                # Debian has a keyring of Ubuntu's in a package of its own, which this machine may lack
                [ "${recipe##*/}" != ubuntu-xenial.recipe ] ||
                        options=(--set Debootstrap.Keyring=/usr/share/keyrings/debian-archive-keyring.gpg
                                --set 'Repositories[1].SignedBy=/usr/share/keyrings/debian-archive-keyring.gpg'
                                --set 'Repositories[2].SignedBy=/usr/share/keyrings/debian-archive-keyring.gpg')
                run 0 "$TEMPLAR" check "$recipe" "${options[@]}"
                same "$(sed -n 's/^Name=//p' "$recipe" | head -n 1)" "$(basename "$recipe" .recipe)" 'name of the image'
        done
}

# makedev as it comes from Debian: its postinst makes device nodes.
test_makedev_unpatched() {
        mkdir "$WORK/recipes"
        cp "$SOURCE/recipes/debian-bookworm.sources" "$WORK/recipes/"
        sed -e 's/^\[PatchDeb\]/[Install]/; s/^Package=/Packages=/; /^Patch=/d; /^Suffix=/d; /^Base=/d' \
                "$SOURCE/recipes/debian-makedev.recipe" >"$WORK/recipes/debian-makedev.recipe"
        build 1 "$WORK/recipes/debian-makedev.recipe" --no-sign --formats tar
        matches "$WORK/stderr" 'mknod: .*Operation not permitted' makedev '\[Install\]'
        nothing_published
}

# ... and patched, built by root and by an ordinary user: the same bytes.
test_makedev_as_root_and_as_user() {
        build 0 "$SOURCE/recipes/debian-makedev.recipe" --no-sign --formats tar
        find_release "$WORK/out" debian-makedev
        unpack_release "$WORK/tree"
        run 0 dpkg-query --admindir="$WORK/tree/var/lib/dpkg" -W -f '${Version} ${db:Status-Status}\n' makedev
        matches "$WORK/stdout" '^[^ ]*\+templar1 installed$'
        zcat "$WORK/tree/usr/share/doc/makedev/changelog.Debian.gz" | head -n 1 | grep -q '+templar1' || fail 'no changelog entry'
        (cd "$WORK/tree" && run 0 md5sum --check --quiet var/lib/dpkg/info/makedev.md5sums)
        grep -q systemd-nspawn "$WORK/tree/var/lib/dpkg/info/makedev.postinst" || fail 'the postinst is not patched'
        sha256sum <"$TAR" >"$WORK/by-root"

        make_user tester
        cp -r "$SOURCE/recipes" "$WORK/recipes-copy"
        run 0 as_user "$TEMPLAR" build "$WORK/recipes-copy/debian-makedev.recipe" --no-sign --formats tar \
                --out "$TEST_HOME/out" --cache "$TEST_HOME/cache"
        find_release "$TEST_HOME/out" debian-makedev
        same "$(stat -c %u "$TAR")" 61234 'owner of the image'
        sha256sum <"$TAR" >"$WORK/by-user"
        run 0 cmp "$WORK/by-root" "$WORK/by-user"
}

test_user_without_ids() {
        make_user tester without-ids
        small_recipe small </dev/null
        run 1 as_user "$TEMPLAR" build "$RECIPE" --out "$TEST_HOME/out" --cache "$TEST_HOME/cache" --no-sign
        matches "$WORK/stderr" '/etc/subuid' 'tester:[0-9]+:65536'
}

test_web() {
        use_key
        build 0 "$SOURCE/recipes/web.recipe" --key "$KEY" --formats tar.gz
        find_release "$WORK/out" web
        cmp "$RELEASE/$BASE.nspawn" "$SOURCE/recipes/web.nspawn"
        matches "$RELEASE/SHA256SUMS" "  \*?$BASE.nspawn\$|^[0-9a-f]{64} \*$BASE.nspawn\$"
        matches "$RELEASE/$BASE.tar.gz.sha256" "$BASE.nspawn"
        matches "$RELEASE/$BASE.nspawn" '^PrivateUsers=pick$' '^PrivateUsersOwnership=auto$' '^Zone=web$' '^Port=tcp:80$'

        # the settings file comes along with the pull
        use_host_keyring "$RELEASE/import-pubring.gpg"
        start_nginx "$RELEASE"
        pull 0 "$URL/$BASE.tar.gz" web
        matches "$WORK/stderr" 'Signature verification succeeded'
        cmp "$WORK/machines/web.nspawn" "$SOURCE/recipes/web.nspawn"
        serve_page "$WORK/machines/web"
}

# serve_page TREE: boots it, and asks its nginx for the page
serve_page() {
        local leader _
        own_cgroup
        systemd-nspawn --boot --directory="$1" "${NSPAWN_OPTIONS[@]}" --console=pipe </dev/null >"$WORK/console" 2>&1 &
        NSPAWN=$!
        defer wait_ended "$NSPAWN"
        defer kill "$NSPAWN"
        for _ in $(seq 300); do
                leader=$(pgrep -P "$NSPAWN" -x systemd || pgrep -P "$(pgrep -P "$NSPAWN" | head -n 1)" -x systemd) || true
                if [ -n "$leader" ] && nsenter --target "$leader" --net busybox wget -q -O "$WORK/page" http://127.0.0.1/ 2>/dev/null; then
                        break
                fi
                leader=''
                sleep 0.2
        done
        cat "$WORK/console" >&2
        [ -n "$leader" ] || fail 'nginx in the image does not answer'
        matches "$WORK/page" 'Welcome to nginx'
        kill "$NSPAWN"
        wait "$NSPAWN" || fail 'the machine does not end cleanly'
}
