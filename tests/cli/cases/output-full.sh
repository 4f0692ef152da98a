# SPDX-License-Identifier: LGPL-2.1-or-later
templar help >/dev/full
echo "full: $?"
templar help >&-
echo "closed: $?"
templar verify missing --keyring k >&- 2>&-
echo "both closed: $?"
(templar help; echo "abandoned: $?" >&2) 2>status | true
cat status
