//! The roles of an instance's ports, and their offsets from the base port.

/// The purpose of a port of an instance's gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// The base port, `gateway.port`: HTTP and WebSocket.
    Base,
    /// The bridge of early releases of OpenClaw.
    Bridge,
    /// The HTTP interface of browser control, on loopback only.
    BrowserControl,
    /// The relay of the browser extension.
    ExtensionRelay,
    /// The canvas host.
    Canvas,
    /// The relay of later releases of OpenClaw.
    Relay,
    /// The pool of CDP (debugging) ports of the instance's browsers.
    CdpPool,
    /// A port that is set by hand in a config or a service.
    Pinned,
}

impl Role {
    /// The port roles that are one fixed port each, with their offsets from the base port.
    pub(crate) const FIXED: [(Self, u16); 6] = [
        (Self::Base, 0),
        (Self::Bridge, 1),
        (Self::BrowserControl, 2),
        (Self::ExtensionRelay, 3),
        (Self::Canvas, 4),
        (Self::Relay, 10),
    ];
    /// Offsets of the pool of browser debugging (CDP) ports from the base port, first and last.
    pub(crate) const CDP_OFFSETS: (u16, u16) = (11, 110);
    /// Offset from a base port of the last port that is derived from it.
    pub(super) const LAST_OFFSET: u16 = Self::CDP_OFFSETS.1;

    /// Returns the stable name of a port's role, which is also the end of the catalogue's key `role.NAME`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Bridge => "bridge",
            Self::BrowserControl => "browser-control",
            Self::ExtensionRelay => "extension-relay",
            Self::Canvas => "canvas",
            Self::Relay => "relay",
            Self::CdpPool => "cdp-pool",
            Self::Pinned => "pinned",
        }
    }
}
