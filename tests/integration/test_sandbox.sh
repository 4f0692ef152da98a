# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Stages that try to get out. Each attempt writes "NAME refused" or "NAME ESCAPED" into /result, which the test reads
# from the image. Run as root and as an ordinary user.

# The script's own words; HOST_* are filled in by the test.
escape_attempts() {
        cat <<'END'
[Script]
Script=
    PATH=/bin
    for applet in cat chroot dd find grep ip kill ls mkdir mknod mount nc ps readlink setsid sleep umount wget; do
        ln -s busybox /bin/$applet
    done
    mkdir -p /mnt /tmp
    attempt() {
        name=$1
        shift
        if "$@" >/tmp/said 2>&1; then echo "$name ESCAPED: $(cat /tmp/said)"; else echo "$name refused"; fi >>/result
    }
    find_text() { grep -rqs "$1" "$2"; }

    # devices of the host
    attempt mknod-block mknod /tmp/disk b @MAJOR@ @MINOR@
    attempt mknod-mem mknod /tmp/mem c 1 1
    attempt mknod-kmsg mknod /tmp/kmsg c 1 11
    [ ! -e /tmp/disk ] || attempt read-block dd if=/tmp/disk of=/dev/null count=1
    attempt mount-disk mount -t ext4 @DISK@ /mnt
    attempt mount-disk-node mount -t ext4 /tmp/disk /mnt
    attempt device-in-dev find_text . @DISK@

    # processes of the host
    attempt see-process sh -c 'ps | grep -v grep | grep -q "sleep @NAP@"'
    attempt see-process-proc sh -c 'cat /proc/*/cmdline | grep -q "@NAP@"'
    attempt kill-process kill -0 @PID@
    attempt enter-process ls /proc/@PID@/root/

    # the kernel's settings
    attempt sysctl-core-pattern sh -c 'echo "|/bin/sh" >/proc/sys/kernel/core_pattern'
    attempt sysctl-hostname sh -c 'echo outside >/proc/sys/kernel/hostname'
    attempt sysctl-drop-caches sh -c 'echo 1 >/proc/sys/vm/drop_caches'
    attempt sysrq sh -c 'echo h >/proc/sysrq-trigger'
    attempt sys-write sh -c 'echo 1 >/sys/kernel/uevent_seqnum || mkdir /sys/fs/cgroup/escaped'
    attempt remount-proc-sys sh -c 'mount -o remount,rw,bind /proc/sys && echo 1 >/proc/sys/vm/drop_caches'
    attempt unmask-proc-sys sh -c 'umount /proc/sys && echo 1 >/proc/sys/vm/drop_caches'
    attempt new-proc sh -c 'mount -t proc proc /mnt && echo "|/bin/sh" >/mnt/sys/kernel/core_pattern'
    attempt new-sysfs sh -c 'mount -t sysfs sysfs /mnt && echo add >/mnt/class/net/lo/uevent'
    attempt kcore dd if=/proc/kcore of=/dev/null count=1
    attempt debugfs mount -t debugfs none /mnt

    # the network
    attempt network-loopback wget -q -T 2 -O /dev/null http://127.0.0.1:@PORT@/
    attempt network-host wget -q -T 2 -O /dev/null http://@ADDRESS@:@PORT@/
    attempt network-socket nc -w 2 @ADDRESS@ @PORT@
    attempt network-interface sh -c 'ip link | grep -v LOOPBACK | grep -q "^[0-9]"'
    attempt abstract-socket sh -c 'grep -q "@" /proc/net/unix'

    # files of the host
    attempt signing-key find_text . @KEYS@
    attempt recipe-folder find_text . @RECIPES@
    attempt recipe-anywhere sh -c 'find / -xdev -name "*.recipe" | grep -q .'
    attempt init-root sh -c 'ls /proc/1/root@KEYS@'
    attempt init-cwd sh -c 'ls /proc/1/cwd@KEYS@'
    attempt host-secret sh -c 'find / -name "@SECRET@" 2>/dev/null | grep -q .'
    attempt chroot-out sh -c 'mkdir -p /tmp/a; cd /; chroot /tmp/a /bin/sh -c "ls ../../../@KEYS@"'

    # descriptors of the caller
    attempt descriptor-9 sh -c 'cat <&9'
    attempt descriptor-init sh -c 'cat /proc/1/fd/9'
    attempt descriptors sh -c 'ls -l /proc/self/fd /proc/1/fd | grep -qE "@SECRET@|/socket|recipe|gnupg"'

    # privileges
    attempt load-module sh -c 'busybox insmod /bin/busybox'
    attempt reboot-host sh -c 'busybox swapoff -a && busybox hwclock -w'
    attempt set-time busybox date -s 2000-01-01

    # left running; the next stage and the host must not see them
    setsid sleep 86401 >/dev/null 2>&1 </dev/null &
    (sleep 86402 >/dev/null 2>&1 </dev/null &)

[Script]
Script=
    PATH=/bin
    attempt() { if "$@"; then echo "left-running ESCAPED"; else echo "left-running refused"; fi >>/result; }
    attempt sh -c 'ps | grep -v grep | grep -q "sleep 8640"'
END
}

# escapes COMMAND-PREFIX...: builds with the attempts in it; a process, a server, a key and a descriptor to be found
escapes() {
        local disk major=254 minor=0 address text result
        disk=$(findmnt -no SOURCE / || true)
        if [ -b "$disk" ]; then
                major=$(stat -c %Hr "$disk")
                minor=$(stat -c %Lr "$disk")
        else
                disk=/dev/sda
        fi
        sleep 86399 &
        defer kill $!
        PID=$!
        mkdir -p "$WORK/www" "$WORK/gnupg-secret"
        echo secret >"$WORK/gnupg-secret/secret-of-the-host"
        echo secret >"$WORK/www/index.html"
        start_nginx "$WORK/www"
        address=$(hostname -I 2>/dev/null | cut -d' ' -f1)
        text=$(escape_attempts | sed -e "s,@MAJOR@,$major,g; s,@MINOR@,$minor,g; s,@DISK@,$disk,g; s,@NAP@,86399,g" \
                -e "s,@PID@,$PID,g; s,@PORT@,$PORT,g; s,@ADDRESS@,${address:-127.0.0.1},g; s,@KEYS@,$WORK/gnupg-secret,g" \
                -e "s,@RECIPES@,$WORK/recipes,g; s,@SECRET@,secret-of-the-host,g")
        small_recipe escape <<<"$text"
        exec 9<"$WORK/gnupg-secret/secret-of-the-host"
        run 0 "$@" "$TEMPLAR" build "$RECIPE" --out "$OUT" --cache "$OUT/cache" --no-sign
        exec 9<&-
        find_release "$OUT" escape
        result=$(tar -xOf "$RELEASE/$BASE.tar" ./result 2>/dev/null || tar -xOf "$RELEASE/$BASE.tar" result)
        printf '%s\n' "$result" >&2
        printf '%s\n' "$result" >"$WORK/result"
        no_match "$WORK/result" ESCAPED
        # every attempt was made
        same "$(grep -c ' refused$' "$WORK/result")" "$(printf '%s\n' "$text" | grep -c '^ *attempt [a-z0-9@]')" 'attempts'
        same "$(cat /proc/sys/kernel/hostname)" "$(uname -n)" 'host name'
}

test_escapes_as_root() {
        OUT=$WORK/out
        escapes
}

test_escapes_as_user() {
        make_user tester
        OUT=$TEST_HOME/out
        escapes as_user
}

# What a stage may rely on.
test_environment() {
        small_recipe environment <<'END'
[Script]
Script=
    PATH=/bin:/usr/bin
    export PATH
    busybox env | busybox sort >/environment
    busybox tr '\0' '\n' </proc/1/environ >/init-environment
    busybox id -u >/id
    busybox cat /proc/self/uid_map >/map
    busybox ls /dev >/devices
    echo gone >/dev/null
    umask >/umask
END
        http_proxy=http://user:word@127.0.0.1:1 TEMPLAR_LEAK=1 build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" environment
        mkdir "$WORK/tree"
        tar -C "$WORK/tree" -xf "$RELEASE/$BASE.tar"
        matches "$WORK/tree/environment" '^IMAGE_NAME=environment$' '^IMAGE_VERSION=1$' "^ARCHITECTURE=$ARCH\$" '^SUITE=' \
                '^SOURCE_DATE_EPOCH=[0-9]+$' '^LC_ALL=C.UTF-8$' '^DEBIAN_FRONTEND=noninteractive$'
        no_match "$WORK/tree/environment" 'proxy' TEMPLAR_LEAK
        matches "$WORK/tree/init-environment" '^container=systemd-nspawn$'
        same "$(cat "$WORK/tree/id")" 0 'user id'
        same "$(awk '{ n += $3 } END { print n }' "$WORK/tree/map")" 65536 'mapped ids'
        same "$(cat "$WORK/tree/umask")" 0022 umask
        matches "$WORK/tree/devices" '^null$' '^zero$' '^full$' '^random$' '^urandom$' '^tty$'
}
