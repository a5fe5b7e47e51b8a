#!/bin/sh
# Installs @NAME@ @VERSION@ for one user, or removes it: into ~/.local, without root. It fetches one archive, compares its
# SHA-256 with the one below, and puts its files below a prefix.
#
#   sh install.sh                    from @URL@
#   sh install.sh --from FOLDER      from an archive that lies there; a URL works too
#   sh install.sh --prefix FOLDER    into another place than ~/.local
#   sh install.sh --uninstall        removes what it installed, and leaves gateways and their files alone
set -eu

name=@NAME@
version=@VERSION@
from=@URL@
prefix=
action=install

# The SHA-256 of each archive.
sums() {
    cat <<'END'
@SUMS@
END
}

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

while [ $# -gt 0 ]; do
    case $1 in
        --from | --prefix)
            [ $# -gt 1 ] || fail "$1 needs a value"
            case $1 in --from) from=$2 ;; --prefix) prefix=$2 ;; esac
            shift
            ;;
        --uninstall) action=uninstall ;;
        -h | --help)
            sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *) fail "what is $1? See: sh install.sh --help" ;;
    esac
    shift
done
if [ -z "$prefix" ]; then
    [ -n "${HOME-}" ] || fail 'HOME is not set: name a folder with --prefix'
    prefix=$HOME/.local
fi
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
list=$prefix/share/$name/installed-files

# Prints what this system is called in the names of archives.
target() {
    case $(uname -m) in
        x86_64 | amd64) machine=x86_64 ;;
        aarch64 | arm64) machine=aarch64 ;;
        *) fail "there is no archive for the processor $(uname -m)" ;;
    esac
    case $(uname -s) in
        Linux)
            if has ldd && ldd --version 2>&1 | grep -qi musl; then
                fail 'the program needs glibc, and this Linux has musl'
            fi
            echo "$machine-unknown-linux-gnu"
            ;;
        Darwin) echo "$machine-apple-darwin" ;;
        *) fail "there is no archive for $(uname -s)" ;;
    esac
}

sha256() {
    if has sha256sum; then
        sha256sum "$1"
    elif has shasum; then
        shasum -a 256 "$1"
    else
        openssl dgst -sha256 -r "$1"
    fi | cut -d' ' -f1
}

fetch() { # FILE TARGET
    case $from in
        http://* | https://*)
            echo "Fetching $from/$1"
            if has curl; then
                curl -fsSL --proto '=https,http' -o "$2" "$from/$1"
            elif has wget; then
                wget -q -O "$2" "$from/$1"
            else
                fail 'this needs curl or wget'
            fi || fail "$from/$1 can not be fetched"
            ;;
        *)
            [ -f "$from/$1" ] || fail "there is no $from/$1"
            cp "$from/$1" "$2"
            ;;
    esac
}

# Puts a file in its place at once, so that a running program keeps the one before.
put() { # FROM TO
    mkdir -p "$(dirname "$2")"
    cp -p "$1" "$2.new-$$"
    mv -f "$2.new-$$" "$2"
}

install_files() {
    archive=$name-$version-$(target).tar.gz
    sum=$(sums | sed -n "s/  $archive\$//p")
    [ -n "$sum" ] || fail "this release has no $archive"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    fetch "$archive" "$work/archive"
    [ "$(sha256 "$work/archive")" = "$sum" ] || fail "$archive has another SHA-256 than $sum: nothing was installed"
    tar -xzf "$work/archive" -C "$work"
    tree=$work/${archive%.tar.gz}
    "$tree/bin/$name" --version >/dev/null || fail 'the program does not run on this system: nothing was installed'
    echo "Installing below $prefix"
    (cd "$tree" && find . -type f | sed 's|^\./||' | LC_ALL=C sort) >"$work/files"
    while IFS= read -r file; do
        put "$tree/$file" "$prefix/$file"
    done <"$work/files"
    link=$prefix/bin/openclaw
    if [ "$(readlink "$link" 2>/dev/null)" = "$name" ]; then
        echo bin/openclaw >>"$work/files"
    elif [ -e "$link" ] || [ -L "$link" ] || has openclaw; then
        echo "There is another openclaw ($(command -v openclaw || echo "$link")). This one is $name."
    else
        ln -s "$name" "$link"
        echo bin/openclaw >>"$work/files"
    fi
    put "$work/files" "$list"
    "$prefix/bin/$name" --version
    case :$PATH: in
        *:"$prefix/bin":*) ;;
        *) echo "$prefix/bin is not on your search path: add it, or type $prefix/bin/$name" ;;
    esac
    echo "Next: $name --profile rescue onboard"
    echo "A gateway that runs already keeps the version before until: $name gateway restart"
}

uninstall_files() {
    [ -f "$list" ] || fail "nothing of $name is installed below $prefix"
    while IFS= read -r file; do
        case $file in /* | *..*) continue ;; esac
        [ "$file" != bin/openclaw ] || [ "$(readlink "$prefix/$file")" = "$name" ] || continue
        rm -f "$prefix/$file"
        folder=$(dirname "$file")
        while [ "$folder" != . ] && rmdir "$prefix/$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
    done <"$list"
    rm -f "$list"
    rmdir "$prefix/share/$name" "$prefix/share" 2>/dev/null || true
    echo "$name is removed from $prefix. Gateways and their files stay: ~/.openclaw*, and their services."
}

"${action}_files"
