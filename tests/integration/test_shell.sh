# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# templar shell: a shell or a command on the tree after a stage, in pipes and on a terminal.

# A tree whose shell is busybox's.
shell_recipe() {
        small_recipe shell <<'END'
[Script]
Script=
    mkdir -p /etc && echo one >/etc/one && echo keep >/etc/two && mkdir /old && echo x >/old/file
    ln -s busybox /bin/test-link

[File]
Path=/etc/motd
Content=
    motd

[Script]
Script=
    echo two >/etc/one
END
}

made() {
        BUILD_CACHE=$WORK/cache build "$1" "$RECIPE" --no-sign
}

# inside STATUS [OPTION...] [-- COMMAND...]: standard input is $WORK/stdin
inside() {
        local status=0 expected=$1
        shift
        printf '+ templar shell %s\n' "$*" >&2
        [ -e "$WORK/stdin" ] || : >"$WORK/stdin"
        "$TEMPLAR" shell "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" "$@" <"$WORK/stdin" >"$WORK/stdout" \
                2>"$WORK/stderr" || status=$?
        [ "$status" -eq "$expected" ] || fail "status $status in place of $expected: $(cat "$WORK/stderr")"
}

output_is() {
        same "$(cat "$WORK/stdout")" "$1" output
        same "$(cat "$WORK/stderr")" "${2:-}" 'standard error'
}

fail_last() {
        sed -i 's,^    echo two >/etc/one,    echo evidence >/evidence; exit 3,' "$RECIPE"
}

# ------------------------------------------------------------------------------------------------ pipes
test_pipe() {
        shell_recipe
        made 0
        head -c 3000000 /dev/urandom >"$WORK/stdin"
        inside 0 -- busybox cat
        cmp "$WORK/stdin" "$WORK/stdout" || fail 'other bytes on standard output'
        same "$(cat "$WORK/stderr")" '' 'standard error'
        inside 0 -- busybox sh -c 'busybox cat >&2'
        cmp "$WORK/stdin" "$WORK/stderr" || fail 'other bytes on standard error'
        # a shell reads its commands, and is quiet about it
        printf 'echo out; echo err >&2; tty\necho "$IMAGE_NAME $TERM $HOME $container"; busybox id -u; exit 5' >"$WORK/stdin"
        inside 5
        output_is $'out\nnot a tty\nshell dumb /root \n0' err
        : >"$WORK/stdin"
        inside 0
        output_is ''
        inside 0 -- busybox wc -c
        output_is 0
        # (reopened, as by /dev/stdout, though these pipes belong to nobody inside)
        inside 0 -- busybox sh -c 'echo a >/dev/stdout; echo b >/dev/stderr'
        output_is a b
}

test_status() {
        shell_recipe
        made 0
        inside 3 -- busybox sh -c 'exit 3'
        inside 143 -- busybox sh -c 'kill -TERM $$'
        inside 127 -- nothing
        output_is '' "templar: Can't run nothing in the sandbox: not found in the image"
        inside 126 -- /etc
        inside 2 --at nothing
        matches "$WORK/stderr" 'has no stage "nothing"' '4  \[Script\]'
        inside 2 --at Script -- busybox true
        matches "$WORK/stderr" 'several stages "Script"'
        # whoever reads no longer ends the one who writes, in both directions
        "$TEMPLAR" shell "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" -- busybox yes 2>&1 | head -n 1 >"$WORK/stdout"
        same "${PIPESTATUS[0]}" 141 'status of the writer'
        (trap - PIPE; yes) | "$TEMPLAR" shell "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" -- busybox head -n 1 >"$WORK/stdout"
        same "$(cat "$WORK/stdout")" y 'the first line'
        # what runs on in the background goes, and does not keep templar waiting
        inside 0 -- busybox sh -c 'busybox sleep 86400 & echo done'
        output_is 'done'
        # a full disk outside
        if "$TEMPLAR" shell "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" -- busybox yes >/dev/full 2>"$WORK/stderr"; then
                fail 'nothing was said of a full disk'
        fi
        matches "$WORK/stderr" "^error: Can't write to standard output: No space left on device$"
}

# ------------------------------------------------------------------------------------------------ which tree
test_at() {
        shell_recipe
        # nothing is there yet
        inside 0 --at 4 -- busybox cat /etc/one
        same "$(cat "$WORK/stdout")" one 'after stage 4'
        matches "$WORK/stderr" 'stage 4 of shell is not in the store: it is built first' '^\[4/6\]'
        no_match "$WORK/stderr" '^\[5/6\]'
        [ ! -e "$WORK/out" ] || fail 'something was published'
        made 0
        inside 0 -- busybox cat /etc/one
        output_is two
        inside 0 --at 'Script[1]' -- busybox cat /etc/one
        output_is one
        inside 0 --at file[4] -- busybox ls /etc
        output_is $'motd\none\ntwo'
        inside 1 --at 1
        matches "$WORK/stderr" 'no shell'
}

test_after_a_failure() {
        shell_recipe
        made 0
        fail_last
        made 1
        matches "$WORK/stderr" "^To look inside: templar shell --cache $WORK/cache --out $WORK/out --at 6 $RECIPE$"
        inside 0 -- busybox cat /evidence /etc/one
        output_is $'evidence\none'
        inside 0 --at 5 -- busybox ls /
        no_match "$WORK/stdout" evidence
        # what is failed stays while somebody looks, and nobody waits
        "$TEMPLAR" shell "$RECIPE" --cache "$WORK/cache" -- busybox sh -c 'echo up; read line; cat /evidence' \
                < <(until [ -e "$WORK/go" ]; do sleep 0.1; done; echo) >"$WORK/looking" &
        until [ -s "$WORK/looking" ]; do sleep 0.1; done
        sed -i 's/; exit 3//' "$RECIPE"
        made 0
        touch "$WORK/go"
        wait $! || fail 'who looked was disturbed'
        same "$(tail -n 1 "$WORK/looking")" evidence 'what was looked at'
        made 0
        inside 0 -- busybox cat /etc/one
        output_is one
}

test_words_of_the_hint() {
        shell_recipe
        fail_last
        mv "$RECIPE" "$WORK/recipes/it's one.recipe"
        cd "$WORK/recipes"
        run 1 "$TEMPLAR" build "it's one.recipe" --no-sign --cache "$WORK/cache" --out "$WORK/out" --set "Image.Description=a \$b"
        matches "$WORK/stderr" "^To look inside: templar shell --cache $WORK/cache --out $WORK/out --set 'Image.Description=a \\\$b' --at 6 'it'\\\\''s one.recipe'$"
        run 0 sh -c "PATH=${TEMPLAR%/*}:\$PATH; $(sed -n 's/^To look inside: //p' "$WORK/stderr") -- busybox cat /evidence"
        same "$(cat "$WORK/stdout")" evidence 'what the typed command shows'
}

# ------------------------------------------------------------------------------------------------ what is left
test_thrown_away() {
        local tar
        shell_recipe
        made 0
        tar=$WORK/out/shell/$ARCH/shell-$ARCH-1.tar
        cp "$tar" "$WORK/before"
        inside 0 -- busybox sh -c 'busybox rm -r /etc /old; echo x >/bin/sh; echo y >/new; busybox ls -d /etc || echo gone'
        matches "$WORK/stdout" '^gone$'
        inside 0 -- busybox ls -d /etc /old
        rm -r "$WORK/out"
        made 0
        run 0 cmp "$tar" "$WORK/before"
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
        [ ! -e "$WORK/cache/kept" ] || fail 'something was kept'
        run 0 "$TEMPLAR" cache verify --cache "$WORK/cache"
        run 0 "$TEMPLAR" cache clear --cache "$WORK/cache"
        same "$(find "$WORK/cache/layers" -mindepth 1 -maxdepth 1 ! -name .locks)" '' 'layers in use'
}

# A command for a shell: it changes, makes and removes.
CHANGES='busybox rm -r /old /etc/one; busybox mkdir /old; echo new >/new; busybox chmod 0 /new; busybox chown 7:8 /new
        echo more >>/etc/two; busybox ln -s /nowhere /link; exit 4'

test_keep() {
        shell_recipe
        made 0
        inside 4 --keep -- busybox sh -c "$CHANGES"
        matches "$WORK/stderr" "^What was changed is kept in $WORK/cache/kept/shell-$ARCH@.*/tree, and .*/removed lists"
        kept_is env
        run 0 "$TEMPLAR" cache clear --cache "$WORK/cache"
        kept_is env
}

# kept_is PREFIX...: of commands, who reads it
kept_is() {
        local kept
        kept=$(echo "$WORK"/cache/kept/shell-"$ARCH"@*)
        same "$(cd "$kept/tree" && find . | LC_ALL=C sort | tr '\n' ' ')" '. ./etc ./etc/two ./link ./new ./old ' 'what is kept'
        same "$(sort "$kept/removed" | tr '\n' ' ')" 'etc/one old/ ' 'what was removed'
        same "$("$@" cat "$kept/tree/new" "$kept/tree/etc/two" | tr '\n' ' ')" 'new keep more ' content
}

# Nothing runs on, nothing stays mounted, and the next build finds all as it was.
test_killed() {
        local pid signal
        shell_recipe
        made 0
        for signal in KILL TERM; do
                "$TEMPLAR" shell "$RECIPE" --cache "$WORK/cache" --out "$WORK/out" -- busybox sh -c \
                        'echo up; busybox sleep 86400 & busybox sleep 86400' </dev/null >"$WORK/looking" 2>"$WORK/stderr" &
                pid=$!
                until [ -s "$WORK/looking" ]; do sleep 0.1; done
                kill -"$signal" "$pid"
                wait "$pid" || true
                for _ in $(seq 50); do
                        pgrep -x busybox >/dev/null || break
                        sleep 0.1
                done
                ! pgrep -x busybox || fail "programs run on after SIG$signal"
                : >"$WORK/looking"
        done
        made 0
        matches "$WORK/stderr" 'is up to date'
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
        run 0 "$TEMPLAR" cache verify --cache "$WORK/cache"
}

# ------------------------------------------------------------------------------------------------ the sandbox
test_no_way_out() {
        shell_recipe
        made 0
        inside 0 -- busybox ip link
        no_match "$WORK/stdout" ' eth0'
        inside 0 -- busybox ls -l /proc/self/fd
        no_match "$WORK/stdout" "$WORK"
        SECRET=hidden inside 0 -- busybox env
        no_match "$WORK/stdout" hidden
        inside 0 --network -- busybox cat /etc/resolv.conf
        same "$(cat "$WORK/stdout")" "$(cat /etc/resolv.conf)" resolv.conf
}

test_as_user() {
        shell_recipe
        make_user shells
        cp -r "$WORK/recipes" "$TEST_HOME/recipes"
        mkdir "$WORK/cache"
        chown -R shells: "$TEST_HOME/recipes" "$WORK/cache"
        run 0 as_user "$TEMPLAR" build "$TEST_HOME/recipes/shell.recipe" --no-sign --cache "$WORK/cache" --out "$TEST_HOME/out"
        run 0 as_user "$TEMPLAR" shell "$TEST_HOME/recipes/shell.recipe" --cache "$WORK/cache" --out "$TEST_HOME/out" -- busybox id -u
        same "$(cat "$WORK/stdout")" 0 'id inside'
        run 4 as_user "$TEMPLAR" shell "$TEST_HOME/recipes/shell.recipe" --cache "$WORK/cache" --out "$TEST_HOME/out" --keep -- \
                busybox sh -c "$CHANGES"
        kept_is as_user
        run 0 as_user rm -r "$WORK/cache/kept"
        if command -v expect >/dev/null; then
                cd "$TEST_HOME"
                run 0 as_user "$SOURCE/tests/integration/shell.exp" "$TEMPLAR" \
                        "--cache $WORK/cache --out $TEST_HOME/out $TEST_HOME/recipes/shell.recipe"
        fi
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

# ------------------------------------------------------------------------------------------------ a terminal
test_terminal() {
        command -v expect >/dev/null || skip 'needs expect'
        shell_recipe
        made 0
        run 0 "$SOURCE/tests/integration/shell.exp" "$TEMPLAR" "--cache $WORK/cache --out $WORK/out $RECIPE"
}
