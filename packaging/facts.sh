# What every package says of the program: read from Cargo.toml and git here, and written down nowhere else.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of scripts/release, and for its other parts

# Prints the value of a key in a section of Cargo.toml.
manifest() {
    sed -n "/^\[$1\]/,/^\[/s/^$2 = \"\(.*\)\".*/\1/p" Cargo.toml
}

# Reads name, version, commit and time, and what the target is called elsewhere.
read_facts() {
    name=$(manifest package.metadata.packages name)
    maintainer=${RELEASE_MAINTAINER:-$(manifest package.metadata.packages maintainer)}
    version=$(manifest package version)
    summary=$(manifest package description)
    licence=$(manifest package license)
    : "${SOURCE_COMMIT:=$(git rev-parse HEAD)}"
    : "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct "$SOURCE_COMMIT")}"
    url=${RELEASE_URL:-https://example.org/$name/$version}
    exe=
    case $target in
        x86_64-*-linux-*) debian_arch=amd64 npm_system='linux-x64' ;;
        aarch64-*-linux-*) debian_arch=arm64 npm_system='linux-arm64' ;;
        x86_64-apple-darwin) npm_system='darwin-x64' ;;
        aarch64-apple-darwin) npm_system='darwin-arm64' ;;
        x86_64-pc-windows-*) npm_system='win32-x64' exe=.exe ;;
        *) fail "no package is made for $target" ;;
    esac
}

# Prints the time of the commit in a format of date(1), in UTC and English.
commit_time() {
    LC_ALL=C TZ=UTC0 date -d "@$SOURCE_DATE_EPOCH" "+$1" 2>/dev/null || LC_ALL=C TZ=UTC0 date -r "$SOURCE_DATE_EPOCH" "+$1"
}

# Sets the time of every file of a folder to that of the commit.
set_times() {
    find "$1" -exec env TZ=UTC0 touch -h -t "$(commit_time %Y%m%d%H%M.%S)" {} +
}

# Fills in the names between two @ of a template, from variables of the same name in small letters.
fill_in() {
    sed -e "s|@NAME@|$name|g" -e "s|@VERSION@|$version|g" -e "s|@SUMMARY@|$summary|g" -e "s|@LICENCE@|$licence|g" \
        -e "s|@MAINTAINER@|$maintainer|g" -e "s|@URL@|$url|g" -e "s|@COMMIT@|$SOURCE_COMMIT|g" "$1"
}
