//! Sessions, watches and authentication over the socket.

use std::time::Duration;

use storm_zookeeper::proto::{Acl, Code, EventType, Id, OpCode, Perms};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use crate::client::{Client, LIMIT, Server, closed, options, write_create};

#[tokio::test]
async fn timeouts_are_negotiated() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    assert_eq!(Client::connect(server.address, 1).await.timeout_ms, 200);
    assert_eq!(Client::connect(server.address, 700).await.timeout_ms, 700);
    assert_eq!(Client::connect(server.address, 1_000_000).await.timeout_ms, 2000);
    server.stop().await;
}

#[tokio::test]
async fn a_session_goes_on_over_another_connection_with_its_password_only() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut first = Client::connect(server.address, 2000).await;
    assert_eq!(first.create("/e", b"", 1).await.error, 0);

    let stranger = Client::resume(server.address, 2000, first.session, &[1; 16]).await;
    assert_eq!((stranger.session, stranger.timeout_ms), (0, 0));
    assert_eq!(first.exists("/e", false).await.error, 0, "a stranger does not disturb");

    let mut second = Client::resume(server.address, 2000, first.session, &first.password).await;
    assert_eq!(second.session, first.session);
    assert!(closed(&mut first.stream).await, "the old connection ends");
    let mut stat = second.exists("/e", false).await.body;
    for _ in 0..4 {
        stat.long("zxids and times").unwrap();
    }
    for _ in 0..3 {
        stat.int("versions").unwrap();
    }
    assert_eq!(stat.long("owner").unwrap(), second.session);

    // An unknown session is told apart from a new one.
    let expired = Client::resume(server.address, 2000, 12345, &[0; 16]).await;
    assert_eq!((expired.session, expired.timeout_ms), (0, 0));
    server.stop().await;
}

#[tokio::test]
async fn a_silent_session_expires_and_those_who_watch_hear_of_it() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut observer = Client::connect(server.address, 2000).await;
    let mut silent = Client::connect(server.address, 300).await;
    silent.create("/e", b"", 1).await;
    assert_eq!(observer.exists("/e", true).await.error, 0);
    let start = Instant::now();
    let event = loop {
        observer.send_as(-2, OpCode::Ping as i32, |w| w).await;
        let packet = observer.receive().await;
        if packet.xid == -1 {
            break packet;
        }
        assert!(start.elapsed() < LIMIT);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
    let mut body = event.body;
    assert_eq!(body.int("type").unwrap(), EventType::NodeDeleted as i32);
    assert_eq!(body.int("state").unwrap(), 3);
    assert_eq!(body.string("path").unwrap(), "/e");
    assert!(closed(&mut silent.stream).await);
    let back = Client::resume(server.address, 300, silent.session, &silent.password).await;
    assert_eq!(back.session, 0);
    server.stop().await;
}

#[tokio::test]
async fn sessions_and_their_nodes_survive_a_restart_until_they_expire_again() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut kept = Client::connect(server.address, 2000).await;
    let mut lost = Client::connect(server.address, 400).await;
    kept.create("/kept", b"", 1).await;
    let zxid = lost.create("/lost", b"", 1).await.zxid;
    server.stop().await;

    let server = Server::start(options(&dir)).await;
    let mut kept = Client::resume(server.address, 2000, kept.session, &kept.password).await;
    assert_ne!(kept.session, 0);
    let there = kept.exists("/lost", true).await;
    assert!(there.error == 0 && there.zxid >= zxid);
    let start = Instant::now();
    while kept.exists("/lost", false).await.error == 0 {
        assert!(start.elapsed() < LIMIT);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if timeout(Duration::from_millis(1), kept.stream.readable()).await.is_ok() {
            break;
        }
    }
    let event = kept.receive().await;
    assert_eq!(event.xid, -1);
    assert_eq!(kept.exists("/kept", false).await.error, 0);
    // New sessions have new numbers.
    assert!(Client::connect(server.address, 400).await.session > lost.session);
    server.stop().await;
}

#[tokio::test]
async fn closing_a_session_answers_and_deletes_at_once() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut first = Client::connect(server.address, 2000).await;
    let mut second = Client::connect(server.address, 2000).await;
    first.create("/e", b"", 1).await;
    let answer = first.ask(OpCode::CloseSession, |w| w).await;
    assert_eq!(answer.error, 0);
    assert!(closed(&mut first.stream).await);
    assert_eq!(second.exists("/e", false).await.error, Code::NoNode as i32);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_has_seen_more_than_this_server_is_sent_away() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request =
        crate::client::packet(|writer| writer.int(0).long(99).int(1000).long(0).buffer(Some(&[0; 16])).bool(false));
    tokio::io::AsyncWriteExt::write_all(&mut stream, &request).await.unwrap();
    assert!(crate::client::read_packet(&mut stream).await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn watches_set_again_tell_what_was_missed() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut client = Client::connect(server.address, 2000).await;
    for path in ["/same", "/changed", "/parent", "/gone"] {
        client.create(path, b"", 0).await;
    }
    let seen = client.exists("/same", false).await.zxid;
    client.create("/parent/child", b"", 0).await;
    client.create("/made", b"", 0).await;
    client.ask(OpCode::SetData, |w| w.string("/changed").buffer(None).int(-1)).await;
    client.ask(OpCode::Delete, |w| w.string("/gone").int(-1)).await;
    let list = |writer: &mut storm_zookeeper::jute::Writer, paths: &[&str]| {
        writer.length(paths.len());
        for path in paths {
            writer.string(path);
        }
    };
    client
        .send_as(-8, OpCode::SetWatches2 as i32, |writer| {
            writer.long(seen);
            list(writer, &["/same", "/changed", "/gone"]);
            list(writer, &["/made", "/never"]);
            list(writer, &["/parent", "/same"]);
            list(writer, &[]);
            list(writer, &["/tree"]);
            writer
        })
        .await;
    let mut events = Vec::new();
    let answer = loop {
        let mut packet = client.receive().await;
        if packet.xid != -1 {
            break packet;
        }
        let kind = packet.body.int("type").unwrap();
        packet.body.int("state").unwrap();
        events.push((kind, packet.body.string("path").unwrap()));
    };
    assert_eq!((answer.xid, answer.error), (-8, 0));
    let expected = [(3, "/changed"), (2, "/gone"), (1, "/made"), (4, "/parent")];
    assert_eq!(events, expected.map(|(kind, path)| (kind, path.to_owned())));
    // The others wait.
    let mut next = async |path: &str| {
        client.send(OpCode::Create, |writer| write_create(writer, path, b"", 0)).await;
        let mut packet = client.receive().await;
        assert_eq!(packet.xid, -1, "an event comes before the answer of the request that set it off");
        let kind = packet.body.int("type").unwrap();
        assert!(client.receive().await.xid > 0);
        kind
    };
    assert_eq!(next("/never").await, 1);
    assert_eq!(next("/same/child").await, 4);
    assert_eq!(next("/tree").await, 1);
    assert_eq!(next("/tree/below").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn who_may_not_read_is_not_told() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut owner = Client::connect(server.address, 2000).await;
    let mut other = Client::connect(server.address, 2000).await;
    owner.send_as(-4, OpCode::Auth as i32, |w| w.int(0).string("digest").buffer(Some(b"bob:secret"))).await;
    let answer = owner.receive().await;
    assert_eq!((answer.xid, answer.error), (-4, 0));
    assert_eq!(other.exists("/secret", true).await.error, Code::NoNode as i32);
    let made = owner
        .ask(OpCode::Create, |writer| {
            writer.string("/secret").buffer(None);
            Acl::write_list(&[Acl { perms: Perms::ALL, id: Id::new("auth", "") }], writer);
            writer.int(0)
        })
        .await;
    assert_eq!(made.error, 0);
    let refused = other.ask(OpCode::GetData, |w| w.string("/secret").bool(false)).await;
    assert_eq!((refused.xid > 0, refused.error), (true, Code::NoAuth as i32));
    let mut who = owner.ask(OpCode::WhoAmI, |w| w).await.body;
    assert_eq!(who.int("count").unwrap(), 2);
    assert_eq!((who.string("s").unwrap(), who.string("u").unwrap()), ("ip".to_owned(), "127.0.0.1".to_owned()));
    assert_eq!((who.string("s").unwrap(), who.string("u").unwrap()), ("digest".to_owned(), "bob".to_owned()));

    other.send_as(-4, OpCode::Auth as i32, |w| w.int(0).string("x509").buffer(None)).await;
    assert_eq!(other.receive().await.error, Code::AuthFailed as i32);
    assert!(closed(&mut other.stream).await);
    server.stop().await;
}

#[tokio::test]
async fn empty_containers_go() {
    let dir = TempDir::new().unwrap();
    let mut options = options(&dir);
    options.container_check_interval_ms = 50;
    let server = Server::start(options).await;
    let mut client = Client::connect(server.address, 2000).await;
    let made = client.ask(OpCode::CreateContainer, |writer| write_create(writer, "/c", b"", 4)).await;
    assert_eq!(made.error, 0);
    client.create("/c/x", b"", 0).await;
    assert_eq!(client.exists("/c", false).await.error, 0);
    client.ask(OpCode::Delete, |w| w.string("/c/x").int(-1)).await;
    let start = Instant::now();
    while client.exists("/c", false).await.error == 0 {
        assert!(start.elapsed() < LIMIT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_lone_write_is_quick() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut client = Client::connect(server.address, 2000).await;
    let mut best = LIMIT;
    for n in 0..50 {
        let start = Instant::now();
        client.create(&format!("/n{n}"), b"data", 0).await;
        best = best.min(start.elapsed());
    }
    // The best of many: what the server itself costs, not a busy machine or disk.
    assert!(best < Duration::from_millis(5), "{best:?}");
    server.stop().await;
}
