# SPDX-License-Identifier: LGPL-2.1-or-later
# All ways to ask for the same help give the same text.
templar help >overview
for way in --help -h; do templar "$way" | cmp - overview; done
templar help build >build
templar build --help | cmp - build
templar build -h | cmp - build
templar build --json x.recipe --help | cmp - build
templar help key >key
templar key --help | cmp - key
templar help key new >key-new
templar key new --help | cmp - key-new
wc -l <build | grep -qx '[1-9][0-9]' && echo same
