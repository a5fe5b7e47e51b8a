# The files of a package as they lie below `/usr` or another prefix, and the archive of them.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of scripts/release

# Lays the program, its man pages, completions and documents into $work/tree.
stage_tree() {
    tree=$work/tree
    mkdir -p "$tree/bin" "$tree/share/$name" "$tree/share/doc/$name"
    cp "$program" "$tree/bin/$name$exe"
    chmod 755 "$tree/bin/$name$exe"
    cp LICENSE README.md README.tr.md CHANGELOG.md "$tree/share/doc/$name"
    mkdir "$work/home"
    # The program reads nothing of the user who makes the packages.
    run_program() { env -i PATH="$PATH" HOME="$work/home" SYSTEMROOT="${SYSTEMROOT-}" LC_ALL=C.UTF-8 "$tree/bin/$name$exe" "$@"; }
    stage_man_pages en "$tree/share/man/man1"
    stage_man_pages tr "$tree/share/man/tr/man1"
    stage_completions
    stage_third_party
    rm -r "${work:?}/home"
    set_times "$tree"
}

# Writes the man pages of all commands in a language, and one for the second name.
stage_man_pages() {
    mkdir -p "$2"
    run_program --lang "$1" man --dir "$2" 2>"$work/pages.log" || { cat "$work/pages.log" >&2; return 1; }
    printf '.so man1/openclaw.1\n' >"$2/$name.1"
}

# Writes the completions of both names. Those of `openclaw` ask the name that is surely this program's, because
# `openclaw` may be npm's.
stage_completions() {
    bash=$tree/share/bash-completion/completions
    zsh=$tree/share/zsh/site-functions
    fish=$tree/share/fish/vendor_completions.d
    mkdir -p "$bash" "$zsh" "$fish" "$work/bin"
    for command in openclaw "$name"; do
        cp "$program" "$work/bin/$command$exe"
        for shell in bash zsh fish; do
            env -i PATH="$work/bin:$PATH" HOME="$work/home" SYSTEMROOT="${SYSTEMROOT-}" "$command$exe" completions "$shell" |
                sed 's/openclaw\("\{0,1\}\) -- /'"$name"'\1 -- /' >"$work/$shell"
        done
        cp "$work/bash" "$bash/$command"
        # zsh loads the file at the first Tab, which is to be answered too.
        function=_clap_dynamic_completer_$(printf %s "$command" | tr - _)
        # shellcheck disable=SC2016 # a variable of zsh
        printf '[ "$funcstack[1]" = _%s ] && %s "$@"\n' "$command" "$function" | cat "$work/zsh" - >"$zsh/_$command"
        cp "$work/fish" "$fish/$command.fish"
    done
    rm -r "${work:?}/bin"
}

# Writes the licence texts of the crates, and the bill of materials.
stage_third_party() {
    cargo metadata --format-version 1 --locked --filter-platform "$target" >"$work/metadata.json"
    time=$(commit_time %Y-%m-%dT%H:%M:%SZ)
    # Build scripts look at the variable: the test program would be built anew for it.
    env -u SOURCE_DATE_EPOCH cargo run --quiet --locked --example third_party -- "$work" "$time" <"$work/metadata.json"
    cp "$work/third-party.txt" "$tree/share/doc/$name/third-party.txt"
    bill=$out/$name-$version-$target.cdx.json
    cp "$work/sbom.cdx.json" "$bill"
}

# Copies the tree for a package of a kind, which it names for `openclaw --version --json`.
copy_tree() { # KIND FOLDER
    mkdir -p "$2"
    cp -R -p "$tree/." "$2"
    printf '%s\n' "$1" >"$2/share/$name/install-method"
}

# Packs a folder, in an order and with owners and times that depend on no machine.
pack() { # FOLDER FILE
    if tar --version 2>/dev/null | grep -q GNU; then
        owners='--owner=0 --group=0 --numeric-owner --format=ustar'
    else
        owners='--uid 0 --gid 0 --numeric-owner --format ustar'
    fi
    # shellcheck disable=SC2086 # a list of options
    (cd "$1" && find . -mindepth 1 ! -type d | LC_ALL=C sort | sed 's|^\./||' | tar -cf - $owners -T -) | gzip -9n >"$2"
}

# Makes the archive: one folder with the tree, which the install script lays below a prefix.
make_archive() {
    stem=$name-$version-$target
    copy_tree script "$work/archive/$stem"
    set_times "$work/archive"
    pack "$work/archive" "$out/$stem.tar.gz"
    rm -r "$work/archive"
}

# Writes the checksums of all files of the release.
make_sums() {
    (
        cd "$out" || exit 1
        find . -type f ! -name 'SHA256SUMS*' | sed 's|^\./||' | LC_ALL=C sort | while IFS= read -r file; do
            sha256_of "$file" | sed "s|\$|  $file|"
        done >SHA256SUMS.new
        mv SHA256SUMS.new SHA256SUMS
    )
}

# Prints the SHA-256 of a file.
sha256_of() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}
