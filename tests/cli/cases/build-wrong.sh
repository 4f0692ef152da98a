# SPDX-License-Identifier: LGPL-2.1-or-later
# A wrong recipe is refused before anything is built.
templar build --cache cache --out images recipes/no-image.recipe
echo "=> $?"
find images
