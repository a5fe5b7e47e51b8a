//! A relay to a homeserver that runs outside of a test's network: from a port of that network to a Unix socket, which is a
//! file and no part of any network.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Starts a relay to a socket. Returns the address at which it listens as long as the process lives.
pub fn start(socket: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let socket = socket.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let server = UnixStream::connect(&socket).expect("the homeserver listens");
            connect(client.expect("a connection"), server);
        }
    });
    address
}

/// Passes on what either side sends, until it has no more to say.
fn connect(client: TcpStream, server: UnixStream) {
    let (mut from_client, mut to_client) = (client.try_clone().expect("a second handle"), client);
    let (mut from_server, mut to_server) = (server.try_clone().expect("a second handle"), server);
    std::thread::spawn(move || {
        // A connection that breaks is one that has ended.
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
}
