# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The verbs that look at the layers of a cache and remove them.

cached_build() {
        BUILD_CACHE=$WORK/cache build 0 "$RECIPE" --no-sign
}

n_layers() {
        find "$WORK/cache/layers" -mindepth 1 -maxdepth 1 ! -name '.*' | wc -l
}

two_scripts() {
        small_recipe cached <<'END'
[Script]
Script=
    head -c 300000 /dev/zero >/big

[Script]
Script=
    echo small >/small
END
        cached_build
}

test_list() {
        two_scripts
        run 0 "$TEMPLAR" cache list --cache "$WORK/cache"
        matches "$WORK/stdout" '^LAYER +SIZE +LAST USED' ' 293 KiB .* cached +Script: head -c 300000' 'Script: echo small'
        matches "$WORK/stderr" "^$(n_layers) layers, .* in $WORK/cache$"
        run 0 "$TEMPLAR" cache list --cache "$WORK/cache" --json
        same "$(jq -r 'select(.event == "layer") | .size_bytes' "$WORK/stdout" | grep -cx 300000)" 1 'layers of 300000 bytes'
}

# One changed byte of a file, at the same size and time.
test_verify_and_rebuild() {
        local big
        two_scripts
        run 0 "$TEMPLAR" cache verify --cache "$WORK/cache"
        big=$(echo "$WORK"/cache/layers/*/tree/big)
        touch -r "$big" "$WORK/time"
        printf x | dd of="$big" bs=1 seek=1000 conv=notrunc status=none
        touch -r "$WORK/time" "$big"
        before=$(n_layers)
        run 1 "$TEMPLAR" cache verify --cache "$WORK/cache"
        matches "$WORK/stderr" 'Script: head -c 300000.* is damaged: its files are not those that were stored' \
                '^error: 1 of [0-9]+ layers'
        same "$(n_layers)" $((before - 1)) 'layers after the damaged one is gone'
        rm -r "$WORK/out"
        cached_build
        run 0 "$TEMPLAR" cache verify --cache "$WORK/cache"
        tar -xOf "$WORK/out/cached/$ARCH/cached-$ARCH-1.tar" ./big | cmp -n 300000 - /dev/zero
}

test_prune_and_clear() {
        two_scripts
        before=$(n_layers)
        run 0 "$TEMPLAR" cache prune --cache "$WORK/cache"
        matches "$WORK/stderr" '^0 layers removed'
        run 2 "$TEMPLAR" cache prune --cache-size many --cache "$WORK/cache"
        run 0 "$TEMPLAR" cache prune --cache-size 100K --cache "$WORK/cache"
        [ "$(n_layers)" -lt "$before" ] || fail 'nothing was pruned'
        run 0 "$TEMPLAR" cache clear --cache "$WORK/cache"
        same "$(n_layers)" 0 'layers after clear'
        cached_build
        same "$(n_layers)" "$before" 'layers after a new build'
}
