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
