# SPDX-License-Identifier: LGPL-2.1-or-later
# A wrong recipe does not keep the others from being checked.
templar check recipes/no-image.recipe recipes/good.recipe recipes/missing.recipe
