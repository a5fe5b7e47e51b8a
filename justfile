# The same checks as CI, with all their set-up
test:
    scripts/test

# What is quick, before a commit
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test

# Write the files in their usual form
fmt:
    cargo fmt

# The documentation of the source
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps

# The program as packages contain it: slower to build, smaller
dist:
    cargo build --locked --profile dist

# Ours beside its peers on this machine
bench:
    scripts/bench

# Known faults of the dependencies; needs the network
advisories:
    cargo deny check advisories
