//! Fake gateways on a thread, with frames by script.
