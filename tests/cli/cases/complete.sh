# SPDX-License-Identifier: LGPL-2.1-or-later
# What the shells' completion is told.
try() {
        echo "$*|"
        templar complete -- "$@" | cut -f 1
}
try ''
try b
try x
try build --
try build --fo
try build --formats tar.
try build --formats tar.xz,tar.g
try build --formats=tar.z
try build --set Image.N
try build --out ''
try build x.recipe
try build -- --o
try check ''
try verify ''
try verify --keyring ''
try key ''
try key n
try key new --algorithm r
try shell recipes/good.recipe --at ''
try build recipes/good.recipe --from S
try shell x.recipe -- l
try help k
try help key ''
try help recipe Deb
