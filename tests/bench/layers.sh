# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# The part "layers" of tests/bench/run: what layers save. Debian's bookworm, minbase, with systemd-sysv and dbus, as tar.zst,
# from the command to the signed release. Nothing changed; the last stage, a script of one line, changed; eight recipes that
# differ in their last stage beside one, without any layer and when only these stages have changed. Beside it mkosi's
# incremental mode, if it is here.
#
# The first round, which fills the cache, is not counted. Memory is the highest peak of any process of templar's, looked
# at in runs of their own.

recipes=$work/recipes
changes=0

stages() {
        printf '[Debootstrap]\nSuite=%s\nMirror=%s\nVariant=minbase\n\n[Install]\nPackages=dbus systemd-sysv\n\n' "$suite" "$mirror"
}

# last_stage NAME: another one each time
last_stage() {
        changes=$((changes + 1))
        printf '[Script]\nScript=\n    echo "%s %d" >/etc/last\n' "$1" "$changes"
}

write_last() {
        {
                printf '[Image]\nName=last\nFormats=tar.zst\n\n'
                stages
                last_stage last
        } >"$recipes/last.recipe"
}

# write_eight: and the base that they share
write_eight() {
        local n
        {
                printf '[Image]\nName=base\nFormats=tar.zst\n\n'
                stages
        } >"$recipes/base.recipe"
        for n in 1 2 3 4 5 6 7 8; do
                {
                        printf '[Image]\nName=eight%d\nFormats=tar.zst\nBase=base.recipe\n\n' "$n"
                        last_stage "$n"
                } >"$recipes/eight$n.recipe"
        done
}

layered_build() {
        "$templar" build --out "$work/images" --cache "$cache/layers" "$@"
}

# layered_build_watched RECIPE...: in a PID namespace of its own
layered_build_watched() {
        layered_build "$@" >/dev/null 2>&1 &
        watch_build $!
        wait $!
}

# watched WHAT RECIPE...: its peak memory
watched() {
        local what=$1
        shift
        unshare --pid --fork --kill-child --mount --mount-proc bash -c 'layered_build_watched "$@"' bash "$@" || exit 1
        printf '%s\t%d\n' "$what" "$(cut -d' ' -f1 "$work/watched")" >>"$results/memory.tsv"
}

export -f layered_build layered_build_watched

# noted WHAT FILTER: seconds of a step in the events of the last build; the stage runs twice, for the version that is there
# and for the next one
noted() {
        note "$1" "$(jq -rs "[.[] | select(.event == \"stage-ended\" and $2) | .seconds] | last" "$work/output")"
}

bench_last() {
        timed 'nothing changed' layered_build "$recipes/last.recipe"
        grep -q 'is up to date' "$work/output" || { echo 'it is not up to date' >&2 && exit 1; }
        write_last
        timed 'last stage changed, whole' layered_build --json "$recipes/last.recipe"
        noted 'last stage changed: the stage alone' '.kind == "Script"'
        noted 'last stage changed: packing' '.kind == "pack"'
        noted 'last stage changed: signing, verifying' '.kind == "sign"'
}

bench_eight() {
        write_eight
        timed 'one of eight, its last stage changed' layered_build "$recipes/eight1.recipe"
        write_eight
        timed 'eight, the last stage of each changed' layered_build "$recipes"/eight?.recipe
        "$templar" cache clear --cache "$cache/layers" >"$work/output" 2>&1
        timed 'one of eight, without layers' layered_build "$recipes/eight1.recipe"
        "$templar" cache clear --cache "$cache/layers" >"$work/output" 2>&1
        timed 'eight, without layers' layered_build "$recipes"/eight?.recipe
        # the layers are there again, what was packed of the other recipe is not
        write_last
        timed 'again' layered_build "$recipes/last.recipe"
}

write_mkosi() {
        changes=$((changes + 1))
        mkdir -p "$work/mkosi" "$cache/mkosi"
        printf '[Distribution]\nDistribution=debian\nRelease=%s\n\n[Output]\nFormat=tar\nCompressOutput=zstd\n\n' "$suite" >"$work/mkosi/mkosi.conf"
        printf '[Content]\nPackages=systemd-sysv,dbus\n\n[Build]\nIncremental=yes\nPackageCacheDirectory=%s\n' "$cache/mkosi" >>"$work/mkosi/mkosi.conf"
        # shellcheck disable=SC2016
        printf '#!/bin/sh\necho %d >"$BUILDROOT/etc/last"\n' "$changes" >"$work/mkosi/mkosi.finalize"
        chmod +x "$work/mkosi/mkosi.finalize"
}

bench_mkosi() {
        command -v mkosi >/dev/null || return 0
        [ -e "$work/mkosi" ] || write_mkosi
        timed 'mkosi, incremental: nothing changed' mkosi --directory "$work/mkosi" --force build
        write_mkosi
        timed 'mkosi, incremental: last script changed' mkosi --directory "$work/mkosi" --force build
}

layers_table() {
        printf '%s minbase, dbus, systemd-sysv, tar.zst, signed; %d rounds, medians, on %s, load %s\n\n' "$suite" "$runs" \
                "$place" "$(cut -d' ' -f1-3 /proc/loadavg)"
        printf '| what | seconds | limit |\n| --- | ---: | ---: |\n'
        medians "$results/seconds.tsv" | grep -v '^again	' >"$work/medians"
        awk -F '\t' '
        { s[$1] = $2; order[NR] = $1 }
        END {
                limit["nothing changed"] = "0.30"
                limit["last stage changed, whole"] = "1.20"
                limit["last stage changed: the stage alone"] = "0.30"
                limit["eight, without layers"] = sprintf("%.2f", 2 * s["one of eight, without layers"])
                for (i = 1; i <= NR; i++)
                        printf "| %s | %.2f | %s |\n", order[i], s[order[i]], limit[order[i]]
        }' "$work/medians"
        command -v mkosi >/dev/null || printf '\nmkosi is not installed: nothing to compare with.\n'
        printf '\n| peak memory of templar itself | MiB | limit |\n| --- | ---: | ---: |\n'
        awk -F '\t' '{ printf "| %s | %.0f | 256 |\n", $1, $2 / 1024 }' "$results/memory.tsv"
}

bench_part_layers() {
        local what runs=${RUNS:-5} results=$results/layers
        round=0
        mkdir -p "$recipes" "$results"
        rm -f "$results"/*.tsv
        write_last
        write_eight
        printf 'filling the cache\n' >&2
        timed filling layered_build "$recipes/last.recipe"
        for round in $(seq 0 "$runs"); do
                for what in last eight mkosi; do
                        printf 'round %d of %d: %s\n' "$round" "$runs" "$what" >&2
                        "bench_$what"
                done
        done
        write_last
        watched 'last stage changed' "$recipes/last.recipe"
        "$templar" cache clear --cache "$cache/layers" >"$work/output" 2>&1
        write_eight
        watched 'eight, without layers' "$recipes"/eight?.recipe
        layers_table | tee "$results.md"
}
