# The packages for npm: one with the command, and one with the program for each system. Neither runs anything when it is
# installed.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of scripts/release

# Makes the package of this target's program, and the one with the command, which is the same on every system.
make_npm() {
    command -v npm >/dev/null || fail 'packages of npm need npm'
    folder=$work/npm
    mkdir -p "$folder/bin" "$folder/share/$name"
    cp -p "$tree/bin/$name$exe" "$folder/bin"
    cp LICENSE "$folder"
    cp "$tree/share/doc/$name/third-party.txt" "$folder/share/$name"
    echo npm >"$folder/share/$name/install-method"
    libc=
    case $target in *-linux-gnu) libc='"libc": ["glibc"],' ;; esac
    fill_in packaging/npm/system.json |
        sed -e "s|@LIBC@|$libc|" -e '/^ *$/d' -e "s|@SYSTEM@|$npm_system|g" -e "s|@OS@|${npm_system%-*}|" -e "s|@CPU@|${npm_system#*-}|" >"$folder/package.json"
    pack_npm
    mkdir "$folder"
    cp LICENSE "$folder"
    for file in package.json launcher.js README.md; do
        fill_in "packaging/npm/$file" >"$folder/$file"
    done
    chmod 755 "$folder/launcher.js"
    pack_npm
}

# Packs and removes the folder of a package.
pack_npm() {
    (cd "$folder" && npm pack --silent --offline --cache "$work/npm-cache" --pack-destination "$out" >/dev/null)
    rm -r "$folder"
}
