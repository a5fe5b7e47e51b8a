//! What listens on this host, and which ports its kernel keeps for clients.
