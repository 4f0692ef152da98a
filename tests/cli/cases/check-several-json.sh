# SPDX-License-Identifier: LGPL-2.1-or-later
templar check --json recipes/no-image.recipe recipes/missing.recipe
