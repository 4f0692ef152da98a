# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The parts "pack" and "levels" of tests/bench/run, which calls them with $templar, $runs, $work, $results,
# $cache and $place set.

PACK_CPUS=$(nproc)

pack_recipe() {
        cat >"$work/pack.recipe" <<END
[Image]
Name=pack
Version=1
Formats=tar.zst

[Debootstrap]
Suite=$suite
Mirror=$mirror
Variant=minbase

[Install]
Packages=systemd-sysv dbus
Recommends=no

[Script]
Script=
    echo 0 >/etc/motd
END
}

pack_build() {
        "$templar" build "$work/pack.recipe" --out "$work/images" --cache "$cache/templar" "$@" --quiet >/dev/null ||
                exit 1
}

# One tree for all: minbase with systemd and dbus, unpacked.
pack_tree() {
        pack_recipe
        pack_build --no-sign --formats tar
        mkdir "$work/tree"
        tar -C "$work/tree" --numeric-owner --xattrs --xattrs-include='*' -xpf "$work"/images/pack/*/pack-*.tar
        rm -rf "$work/images"
}

# packed [OPTION...] OUTPUT...: bench_pack on the tree; sets SECONDS_, CPU and SIZE (of the last output)
packed() {
        local line
        out/build/tests/bench_pack "$@" >"$work/packed" || exit 1
        read -r SECONDS_ CPU _ <"$work/packed"
        line=$(tail -n 1 "$work/packed")
        SIZE=${line##* }
}

# seconds_of COMMAND...: sets SECONDS_
seconds_of() {
        local start=$EPOCHREALTIME
        "$@" || exit 1
        SECONDS_=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')
}

zstd_and_sum() {
        tar -C "$work/tree" -cf - . | zstd -q -3 -T0 >"$work/theirs" && sha256sum "$work/theirs" >/dev/null
}

through() {
        tar -C "$work/tree" -cf - . | "$@" >"$work/theirs"
}

# record NAME: SECONDS_ under that name
record() {
        [ "$round" -eq 0 ] || printf '%s\t%s\n' "$1" "${2:-$SECONDS_}" >>"$results/pack.tsv"
}

pack_round() {
        local cpu=0 plain format
        packed "$work/tree" "tar.zst:3=$work/ours"
        record zst3
        seconds_of zstd_and_sum
        record zstd

        packed "$work/tree" tar=/dev/null
        plain=$CPU
        for format in tar.gz tar.zst tar.xz; do
                packed "$work/tree" "$format=$work/ours"
                record "$format"
                record "$format-size" "$SIZE"
                cpu=$(awk -v a="$cpu" -v b="$CPU" -v c="$plain" 'BEGIN { printf "%.3f", a + b - c }')
        done
        record cpu "$(awk -v a="$cpu" -v n="$PACK_CPUS" 'BEGIN { printf "%.3f", a / n }')"
        packed "$work/tree" "tar.gz=$work/ours" "tar.zst=$work/ours2" "tar.xz=$work/ours3"
        record three

        seconds_of through xz -6 -T0
        record xz
        record xz-size "$(stat -c %s "$work/theirs")"
        seconds_of through pigz -p "$PACK_CPUS"
        record pigz
        record pigz-size "$(stat -c %s "$work/theirs")"

        # what an edit of the last stage changes
        rm -rf "$work/blocks"
        packed --cache "$work/blocks" "$work/tree" "tar.xz=$work/ours"
        printf '%s\n' "$EPOCHREALTIME" >"$work/tree/etc/motd"
        packed --cache "$work/blocks" "$work/tree" "tar.xz=$work/ours"
        record edited

        sed -i '$d' "$work/pack.recipe"
        printf '    echo %s >/etc/motd\n' "$EPOCHREALTIME" >>"$work/pack.recipe"
        seconds_of pack_build
        record release
}

# figure TEXT NUMERATOR DENOMINATOR LIMIT
figure() {
        awk -F '\t' -v text="$1" -v a="$2" -v b="$3" -v limit="$4" '
        { value[$1] = $2 }
        END {
                x = value[a]
                y = b == "" ? 1 : value[b]
                scale = a ~ /size/ ? 1e6 : 1
                printf "| %s | %.2f | %s | %.3f | %s | %s |\n", text, x / scale,
                        b == "" ? "" : sprintf("%.2f", y / scale), x / y, limit, x / y <= limit ? "yes" : "no"
        }' "$work/pack-medians"
}

bench_part_pack() {
        local round
        rm -f "$results/pack.tsv"
        pack_tree
        pack_build
        for round in $(seq 0 "$runs"); do
                printf 'pack, round %d of %d\n' "$round" "$runs" >&2
                pack_round
        done
        medians "$results/pack.tsv" >"$work/pack-medians"
        {
                printf '%s minbase with systemd-sysv and dbus (%s files, %s MB): %d rounds, medians, on %s\n\n' "$suite" \
                        "$(find "$work/tree" | wc -l)" "$(du -sm --apparent-size "$work/tree" | cut -f 1)" "$runs" "$place"
                printf '| what (seconds, or MB) | templar | other | ratio | limit | kept |\n| --- | ---: | ---: | ---: | ---: | --- |\n'
                figure 'tar.zst, level 3, with digests; `tar \| zstd -3 -T0`, then sha256sum' zst3 zstd 0.9
                figure 'tar.xz; `tar \| xz -6 -T0`' tar.xz xz 1.0
                figure 'tar.xz, size' tar.xz-size xz-size 1.04
                figure 'tar.xz after an edit of the last stage' edited xz 0.1
                figure 'tar.gz; `tar \| pigz`' tar.gz pigz 0.6
                figure 'tar.gz, size' tar.gz-size pigz-size 1.0
                figure 'all three at once; their compressing processor time, divided by processors' three cpu 1.15
                figure 'last stage changed: from the recipe to the signed release (tar.zst)' release '' 1.2
        } | tee "$results/pack.md"
}

bench_part_levels() {
        local format levels level
        pack_tree
        {
                printf '%s minbase with systemd-sysv and dbus, plain %s MB\n\n' "$suite" "$(du -sm --apparent-size "$work/tree" | cut -f 1)"
                printf '| format | level | MB | processor seconds |\n| --- | ---: | ---: | ---: |\n'
                while read -r format levels; do
                        for level in $levels; do
                                packed "$work/tree" "$format:$level=/dev/null"
                                awk -v f="$format" -v l="$level" -v s="$SIZE" -v c="$CPU" \
                                        'BEGIN { printf "| %s | %d | %.1f | %.1f |\n", f, l, s / 1e6, c }'
                        done
                done <<END
tar.gz 1 2 3 4 5 6 7 8 9 10 12
tar.xz 0 1 2 3 4 5 6 7 9
tar.zst 1 2 3 4 5 6 7 8 9 10 12 15 17 19
END
        } | tee "$results/levels.md"
}
