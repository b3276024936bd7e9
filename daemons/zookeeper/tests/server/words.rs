//! Four-letter words, asked with our own client.

use std::time::Duration;

use storm_zookeeper::four_letter;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::client::{Client, LIMIT, Server, options};

#[tokio::test]
async fn all_words_are_answered_when_allowed() {
    let dir = TempDir::new().unwrap();
    let mut options = options(&dir);
    options.four_letter_whitelist = storm_zookeeper::WORDS.iter().map(|word| (*word).to_owned()).collect();
    let server = Server::start(options).await;
    let mut client = Client::connect(server.address, 2000).await;
    client.create("/e", b"", 1).await;
    client.exists("/e", true).await;
    for (word, part) in [
        ("ruok", "imok"),
        ("isro", "rw"),
        ("srvr", "Mode: standalone"),
        ("srvr", "Zxid: 0x2"),
        ("srvr", "Node count: 6"),
        ("stat", "Clients:\n /127.0.0.1:"),
        ("mntr", "zk_server_state\tstandalone"),
        ("mntr", "zk_ephemerals_count\t1"),
        ("conf", "tickTime=100"),
        ("cons", "lop=EXIS"),
        ("envi", "zookeeper.version=3.9"),
        ("wchs", "1 connections watching 1 paths\nTotal watches:1"),
        ("wchp", "/e\n\t0x"),
        ("wchc", "\n\t/e"),
        ("dump", "\n\t/e"),
        ("dirs", "datadir_size"),
        ("srst", "reset"),
        ("crst", "reset"),
    ] {
        let answer = four_letter(server.address, word, LIMIT).await.unwrap();
        assert!(answer.contains(part), "{word}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn each_way_to_get_no_answer_has_its_own_error() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(options(&dir)).await;
    let code = async |address, word, within| four_letter(address, word, within).await.unwrap_err().code();
    assert!(four_letter(server.address, "srvr", LIMIT).await.unwrap().contains("Mode: standalone"));
    assert_eq!(four_letter(server.address, "ruok", LIMIT).await.unwrap(), "imok");
    assert_eq!(code(server.address, "mntr", LIMIT).await, "zookeeper/word-not-allowed");
    assert_eq!(code(server.address, "what", LIMIT).await, "zookeeper/word-unknown");
    let address = server.address;
    server.stop().await;
    assert_eq!(code(address, "srvr", LIMIT).await, "zookeeper/word-connect");

    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap();
    assert_eq!(code(address, "srvr", Duration::from_millis(50)).await, "zookeeper/word-timeout");
    let hang_up = async {
        for _ in 0..2 {
            let (mut stream, _) = mute.accept().await.unwrap();
            let mut word = [0; 4];
            // The connection of the question that timed out may come first, and end.
            let _ = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut word).await;
        }
    };
    let (_, code) = tokio::join!(hang_up, code(address, "srvr", LIMIT));
    assert_eq!(code, "zookeeper/word-silent");
}
