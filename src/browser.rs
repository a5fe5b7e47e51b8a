//! The browsers of one instance: found, started, driven and ended; each with its own folder and port
//! (`facts.md` 7). The control service of a gateway and the command line both ask here.
