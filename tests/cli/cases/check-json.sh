# SPDX-License-Identifier: LGPL-2.1-or-later
templar check --json recipes/good.recipe | grep -v '"event":"warning"' | sed -E 's/"digest":"[0-9a-f]{64}"/"digest":DIGEST/'
