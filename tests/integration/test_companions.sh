# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The SBOM and the provenance beside the images.

# check_provenance FILE KEYRING: with gpgv alone, as the manual says; the statement is in $WORK/statement afterwards
check_provenance() {
        sed 's/.*"payload":"\([^"]*\)".*/\1/' "$1" | base64 -d >"$WORK/statement"
        sed 's/.*"sig":"\([^"]*\)".*/\1/' "$1" | base64 -d >"$WORK/statement.sig"
        {
                printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$WORK/statement")"
                cat "$WORK/statement"
        } >"$WORK/statement.pae"
        gpgv --quiet --keyring "$(realpath "$2")" "$WORK/statement.sig" "$WORK/statement.pae"
}

# packages of the image and of its SBOM, one "NAME VERSION ARCHITECTURE" a line
list_installed() {
        tar -xOf "$TAR" ./var/lib/dpkg/status | awk -v RS= -F '\n' '
                /\nStatus: install ok installed\n/ {
                        for (i = 1; i <= NF; i++)
                                if (match($i, /^(Package|Version|Architecture): /))
                                        field[substr($i, 1, RLENGTH - 2)] = substr($i, RLENGTH + 1)
                        print field["Package"], field["Version"], field["Architecture"]
                }' | sort
}

list_described() {
        jq -r '(.relationships | map(select(.spdxElementId == "SPDXRef-OperatingSystem" and .relationshipType == "CONTAINS")
                        | {key: .relatedSpdxElement, value: true}) | from_entries) as $contained
                | .packages[] | select($contained[.SPDXID])
                | [.name, .versionInfo, (.externalRefs[0].referenceLocator | capture("[?]arch=(?<a>[a-z0-9-]+)&").a)]
                | join(" ")' "$1" | sort
}

test_sbom_of_bookworm() {
        local sbom
        need_bookworm
        sbom=$RELEASE/$BASE.spdx.json
        run 0 "$SOURCE/tests/schema/validate" "$SOURCE/tests/schema/spdx-2.3.schema.json" "$sbom"
        list_installed >"$WORK/installed"
        list_described "$sbom" >"$WORK/described"
        [ "$(wc -l <"$WORK/installed")" -gt 80 ] || fail "too few packages: $(wc -l <"$WORK/installed")"
        diff "$WORK/installed" "$WORK/described" || fail 'the SBOM has other packages than dpkg'

        # whatever is referred to is there, once
        run 0 jq -r '.packages[].SPDXID' "$sbom"
        sort "$WORK/stdout" >"$WORK/ids"
        same "$(uniq -d "$WORK/ids")" '' 'identifiers that come twice'
        run 0 jq -r '.relationships[] | .spdxElementId, .relatedSpdxElement' "$sbom"
        same "$(sort -u "$WORK/stdout" | grep -vx SPDXRef-DOCUMENT | comm -23 - "$WORK/ids")" '' 'relations to nothing'
        run 0 jq -r '[.packages[].licenseDeclared | scan("LicenseRef-[A-Za-z0-9.-]+")] - [.hasExtractedLicensingInfos[].licenseId] | .[]' "$sbom"
        same "$(cat "$WORK/stdout")" '' 'licences without a text'

        # what every bookworm has
        run 0 jq -r '.packages[] | select(.primaryPackagePurpose == "OPERATING_SYSTEM") | .name + " " + .versionInfo' "$sbom"
        same "$(cat "$WORK/stdout")" 'debian 12' 'operating system'
        run 0 jq -r '.packages[] | select(.name == "adduser" and .primaryPackagePurpose == null) | .licenseDeclared + " " + .supplier' "$sbom"
        same "$(cat "$WORK/stdout")" 'GPL-2.0-or-later Organization: Debian Adduser Developers (adduser@packages.debian.org)' adduser
        run 0 jq -r --arg name "$BASE.tar.xz" '.packages[] | select(.packageFileName == $name) | .checksums[0].checksumValue' "$sbom"
        same "$(cat "$WORK/stdout")" "$(sha256sum "$RELEASE/$BASE.tar.xz" | cut -c1-64)" 'digest of the image'
        # each digest of the lock, at the package that has it
        jq -r '.packages[] | .name + " " + .version + " " + .architecture + " " + (.patched_sha256 // .sha256)' \
                "$RELEASE/$BASE.lock" | sort >"$WORK/locked"
        jq -r '.packages[] | select(.checksums and .externalRefs) | [.name, .versionInfo,
                (.externalRefs[0].referenceLocator | capture("[?]arch=(?<a>[a-z0-9-]+)&").a), .checksums[0].checksumValue]
                | join(" ")' "$sbom" | sort >"$WORK/digests"
        same "$(wc -l <"$WORK/digests")" "$(wc -l <"$WORK/installed")" 'packages with a digest'
        same "$(comm -23 "$WORK/digests" "$WORK/locked")" '' 'digests that the lock does not have'
}

# valid_spdx FILE: what the tools of the SPDX project say, in the image of spdx-tools.recipe
valid_spdx() {
        # shellcheck disable=SC2016
        "$TEMPLAR" shell --cache "$CACHE" "$WORK/recipes/spdx-tools.recipe" -- \
                sh -c 'cat >/tmp/x.spdx.json && pyspdxtools --infile /tmp/x.spdx.json' <"$1" >"$WORK/stdout" 2>&1
}

# Only sid has these tools.
test_sbom_is_valid() {
        local status=0
        need_bookworm
        mkdir -p "$WORK/recipes"
        cat >"$WORK/recipes/spdx-tools.recipe" <<'END'
[Image]
Name=spdx-tools
Formats=tar

[Debootstrap]
Suite=sid
Variant=minbase
CheckValidUntil=no
Include=python3-spdx-tools
END
        "$TEMPLAR" build "$WORK/recipes/spdx-tools.recipe" --out "$WORK/out" --cache "$CACHE" --no-sign >"$WORK/stdout" 2>&1 || status=$?
        cat "$WORK/stdout" >&2
        if [ "$status" -ne 0 ] && grep -Eq 'unmet dependencies|is in none of the repositories' "$WORK/stdout"; then
                skip 'sid has no python3-spdx-tools that can be installed today'
        fi
        same "$status" 0 'status of the build'
        valid_spdx "$RELEASE/$BASE.spdx.json" || fail "the SBOM of $BASE is not valid: $(cat "$WORK/stdout")"
        # its own, with packages that bookworm's minbase has not
        valid_spdx "$(find "$WORK/out" -name '*.spdx.json')" || fail "the SBOM of sid is not valid: $(cat "$WORK/stdout")"
        # a relation to nothing, which no schema sees
        jq '.relationships[0].relatedSpdxElement = "SPDXRef-nothing"' "$RELEASE/$BASE.spdx.json" >"$WORK/broken.json"
        ! valid_spdx "$WORK/broken.json" || fail 'a broken SBOM is taken for valid'
        matches "$WORK/stdout" 'SPDXRef-nothing'
}

test_provenance_of_bookworm() {
        need_bookworm
        check_provenance "$RELEASE/$BASE.provenance.json" "$RELEASE/import-pubring.gpg" || fail 'gpgv refuses the statement'
        run 0 jq -r '._type, .predicateType, .predicate.buildDefinition.buildType' "$WORK/statement"
        same "$(tr '\n' ' ' <"$WORK/stdout")" \
                'https://in-toto.io/Statement/v1 https://slsa.dev/provenance/v1 tag:templar,2026:build/v1 ' types
        # the subjects are the files of the version, but the signatures
        jq -r '.subject[] | .digest.sha256 + "  " + .name' "$WORK/statement" | sort -k2 >"$WORK/subjects"
        (cd "$RELEASE" && run 0 sha256sum --check --strict "$WORK/subjects")
        same "$(sed 's/.*  //' "$WORK/subjects" | tr '\n' ' ')" \
                "$(printf '%s ' "$BASE".{lock,manifest.json,spdx.json,tar.gz,tar.xz})" subjects
        # the recipe, its files, three repositories and every package of the lock
        run 0 jq -r '.predicate.buildDefinition.resolvedDependencies[] | select(.name) | .annotations.role + " " + .name + " " + .digest.sha256' "$WORK/statement"
        matches "$WORK/stdout" "^recipe debian-bookworm.recipe $(sha256sum <"$SOURCE/recipes/debian-bookworm.recipe" | cut -c1-64)\$" \
                "^file debian-bookworm.sources $(sha256sum <"$SOURCE/recipes/debian-bookworm.sources" | cut -c1-64)\$"
        run 0 jq -r '[.predicate.buildDefinition.resolvedDependencies[].annotations.role] | map(select(. == "package")) | length' "$WORK/statement"
        same "$(cat "$WORK/stdout")" "$(jq '.packages | length' "$RELEASE/$BASE.lock")" packages
        matches "$WORK/statement" '"uri":"http://deb.debian.org/debian/dists/bookworm/InRelease"'
        # nothing of this machine
        no_match "$WORK/statement" "$SOURCE" "$WORK" "$CACHE"
        no_match "$RELEASE/$BASE.spdx.json" "$SOURCE" "$WORK" "$CACHE"
}

small_with_settings() {
        small_recipe companions </dev/null
        sed -i 's/^Formats=.*/Formats=tar tar.zst\nNspawn=x.nspawn/' "$RECIPE"
        printf '[Exec]\nBoot=yes\n' >"$WORK/recipes/x.nspawn"
        mkdir "$RECIPE.d"
        printf '[File +]\nPath=/etc/motd\nSource=motd\nOwner=0:0\n' >"$RECIPE.d/motd.conf"
        echo hello >"$WORK/recipes/motd"
}

# Another folder, user mask, time zone and key: the same bytes, and the same statement under another signature.
test_deterministic() {
        use_key
        small_with_settings
        build 0 "$RECIPE" --key "$KEY"
        find_release "$WORK/out" companions
        first=$RELEASE
        mv "$WORK/recipes" "$WORK/moved"
        RECIPE=$WORK/moved/companions.recipe
        mkdir "$WORK/again"
        defer gpgconf --homedir "$WORK/again/gnupg" --kill all
        (umask 077 && TZ=Pacific/Auckland LC_ALL=C.UTF-8 run 0 "$TEMPLAR" build "$RECIPE" --out "$WORK/again/out" \
                --cache "$WORK/cache" --no-cache)
        find_release "$WORK/again/out" companions
        for name in spdx.json manifest.json lock; do
                cmp "$first/$BASE.$name" "$RELEASE/$BASE.$name" || fail "$name differs"
        done
        check_provenance "$first/$BASE.provenance.json" "$first/import-pubring.gpg"
        mv "$WORK/statement" "$WORK/first"
        check_provenance "$RELEASE/$BASE.provenance.json" "$RELEASE/import-pubring.gpg"
        cmp "$WORK/first" "$WORK/statement" || fail 'the statements differ'
        jq -r '.subject[].name' "$WORK/statement" | sort | tr '\n' ' ' >"$WORK/subjects"
        same "$(cat "$WORK/subjects")" "$(printf '%s ' "$BASE".{lock,manifest.json,nspawn,spdx.json,tar,tar.zst,tar.zst.nspawn})" subjects
        run 0 jq -r '.predicate.buildDefinition.resolvedDependencies[] | .annotations.role + " " + .name' "$WORK/statement"
        same "$(sort "$WORK/stdout" | tr '\n' ';')" \
                "drop-in companions.recipe.d/motd.conf;file busybox;file motd;file x.nspawn;lock $BASE.lock;recipe companions.recipe;" dependencies
        run 0 "$SOURCE/tests/schema/validate" "$SOURCE/tests/schema/spdx-2.3.schema.json" "$RELEASE/$BASE.spdx.json"
}

test_settings_without_secrets() {
        # shellcheck disable=SC2016
        local hash='$6$saltsalt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.'
        use_key
        small_recipe secret <<'END'
[File]
Path=/etc/passwd
Owner=0:0
Content=
    root:x:0:0:root:/root:/bin/sh

[File]
Path=/etc/shadow
Owner=0:0
Content=
    root:*:19000:0:99999:7:::

[Password]
User=root
Locked=yes
END
        build 0 "$RECIPE" --key "$KEY" --set 'File[4].Mode=0644' --set 'Image.Description=one=two' --set Password.Locked=no \
                --set "Password.Hash=$hash"
        find_release "$WORK/out" secret
        check_provenance "$RELEASE/$BASE.provenance.json" "$RELEASE/import-pubring.gpg"
        run 0 jq -c '.predicate.buildDefinition.externalParameters.settings' "$WORK/statement"
        same "$(cat "$WORK/stdout")" \
                '["File[4].Mode=0644","Image.Description=one=two","Password.Locked=no","Password.Hash=(hidden)"]' settings
        ! grep -q saltsalt "$RELEASE/$BASE".{lock,*.json} "$WORK/statement" || fail 'the hash is published'
}

# verify looks at the statement as well: at its signature, and at what it is about.
test_flipped_byte() {
        local provenance
        use_key
        small_with_settings
        build 0 "$RECIPE" --key "$KEY"
        find_release "$WORK/out" companions
        provenance=$RELEASE/$BASE.provenance.json
        run 0 "$TEMPLAR" verify "$RELEASE" --keyring "$RELEASE/import-pubring.gpg"
        matches "$WORK/stdout" "  $BASE.provenance.json\$" "  $BASE.spdx.json\$"
        run 0 "$TEMPLAR" verify "$RELEASE/$BASE.tar" --keyring "$RELEASE/import-pubring.gpg"
        # the digits of a digest in the payload, exchanged
        cp "$provenance" "$WORK/good"
        check_provenance "$provenance" "$RELEASE/import-pubring.gpg"
        sed "s/$(sha256sum <"$RELEASE/$BASE.tar" | cut -c1-64)/$(printf '%064d' 0)/" "$WORK/statement" >"$WORK/changed"
        ! cmp -s "$WORK/statement" "$WORK/changed" || fail 'nothing was changed'
        sed "s|\"payload\":\"[^\"]*\"|\"payload\":\"$(base64 -w0 "$WORK/changed")\"|" "$WORK/good" >"$provenance"
        check_provenance "$provenance" "$RELEASE/import-pubring.gpg" 2>"$WORK/gpgv" && fail 'gpgv takes a changed statement'
        run 1 "$TEMPLAR" verify "$RELEASE/$BASE.tar" --keyring "$RELEASE/import-pubring.gpg"
        matches "$WORK/stderr" "signature of $BASE.provenance.json is bad"
        run 1 "$TEMPLAR" verify "$RELEASE" --keyring "$RELEASE/import-pubring.gpg"
        matches "$WORK/stderr" "$BASE.provenance.json does not match its digest"
        # a list that somebody signed again does not help
        (cd "$RELEASE" && sha256sum -- "$BASE".* import-pubring.* >SHA256SUMS &&
                gpg --batch --yes --quiet --local-user "$KEY" --output SHA256SUMS.gpg --detach-sign SHA256SUMS)
        run 1 "$TEMPLAR" verify "$RELEASE" --keyring "$RELEASE/import-pubring.gpg"
        matches "$WORK/stderr" "signature of $BASE.provenance.json is bad"
        # nor one over a changed SBOM
        cp "$WORK/good" "$provenance"
        echo >>"$RELEASE/$BASE.spdx.json"
        (cd "$RELEASE" && sha256sum -- "$BASE".* import-pubring.* >SHA256SUMS &&
                gpg --batch --yes --quiet --local-user "$KEY" --output SHA256SUMS.gpg --detach-sign SHA256SUMS)
        run 1 "$TEMPLAR" verify "$RELEASE" --keyring "$RELEASE/import-pubring.gpg"
        matches "$WORK/stderr" "$BASE.provenance.json is about another $BASE.spdx.json"
}

# Without a key nobody stands for a statement, so there is none.
test_unsigned_has_no_provenance() {
        small_with_settings
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" companions
        only_files "$RELEASE" "$BASE".{tar,tar.zst,nspawn,tar.zst.nspawn,lock,manifest.json,spdx.json} SHA256SUMS
}
