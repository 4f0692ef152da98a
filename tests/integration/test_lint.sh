# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What stops a release: builds of small systems, so that each takes no second.

test_leaks_stop_the_release() {
        use_key
        small_recipe leaky <<'END'
[File]
Path=/etc/ssl/private/leak.key
Mode=0600
Content=
    -----BEGIN PRIVATE KEY-----
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7
    -----END PRIVATE KEY-----

[File]
Path=/etc/apt/apt.conf.d/proxy
Content=
    Acquire::http::Proxy "http://10.0.0.1:3128";

[File]
Path=/etc/x.conf.dpkg-dist
Content=
    x
END
        build 1 "$RECIPE" --key "$KEY"
        nothing_published
        matches "$WORK/stderr" '^error: leaky-[a-z0-9]+-1: The image is not fit to be given away: 2 findings' \
                '^ *\| private-key: /etc/ssl/private/leak.key holds a private key \(line 1\)' \
                '^ *\| proxy: /etc/apt/apt.conf.d/proxy sets a proxy for apt \(line 1\)' \
                'Allow=private-key:/etc/ssl/private/leak.key REASON' \
                '^warning: .*/etc/x.conf.dpkg-dist is .* \(dpkg-leftover: '

        # one of the two is right
        sed -i '/^Formats=/a Allow=private-key:/etc/ssl/private/* it is the key of a test\nAllow=history there never is one' \
                "$RECIPE"
        build 1 "$RECIPE" --key "$KEY"
        nothing_published
        matches "$WORK/stderr" 'not fit to be given away: 1 finding$' '^ *\| proxy: '
        no_match "$WORK/stderr" '\| private-key'

        build 0 "$RECIPE" --key "$KEY" --set 'Image.Allow=proxy a test, too'
        find_release "$WORK/out" leaky
        matches "$WORK/stderr" '^2 findings in the image are allowed' 'nothing that Allow=history would have to allow'
        same "$(jq -c .allowed "$RELEASE/$BASE.manifest.json")" \
                '[{"check":"private-key","path":"/etc/ssl/private/*","reason":"it is the key of a test"},{"check":"history","path":null,"reason":"there never is one"},{"check":"proxy","path":null,"reason":"a test, too"}]'
        run 0 "$TEMPLAR" lint "$RELEASE"
        matches "$WORK/stdout" '^allowed: private-key' 'leak.key holds .*\(allowed: it is the key of a test\)' \
                "^$TAR: ok \(1 warning, 2 allowed\)"

        # without the manifest nothing is allowed
        cp "$TAR" "$WORK/alone.tar"
        run 1 "$TEMPLAR" lint "$WORK/alone.tar"
        matches "$WORK/stderr" 'alone.tar: 2 errors, 1 warning, 0 allowed'
        run 0 "$TEMPLAR" lint --allow private-key --allow proxy "$WORK/alone.tar"
}

# The build knows what must not be there, and says so without showing the secret.
test_what_the_build_knows() {
        use_key
        echo 'Tr0ub4dor&3' >"$WORK/root.password"
        chmod 600 "$WORK/root.password"
        small_recipe knows <<END
[File]
Path=/etc/passwd
Content=
    root:x:0:0:root:/root:/bin/sh

[File]
Path=/etc/shadow
Mode=0640
Content=
    root:*:19000::::::

[Password]
User=root
PasswordFile=$WORK/root.password

[File]
Path=/root/note
Content=
    the password is Tr0ub4dor&3, made in
    $WORK/recipes

[Script]
Script=
    echo "via 10.11.12.13:3128" >/etc/via
END
        http_proxy=http://me:secret@10.11.12.13:3128 build 1 "$RECIPE" --key "$KEY"
        nothing_published
        matches "$WORK/stderr" 'secret: /root/note holds a secret that the build was given \(line 1\)' \
                'proxy: /etc/via names the proxy of the machine that built \(line 1\)' \
                "build-path: /root/note names a folder of the machine that built: $WORK/recipes \(line 2\)"
        no_match "$WORK/stderr" 'Tr0ub4dor' 'me:secret'
}

# Allow= of a base holds for what is made of it.
test_base_and_user() {
        local base
        make_user tester
        chmod 0711 "$WORK"
        small_recipe base <<'END'
[File]
Path=/root/.ssh/authorized_keys
Content=
    ssh-ed25519 AAAA admin
END
        sed -i '/^Formats=/a Allow=authorized-keys administrators come from outside' "$RECIPE"
        base=$RECIPE
        printf '[Image]\nName=child\nVersion=1\nFormats=tar\nBase=base.recipe\n\n[File]\nPath=/etc/motd\nContent=\n    hello\n' \
                >"$WORK/recipes/child.recipe"
        run 0 as_user "$TEMPLAR" build "$WORK/recipes/child.recipe" --out "$TEST_HOME/out"
        matches "$WORK/stderr" '^1 finding in the image is allowed'
        run 0 as_user "$TEMPLAR" lint "$TEST_HOME/out/child/$ARCH"
        sed -i '/^Allow=/d' "$base"
        run 1 as_user "$TEMPLAR" build "$WORK/recipes/child.recipe" --out "$TEST_HOME/other"
        matches "$WORK/stderr" 'authorized-keys: /root/.ssh/authorized_keys lets in'
        [ -z "$(find "$TEST_HOME/other" -type f ! -name .lock)" ] || fail 'a release was published'
}
