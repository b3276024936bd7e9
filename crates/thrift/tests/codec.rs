//! The codec against bytes that nobody honest would send, and the transport around it.

use std::sync::Arc;
use std::time::Duration;

use storm_thrift::client::ClientOptions;
use storm_thrift::drpc::{DistributedRPCClient, DistributedRPCHandler, DistributedRPCService};
use storm_thrift::message::Exception;
use storm_thrift::types::{
    Assignment, AuthorizationException, ClusterSummary, Grouping, NodeInfo, NullStruct, SupervisorSummary,
    TopologySummary,
};
use storm_thrift::{
    ClientError, Connection, DecodeError, RequestContext, ServerOptions, ServiceError, from_bytes, to_bytes,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn assignment() -> Assignment {
    let node = NodeInfo { node: "sup".into(), port: [6700].into() };
    Assignment {
        master_code_dir: "/var/storm".into(),
        node_host: [("sup".to_owned(), "host".to_owned())].into(),
        executor_node_port: [(vec![1, 2], node.clone())].into(),
        executor_start_time_secs: [(vec![1, 2], 17)].into(),
        worker_resources: [(node, Default::default())].into(),
        owner: Some("me".into()),
        ..Default::default()
    }
}

#[test]
fn every_prefix_of_a_value_is_incomplete() {
    let bytes = to_bytes(&assignment());
    assert_eq!(from_bytes::<Assignment>(&bytes), Ok(assignment()));
    for n in 0..bytes.len() {
        let got = from_bytes::<Assignment>(&bytes[..n]);
        assert!(matches!(got, Err(DecodeError::Incomplete { .. })), "{n} of {} bytes: {got:?}", bytes.len());
    }
}

#[test]
fn any_changed_byte_is_an_error_or_another_value_but_never_a_panic() {
    let good = to_bytes(&assignment());
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = value;
            let _: Result<Assignment, DecodeError> = from_bytes(&bytes);
        }
    }
}

#[test]
fn an_announced_length_allocates_nothing() {
    // list<SupervisorSummary> with two thousand million elements
    let bytes = [15, 0, 1, 12, 0x7f, 0xff, 0xff, 0xff];
    assert!(matches!(from_bytes::<ClusterSummary>(&bytes), Err(DecodeError::Incomplete { .. })));
    // a string of minus one bytes
    let bytes = [11, 0, 1, 0xff, 0xff, 0xff, 0xff];
    assert!(matches!(from_bytes::<TopologySummary>(&bytes), Err(DecodeError::Length { len: -1, .. })));
}

#[test]
fn nesting_has_a_limit() {
    // an unknown field of structs in structs in structs
    let mut bytes = Vec::new();
    for _ in 0..100_000 {
        bytes.extend_from_slice(&[12, 0, 99]);
    }
    assert_eq!(from_bytes::<NullStruct>(&bytes), Err(DecodeError::Depth));
}

#[test]
fn unknown_fields_and_wrong_types_are_passed_over() {
    let mut bytes = vec![10, 0, 77, 1, 2, 3, 4, 5, 6, 7, 8];
    bytes.extend_from_slice(&to_bytes(&Grouping::Shuffle(NullStruct {})));
    assert_eq!(from_bytes::<Grouping>(&bytes), Ok(Grouping::Shuffle(NullStruct {})));
    // field 1 of TopologySummary as i64: skipped, then missing
    let bytes = [10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let missing = DecodeError::Missing { type_name: "TopologySummary", field: "id" };
    assert_eq!(from_bytes::<TopologySummary>(&bytes), Err(missing));
}

#[test]
fn idl_defaults_are_preset_and_read_back() {
    assert_eq!(SupervisorSummary::default().version, "VERSION_NOT_PROVIDED");
    let bytes = to_bytes(&Assignment::default());
    assert_eq!(from_bytes::<Assignment>(&bytes), Ok(Assignment::default()));
}

struct Echo;

impl DistributedRPCHandler for Echo {
    async fn execute(&self, ctx: &RequestContext, function: String, args: String) -> Result<String, ServiceError> {
        match function.as_str() {
            "echo" => Ok(args),
            "peer" => Ok(ctx.peer.ip().to_string()),
            "refuse" => Err(AuthorizationException { msg: "no".into() }.into()),
            "nothing" => Err(ServiceError::NoResult),
            other => Err(ServiceError::internal(format!("no function {other}"))),
        }
    }
}

async fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = ServerOptions {
        frame_timeout: Duration::from_millis(300),
        max_connections: 64,
        ..ServerOptions::new("echo", 4096)
    };
    let service = DistributedRPCService(Arc::new(Echo));
    tokio::spawn(storm_thrift::serve(listener, service, options, std::future::pending()));
    port
}

async fn client(port: u16) -> DistributedRPCClient {
    let options = ClientOptions {
        connect_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_secs(5),
        max_frame: 1 << 20,
    };
    DistributedRPCClient::new(Connection::open("127.0.0.1", port, options).await.unwrap())
}

#[tokio::test]
async fn results_exceptions_and_errors_arrive_as_what_they_are() {
    let port = server().await;
    let mut c = client(port).await;
    assert_eq!(c.execute("echo".into(), "grüße".into()).await.unwrap(), "grüße");
    assert_eq!(c.execute("peer".into(), String::new()).await.unwrap(), "127.0.0.1");
    let refused = c.execute("refuse".into(), String::new()).await.unwrap_err();
    assert!(matches!(refused.declared(), Some(Exception::AuthorizationException(e)) if e.msg == "no"), "{refused}");
    let missing = c.execute("nothing".into(), String::new()).await.unwrap_err();
    assert!(missing.to_string().contains("unknown result"), "{missing}");
    let failed = c.execute("else".into(), String::new()).await.unwrap_err();
    assert!(matches!(&failed, ClientError::Application { error, .. } if error.kind == 6), "{failed}");
    // and the connection is still good
    assert_eq!(c.execute("echo".into(), "again".into()).await.unwrap(), "again");
    // a call over the server's limit ends the connection, and says so from then on
    let big = c.execute("echo".into(), "x".repeat(5000)).await.unwrap_err();
    assert!(big.to_string().contains(&format!("127.0.0.1:{port}")), "{big}");
    assert!(matches!(c.execute("echo".into(), "y".into()).await, Err(ClientError::Transport { .. })));
}

#[tokio::test]
async fn hostile_connections_are_dropped_and_the_server_goes_on() {
    let port = server().await;
    let mut held = Vec::new();
    let attacks: [&[u8]; 7] = [
        b"Hello\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        &[0xff; 64],
        &[0, 0, 0, 0],
        &[0x7f, 0xff, 0xff, 0xff, 1, 2, 3],
        &[0, 0, 0, 4, 0x80, 1, 0, 1],
        &[0, 0, 0, 12, 0x80, 1, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0],
    ];
    for attack in attacks {
        let mut s = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        s.write_all(attack).await.unwrap();
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(10), s.read_to_end(&mut rest)).await;
        // a reset is an end as well
        assert!(end.is_ok(), "{attack:?} keeps its connection");
        assert_eq!(rest, b"", "{attack:?} got an answer");
    }
    // a connection that has made one call may rest after it; half a frame, or nothing at all, is dropped after the timeout
    let mut resting = client(port).await;
    assert_eq!(resting.execute("echo".into(), "first".into()).await.unwrap(), "first");
    let mut half = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    half.write_all(&[0, 0, 16, 0, 1]).await.unwrap();
    for _ in 0..20 {
        held.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let mut rest = Vec::new();
    held.push(half);
    for mut silent in held {
        let end = tokio::time::timeout(Duration::from_secs(10), silent.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "half a frame or none keeps its connection");
    }
    assert_eq!(resting.execute("echo".into(), "second".into()).await.unwrap(), "second");
    assert_eq!(client(port).await.execute("echo".into(), "alive".into()).await.unwrap(), "alive");
}
