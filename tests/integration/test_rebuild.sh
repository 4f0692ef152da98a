# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# templar rebuild: an image, once more.

# rebuild STATUS ARGUMENT...: in the folder of the recipes
rebuild() {
        local status=$1
        shift
        cd "$WORK/recipes"
        run "$status" "$TEMPLAR" rebuild "$@" --cache "${BUILD_CACHE:-$WORK/cache}" --quiet
        same "$(find "${BUILD_CACHE:-$WORK/cache}" -maxdepth 1 -name 'rebuild-*')" '' 'folders left behind'
}

# small SCRIPT FORMATS: builds it, and finds the release
small() {
        small_recipe small <<END
[File]
Path=/etc/file
Content=
    hello

[Script]
Script=
    ${1:-true}
END
        BUILD_CACHE=$WORK/cache build 0 "$RECIPE" --no-sign --formats "${2:-tar}"
        find_release "$WORK/out" small
        # the lock has the date
        unset SOURCE_DATE_EPOCH
}

# Its own cache has nothing of the first build.
test_identical() {
        small 'echo more >>/etc/file' tar,tar.gz,tar.xz,tar.zst
        BUILD_CACHE=$WORK/other rebuild 0 "$RELEASE"
        for suffix in lock manifest.json spdx.json tar tar.gz tar.xz tar.zst; do
                matches "$WORK/stdout" "^identical  $BASE.$suffix\$"
        done
        matches "$WORK/stdout" "^$BASE: identical\$"
        same "$(wc -l <"$WORK/stdout")" 8 lines
        BUILD_CACHE=$WORK/other rebuild 0 "$RELEASE" --json
        mv "$WORK/stdout" "$WORK/events"
        run 0 jq -es 'all(.[]; .event != "file") and (map(select(.event == "rebuilt-file" and .identical)) | length) == 7 and
                (.[-1] | .event == "rebuilt" and .identical)' "$WORK/events"
}

# Elsewhere: one format, with its manifest and lock; the recipe has another name.
test_one_file() {
        small 'echo more >>/etc/file' tar.xz,tar.zst
        mkdir "$WORK/downloads"
        cp "$RELEASE/$BASE".{tar.xz,manifest.json,lock} "$WORK/downloads/"
        mv "$RECIPE" "$WORK/recipes/renamed.recipe"
        rebuild 1 "$WORK/downloads/$BASE.tar.xz"
        matches "$WORK/stderr" 'neither small.recipe nor recipes/small.recipe' '--recipe'
        rebuild 0 "$WORK/downloads/$BASE.tar.xz" --recipe renamed.recipe --keep "$WORK/kept"
        same "$(cut -d' ' -f1,3 "$WORK/stdout" | tr '\n' ' ')" "identical $BASE.lock identical $BASE.tar.xz $BASE: " result
        cmp "$WORK/kept/small/$ARCH/$BASE.tar.xz" "$RELEASE/$BASE.tar.xz"
        rebuild 2 "$WORK/downloads/$BASE.tar.xz" --recipe renamed.recipe --keep "$WORK/kept"
        matches "$WORK/stderr" 'is not empty'
}

# What a script takes from the clock or from chance, each in its place.
test_differences() {
        small 'bb=/bin/busybox; $bb mkdir -p /d
    $bb head -c 8 /dev/urandom | $bb od -An -tx1 >/d/random
    number=$($bb od -An -N2 -tu2 /dev/urandom)
    $bb touch -d "@$((1600000000 + number))" /d/time
    : >"/d/name-$($bb od -An -N4 -tx4 /dev/urandom | $bb tr -d " ")"' tar.gz
        rebuild 1 "$RELEASE"
        matches "$WORK/stdout" "^$BASE.tar.gz differs:\$" '^  /d/random: content differs from byte [0-9]+ on$' '^  /d/time: time$' \
                '^    published  20[0-9-]+ [0-9:]+$' '^  /d/name-[0-9a-f]+: entry$' '^    rebuilt    missing$' \
                "^$BASE.manifest.json differs:\$" "^identical  $BASE.lock\$" "^differs    $BASE.tar.gz\$"
        no_match "$WORK/stdout" ' /etc/file' '^  /d:' 'identical$'
        matches "$WORK/stderr" "^error: $BASE is not what its recipe and lock make here"
        rebuild 1 "$RELEASE" --json
        mv "$WORK/stdout" "$WORK/events"
        run 0 jq -es 'any(.[]; .event == "difference" and .path == "/d/random" and .what == "content") and
                any(.[]; .event == "rebuilt" and (.identical | not))' "$WORK/events"
}

# An image that somebody has changed since.
test_changed_image() {
        small
        mkdir "$WORK/tree"
        tar -C "$WORK/tree" -xpf "$TAR"
        echo changed >"$WORK/tree/etc/file"
        chmod 0600 "$WORK/tree/usr/lib/os-release"
        tar --format=pax --sort=name --numeric-owner --pax-option=delete=atime,delete=ctime -C "$WORK/tree" -cf "$TAR" .
        rebuild 1 "$TAR"
        matches "$WORK/stdout" '^  /etc/file: size$' '^    published  8$' '^    rebuilt    6$' '^  /usr/lib/os-release: mode$' \
                '^    published  0600$' '^    rebuilt    0644$' "^differs    $BASE.tar\$" "^identical  $BASE.manifest.json\$"
}

test_refused() {
        small
        rebuild 1 "$WORK/nothing"
        matches "$WORK/stderr" 'nothing'
        rebuild 2
        # another recipe, another lock, none; no manifest
        sed -i 's/hello/hullo/' "$RECIPE"
        rebuild 1 "$RELEASE"
        matches "$WORK/stderr" 'small.recipe has changed since small-.*-1 was built: its digest is [0-9a-f]{64}' '--set'
        sed -i 's/hullo/hello/' "$RECIPE"
        sed 's/"version": "1"/"version": "2"/' "$RELEASE/$BASE.lock" >"$WORK/other.lock"
        rebuild 1 "$RELEASE" --lock "$WORK/other.lock"
        matches "$WORK/stderr" "other.lock is the lock of small-$ARCH-2, not of small-$ARCH-1"
        echo nonsense >"$WORK/other.lock"
        rebuild 1 "$RELEASE" --lock "$WORK/other.lock"
        matches "$WORK/stderr" 'other.lock:1'
        rm "$RELEASE/$BASE.lock"
        rebuild 1 "$RELEASE"
        matches "$WORK/stderr" "$BASE.lock: No such file" '--lock'
        rm "$RELEASE/$BASE.manifest.json"
        rebuild 1 "$RELEASE"
        matches "$WORK/stderr" "$BASE.manifest.json: No such file" 'lies beside it'
}

# A stage that fails leaves no folder behind, and what the failed stage of a build left stays.
test_failure() {
        mkdir -p "$WORK/recipes"
        echo data >"$WORK/recipes/data"
        small_recipe small <<'END'
[File]
Path=/etc/file
Source=data

[Script]
Script=
    [ "$(/bin/busybox cat /etc/file)" = data ]
END
        BUILD_CACHE=$WORK/cache build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" small
        unset SOURCE_DATE_EPOCH
        mkdir -p "$WORK/cache/failed/small-$ARCH"
        echo other >"$WORK/recipes/data"
        rebuild 1 "$RELEASE"
        [ -d "$WORK/cache/failed/small-$ARCH" ] || fail 'the evidence of another build is gone'
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
        echo data >"$WORK/recipes/data"
        rebuild 0 "$RELEASE"
        [ -d "$WORK/cache/failed/small-$ARCH" ] || fail 'the evidence of another build is gone'
}

# What carries its version, as the second release of a day, and what stands on such a recipe with a date of its own.
test_version_and_base() {
        small 'echo one >>/etc/file'
        sed -i 's/echo one/echo $IMAGE_VERSION $SOURCE_DATE_EPOCH/' "$RECIPE"
        SOURCE_DATE_EPOCH=1700000000 BUILD_CACHE=$WORK/cache build 0 "$RECIPE" --no-sign
        rebuild 0 "$RELEASE"
        matches "$WORK/stdout" "^small-$ARCH-1\.1: identical\$"
        rebuild 1 "$RELEASE/small-$ARCH-1"
        matches "$WORK/stderr" 'has changed since'
        printf '[Image]\nName=top\nBase=small.recipe\nFormats=tar\n\n[Script]\nScript=\n    echo $IMAGE_VERSION >/etc/top\n' \
                >"$WORK/recipes/top.recipe"
        SOURCE_DATE_EPOCH=1710000000 BUILD_CACHE=$WORK/cache build 0 "$WORK/recipes/top.recipe" --no-sign
        rebuild 0 "$WORK/out/top/$ARCH"
        matches "$WORK/stdout" "^top-$ARCH-20240309: identical\$"
}

# A shipped recipe, from nothing but its lock and the packages that another cache has.
test_bookworm() {
        build 0 "$SOURCE/recipes/debian-bookworm.recipe" --no-sign --formats tar.zst
        find_release "$WORK/out" debian-bookworm
        cd "$SOURCE"
        run 1 "$TEMPLAR" rebuild "$RELEASE" --cache "$WORK/cache" --offline --quiet
        matches "$WORK/stderr" '^error: recipes/debian-bookworm.recipe:8: .*The package .* is not in the cache' '--pool'
        run 0 "$TEMPLAR" rebuild "$RELEASE" --cache "$WORK/cache" --offline --pool "$CACHE" --quiet
        matches "$WORK/stdout" "^$BASE: identical\$" "^identical  $BASE.tar.zst\$" "^identical  $BASE.lock\$"
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

test_as_user() {
        small 'echo more >>/etc/file' tar.zst
        make_user builder
        cp -r "$WORK/recipes" "$TEST_HOME/recipes"
        chown -R builder: "$TEST_HOME/recipes"
        cd "$TEST_HOME"
        run 0 as_user "$TEMPLAR" rebuild "$RELEASE" --cache "$TEST_HOME/cache" --quiet
        matches "$WORK/stdout" "^$BASE: identical\$"
}
