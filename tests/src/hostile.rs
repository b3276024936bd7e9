//! What strangers, scanners and broken peers send to a port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::random::Random;

/// Connections that were opened and then left alone, half of them in the middle of a message.
pub struct HalfOpen(#[expect(dead_code, reason = "they are only held")] Vec<TcpStream>);

fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_write_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    Some(stream)
}

/// Sends bytes, says that no more will come, and waits a moment for an answer or the end. What the server makes of
/// it is its own business: it may close, answer or wait; the test asks afterwards whether it still serves.
fn send(port: u16, bytes: &[u8]) {
    let Some(mut stream) = connect(port) else { return };
    // A server that has had enough closes while we still write.
    let _closed = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let _silent = stream.read(&mut [0; 256]);
}

/// Everything bad that comes to mind, one connection each, some at a time.
pub fn assault(port: u16, seed: u64) {
    const AT_A_TIME: usize = 16;
    for some in messages(&mut Random::new(seed)).chunks(AT_A_TIME) {
        std::thread::scope(|scope| {
            for message in some {
                scope.spawn(|| send(port, message));
            }
        });
    }
}

fn messages(random: &mut Random) -> Vec<Vec<u8>> {
    let texts = ["Hello\n", "GET / HTTP/1.1\r\nHost: storm\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "", "\0", "srvr"];
    let mut messages: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    messages.extend((0..60).map(|_| random.bytes(5000)));
    for length in [0x7fff_ffff_u32, 0xffff_ffff, 0x8000_0000, 0x4000_0000, 0x0010_0001, 0] {
        messages.push([&length.to_be_bytes()[..], b"\x80\x01\x00\x01", &random.bytes(400)].concat());
    }
    for (length, sent) in [(100_u32, 10), (4, 3), (1_000_000, 999_999)] {
        messages.push([&length.to_be_bytes()[..], &vec![0; sent]].concat());
    }
    messages.extend([
        call(b"getClusterInfo", &[0x0c, 0, 1].repeat(20_000)),
        call(b"killTopology", b"\x0b\x00\x01\x7f\xff\xff\xff"),
        call(b"submitTopology", b"\x0c\x00\x04\x0d\x00\x01\x0b\x0c\x7f\xff\xff\xff"),
        call(b"listBlobs", b"\x0f\x00\x09\x03\x7f\xff\xff\xff"),
        call(b"noSuchMethod", b"\x00"),
        call(&[b'x'; 70_000], b"\x00"),
        call(b"\xff\xfe", b"\x00"),
    ]);
    // Frames of a valid length and random content.
    messages.extend((0..60).map(|_| {
        let content = random.bytes(300);
        [&(content.len() as u32).to_be_bytes(), content.as_slice()].concat()
    }));
    messages
}

/// Opens connections that stay open and silent.
pub fn half_open(port: u16, count: usize) -> HalfOpen {
    let streams = (0..count).filter_map(|index| {
        let mut stream = connect(port)?;
        if index % 2 == 0 {
            // The first bytes of a frame whose rest never comes.
            let _closed = stream.write_all(&[0, 0, 1, 0, 0x80]);
        }
        Some(stream)
    });
    HalfOpen(streams.collect())
}

/// A framed thrift call with these bytes as its arguments.
fn call(method: &[u8], arguments: &[u8]) -> Vec<u8> {
    let mut body = vec![0x80, 0x01, 0x00, 0x01];
    body.extend((method.len() as u32).to_be_bytes());
    body.extend(method);
    body.extend([0, 0, 0, 7]);
    body.extend(arguments);
    [&(body.len() as u32).to_be_bytes(), body.as_slice()].concat()
}
