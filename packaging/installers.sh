# The files that name the checksums of the archives in the folder: the install script, the formula and the PKGBUILD.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of scripts/release

# Makes them for the archives that are there. A system whose archive is missing is left out of the install script; the
# formula and the PKGBUILD say so in the place of its checksum.
make_installers() {
    : >"$work/sums"
    sed_sums=$work/sums.sed
    : >"$sed_sums"
    for system in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-apple-darwin aarch64-apple-darwin; do
        archive=$name-$version-$system.tar.gz
        sum='this release has no such archive'
        if [ -f "$out/$archive" ]; then
            sum=$(sha256_of "$out/$archive")
            echo "$sum  $archive" >>"$work/sums"
        fi
        echo "s|@SUM-$system@|$sum|" >>"$sed_sums"
    done
    [ -s "$work/sums" ] || fail "there is no archive in $out"
    fill_in packaging/templates/install.sh | sed -e "/@SUMS@/r $work/sums" -e /@SUMS@/d >"$out/install.sh"
    fill_in packaging/templates/formula.rb | sed -f "$sed_sums" >"$out/$name.rb"
    fill_in packaging/templates/PKGBUILD | sed -f "$sed_sums" >"$out/PKGBUILD"
}
