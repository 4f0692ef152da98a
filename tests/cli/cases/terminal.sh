# SPDX-License-Identifier: LGPL-2.1-or-later
# On a terminal errors are coloured, unless NO_COLOR says otherwise.
command -v script >/dev/null || { echo "script(1) is not installed" >&2; exit 77; }
export TERM=xterm
NO_COLOR= script -qec 'templar verify missing --keyring k' /dev/null | od -c | head -n 2
NO_COLOR=1 script -qec 'templar verify missing --keyring k' /dev/null | tr -d '\r'
