# SPDX-License-Identifier: LGPL-2.1-or-later
try() {
        echo "\$ templar check $*"
        templar check "$@" recipes/good.recipe 2>&1 | grep -v "^warning:"
}
try --set Install.Packages=nginx
try --set Instal.Packages=nginx
try --set Install.Package=nginx
try --set Install.Recommends=perhaps
try --set Install
try --set 'Script[2].Network=yes'
try --set Debootstrap.Keyring=missing.gpg
