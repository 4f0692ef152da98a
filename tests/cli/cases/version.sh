# SPDX-License-Identifier: LGPL-2.1-or-later
templar --version | grep -x 'templar [0-9]*\.[0-9]*\.[0-9]*' >long
templar version | cmp - long && echo same
