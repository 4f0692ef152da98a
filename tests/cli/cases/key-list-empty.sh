# SPDX-License-Identifier: LGPL-2.1-or-later
templar key list
templar key list --json
GNUPGHOME=$PWD/missing templar key list
