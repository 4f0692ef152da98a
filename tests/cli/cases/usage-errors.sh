# SPDX-License-Identifier: LGPL-2.1-or-later
# Each is refused with status 2, before anything is read or made.
try() {
        echo "\$ templar $*"
        templar "$@" 2>&1
        echo "=> $?"
}
try biuld
try --json build
try key
try key exprt
try nonsense
try build
try build --jsn x.recipe
try build --k x x.recipe
try build --json=3 x.recipe
try build -z x.recipe
try build x.recipe --out
try build --formats tar.xy x.recipe
try build --formats 7z x.recipe
try build --formats , x.recipe
try build --key A --no-sign x.recipe
try build --quiet --verbose x.recipe
try shell
try shell x.recipe ls -l
try shell x.recipe ls
try shell x.recipe --at
try shell x.recipe --json
try shell missing.recipe -- ls -l
try shell recipes/wrong.recipe --at 3
try check
try verify x
try verify --keyring k
try verify x y --keyring k
try version extra
try key new --expires 3q
try key new --expires 0d
try key new --expires 101y
try key new extra
try help biuld
try help recipe Imagge
try help recipe Nothing
try help build extra
try help --mdoc nothing
ls
