# SPDX-License-Identifier: LGPL-2.1-or-later
# A warning about the user's subordinate ids may come with it.
templar check recipes/good.recipe 2>/dev/null
