//! The page at `/`: which gateway this is, its ports, who is connected, what the isolation check found.
