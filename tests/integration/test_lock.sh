# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Locks: what a build was made of, the same image from it, archives; and the store that packages come from.

# publish VERSION DATE: "something" in the archive at $WORK/www
publish() {
        "$SOURCE/tests/fixtures/make-deb.sh" "$WORK/www/pool/main" something "$1" --source thing \
                --script 'postinst=date +%s.%N >/var/log/something.log' --file /usr/share/something="this is $1" >/dev/null
        "$SOURCE/tests/fixtures/make-archive.sh" "$WORK/www" local --date "$2" 2>/dev/null
}

# Everything that brings packages: the base system, an upgrade, a patched package, one of the recipe's folder, a script that
# sees the version. Sets RECIPE.
locked_recipe() {
        mkdir -p "$WORK/recipes" "$WORK/www/pool/main"
        "$SOURCE/tests/fixtures/make-deb.sh" "$WORK/www/pool/main" patchme 2.0 --file /usr/share/patchme=before >/dev/null
        "$SOURCE/tests/fixtures/make-deb.sh" "$WORK/recipes" local 3 >/dev/null
        publish 1 2026-01-01
        start_nginx "$WORK/www"
        cp "$WORK/www/keyring.asc" "$WORK/recipes/"
        printf '%s\n' '--- a/usr/share/patchme' '+++ b/usr/share/patchme' '@@ -1 +1 @@' -before +after >"$WORK/recipes/p.patch"
        RECIPE=$WORK/recipes/locked.recipe
        cat >"$RECIPE" <<END
[Image]
Name=locked
Formats=tar

[Debootstrap]
Suite=bookworm
Engine=native

[Repositories]
URIs=$URL
Suites=local
Components=main
SignedBy=keyring.asc

[Upgrade]

[PatchDeb]
Package=patchme
Patch=p.patch

[InstallDeb]
Files=local_3_all.deb

[Install]
Packages=something

[Script]
Script=
    echo "\$IMAGE_VERSION" >/etc/version
END
}

# In a network with nobody in it, and with a cache that knows nothing. build_alone OUT RECIPE [OPTION...]
build_alone() {
        local out=$1 recipe=$2
        shift 2
        run 0 unshare -n "$TEMPLAR" build "$recipe" --locked --offline --no-sign --out "$WORK/$out" --cache "$WORK/cache-$out" "$@"
        cmp "$TAR" "$WORK/$out/locked/$ARCH/${TAR##*/}"
        cmp "${TAR%.tar}.lock" "$WORK/$out/locked/$ARCH/$BASE.lock"
}

no_partial() {
        same "$(find "$1/packages/.partial" -type f)" '' 'unfinished downloads'
}

# ------------------------------------------------------------------------------------------------ the same image
test_locked() {
        local served
        locked_recipe
        run 0 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/out"
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" locked
        cmp "$WORK/recipes/locked.lock" "${TAR%.tar}.lock"
        matches "$WORK/recipes/locked.lock" \
                '^  \{"name": "something", "version": "1", .*"source": "thing", "source_version": "1", .*"uri": "http://' \
                '^  \{"name": "patchme", "version": "2.0", .*"patch_sha256": "[0-9a-f]{64}", "patched_sha256": "[0-9a-f]{64}"\}' \
                '^  \{"name": "local", "version": "3", .*"uri": ""' '^  \{"name": "libc6", ' '"resolved": true'
        jq -e '[.packages[] | .name + " " + .version] | . == sort' "$WORK/recipes/locked.lock" >/dev/null || fail 'not sorted'

        # the archive moves on, and the lock does not
        publish 2 2026-01-02
        rm "$WORK/www/pool/main/something_1_all.deb"
        run 1 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/new"
        matches "$WORK/stderr" 'locked.lock is there, and says something else'
        build_alone again "$RECIPE" --pool "$CACHE"
        matches "$WORK/stderr" '^ .* as they were locked$'

        # an archive of its own, for us and for apt
        use_key
        run 0 "$TEMPLAR" archive "$RECIPE" "$WORK/kept" --cache "$CACHE" --key "$KEY" --offline
        same "$(cat "$WORK/stdout")" "$WORK/kept" 'the archive'
        cmp "$WORK/recipes/locked.lock" "$WORK/kept/locked.lock"
        mkdir -p "$WORK/apt/lists/partial" "$WORK/apt/cache/archives/partial"
        echo "deb [signed-by=$WORK/kept/keyring.gpg] file:$WORK/kept bookworm main" >"$WORK/apt/sources.list"
        run 0 apt-get -o Dir::State::Lists="$WORK/apt/lists" -o Dir::Etc::SourceList="$WORK/apt/sources.list" \
                -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any update
        run 0 apt-get -o Dir::State::Lists="$WORK/apt/lists" -o Dir::Etc::SourceList="$WORK/apt/sources.list" \
                -o Dir::Etc::SourceParts=/dev/null -o Dir::Cache="$WORK/apt/cache" -o Dir::State::status=/dev/null \
                -o APT::Sandbox::User=root install -y --download-only --no-install-recommends something libc6
        run 1 "$TEMPLAR" archive "$RECIPE" "$WORK/kept" --cache "$CACHE" --no-sign
        matches "$WORK/stderr" 'kept is there already, and not empty'

        # another machine, years later
        mkdir "$WORK/elsewhere"
        cp -r "$WORK/recipes/." "$WORK/elsewhere/"
        build_alone later "$WORK/elsewhere/locked.recipe" --pool "$WORK/kept"

        # the same over http, and nothing is asked twice
        mv "$WORK/kept" "$WORK/www/kept"
        run 0 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/http" --cache "$WORK/cache-http" --pool "$URL/kept"
        cmp "$TAR" "$WORK/http/locked/$ARCH/${TAR##*/}"
        served=$(wc -l <"$WORK/nginx/access.log")
        rm -r "$WORK/http" "$WORK/cache-http/layers"
        run 0 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/http" --cache "$WORK/cache-http"
        cmp "$TAR" "$WORK/http/locked/$ARCH/${TAR##*/}"
        same "$(wc -l <"$WORK/nginx/access.log")" "$served" 'requests after the second build'

        # what is new is shown, and then locked
        run 0 "$TEMPLAR" lock --update "$RECIPE" --cache "$CACHE" --out "$WORK/new"
        same "$(cat "$WORK/stdout")" 'changed  something:all 1 -> 2' 'changes'
        run 0 "$TEMPLAR" lock --update "$RECIPE" --cache "$CACHE" --out "$WORK/new" --json
        same "$(jq -r 'select(.event == "locked") | "\(.unchanged) \(.changes)"' "$WORK/stdout")" 'true 0' 'what it says now'
}

# As an ordinary user, from an archive that root made.
test_ordinary_user() {
        command -v newuidmap >/dev/null || skip 'needs uidmap'
        locked_recipe
        run 0 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/out"
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" locked
        run 0 "$TEMPLAR" archive "$RECIPE" "$WORK/kept" --cache "$CACHE" --no-sign
        make_user tester
        cp -r "$WORK/recipes" "$TEST_HOME/recipes"
        chown -R 61234:61234 "$TEST_HOME"
        run 0 as_user "$TEMPLAR" build "$TEST_HOME/recipes/locked.recipe" --locked --offline --pool "$WORK/kept" --no-sign \
                --out "$TEST_HOME/out"
        cmp "$TAR" "$TEST_HOME/out/locked/$ARCH/${TAR##*/}"
        run 0 as_user "$TEMPLAR" cache list
        matches "$WORK/stdout" 'downloaded packages: [0-9]+$'
        run 0 as_user "$TEMPLAR" archive "$TEST_HOME/recipes/locked.recipe" "$TEST_HOME/kept" --offline --no-sign
        diff -r "$WORK/kept" "$TEST_HOME/kept"
        # locking asks the repositories, which this user never has
        run 1 as_user "$TEMPLAR" lock --update "$TEST_HOME/recipes/locked.recipe" --offline
        matches "$WORK/stderr" 'The package lists of .* are not in the cache'
        cmp "$WORK/recipes/locked.lock" "$TEST_HOME/recipes/locked.lock"
}

# ------------------------------------------------------------------------------------------------ refusals
# A lock and its packages without a network: two small packages on a tree that was made before.
test_other_bytes() {
        local deb
        locked_recipe
        run 0 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/out"
        mkdir "$WORK/pool"
        cp "$WORK/www/pool/main/something_1_all.deb" "$WORK/pool/"
        printf X | dd of="$WORK/pool/something_1_all.deb" bs=1 seek=500 conv=notrunc status=none
        deb=$(jq -r '.packages[] | select(.name == "something") | .sha256' "$WORK/recipes/locked.lock")
        rm "$CACHE/packages/${deb:0:2}/$deb.deb"
        locked() {
                run 1 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/never" --cache "$CACHE" --from Install "$@"
                [ ! -d "$WORK/never/locked/$ARCH" ] || only_files "$WORK/never/locked/$ARCH"
                no_partial "$CACHE"
        }
        # wanted and found
        locked --offline --pool "$WORK/pool"
        matches "$WORK/stderr" "pool/something_1_all.deb is not the package something 1 that was wanted: its SHA-256 is \
$(sha256sum <"$WORK/pool/something_1_all.deb" | cut -d' ' -f1) instead of $deb"
        # the same from a server
        cp "$WORK/pool/something_1_all.deb" "$WORK/www/pool/main/"
        locked
        matches "$WORK/stderr" "$URL/pool/main/something_1_all.deb is not the package something 1 .*SHA-256 .*$deb"
        # cut off for good, and gone
        truncate -s 300 "$WORK/www/pool/main/something_1_all.deb"
        run 1 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/never" --cache "$CACHE" --from Install
        matches "$WORK/stderr" "Can't download the package something 1 from $URL/pool/main/something_1_all.deb: the server (sent|has) .*300 of"
        rm -f "$WORK/www/pool/main/something_1_all.deb" "$CACHE/packages/.partial/$deb"
        locked
        matches "$WORK/stderr" "Can't download the package something 1 from $URL/pool/main/something_1_all.deb: the server answered 404"
        locked --offline
        matches "$WORK/stderr" 'The package something 1 is not in the cache, and nothing is to be fetched'
        # a damaged store mends itself
        deb=$(jq -r '.packages[] | select(.name == "patchme") | .sha256' "$WORK/recipes/locked.lock")
        printf X | dd of="$CACHE/packages/${deb:0:2}/$deb.deb" bs=1 seek=500 conv=notrunc status=none
        run 1 "$TEMPLAR" cache verify --cache "$CACHE"
        matches "$WORK/stderr" "^warning: Package ${deb:0:12} is damaged" '1 of [0-9]+ packages in .* was damaged'
}

test_changed_recipe() {
        locked_recipe
        run 0 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/out"
        refused() {
                run 2 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/never" --cache "$CACHE"
                matches "$WORK/stderr" "$1" 'templar lock --update'
                nothing_published
        }
        cp "$RECIPE" "$WORK/original"
        sed -i 's/^Packages=something/& hello/' "$RECIPE"
        refused 'locked.lock: stage 6 \[Install\] \(.*locked.recipe:[0-9]+\) has changed since the lock was made'
        cp "$WORK/original" "$RECIPE"
        printf '[Upgrade]\n' >>"$RECIPE"
        refused 'locked.lock: the recipe has 8 stages, and had 7'
        sed 's/^Name=locked/Name=other/' "$WORK/original" >"$RECIPE"
        refused 'it is the lock of the image locked, not of other'
        # what brings no package is said, and built
        sed 's/IMAGE_VERSION/IMAGE_NAME/' "$WORK/original" >"$RECIPE"
        run 0 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/out" --cache "$CACHE"
        matches "$WORK/stderr" 'has changed since .*locked.lock was made, though not in its packages'
        cp "$WORK/original" "$RECIPE"
        SOURCE_DATE_EPOCH=5 run 2 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/out" --cache "$CACHE"
        matches "$WORK/stderr" 'SOURCE_DATE_EPOCH=5 contradicts'
}

# Packages are in the way when the disk is full, and are named.
test_full_disk() {
        locked_recipe
        run 0 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/out"
        mkdir "$WORK/disk"
        mount -t tmpfs -o size=8m tmpfs "$WORK/disk"
        defer umount "$WORK/disk"
        run 1 "$TEMPLAR" build "$RECIPE" --locked --no-sign --out "$WORK/never" --cache "$WORK/disk/cache" --pool "$CACHE"
        matches "$WORK/stderr" "Can't store the package [a-z0-9+.-]+ .*: No space left on device"
        no_partial "$WORK/disk/cache"
        nothing_published
}

# ------------------------------------------------------------------------------------------------ the store
test_store_is_bounded() {
        local before
        locked_recipe
        run 0 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/out"
        run 0 "$TEMPLAR" build "$RECIPE" --locked --offline --pool "$CACHE" --no-sign --out "$WORK/out" --cache "$WORK/cache"
        before=$(find "$WORK/cache/packages" -name '*.deb' | wc -l)
        same "$before" "$(jq '[.packages[] | select(.uri != "")] | length' "$WORK/recipes/locked.lock")" 'packages in the store'
        # no pin is left of the build
        same "$(find "$WORK/cache/packages" -name '*.deb' -links +1)" '' 'packages in use'
        find "$WORK/cache/packages" -name '*.deb' -exec touch -d 2000-01-01 {} +
        run 0 "$TEMPLAR" cache prune --cache-size 120M --cache "$WORK/cache"
        matches "$WORK/stderr" ' and [0-9]+ packages removed'
        [ "$(find "$WORK/cache/packages" -name '*.deb' | wc -l)" -lt "$before" ] || fail 'nothing was removed'
        run 0 "$TEMPLAR" cache clear --cache "$WORK/cache"
        same "$(find "$WORK/cache/packages" -name '*.deb')" '' 'packages after the cache was cleared'
}

# Two builds want the same packages at once; each is brought once.
test_builds_side_by_side() {
        locked_recipe
        run 0 "$TEMPLAR" lock "$RECIPE" --cache "$CACHE" --out "$WORK/out"
        run 0 "$TEMPLAR" archive "$RECIPE" "$WORK/www/kept" --cache "$CACHE" --no-sign
        sed 's/^Name=.*/Name=locked2/' "$RECIPE" >"$WORK/recipes/locked2.recipe"
        sed 's/"image": "locked"/"image": "locked2"/' "$WORK/recipes/locked.lock" >"$WORK/recipes/locked2.lock"
        : >"$WORK/nginx/access.log"
        run 0 "$TEMPLAR" build "$RECIPE" "$WORK/recipes/locked2.recipe" --jobs 2 --locked --no-cache --no-sign \
                --out "$WORK/both" --cache "$WORK/cache" --pool "$URL/kept"
        same "$(grep -c 'GET /kept/.*\.deb' "$WORK/nginx/access.log")" \
                "$(jq '[.packages[] | select(.uri != "")] | length' "$WORK/recipes/locked.lock")" 'downloads'
        no_partial "$WORK/cache"
}
