//! `openclaw dashboard --qr`: the signed-in URL of the dashboard as a QR code, for another device to scan.
//!
//! The code is drawn on the terminal on request only, as it holds the token.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::cli::Context;
use crate::error::{Error, Result};
use crate::host::ports::listening_sockets_on;
use crate::i18n::msg;
use crate::ui::qr_code;

/// An address of the internet that no host has (RFC 5737). The route to it leads through the network of this host.
const FAR_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Returns the address at which another device reaches the gateway on this port.
///
/// # Errors
/// The gateway listens on this host only, or the host has no network.
pub(super) fn reachable_address(context: &Context<'_>, port: u16) -> Result<SocketAddr> {
    let mut ips = listening_sockets_on(port).into_iter().map(|socket| socket.ip);
    let Some(ip) = ips.find(|ip| !ip.is_loopback()) else {
        let (profile, command) = (&context.instance.profile, context.instance.command());
        return Err(Error::failed(msg!("dashboard.qr-loopback", profile = profile))
            .hint(msg!("dashboard.qr-listen", command = command)));
    };
    let reachable = if ip.is_unspecified() {
        context.host.local_address_towards(FAR_ADDRESS)
    } else {
        Some(ip)
    };
    reachable
        .filter(|ip| !ip.is_loopback())
        .map(|ip| SocketAddr::new(ip, port))
        .ok_or_else(|| Error::failed(msg!("dashboard.qr-no-network")))
}

/// Draws a QR code for a terminal of this width.
///
/// # Errors
/// The text is too long for a QR code, or the code is wider than the terminal.
pub(super) fn draw(text: &str, width: usize) -> Result<String> {
    let lines = qr_code::draw(text).ok_or_else(|| Error::failed(msg!("dashboard.qr-too-long")))?;
    let columns = lines.first().map_or(0, |line| line.chars().count());
    if columns > width {
        return Err(Error::failed(msg!(
            "dashboard.qr-too-wide",
            columns = columns,
            width = width
        )));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_its_three_marks_and_fits_or_is_refused() {
        let url = format!(
            "http://192.168.100.200:18789/#token={}",
            "0123456789abcdef".repeat(3)
        );
        let drawn = draw(&url, 80).unwrap();
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let columns = lines[0].len();
        assert!(
            lines.iter().all(|line| line.len() == columns) && columns <= 48,
            "{drawn}"
        );
        // The upper half of the frame of the marks: dark seven modules wide, behind the margin.
        let corner = |from: usize| lines[1][from..from + 7].iter().collect::<String>();
        assert_eq!(
            [corner(2), corner(columns - 9)],
            [" ▄▄▄▄▄ ", " ▄▄▄▄▄ "],
            "{drawn}"
        );
        assert_eq!(draw(&url, 40).unwrap_err().msg.key(), "dashboard.qr-too-wide");
        assert_eq!(
            draw(&"x".repeat(5000), 80).unwrap_err().msg.key(),
            "dashboard.qr-too-long"
        );
    }
}
