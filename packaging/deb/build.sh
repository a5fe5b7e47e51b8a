# The Debian package, made by dpkg-deb alone.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of scripts/release

# Makes the .deb from the tree.
make_deb() {
    command -v dpkg-deb >/dev/null || fail 'a .deb needs dpkg-deb'
    deb=$work/deb
    doc=$deb/usr/share/doc/$name
    copy_tree deb "$deb/usr"
    mkdir -p "$deb/DEBIAN" "$deb/usr/share/lintian/overrides"
    mv "$deb/usr/share/zsh/site-functions" "$deb/usr/share/zsh/vendor-completions"
    debian_documents
    find "$deb/usr/share/man" -type f -exec gzip -9n {} +
    for man in "$deb/usr/share/man/man1" "$deb/usr/share/man/tr/man1"; do
        rm "$man/$name.1.gz"
        ln -s openclaw.1.gz "$man/$name.1.gz"
    done
    fill_in packaging/deb/lintian-overrides >"$deb/usr/share/lintian/overrides/$name"
    for script in postinst prerm postrm; do
        fill_in "packaging/deb/$script" >"$deb/DEBIAN/$script"
        chmod 755 "$deb/DEBIAN/$script"
    done
    size=$(du -k -s --apparent-size "$deb/usr" | cut -f1)
    fill_in packaging/deb/control | sed -e "s|@ARCH@|$debian_arch|" -e "s|@SIZE@|$size|" >"$deb/DEBIAN/control"
    (cd "$deb" && find usr -type f | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)
    set_times "$deb"
    dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$deb" "$out/${name}_$version-1_$debian_arch.deb" >/dev/null
    rm -r "$deb"
}

# Puts the documents into the form that Debian's policy asks for.
debian_documents() {
    mv "$doc/CHANGELOG.md" "$doc/changelog"
    printf '%s (%s-1) unstable; urgency=medium\n\n  * Release %s: changelog.gz says what has changed.\n\n -- %s  %s\n' \
        "$name" "$version" "$version" "$maintainer" "$(commit_time '%a, %d %b %Y %H:%M:%S +0000')" >"$doc/changelog.Debian"
    {
        fill_in packaging/deb/copyright
        sed -e 's/^$/./' -e 's/^/ /' LICENSE
    } >"$doc/copyright"
    rm "$doc/LICENSE"
    gzip -9n "$doc/changelog" "$doc/changelog.Debian" "$doc/third-party.txt"
}
