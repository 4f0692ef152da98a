# SPDX-License-Identifier: LGPL-2.1-or-later
templar help >/dev/full
echo "full: $?"
templar help >&-
echo "closed: $?"
templar verify missing --keyring k >&- 2>&-
echo "both closed: $?"
# a pipe that nobody reads any longer
mkfifo pipe
exec 3<>pipe 4>pipe 3>&-
templar help >&4
echo "abandoned: $?"
