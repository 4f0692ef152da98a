# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Packing: blocks that are kept in the cache, the memory that it takes, trees that are hard to pack.

# Several compressed blocks, and a last stage that is quickly changed.
blocks_recipe() {
        small_recipe blocks <<'END'
[Script]
Script=
    for i in 1 2 3 4; do
        yes "line of file $i" | head -c 7000000 >/data$i
    done

[Script]
Script=
    echo one >/etc-motd
END
        sed -i 's/^Formats=.*/Formats=tar.xz tar.gz tar.zst/' "$RECIPE"
}

n_blocks() {
        find "$1/blocks" -type f | wc -l
}

# build_blocks OUT [OPTION...]: into $WORK/OUT
build_blocks() {
        local out=$1
        shift
        run 0 "$TEMPLAR" build "$RECIPE" --out "$WORK/$out" --cache "$WORK/cache" --no-sign "$@"
}

same_images() {
        local image
        for image in "$WORK/$1/blocks/$ARCH"/*.tar.{xz,gz,zst}; do
                cmp "$image" "$WORK/$2/blocks/$ARCH/${image##*/}" || fail "${image##*/} differs between $1 and $2"
        done
}

test_blocks_are_reused() {
        local before after
        blocks_recipe
        build_blocks plain --no-cache
        same "$(n_blocks "$WORK/cache")" 0 'blocks of a build without a cache'
        build_blocks cold
        before=$(n_blocks "$WORK/cache")
        [ "$before" -ge 9 ] || fail "only $before blocks"
        build_blocks warm
        same "$(n_blocks "$WORK/cache")" "$before" 'blocks after the same again'
        same_images plain cold
        same_images plain warm

        sed -i 's/echo one/echo another/' "$RECIPE"
        build_blocks changed
        build_blocks changed-plain --no-cache
        same_images changed changed-plain
        after=$(n_blocks "$WORK/cache")
        [ "$after" -gt "$before" ] || fail 'nothing was added'
        [ "$after" -le $((before + 6)) ] || fail "$after blocks in place of $before: too many changed"
        same "$(find "$WORK/cache/blocks" -name '.*' -type f | wc -l)" 0 'drafts'
        same "$(find "$WORK/cache/blocks" ! -user root -o -perm /077 | wc -l)" 0 'what others could look into'
}

test_blocks_in_the_cache_verbs() {
        local block before
        blocks_recipe
        build_blocks cold
        before=$(n_blocks "$WORK/cache")
        run 0 "$TEMPLAR" cache list --cache "$WORK/cache" --json
        same "$(jq -r 'select(.event == "blocks") | .count' "$WORK/stdout")" "$before" 'blocks'
        run 0 "$TEMPLAR" cache list --cache "$WORK/cache"
        matches "$WORK/stdout" "compressed blocks of images: $before$"
        run 0 "$TEMPLAR" cache verify --cache "$WORK/cache"
        matches "$WORK/stderr" "^[0-9]+ layers and $before blocks, all as they were stored"

        block=$(find "$WORK/cache/blocks" -type f | head -n 1)
        printf X | dd of="$block" bs=1 seek=110 conv=notrunc status=none
        build_blocks damaged
        same_images cold damaged
        run 0 "$TEMPLAR" cache verify --cache "$WORK/cache"
        printf X | dd of="$block" bs=1 seek=110 conv=notrunc status=none
        run 1 "$TEMPLAR" cache verify --cache "$WORK/cache"
        matches "$WORK/stderr" 'Block [0-9a-f]{12} is damaged' "^error: 1 of $before blocks in .* was damaged"
        same "$(n_blocks "$WORK/cache")" $((before - 1)) 'blocks after the damaged one is gone'

        # the bound holds for layers and blocks together, also at the end of a build
        build_blocks small --cache-size 1
        same "$(n_blocks "$WORK/cache")" 0 'blocks beyond the bound'
        build_blocks again
        run 0 "$TEMPLAR" cache clear --cache "$WORK/cache"
        matches "$WORK/stderr" " layers and $before blocks removed"
        same "$(n_blocks "$WORK/cache")" 0 'blocks after clear'
}

test_blocks_as_user() {
        local before
        blocks_recipe
        make_user tester
        cp -r "$WORK/recipes" "$TEST_HOME/recipes"
        chown -R 61234:61234 "$TEST_HOME"
        run 0 as_user "$TEMPLAR" build "$TEST_HOME/recipes/blocks.recipe" --out "$TEST_HOME/out" --no-sign
        before=$(n_blocks "$TEST_HOME/.cache/templar")
        [ "$before" -ge 9 ] || fail "only $before blocks"
        sed -i 's/echo one/echo another/' "$TEST_HOME/recipes/blocks.recipe" "$RECIPE"
        run 0 as_user "$TEMPLAR" build "$TEST_HOME/recipes/blocks.recipe" --out "$TEST_HOME/out2" --no-sign
        [ "$(n_blocks "$TEST_HOME/.cache/templar")" -le $((before + 6)) ] || fail 'too many blocks changed'
        build_blocks root
        mv "$TEST_HOME/out2" "$WORK/user"
        same_images root user
        same "$(find "$TEST_HOME/.cache/templar/blocks" ! -uid 61234 -o -perm /077 | wc -l)" 0 'what others could look into'
}

test_level() {
        local sizes
        blocks_recipe
        sed -i 's/^Formats=.*/Formats=tar.zst/' "$RECIPE"
        build_blocks out
        build_blocks out --set Image.Level='tar.zst:1 tar.xz:9'
        matches "$WORK/stdout" "blocks-$ARCH-1.1.tar.zst"
        sizes=$(stat -c %s "$WORK/out/blocks/$ARCH"/*.tar.zst | uniq | wc -l)
        same "$sizes" 2 'different sizes of levels 9 and 1'
        build_blocks out --set Image.Level=tar.zst:1
        matches "$WORK/stderr" 'up to date|unchanged|nothing'
        run 2 "$TEMPLAR" build "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" --set Image.Level=zst:1
        matches "$WORK/stderr" 'did you mean "tar.zst:1"'
}

# ------------------------------------------------------------------------------------------------ names, links, sizes
odd_recipe() {
        small_recipe odd <<'END'
[Script]
Script=
    cd /bin && for name in mkdir ln chmod chown touch truncate dd; do ln -s busybox $name; done
    mkdir -p /usr /links && echo shared >/links/one && chown 12:34 /links/one && chmod 06755 /links/one
    touch -d '1969-12-31 23:00:00' /links/one

[Script]
Script=
    ln /links/one /links/two && mkdir /usr/far && ln /links/two /usr/far/three

[Script]
Script=
    echo seen >/etc-seen && ln /usr/far/three /a-first-name
    long=$(printf 'n%.0s' $(/bin/busybox seq 200))
    mkdir -p /usr/$long/$long && echo deep >/usr/$long/$long/$(printf 'caf\351')
    truncate -s 5000000 /usr/sparse && printf end >>/usr/sparse
END
}

check_odd() {
        local tree=$1 name long
        for name in a-first-name links/two usr/far/three; do
                same "$(stat -c %i "$tree/$name")" "$(stat -c %i "$tree/links/one")" "inode of $name in $tree"
        done
        same "$(stat -c '%a %u:%g %Y' "$tree/links/one")" '6755 12:34 -3600' "mode, owner and time in $tree"
        long=$(printf 'n%.0s' $(seq 200))
        same "$(cat "$tree/usr/$long/$long/"caf?)" deep "the long path in $tree"
        same "$(stat -c %s "$tree/usr/sparse")" 5000003 "the size of the sparse file in $tree"
        same "$(tail -c 3 "$tree/usr/sparse")" end "the end of the sparse file in $tree"
}

test_odd_tree() {
        local import
        odd_recipe
        run 0 "$TEMPLAR" build "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" --no-sign --formats tar.xz,tar.gz
        find_release "$WORK/out" odd
        mkdir "$WORK/gnu" "$WORK/bsd"
        run 0 tar -C "$WORK/gnu" --numeric-owner --xattrs --xattrs-include='*' -xpf "$RELEASE/$BASE.tar.gz"
        check_odd "$WORK/gnu"
        command -v bsdtar >/dev/null || skip 'needs libarchive-tools'
        run 0 bsdtar -C "$WORK/bsd" --numeric-owner -xpf "$RELEASE/$BASE.tar.xz"
        check_odd "$WORK/bsd"
        import=$(find_systemd systemd-import) || skip 'needs systemd-container'
        mkdir "$WORK/machines"
        defer release_machines
        run 0 timeout --signal=KILL 120 "$import" tar --image-root="$WORK/machines" "$RELEASE/$BASE.tar.xz" odd
        check_odd "$WORK/machines/odd"
}

# ------------------------------------------------------------------------------------------------ memory
MEMORY_LIMIT_KIB=$((256 * 1024))

# measured COMMAND...: no process of it may have had more
measured() {
        local peak
        [ -x /usr/bin/time ] || skip 'needs the package time'
        run 0 /usr/bin/time -f '%M' -o "$WORK/peak" "$@"
        peak=$(tail -n 1 "$WORK/peak")
        printf 'peak memory: %d KiB\n' "$peak" >&2
        [ "$peak" -le "$MEMORY_LIMIT_KIB" ] || fail "peak memory of $peak KiB: $*"
}

# The builds here are all about files; on a disk they would take minutes.
in_memory() {
        [ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -gt $((4 * 1024 * 1024)) ] || skip 'needs 4 GiB of memory'
        mkdir -p "$WORK/memory"
        mount -t tmpfs -o size=4G,mode=0755 templar-test "$WORK/memory"
        defer umount "$WORK/memory"
}

# More than a tar header's octal digits can say: data here and there, holes between.
test_large_file() {
        local tree
        in_memory
        small_recipe large <<'END'
[Script]
Script=
    cd /bin && for name in dd truncate; do ln -s busybox $name; done
    truncate -s 8800000000 /large
    for i in 0 1 3 7 15 40 80 200 400; do
        dd if=/bin/busybox of=/large bs=20M seek=$i conv=notrunc
        dd if=/dev/urandom of=/large bs=1M count=20 seek=$((i * 20)) conv=notrunc
    done 2>/dev/null
    printf end >>/large
END
        measured "$TEMPLAR" build "$RECIPE" --out "$WORK/memory/out" --cache "$WORK/memory/cache" --no-sign --formats tar.zst --set Image.Level=tar.zst:1
        find_release "$WORK/memory/out" large
        tree=$(dirname "$(echo "$WORK"/memory/cache/layers/*/tree/large)")
        same "$(stat -c %s "$tree/large")" 8800000003 'the size that was packed'
        zstd -dcq "$TAR" | tar -xOf - ./large | cmp - "$tree/large"
        command -v bsdtar >/dev/null || skip 'needs libarchive-tools'
        same "$(bsdtar -tvf "$TAR" ./large | awk '{ print $5 }')" 8800000003 'the size that bsdtar sees'
}

# Names and links take memory, too.
test_many_files() {
        in_memory
        small_recipe many <<'END'
[Script]
Script=
    cd /bin && for name in mkdir ln; do ln -s busybox $name; done
    d=0
    while [ $d -lt 300 ]; do
        mkdir -p /usr/share/a-directory-with-a-name-$d && cd /usr/share/a-directory-with-a-name-$d
        i=0
        while [ $i -lt 1000 ]; do
            echo "$d $i" >a-file-with-a-name-$i
            i=$((i + 1))
        done
        d=$((d + 1))
    done
END
        measured "$TEMPLAR" build "$RECIPE" --out "$WORK/memory/out" --cache "$WORK/memory/cache" --no-sign --formats tar.zst,tar.gz \
                --set Image.Level='tar.zst:1 tar.gz:1'
        find_release "$WORK/memory/out" many
        same "$(zstd -dcq "$RELEASE/$BASE.tar.zst" | tar -tf - | grep -c a-file-with-a-name)" 300000 'files'
}
