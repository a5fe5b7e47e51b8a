//! Who may ask: `Host` and `Origin` against the addresses that are served, the token in constant time.
