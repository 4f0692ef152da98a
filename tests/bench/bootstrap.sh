# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# The part "bootstrap" of tests/bench/run: a new tree out of packages, by templar itself ([Debootstrap] Engine=native), by
# mmdebstrap and by debootstrap, one after the other in each round. Debian's bookworm: minbase, and minbase with
# systemd-sysv, dbus and nginx.
#
# All three have the same mirror: a web server of this machine, which keeps what it has fetched once, so no round but the
# first (which is not counted) sees the network. Packages lie in the own cache of each. Counted is the time to the finished
# tree, from the package lists on; of templar without its layers, with the cleaning and without packing. Memory is the
# highest peak of any process.

# start_mirror: sets mirror_url
start_mirror() {
        local port
        local store=$results/mirror
        mkdir -p "$store" "$work/nginx"
        chmod 0755 "$store"
        for _ in 1 2 3 4 5; do
                port=$((20000 + RANDOM))
                cat >"$work/nginx/nginx.conf" <<END
daemon off;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
user root;
worker_processes 1;
events {}
http {
        access_log off;
        client_body_temp_path $work/nginx/body;
        proxy_temp_path $results/mirror-temporary;
        fastcgi_temp_path $work/nginx/fastcgi;
        uwsgi_temp_path $work/nginx/uwsgi;
        scgi_temp_path $work/nginx/scgi;
        server {
                listen 127.0.0.1:$port;
                root $store;
                location / { try_files \$uri @fetch; }
                location @fetch {
                        proxy_pass ${mirror%/debian};
                        proxy_http_version 1.1;
                        proxy_store on;
                        proxy_store_access user:rw group:r all:r;
                }
        }
}
END
                nginx -p "$work/nginx" -c "$work/nginx/nginx.conf" 2>/dev/null &
                nginx=$!
                sleep 0.5
                if kill -0 "$nginx" 2>/dev/null; then
                        mirror_url=http://127.0.0.1:$port/debian
                        return 0
                fi
        done
        echo 'nginx does not start' >&2
        exit 1
}

# measured WHAT COMMAND...: seconds and peak memory
measured() {
        local what=$1
        shift
        timed "$what" command time -f %M -o "$work/peak" "$@"
        [ "$round" -eq 0 ] || printf '%s\t%s\n' "$what" "$(tail -n 1 "$work/peak")" >>"$results/bootstrap-peak.tsv"
}

# tree_templar SET INCLUDE
tree_templar() {
        local what="templar, $1"
        mkdir -p "$work/recipes"
        printf '[Image]\nName=tree\nFormats=tar\n\n[Debootstrap]\nSuite=%s\nMirror=%s\nVariant=minbase\nInclude=%s\n' \
                "$suite" "$mirror_url" "${2//,/ }" >"$work/recipes/tree.recipe"
        command time -f %M -o "$work/peak" "$templar" build "$work/recipes/tree.recipe" --out "$work/images" \
                --cache "$cache/templar-bootstrap" --no-cache --no-sign --json >"$work/events" 2>"$work/output" </dev/null || {
                cat "$work/events" "$work/output" >&2
                exit 1
        }
        rm -rf "$work/images"
        [ "$round" -gt 0 ] || return 0
        jq -sr --arg what "$what" '[.[] | select(.event == "stage-ended" and (.kind == "metadata" or .kind == "Debootstrap" or
                .kind == "clean")) | .seconds] | [$what, add] | @tsv' "$work/events" >>"$results/bootstrap.tsv"
        jq -r --arg what "$what" 'select(.event == "stage-ended" and (.kind == "metadata" or .kind == "clean")) |
                [$what + ": " + .kind, .seconds] | @tsv' "$work/events" >>"$results/bootstrap-phases.tsv"
        jq -r --arg what "$what" 'select(.event == "stage-ended" and .kind == "Debootstrap") | .phases | to_entries[] |
                [$what + ": " + .key, .value] | @tsv' "$work/events" >>"$results/bootstrap-phases.tsv"
        printf '%s\t%s\n' "$what" "$(tail -n 1 "$work/peak")" >>"$results/bootstrap-peak.tsv"
}

# tree_mmdebstrap SET INCLUDE
tree_mmdebstrap() {
        local include=()
        [ -z "$2" ] || include=(--include="$2")
        # shellcheck disable=SC2016
        measured "mmdebstrap, $1" mmdebstrap --quiet --mode=root --variant=minbase "${include[@]}" \
                --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --skip=essential/unlink \
                --setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
                --setup-hook="cp -a $cache/mmdebstrap-$1/. \"\$1/var/cache/apt/archives/\"" \
                --customize-hook="cp -an \"\$1\"/var/cache/apt/archives/*.deb $cache/mmdebstrap-$1/ || true" \
                "$suite" "$work/mmdebstrap" "$mirror_url"
        rm -rf --one-file-system "$work/mmdebstrap"
}

# tree_debootstrap SET INCLUDE
tree_debootstrap() {
        local include=()
        [ -z "$2" ] || include=(--include="$2")
        measured "debootstrap, $1" unshare --mount debootstrap --variant=minbase "${include[@]}" \
                --cache-dir="$cache/debootstrap" "$suite" "$work/debootstrap" "$mirror_url"
        rm -rf --one-file-system "$work/debootstrap"
}

# median WHAT FILE
median() {
        medians "$2" | awk -F '\t' -v what="$1" '$1 == what { print $2 }'
}

print_bootstrap() {
        local set tool seconds mm deb
        printf '%s: %d rounds, medians, on %s\n\n' "$suite" "$runs" "$place"
        printf '| tree | seconds | of mmdebstrap | of debootstrap | peak of a process, MiB |\n| --- | ---: | ---: | ---: | ---: |\n'
        for set in minbase nginx; do
                mm=$(median "mmdebstrap, $set" "$results/bootstrap.tsv")
                deb=$(median "debootstrap, $set" "$results/bootstrap.tsv")
                for tool in templar mmdebstrap debootstrap; do
                        seconds=$(median "$tool, $set" "$results/bootstrap.tsv")
                        awk -v what="$tool, $set" -v s="$seconds" -v mm="$mm" -v deb="$deb" \
                                -v peak="$(median "$tool, $set" "$results/bootstrap-peak.tsv")" \
                                'BEGIN { printf "| %s | %.2f | %.3f | %.3f | %.0f |\n", what, s, s / mm, s / deb, peak / 1024 }'
                done
        done
        printf '\nLimits: minbase 0.3 of mmdebstrap and 0.17 of debootstrap, with nginx 0.35 of mmdebstrap; 256 MiB.\n'
        printf '\n| phase | seconds |\n| --- | ---: |\n'
        medians "$results/bootstrap-phases.tsv" | awk -F '\t' '{ printf "| %s | %.2f |\n", $1, $2 }'
}

bench_part_bootstrap() {
        local tool
        rm -f "$results"/bootstrap*.tsv
        mkdir -p "$cache"/mmdebstrap-{minbase,nginx} "$cache/debootstrap"
        seconds_file=$results/bootstrap.tsv
        start_mirror
        trap 'kill "$nginx" 2>/dev/null' EXIT
        for round in $(seq 0 "$runs"); do
                for tool in templar mmdebstrap debootstrap; do
                        printf 'round %d of %d: %s\n' "$round" "$runs" "$tool" >&2
                        "tree_$tool" minbase ''
                        "tree_$tool" nginx systemd-sysv,dbus,nginx
                done
        done
        print_bootstrap | tee "$results/bootstrap.md"
}
