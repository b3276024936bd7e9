//! A server in the test, and a bare client of its protocol.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use storm_zookeeper::jute::{Reader, Writer};
use storm_zookeeper::proto::{Acl, OpCode, Perms};
use storm_zookeeper::{Options, ZooKeeperError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Server {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ZooKeeperError>>,
}

pub fn options(dir: &TempDir) -> Options {
    let mut options = Options::new(dir.path(), (Ipv4Addr::LOCALHOST, 0).into());
    options.tick_time_ms = 100;
    options
}

impl Server {
    pub async fn start(options: Options) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, bound) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let report = move |address| ready.send(address).expect("the test waits");
        let task = tokio::spawn(storm_zookeeper::run(options, report, shutdown));
        let address = timeout(LIMIT, bound).await.expect("the server starts in time").expect("the server starts");
        Self { address, stop, task }
    }

    pub async fn stop(self) {
        self.stop.send(()).expect("the server runs");
        timeout(LIMIT, self.task).await.expect("the server stops in time").unwrap().unwrap();
    }
}

impl Server {
    /// How a server ended that nobody stopped.
    pub async fn ended(self) -> Result<(), ZooKeeperError> {
        timeout(LIMIT, self.task).await.expect("the server ends in time").unwrap()
    }
}

/// What came back: header and body, an event if `xid` is -1.
#[derive(Debug)]
pub struct Packet {
    pub xid: i32,
    pub zxid: i64,
    pub error: i32,
    pub body: Reader,
}

#[derive(Debug)]
pub struct Client {
    pub stream: TcpStream,
    pub session: i64,
    pub password: Bytes,
    pub timeout_ms: i32,
    xid: i32,
}

pub fn packet(write: impl FnOnce(&mut Writer) -> &mut Writer) -> Bytes {
    let mut writer = Writer::for_packet();
    write(&mut writer);
    writer.packet()
}

pub async fn read_packet(stream: &mut TcpStream) -> std::io::Result<Bytes> {
    let length = timeout(LIMIT, stream.read_i32()).await.expect("an answer in time")?;
    let mut body = vec![0; usize::try_from(length).unwrap()];
    timeout(LIMIT, stream.read_exact(&mut body)).await.expect("the rest in time")?;
    Ok(body.into())
}

/// Waits until the server closes the connection.
pub async fn closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut rest)).await.is_ok()
}

impl Client {
    pub async fn connect(address: SocketAddr, timeout_ms: i32) -> Self {
        Self::resume(address, timeout_ms, 0, &[0; 16]).await
    }

    pub async fn resume(address: SocketAddr, timeout_ms: i32, session: i64, password: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            packet(|writer| writer.int(0).long(0).int(timeout_ms).long(session).buffer(Some(password)).bool(false));
        stream.write_all(&request).await.unwrap();
        let mut answer = Reader::new(read_packet(&mut stream).await.unwrap());
        assert_eq!(answer.int("protocol").unwrap(), 0);
        let timeout_ms = answer.int("timeout").unwrap();
        let session = answer.long("session").unwrap();
        let password = answer.buffer("password").unwrap().unwrap();
        assert!(!answer.bool("read only").unwrap());
        answer.finish().unwrap();
        Self { stream, session, password, timeout_ms, xid: 0 }
    }

    pub async fn send(&mut self, op: OpCode, body: impl FnOnce(&mut Writer) -> &mut Writer) -> i32 {
        self.xid += 1;
        let xid = self.xid;
        self.send_as(xid, op as i32, body).await;
        xid
    }

    pub async fn send_as(&mut self, xid: i32, op: i32, body: impl FnOnce(&mut Writer) -> &mut Writer) {
        let request = packet(|writer| {
            writer.int(xid).int(op);
            body(writer)
        });
        self.stream.write_all(&request).await.unwrap();
    }

    pub async fn receive(&mut self) -> Packet {
        let mut body = Reader::new(read_packet(&mut self.stream).await.unwrap());
        Packet {
            xid: body.int("xid").unwrap(),
            zxid: body.long("zxid").unwrap(),
            error: body.int("error").unwrap(),
            body,
        }
    }

    /// Sends and waits for the answer; no event may come before it.
    pub async fn ask(&mut self, op: OpCode, body: impl FnOnce(&mut Writer) -> &mut Writer) -> Packet {
        let xid = self.send(op, body).await;
        let answer = self.receive().await;
        assert_eq!(answer.xid, xid);
        answer
    }

    pub async fn create(&mut self, path: &str, data: &[u8], flags: i32) -> Packet {
        self.ask(OpCode::Create, |writer| write_create(writer, path, data, flags)).await
    }

    pub async fn exists(&mut self, path: &str, watch: bool) -> Packet {
        self.ask(OpCode::Exists, |writer| writer.string(path).bool(watch)).await
    }
}

pub fn write_create<'a>(writer: &'a mut Writer, path: &str, data: &[u8], flags: i32) -> &'a mut Writer {
    writer.string(path).buffer(Some(data));
    Acl::write_list(&[Acl::anyone(Perms::ALL)], writer);
    writer.int(flags)
}
