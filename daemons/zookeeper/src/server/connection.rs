//! One client's socket: a task that reads packets and one that writes them.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::options::Options;
use crate::proto::ConnectRequest;
use crate::server::outbox::{Backlog, Item, Next, Outbox};
use crate::server::stats::Traffic;
use crate::words::WORDS;

/// The first packet of a connection is a few dozen bytes; SASL tickets and the like come later.
const LONGEST_CONNECT: usize = 1024;
/// A packet's memory is reserved in such steps as its bytes arrive, whatever its length field says.
const STEP: usize = 16 << 10;
/// Packets are joined up to about this size before they are written.
const WRITE_SIZE: usize = 64 << 10;
/// How long a client may take to read the answer to a four-letter word.
const WORD_TIMEOUT: Duration = Duration::from_secs(10);
/// What a telnet client sends when it gives up.
const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

/// What connections share.
#[derive(Debug)]
pub struct Shared {
    pub options: Options,
    pub traffic: Traffic,
    pub backlog: Backlog,
    pub to_core: mpsc::Sender<ToCore>,
    /// Bytes of packets on their way to the core.
    pub in_flight: Arc<Semaphore>,
}

/// A connection as the core and the log know it.
#[derive(Debug)]
pub struct Connection {
    pub number: u64,
    pub peer: SocketAddr,
    pub outbox: Outbox,
    pub traffic: Traffic,
    pub shared: Arc<Shared>,
}

/// What connections tell the core.
#[derive(Debug)]
pub enum ToCore {
    Connect { connection: Arc<Connection>, request: ConnectRequest },
    Packet { connection: u64, packet: Bytes, received: Instant, in_flight: Option<OwnedSemaphorePermit> },
    Disconnected { connection: u64 },
    Word { word: &'static str, answer: oneshot::Sender<String> },
}

/// The core is gone: the server is shutting down.
struct Down;

/// Serves one connection until it ends.
pub async fn serve(stream: TcpStream, peer: SocketAddr, number: u64, shared: Arc<Shared>) {
    // Small packets back and forth: waiting to fill segments would only delay them.
    if let Err(cause) = stream.set_nodelay(true) {
        debug!("cannot set TCP_NODELAY for {peer}: {cause}");
    }
    let (read, write) = stream.into_split();
    let mut read = BufReader::with_capacity(4096, read);
    let patience = Duration::from_millis(shared.options.sessionless_timeout_ms);
    let first = match timeout(patience, first_packet(&mut read)).await {
        Ok(Ok(First::Connect(packet))) => ConnectRequest::decode(packet),
        Ok(Ok(First::Word(word))) => return answer_word(word, read, write, &shared).await,
        Ok(Ok(First::Goodbye)) => return,
        Ok(Err(cause)) => return debug!("{peer} left without a session: {cause}"),
        Err(_) => return debug!("{peer} asked for no session within {} ms", patience.as_millis()),
    };
    let request = match first {
        Ok(request) => request,
        Err(error) => return info!("closing the connection of {peer}: no ZooKeeper client: {error}"),
    };
    shared.traffic.received.fetch_add(1, Ordering::Relaxed);
    let traffic = Traffic::default();
    traffic.received.fetch_add(1, Ordering::Relaxed);
    let connection = Arc::new(Connection { number, peer, outbox: Outbox::new(), traffic, shared: Arc::clone(&shared) });
    // The answer to this request counts as one of those that may be outstanding.
    if !connection.outbox.admit().await {
        return;
    }
    if shared.to_core.send(ToCore::Connect { connection: Arc::clone(&connection), request }).await.is_err() {
        return;
    }
    // Also when this task is aborted with the server: the writing task must not outlive it.
    let _kick = KickOnDrop(Arc::clone(&connection));
    let writing = tokio::spawn(write_packets(write, Arc::clone(&connection)));
    let reading = read_packets(&mut read, &connection);
    match tokio::select! {
        result = reading => result,
        () = connection.outbox.kicked() => Ok(()),
    } {
        Ok(()) => {}
        Err(cause) if cause.kind() == io::ErrorKind::InvalidData => {
            warn!("closing the connection of {peer}: {cause}");
        }
        Err(cause) => debug!("{peer} is gone: {cause}"),
    }
    connection.outbox.kick();
    if shared.to_core.send(ToCore::Disconnected { connection: number }).await.is_err() {
        debug!("the server is shutting down");
    }
    if let Err(cause) = writing.await {
        warn!("the writer of {peer} failed: {cause}");
    }
}

struct KickOnDrop(Arc<Connection>);

impl Drop for KickOnDrop {
    fn drop(&mut self) {
        self.0.outbox.kick();
    }
}

enum First {
    Connect(Bytes),
    Word(&'static str),
    Goodbye,
}

async fn first_packet(read: &mut BufReader<OwnedReadHalf>) -> io::Result<First> {
    let mut head = [0; 4];
    read.read_exact(&mut head).await?;
    if head == TELNET_CLOSE {
        return Ok(First::Goodbye);
    }
    if let Some(word) = WORDS.iter().find(|word| word.as_bytes() == head) {
        return Ok(First::Word(word));
    }
    Ok(First::Connect(body(read, head, LONGEST_CONNECT).await?))
}

/// The rest of a packet whose length has been read.
async fn body(read: &mut BufReader<OwnedReadHalf>, length: [u8; 4], longest: usize) -> io::Result<Bytes> {
    let length = i32::from_be_bytes(length);
    let size = usize::try_from(length).ok().filter(|size| *size <= longest);
    let size = size.ok_or_else(|| {
        let problem = format!("a packet of {length} bytes was announced, the limit is {longest} (jute.maxbuffer)");
        io::Error::new(io::ErrorKind::InvalidData, problem)
    })?;
    let mut packet = BytesMut::with_capacity(size.min(STEP));
    let mut rest = read.take(size as u64);
    while packet.len() < size {
        packet.reserve(STEP.min(size - packet.len()));
        if rest.read_buf(&mut packet).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(packet.freeze())
}

async fn read_packets(read: &mut BufReader<OwnedReadHalf>, connection: &Connection) -> io::Result<()> {
    let shared = &connection.shared;
    loop {
        let mut head = [0; 4];
        read.read_exact(&mut head).await?;
        let packet = body(read, head, shared.options.jute_max_buffer).await?;
        let received = Instant::now();
        shared.traffic.received.fetch_add(1, Ordering::Relaxed);
        connection.traffic.received.fetch_add(1, Ordering::Relaxed);
        if !connection.outbox.admit().await || submit(connection, packet, received).await.is_err() {
            return Ok(());
        }
    }
}

async fn submit(connection: &Connection, packet: Bytes, received: Instant) -> Result<(), Down> {
    let shared = &connection.shared;
    let size = u32::try_from(packet.len()).map_err(|_| Down)?;
    let in_flight = Arc::clone(&shared.in_flight).acquire_many_owned(size).await.map_err(|_| Down)?;
    let event = ToCore::Packet { connection: connection.number, packet, received, in_flight: Some(in_flight) };
    shared.to_core.send(event).await.map_err(|_| Down)
}

async fn write_packets(mut write: OwnedWriteHalf, connection: Arc<Connection>) {
    let writing = async {
        let mut buffer = Vec::new();
        while let Next::Send(items) = connection.outbox.next().await {
            write_items(&mut write, items, &mut buffer, &connection).await?;
        }
        write.shutdown().await
    };
    let result = tokio::select! {
        result = writing => result,
        () = connection.outbox.kicked() => Ok(()),
    };
    if let Err(cause) = result {
        debug!("cannot write to {}: {cause}", connection.peer);
    }
    connection.outbox.kick();
    connection.outbox.abandon(&connection.shared.backlog);
}

async fn write_items(
    write: &mut OwnedWriteHalf,
    mut items: VecDeque<Item>,
    buffer: &mut Vec<u8>,
    connection: &Connection,
) -> io::Result<()> {
    while !items.is_empty() {
        buffer.clear();
        let (mut answers, mut answer_bytes, mut event_bytes) = (0, 0, 0);
        while let Some(item) = items.front() {
            let size = item.bytes.len();
            if !buffer.is_empty() && buffer.len() + size > WRITE_SIZE {
                break;
            }
            buffer.extend_from_slice(&item.bytes);
            if item.answer {
                answers += 1;
                answer_bytes += size;
            } else {
                event_bytes += size;
            }
            items.pop_front();
        }
        write.write_all(buffer).await?;
        connection.outbox.sent(answers, answer_bytes, event_bytes, &connection.shared.backlog);
    }
    // An idle connection keeps no large buffer.
    if buffer.capacity() > 4096 {
        *buffer = Vec::new();
    }
    Ok(())
}

async fn answer_word(
    word: &'static str,
    mut read: BufReader<OwnedReadHalf>,
    mut write: OwnedWriteHalf,
    shared: &Shared,
) {
    let exchange = async {
        let text = if word == "srvr" || shared.options.four_letter_whitelist.contains(word) {
            let (answer, answered) = oneshot::channel();
            let sent = shared.to_core.send(ToCore::Word { word, answer }).await;
            match sent {
                Ok(()) => answered.await.unwrap_or_default(),
                Err(_) => String::new(),
            }
        } else {
            format!("{word} is not executed because it is not in the whitelist.\n")
        };
        write.write_all(text.as_bytes()).await?;
        write.shutdown().await?;
        // What the client still sends (a line end) must be read, or closing the socket would discard the answer.
        tokio::io::copy(&mut (&mut read).take(4096), &mut tokio::io::sink()).await
    };
    if let Ok(Err(cause)) = timeout(WORD_TIMEOUT, exchange).await {
        debug!("the answer to {word} was not read: {cause}");
    }
}
