# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Two trees, path by path. For tests that say which differences they expect.

# describe_tree TREE: a line for each path ("PATH type mode owner:group link"), and for the content of files, for
# further names of the same file and for extended attributes. Owners are names, as numbers depend on which package was
# configured first; files in which such numbers or the order of work show are brought into one form first.
describe_tree() (
        cd "$1" || exit 1
        # shellcheck disable=SC2094
        find . -mindepth 1 -printf '%P|%y|%m|%U|%G|%l\n' | awk -F '|' '
                function name(kind, id) { return (kind, id) in names ? names[kind, id] : id }
                BEGIN {
                        while ((getline line <"etc/passwd") > 0) { split(line, f, ":"); names["u", f[3]] = f[1] }
                        while ((getline line <"etc/group") > 0) { split(line, f, ":"); names["g", f[3]] = f[1] }
                }
                { printf "%s %s %s %s:%s %s\n", $1, $2, $3, name("u", $4), name("g", $5), $6 }'
        find . -type f -links +1 -printf '%i %P\n' | sort | awk '
                { path = substr($0, length($1) + 2); if ($1 == last) print path " is " first; else { last = $1; first = path } }'
        getfattr --recursive --physical --no-dereference --encoding=hex --match=- . 2>/dev/null | awk '
                /^# file: / { path = substr($0, 9); next }
                NF { print path " has " $0 }'
        find . -type f ! \( "${BY_LINES[@]}" \) -print0 | xargs -0 sha256sum |
                sed -E 's,^\\?([0-9a-f]{64}) [ *]\./(.*),\2 sha256 \1,'
        normal_accounts etc/passwd '3 4'
        normal_accounts etc/group 3
        normal_accounts etc/shadow 3
        normal_accounts etc/gshadow ''
        prefix_lines etc/shells
        prefix_lines usr/share/info/dir
        prefix_lines var/lib/dpkg/triggers/File
        [ ! -e var/lib/apt/extended_states ] || sed -n 's,^Package: ,var/lib/apt/extended_states: ,p' var/lib/apt/extended_states
        awk '/^Package: / { package = $2 } NF { print "var/lib/dpkg/status: " package ": " $0 }' var/lib/dpkg/status
)

# Files whose lines are compared, in any order, in place of their bytes.
BY_LINES=(-path ./etc/passwd -o -path ./etc/group -o -path ./etc/shadow -o -path ./etc/gshadow -o -path ./etc/shells
        -o -path ./usr/share/info/dir -o -path ./var/lib/dpkg/triggers/File -o -path ./var/lib/apt/extended_states
        -o -path ./var/lib/dpkg/status)

# prefix_lines FILE
prefix_lines() {
        [ ! -e "$1" ] || sed "s,^,$1: ," "$1"
}

# normal_accounts FILE FIELDS: lines sorted, with what is given out in the order of work (ids from 100 to 999, days of a
# password) as "N"
normal_accounts() {
        [ -e "$1" ] || return 0
        awk -F : -v OFS=: -v file="$1" -v fields="$2" '{
                n = split(fields, list, " ")
                for (i = 1; i <= n; i++)
                        if (file ~ /shadow/ || ($list[i] >= 100 && $list[i] < 1000))
                                $list[i] = "N"
                print file ": " $0
        }' "$1"
}

# compare_trees WHICH REFERENCE TREE TABLE: fails with the differences that no row of TABLE expects. A row is
#
#       WHICH ;; REGULAR EXPRESSION ;; REASON
#
# for comparisons of that name (an extended regular expression, too); the second field matches whole lines of
# describe_tree(), with "< " before what only the reference has, and "> " before what only the tree has.
compare_trees() {
        local which=$1 name expression reason
        describe_tree "$2" | sort >"$WORK/reference.list"
        describe_tree "$3" | sort >"$WORK/tree.list"
        : >"$WORK/expected"
        while IFS= read -r name; do
                case $name in '' | '#'*) continue ;; esac
                reason=${name##* ;; }
                expression=${name% ;; *}
                name=${expression%% ;; *}
                expression=${expression#* ;; }
                [ -n "$reason" ] || fail "a row without a reason: $expression"
                ! printf '%s\n' "$which" | grep -Eqx -e "$name" || printf '%s\n' "$expression" >>"$WORK/expected"
        done <"$4"
        diff "$WORK/reference.list" "$WORK/tree.list" | grep '^[<>]' | grep -Evx -f "$WORK/expected" >"$WORK/differences" || true
        [ -s "$WORK/differences" ] || return 0
        head -n 100 "$WORK/differences" >&2
        fail "$which: $(wc -l <"$WORK/differences") unexpected differences"
}
