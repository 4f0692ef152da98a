# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2119,SC2120
# Layers: only what has changed runs again, and the image is the same, to the byte, as without them.

# The sections that most tests put behind small_recipe's; each script leaves a line in the output when it runs.
three_scripts() {
        cat <<'END'
[Script]
Script=
    echo "first runs"
    mkdir -p /etc && echo one >/etc/one

[File]
Path=/etc/motd
Source=motd

[Script]
Script=
    echo "second runs"
    cat /etc/one /etc/motd >/etc/both
END
}

# layered STATUS [OPTION...]: a build of $RECIPE in this test's cache, all output shown
layered() {
        local status=$1
        shift
        BUILD_CACHE=$WORK/cache build "$status" "$RECIPE" --no-sign --verbose "$@"
}

# ran NAME...: exactly these scripts did
ran() {
        same "$(sed -n '/^error:/q; s/^  | \([a-z0-9 ]*\) runs$/\1/p' "$WORK/stderr" | tr '\n' ' ')" "${*:+$* }" 'stages that ran'
}

n_cached() {
        same "$(grep -Ec '^ +[0-9.]+ s  cached$' "$WORK/stderr")" "$1" 'cached stages'
}

keys() {
        find "$WORK/cache/layers" -mindepth 1 -maxdepth 1 ! -name '.*' -printf '%f\n' | sort
}

recipe_three() {
        mkdir -p "$WORK/recipes"
        echo "${1:-hello}" >"$WORK/recipes/motd"
        small_recipe three < <(three_scripts)
}

# ------------------------------------------------------------------------------------------------ what runs again
test_nothing_changed() {
        recipe_three
        layered 0
        ran first second
        n_cached 0
        layered 0
        ran
        n_cached 6
        matches "$WORK/stderr" 'three is up to date'
        no_match "$WORK/stderr" 'Packing'
        # a release that is gone is packed again from the layers
        rm -r "$WORK/out"
        layered 0
        ran
        matches "$WORK/stderr" 'Packing'
        # and one that was damaged is not called up to date
        echo x >>"$WORK/out/three/$ARCH/three-$ARCH-1.tar"
        layered 1
        matches "$WORK/stderr" 'has changed since it was published'
}

test_last_stage_changed() {
        recipe_three
        layered 0
        sed -i 's/second runs/third runs/' "$RECIPE"
        rm -r "$WORK/out"
        layered 0
        n_cached 5
        ran third
}

# Another script with the same result: the image has not changed, and nothing is packed.
test_same_content() {
        recipe_three
        layered 0
        sed -i 's,cat /etc/one /etc/motd,cat  /etc/one /etc/motd,' "$RECIPE"
        layered 0
        ran second
        matches "$WORK/stderr" 'three is up to date'
        layered 0
        ran
        matches "$WORK/stderr" 'three is up to date'
}

# A script that changes something runs once for the version that is there and once for the next; it is packed once.
test_next_version() {
        recipe_three
        layered 0
        sed -i 's,cat /etc/one /etc/motd,cat /etc/one,' "$RECIPE"
        layered 0
        ran second first second
        same "$(grep -c Packing "$WORK/stderr")" 1 'times that it was packed'
        [ -e "$WORK/out/three/$ARCH/three-$ARCH-1.1.tar" ] || fail 'no version 1.1'
        layered 0
        ran
        matches "$WORK/stderr" 'nothing has changed since version 1.1'
}

test_file_changed() {
        recipe_three
        layered 0
        echo changed >"$WORK/recipes/motd"
        rm -r "$WORK/out"
        layered 0
        ran second
        n_cached 4
        same "$(tar -xOf "$WORK/out/three/$ARCH/three-$ARCH-1.tar" ./etc/both | tail -n 1)" changed 'the new file'
}

# The recipe's own name, comments and the order of keys leave the keys alone.
test_what_does_not_count() {
        recipe_three
        layered 0
        keys >"$WORK/before"
        mv "$RECIPE" "$WORK/recipes/renamed.recipe"
        RECIPE=$WORK/recipes/renamed.recipe
        sed -i -e 's/^\[Script\]/# a comment\n[Script]/' -e '/^Path=\/etc\/motd$/d' \
                -e 's/^Source=motd$/Source=motd\nPath=\/etc\/motd/' "$RECIPE"
        layered 0
        ran
        n_cached 6
        keys >"$WORK/after"
        run 0 cmp "$WORK/before" "$WORK/after"
}

# A script sees the version and the date; nothing else does.
test_environment() {
        recipe_three
        layered 0
        rm -r "$WORK/out"
        SOURCE_DATE_EPOCH=1710000000 layered 0
        ran first second
        n_cached 3
}

test_no_cache_and_from() {
        recipe_three
        layered 0 --no-cache
        same "$(keys)" '' layers
        layered 0
        keys >"$WORK/before"
        layered 0 --no-cache
        ran first second
        n_cached 0
        layered 0 --from File[4]
        ran second
        n_cached 4
        layered 0 --from 6
        ran second
        n_cached 5
        layered 2 --from Script
        matches "$WORK/stderr" 'several stages "Script"' '4  \[Script\]'
        layered 2 --from nothing
        keys >"$WORK/after"
        run 0 cmp "$WORK/before" "$WORK/after"
}

test_network_is_not_cached() {
        small_recipe net <<'END'
[Script]
Network=yes
Script=
    echo "first runs"

[Script]
Script=
    echo "second runs"
END
        layered 0
        layered 0
        ran first second
        n_cached 3
        sed -i 's/^Network=yes/Network=yes\nCache=yes/' "$RECIPE"
        layered 0
        layered 0
        ran
}

# ------------------------------------------------------------------------------------------------ the same bytes
# Everything that an overlay could get wrong, each thing in a stage of its own.
tricky_stages() {
        cat <<'END'
[Script]
Script=
    cd /bin && for name in mkdir cp mv rm ln cat chmod chown touch find sed stat mknod; do ln -s busybox $name; done
    mkdir -p /a/b/c /x/y /links/deep /old /gone && chmod 0711 /a/b && chown 5:6 /a/b && chmod 0755 /
    echo 1 >/a/b/one && echo 2 >/a/b/c/two && touch -d '2001-02-03 04:05:06' /a/b/c/two /x/y
    echo shared >/links/one && ln /links/one /links/two && ln /links/one /links/deep/three
    echo left >/links/four && ln /links/four /links/five && touch -d '2002-02-02 02:02:02' /links/four /links
    echo gone >/gone/file && echo more >/gone/more && echo kept >/old/kept && touch -d '2003-03-03 03:03:03' /old/kept /old

[Script]
Script=
    rm /a/b/one && rm -r /gone

[Script]
Script=
    mkdir /gone && echo anew >/gone/new

[Script]
Script=
    chmod 0600 /links/two && echo changed >>/links/one

[Script]
Script=
    ln /links/deep/three /links/six && rm /links/two

[Script]
Script=
    mv /old /new && mv /a/b/c /x/c

[Script]
Script=
    chmod 0750 /x/y && chown 1:2 /new/kept && chmod 04755 /new/kept && touch -d '2004-04-04 04:04:04' /x

[Script]
Script=
    rm -r /x/y && echo file >/x/y && rm /links/five && mkdir /links/five && chmod 0701 /

[Script]
Script=
    ln -s ../a /x/link && rm /x/link && mkdir /x/link && touch /x/link/in && rm -r /a/b && ln -s /x /a/b

[Script]
Script=
    echo "$SOURCE_DATE_EPOCH" >/date && listing=$(find / -xdev | /bin/busybox sort) && echo "$listing" >/listing
END
}

# compare_ways RECIPE-OPTIONS...: with layers made now, with the same ones again, and without any
compare_ways() {
        local tar
        layered 0 "$@"
        find_release "$WORK/out" "$NAME"
        tar=$RELEASE/$BASE.tar
        mv "$WORK/out" "$WORK/first"
        layered 0 "$@"
        run 0 cmp "$tar" "$WORK/first/${tar#"$WORK/out/"}"
        mv "$WORK/out" "$WORK/second"
        layered 0 --no-cache "$@"
        n_cached 0
        run 0 cmp "$tar" "$WORK/first/${tar#"$WORK/out/"}"
}

test_same_bytes() {
        NAME=tricky
        small_recipe tricky < <(tricky_stages)
        compare_ways
        same "$(tar -xOf "$RELEASE/$BASE.tar" ./links/deep/three | tail -n 1)" changed 'the other name of a changed file'
        tar -tvf "$RELEASE/$BASE.tar" >"$WORK/found"
        matches "$WORK/found" './links/six.* link to ./links/deep/three$' '^drwx-----x .* \./$'
}

# Layers that are older than the packages: a later date reaches all that a stage made, and nothing else.
test_same_bytes_later() {
        NAME=tricky
        tricky_stages | sed '/SOURCE_DATE_EPOCH/,$d' | sed '$d' | sed '$d' >"$WORK/stages"
        small_recipe tricky <"$WORK/stages"
        layered 0
        for SOURCE_DATE_EPOCH in 1800000000 4000000000; do
                export SOURCE_DATE_EPOCH
                rm -rf "$WORK/out" "$WORK/first" "$WORK/second"
                compare_ways
        done
}

capabilities() {
        local program library
        program=$(command -v setcap) || skip 'needs libcap2-bin'
        cp "$program" "$WORK/recipes/setcap"
        printf '[File]\nPath=/bin/setcap\nSource=setcap\nMode=0755\n\n'
        for library in $(ldd "$program" | grep -o '/[^ )]*'); do
                cp "$library" "$WORK/recipes/"
                printf '[File]\nPath=%s\nSource=%s\nMode=0755\n\n' "$library" "${library##*/}"
        done
        cat <<'END'
[Script]
Script=
    /bin/busybox cp /bin/busybox /bin/one && /bin/busybox ln /bin/one /bin/two && /bin/busybox cp /bin/busybox /bin/three
    setcap cap_net_raw=ep /bin/one && setcap cap_net_raw=ep /bin/three

[Script]
Script=
    setcap cap_net_admin=ep /bin/two

[Script]
Script=
    setcap -r /bin/three && /bin/busybox chmod 0700 /bin/one && setcap cap_chown=p /bin/one
END
}

test_same_capabilities() {
        NAME=caps
        mkdir -p "$WORK/recipes"
        capabilities >"$WORK/stages"
        small_recipe caps <"$WORK/stages"
        compare_ways
        mkdir "$WORK/tree"
        tar -C "$WORK/tree" --xattrs --xattrs-include='*' -xpf "$RELEASE/$BASE.tar" ./bin
        (cd "$WORK/tree/bin" && getcap one two three) >"$WORK/found"
        matches "$WORK/found" '^one .*cap_chown' '^two .*cap_chown'
        no_match "$WORK/found" three
}

test_many_stages() {
        NAME=many
        for i in $(seq 100); do
                printf '[File]\nPath=/files/%s\nContent=\n    %s\n\n' "$i" "$i"
        done >"$WORK/stages"
        small_recipe many <"$WORK/stages"
        compare_ways
        same "$(tar -tf "$RELEASE/$BASE.tar" | grep -c '^./files/[0-9]')" 100 files
        layered 0
        n_cached 103
}

test_same_as_user() {
        local as_root
        NAME=tricky
        small_recipe tricky < <(tricky_stages)
        layered 0
        find_release "$WORK/out" "$NAME"
        as_root=$RELEASE/$BASE.tar
        make_user layers
        cp -r "$WORK/recipes" "$TEST_HOME/recipes"
        chown -R layers: "$TEST_HOME/recipes"
        for option in '' '' --no-cache; do
                # shellcheck disable=SC2086
                run 0 as_user "$TEMPLAR" build "$TEST_HOME/recipes/tricky.recipe" --out "$TEST_HOME/out$option" \
                        --cache "$TEST_HOME/cache" --no-sign --verbose $option
                run 0 cmp "$as_root" "$TEST_HOME/out$option/${as_root#"$WORK/out/"}"
        done
}

# ------------------------------------------------------------------------------------------------ several builds, killed ones
test_beside_each_other() {
        local n pids=() pid
        small_recipe slow <<'END'
[Script]
Script=
    echo "slow runs"
    /bin/busybox sleep 2
END
        for n in 1 2 3 4; do
                "$TEMPLAR" build "$RECIPE" --out "$WORK/out$n" --cache "$WORK/cache" --no-sign --verbose \
                        >"$WORK/stdout$n" 2>"$WORK/stderr$n" &
                pids+=($!)
        done
        for pid in "${pids[@]}"; do
                wait "$pid" || fail "a build failed: $(cat "$WORK"/stderr?)"
        done
        same "$(cat "$WORK"/stderr? | grep -c '^  | slow runs$')" 1 'runs of the stage'
        for n in 2 3 4; do
                run 0 cmp "$WORK/out1/slow/$ARCH/slow-$ARCH-1.tar" "$WORK/out$n/slow/$ARCH/slow-$ARCH-1.tar"
        done
        same "$(ls -A "$WORK/cache/layers/.locks")" '' 'locks left behind'
}

# At any moment: the store stays usable, the next build is right, nothing is left behind.
test_killed() {
        local delay pid
        NAME=tricky
        small_recipe tricky < <(tricky_stages)
        layered 0 --no-cache
        mv "$WORK/out" "$WORK/reference"
        for delay in 0.05 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8; do
                "$TEMPLAR" build "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" --no-sign 2>/dev/null &
                pid=$!
                sleep "$delay"
                kill -KILL "$pid" 2>/dev/null || true
                wait "$pid" 2>/dev/null || true
        done
        layered 0
        run 0 cmp "$WORK/out/tricky/$ARCH/tricky-$ARCH-1.tar" "$WORK/reference/tricky/$ARCH/tricky-$ARCH-1.tar"
        same "$(find "$WORK/cache/layers" -mindepth 1 -maxdepth 1 -name '.new-*')" '' 'drafts'
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

# ------------------------------------------------------------------------------------------------ room
test_size_limit() {
        local n
        for n in 1 2 3 4; do
                small_recipe big <<END
[Script]
Script=
    /bin/busybox dd if=/dev/zero of=/big$n bs=1M count=4
END
                layered 0 --cache-size 10M
        done
        [ "$(du -sm "$WORK/cache/layers" | cut -f1)" -le 15 ] || fail "$(du -sm "$WORK/cache/layers")"
        layered 2 --cache-size 10X
}

# A full disk is made room on by what no build uses.
test_full_disk() {
        mkdir "$WORK/disk"
        mount -t tmpfs -o size=24m,mode=0755 templar-test "$WORK/disk"
        defer umount "$WORK/disk"
        ln -s "$WORK/disk" "$WORK/cache"
        small_recipe big <<'END'
[Script]
Script=
    /bin/busybox dd if=/dev/zero of=/big bs=1M count=14
END
        layered 0
        sed -i 's,of=/big,of=/other,' "$RECIPE"
        layered 0
        matches "$WORK/stderr" 'unused layers were removed'
        sed -i 's/count=14/count=40/' "$RECIPE"
        layered 1
        matches "$WORK/stderr" 'No space left on device' 'disk of .* is full'
}

# ------------------------------------------------------------------------------------------------ failures
test_starts_at_the_failed_stage() {
        recipe_three
        sed -i 's/echo "second runs"/echo "second runs"; touch \/evidence; exit 3/' "$RECIPE"
        layered 1 --keep-failed
        matches "$WORK/stderr" "kept in .*/failed/three-$ARCH/draft-6/tree"
        [ -e "$WORK/cache/failed/three-$ARCH/draft-6/tree/evidence" ] || fail 'the evidence is gone'
        matches "$WORK/stderr" "^To look inside: templar shell --cache $WORK/cache --out $WORK/out --at 6 $RECIPE$"
        run 0 "$TEMPLAR" shell "$RECIPE" --cache "$WORK/cache" --out "$WORK/out" -- busybox ls /evidence
        layered 1
        ran second
        n_cached 5
        sed -i 's/; touch .evidence; exit 3//' "$RECIPE"
        layered 0
        ran second
        [ ! -e "$WORK/cache/failed/three-$ARCH" ] || fail 'the failed tree is still there'
}

# ------------------------------------------------------------------------------------------------ recipes on recipes
base_recipes() {
        local n
        small_recipe ground <<'END'
[Script]
Script=
    echo "ground runs"
    echo "$IMAGE_NAME $IMAGE_VERSION" >/ground
END
        for n in one two; do
                cat >"$WORK/recipes/$n.recipe" <<END
[Image]
Name=$n
Version=2
Formats=tar
Base=ground.recipe

[Script]
Script=
    echo "$n runs"
    echo "\$IMAGE_NAME \$IMAGE_VERSION" >/top
END
        done
}

test_base() {
        base_recipes
        RECIPE=$WORK/recipes/one.recipe layered 0
        ran ground one
        RECIPE=$WORK/recipes/two.recipe layered 0
        ran two
        n_cached 4
        layered 0
        ran
        n_cached 4
        find_release "$WORK/out" two
        same "$(tar -xOf "$RELEASE/$BASE.tar" ./ground ./top | tr '\n' ' ')" 'ground 1 two 2 ' 'what the scripts saw'
        sed -i 's/ground runs/again runs/' "$RECIPE"
        rm -r "$WORK/out"
        RECIPE=$WORK/recipes/one.recipe layered 0
        ran again one
}

test_base_refused() {
        base_recipes
        sed -i 's/^Version=1/&\nBase=one.recipe/' "$RECIPE"
        layered 2
        matches "$WORK/stderr" 'its own base' 'ground.recipe:4|one.recipe:5'
        printf '[Image]\nName=own\nBase=own.recipe\n\n[File]\nPath=/x\nContent=\n' >"$WORK/recipes/own.recipe"
        RECIPE=$WORK/recipes/own.recipe layered 2
        matches "$WORK/stderr" 'own.recipe:3:[0-9]+: the recipe is its own base'
        base_recipes
        printf '\n[Debootstrap]\nSuite=bookworm\n' >>"$WORK/recipes/one.recipe"
        RECIPE=$WORK/recipes/one.recipe layered 2
        matches "$WORK/stderr" 'Debootstrap. wants an empty tree'
        sed -i 's/ground.recipe/gruond.recipe/' "$WORK/recipes/two.recipe"
        RECIPE=$WORK/recipes/two.recipe layered 2
        matches "$WORK/stderr" 'two.recipe:5' 'gruond.recipe'
}

# ------------------------------------------------------------------------------------------------ plan
planned() {
        run 0 "$TEMPLAR" plan "$RECIPE" --out "$WORK/out" --cache "${BUILD_CACHE:-$WORK/cache}"
}

test_plan() {
        recipe_three
        planned
        matches "$WORK/stdout" '^  4  Script: .* runs: no build of this image is known here$' '^three: 6 of 6 stages run$'
        layered 0
        planned
        matches "$WORK/stdout" '^  1  File /bin/busybox +[0-9.]+ s  cached$' '^three: every stage is cached$'
        echo changed >"$WORK/recipes/motd"
        sed -i 's/^Mode=0755$/Mode=0700/' "$RECIPE"
        planned
        matches "$WORK/stdout" '^  1  File /bin/busybox +[0-9.]+ s  runs: Mode= 0755 -> 0700$' \
                '^  2  Link /bin/sh +[0-9.]+ s  runs: a stage before it runs$' '^ +file motd changed$' \
                '^three: 6 of 6 stages run; they took [0-9.]+ s last time$'
        run 0 "$TEMPLAR" plan "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" --json
        mv "$WORK/stdout" "$WORK/events"
        run 0 jq -es 'map(select(.event == "planned-stage")) | map(.cached) == [false, false, false, false, false, false] and
                .[4].why == ["a stage before it runs", "file motd changed"]' "$WORK/events"
        layered 0
        layers=$(keys | wc -l)
        planned
        matches "$WORK/stdout" 'every stage is cached'
        SOURCE_DATE_EPOCH=1710000000 planned
        matches "$WORK/stdout" 'runs: SOURCE_DATE_EPOCH 1700000000 -> 1710000000$'
        same "$(keys | wc -l)" "$layers" 'layers after planning'
        same "$(ls -A "$WORK/cache/work" "$WORK/cache/layers/.locks" | grep -v :)" '' 'left behind'
        rm -r "$WORK/cache/layers"
        planned
        matches "$WORK/stdout" '^  1 .* runs: its layer is not in the cache any more$'
}

# A new version in the archive rebuilds the stages that it reaches, and no others.
archive_with() {
        "$SOURCE/tests/fixtures/make-deb.sh" "$WORK/archive/pool/main" something "$1" \
                --script "postinst=echo \"something $1 runs\"" >/dev/null
        "$SOURCE/tests/fixtures/make-archive.sh" "$WORK/archive" local --date "$2" 2>/dev/null
}

test_new_package() {
        mkdir -p "$WORK/recipes"
        archive_with 1 2026-01-01
        cp "$WORK/archive/keyring.asc" "$WORK/recipes/"
        RECIPE=$WORK/recipes/new.recipe
        cat >"$RECIPE" <<END
[Image]
Name=new
Formats=tar

[Debootstrap]
Suite=bookworm

[File]
Path=/etc/before
Content=
    before

[Repositories]
Types=deb
URIs=file://$WORK/archive
Suites=local
Components=main
SignedBy=keyring.asc

[Install]
Packages=something

[File]
Path=/etc/after
Content=
    after
END
        BUILD_CACHE=$CACHE build 0 "$RECIPE" --no-sign --verbose
        BUILD_CACHE=$CACHE build 0 "$RECIPE" --no-sign --verbose
        n_cached 5
        # another date alone, and a package that nobody asks for
        "$SOURCE/tests/fixtures/make-deb.sh" "$WORK/archive/pool/main" other 1 >/dev/null
        archive_with 1 2026-02-01
        BUILD_CACHE=$CACHE build 0 "$RECIPE" --no-sign --verbose
        n_cached 5
        archive_with 2 2026-02-02
        BUILD_CACHE=$CACHE planned
        matches "$WORK/stdout" '^  3 .* cached$' '^  4 .* runs: package something 1 -> 2$' '^  5 .* runs: a stage before it runs$'
        BUILD_CACHE=$CACHE build 0 "$RECIPE" --no-sign --verbose
        n_cached 3
        ran 'something 2'
}

# ------------------------------------------------------------------------------------------------ several recipes
eight_recipes() {
        local n
        base_recipes
        for n in 1 2 3 4 5 6 7 8; do
                sed -e "s/^Name=one/Name=eight$n/" -e "s/one runs/eight $n runs/" "$WORK/recipes/one.recipe" \
                        >"$WORK/recipes/eight$n.recipe"
        done
}

test_several_at_once() {
        local n
        eight_recipes
        run 0 "$TEMPLAR" build --jobs 4 "$WORK"/recipes/eight?.recipe --out "$WORK/out" --cache "$WORK/cache" --no-sign --verbose
        same "$(grep -c '| ground runs$' "$WORK/stderr")" 1 'runs of the base'
        for n in 1 2 3 4 5 6 7 8; do
                matches "$WORK/stderr" "^eight$n  .* \| eight $n runs$" "^eight$n  .*\[5/5\] Script: "
                matches "$WORK/stdout" "/eight$n/$ARCH/eight$n-$ARCH-2.tar$"
        done
        matches "$WORK/stderr" '^8 recipes: 8 built, 0 unchanged, 0 failed$'
        # one failure does not stop the others
        sed -i 's/^    echo "eight 3 runs"/    exit 7/' "$WORK/recipes/eight3.recipe"
        echo nonsense >"$WORK/recipes/eight5.recipe"
        run 1 "$TEMPLAR" build -j 2 "$WORK"/recipes/eight?.recipe --out "$WORK/out" --cache "$WORK/cache" --no-sign
        matches "$WORK/stderr" '^error: eight3: .*status 7' '^error: .*eight5.recipe:1' '^8 recipes: 0 built, 6 unchanged, 2 failed$' \
                '^error: 2 of 8 recipes failed$'
        run 1 "$TEMPLAR" build -j 2 "$WORK"/recipes/eight?.recipe --out "$WORK/out" --cache "$WORK/cache" --no-sign --json
        mv "$WORK/stdout" "$WORK/events"
        run 0 jq -es '(map(select(.event == "built")) | length) == 6 and (map(select(.event == "error")) | length) == 3 and
                (map(select(.event == "live")) | length) == 0 and any(.event == "summary" and .failed == 2)' "$WORK/events"
        run 2 "$TEMPLAR" build "$WORK"/recipes/eight5.recipe "$WORK/recipes/missing.recipe" --out "$WORK/out" --cache "$WORK/cache"
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

test_several_interrupted() {
        local pid status=0 _
        eight_recipes
        sed -i 's/^    echo "eight \(.\) runs"/&; \/bin\/busybox sleep 86400/' "$WORK"/recipes/eight?.recipe
        "$TEMPLAR" build --jobs 3 "$WORK"/recipes/eight?.recipe --out "$WORK/out" --cache "$WORK/cache" --no-sign --verbose \
                2>"$WORK/stderr" >"$WORK/stdout" &
        pid=$!
        for _ in $(seq 200); do
                [ "$(grep -c '| eight . runs$' "$WORK/stderr")" -lt 3 ] || break
                sleep 0.1
        done
        kill -TERM "$pid"
        wait "$pid" || status=$?
        cat "$WORK/stderr" >&2
        same "$status" 143 status
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}
