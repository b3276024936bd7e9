//! Bytes that no client would send, and clients that do not behave.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use storm_zookeeper::four_letter;
use storm_zookeeper::jute::Reader;
use storm_zookeeper::proto::{Code, OpCode, Request};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{Client, LIMIT, Server, closed, options, read_packet, write_create};

#[tokio::test]
async fn wrong_first_bytes_end_the_connection() {
    let dir = TempDir::new().unwrap();
    let mut options = options(&dir);
    options.sessionless_timeout_ms = 200;
    let server = Server::start(options).await;
    let http = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
    let huge = i32::MAX.to_be_bytes().to_vec();
    let negative = (-5_i32).to_be_bytes().to_vec();
    let short = [4_i32.to_be_bytes(), 0_i32.to_be_bytes()].concat();
    let half = [44_i32.to_be_bytes().to_vec(), vec![0; 10]].concat();
    let password = {
        let mut bytes = 28_i32.to_be_bytes().to_vec();
        bytes.extend_from_slice(&[0; 24]);
        bytes.extend_from_slice(&i32::MAX.to_be_bytes());
        bytes
    };
    for bytes in [http, huge, negative, short, half, password, vec![], vec![1]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        assert!(closed(&mut stream).await, "{bytes:?}");
    }
    let mut client = Client::connect(server.address, 1000).await;
    assert_eq!(client.exists("/", false).await.error, 0);
    server.stop().await;
}

#[tokio::test]
async fn malformed_requests_get_an_error_and_the_session_lives() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut client = Client::connect(server.address, 2000).await;
    let truncated = client.ask(OpCode::Create, |w| w).await;
    assert_eq!(truncated.error, Code::MarshallingError as i32);
    let long = client.ask(OpCode::GetData, |w| w.int(i32::MAX)).await;
    assert_eq!(long.error, Code::MarshallingError as i32);
    let vector = client.ask(OpCode::SetWatches, |w| w.long(0).int(i32::MAX)).await;
    assert_eq!(vector.error, Code::MarshallingError as i32);
    let nested = client.ask(OpCode::Multi, |w| w.int(OpCode::Multi as i32).bool(false).int(-1)).await;
    assert_eq!(nested.error, Code::MarshallingError as i32);
    let text = client.ask(OpCode::Exists, |w| w.buffer(Some(&[0xff, 0xfe])).bool(false)).await;
    assert_eq!(text.error, Code::MarshallingError as i32);
    assert_eq!(client.exists("/", false).await.error, 0);

    // A packet above the limit ends the connection, and only that.
    client.stream.write_all(&0x10_0000_i32.to_be_bytes()).await.unwrap();
    assert!(closed(&mut client.stream).await);
    let mut client = Client::resume(server.address, 2000, client.session, &client.password).await;
    assert_ne!(client.session, 0);

    let unknown = {
        client.send_as(1, 999, |w| w).await;
        client.receive().await
    };
    assert_eq!(unknown.error, Code::Unimplemented as i32);
    assert!(closed(&mut client.stream).await);
    server.stop().await;
}

#[tokio::test]
async fn too_many_connections_are_turned_away() {
    let dir = TempDir::new().unwrap();
    let mut options = options(&dir);
    options.max_client_cnxns = 2;
    let server = Server::start(options).await;
    let first = Client::connect(server.address, 2000).await;
    let mut second = Client::connect(server.address, 2000).await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert!(closed(&mut third).await);
    assert_eq!(second.exists("/", false).await.error, 0);
    drop(first);
    // There is room again as soon as the server has noticed.
    timeout(LIMIT, async {
        loop {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let request = crate::client::packet(|writer| {
                writer.int(0).long(0).int(1000).long(0).buffer(Some(&[0; 16])).bool(false)
            });
            if stream.write_all(&request).await.is_ok() && read_packet(&mut stream).await.is_ok() {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_read_blocks_nobody() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut lazy = Client::connect(server.address, 2000).await;
    lazy.create("/big", &vec![7; 1_000_000], 0).await;
    // Asks for a gigabyte and reads none of it: after the answers it may have outstanding, it is not even heard.
    let asking = async {
        for _ in 0..1000 {
            lazy.send(OpCode::GetData, |w| w.string("/big").bool(false)).await;
        }
    };
    // Whether its own sending comes to an end depends on how much the sockets hold.
    let _sent = timeout(Duration::from_millis(1500), asking).await;
    let mut busy = Client::connect(server.address, 2000).await;
    for n in 0..200 {
        assert_eq!(timeout(LIMIT, busy.create(&format!("/n{n}"), b"", 0)).await.unwrap().error, 0);
    }
    let report = four_letter(server.address, "srvr", LIMIT).await.unwrap();
    let outstanding = report.lines().find_map(|line| line.strip_prefix("Outstanding: ")).unwrap();
    assert!(outstanding.parse::<usize>().unwrap() <= 64, "{report}");
    server.stop().await;
}

#[tokio::test]
async fn unread_events_cost_the_connection_not_the_server() {
    let dir = TempDir::new().unwrap();
    let mut options = options(&dir);
    options.max_session_timeout_ms = Some(60_000);
    let server = Server::start(options).await;
    let mut lazy = Client::connect(server.address, 60_000).await;
    let long = "x".repeat(100_000);
    lazy.ask(OpCode::AddWatch, |w| w.string("/").int(1)).await;
    let mut busy = Client::connect(server.address, 60_000).await;
    busy.create(&format!("/{long}"), b"", 0).await;
    for _ in 0..400 {
        let set = busy.ask(OpCode::SetData, |w| w.string(&format!("/{long}")).buffer(None).int(-1)).await;
        assert_eq!(set.error, 0);
    }
    assert!(closed(&mut lazy.stream).await);
    let back = Client::resume(server.address, 60_000, lazy.session, &lazy.password).await;
    assert_eq!(back.session, lazy.session, "it may come back");
    server.stop().await;
}

#[tokio::test]
async fn a_full_disk_ends_the_server_and_nothing_is_acknowledged_that_is_not_on_it() {
    let dir = TempDir::new().unwrap();
    let mut options = options(&dir);
    options.snap_count = 3;
    let server = Server::start(options.clone()).await;
    // The next log file will be on a device without space.
    for n in 2..20 {
        let log = dir.path().join(format!("native-1/log.{n:016x}"));
        std::os::unix::fs::symlink("/dev/full", log).unwrap();
    }
    let mut client = Client::connect(server.address, 2000).await;
    let mut acknowledged = Vec::new();
    for n in 0..20 {
        let path = format!("/n{n}");
        client.send(OpCode::Create, |writer| write_create(writer, &path, b"", 0)).await;
        match read_packet(&mut client.stream).await {
            Ok(_) => acknowledged.push(path),
            Err(_) => break,
        }
    }
    assert!((1..20).contains(&acknowledged.len()), "{acknowledged:?}");
    let error = server.ended().await.unwrap_err();
    assert_eq!(error.code(), "zookeeper/storage");
    assert!(error.to_string().contains("log.") && error.to_string().contains("free some space"), "{error}");

    for n in 2..20 {
        let log = dir.path().join(format!("native-1/log.{n:016x}"));
        if log.is_symlink() {
            std::fs::remove_file(log).unwrap();
        }
    }
    let server = Server::start(options).await;
    let mut client = Client::connect(server.address, 2000).await;
    for path in acknowledged {
        assert_eq!(client.exists(&path, false).await.error, 0, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_small_request_cannot_ask_for_gigabytes() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let mut client = Client::connect(server.address, 2000).await;
    client.create("/big", &vec![7; 1_000_000], 0).await;
    let answer = client
        .ask(OpCode::MultiRead, |writer| {
            for _ in 0..10_000 {
                writer.int(OpCode::GetData as i32).bool(false).int(-1).string("/big").bool(false);
            }
            writer.int(-1).bool(true).int(-1)
        })
        .await;
    assert_eq!(answer.error, Code::MarshallingError as i32);
    server.stop().await;
}

#[test]
fn no_request_makes_the_decoder_panic() {
    let all = -20..120;
    let mut runner = TestRunner::new(Config::with_cases(2000));
    runner
        .run(&(all, any::<Vec<u8>>()), |(op, bytes)| {
            if let Some(op) = OpCode::from_value(op) {
                let _ = Request::decode(op, &mut Reader::new(bytes.into()));
            }
            Ok(())
        })
        .unwrap();
}
