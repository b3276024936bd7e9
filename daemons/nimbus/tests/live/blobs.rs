//! Blobs over the wire.

use bytes::Bytes;
use serde_json::json;
use storm_thrift::types::{AccessControl, AccessControlType, SettableBlobMeta};
use storm_thrift::{ClientError, Exception, NimbusClient};

use crate::fixture::{Keeper, Nimbus, Place, submit_to};

fn open() -> SettableBlobMeta {
    let acl = vec![AccessControl { r#type: AccessControlType::Other, name: None, access: 7 }];
    SettableBlobMeta { acl, replication_factor: Some(1) }
}

async fn create(client: &mut NimbusClient, key: &str, chunks: &[&[u8]]) -> Result<(), ClientError> {
    let session = client.begin_create_blob(key.into(), open()).await?;
    for chunk in chunks {
        client.upload_blob_chunk(session.clone(), Bytes::copy_from_slice(chunk)).await?;
    }
    client.finish_blob_upload(session).await
}

async fn download(client: &mut NimbusClient, key: &str) -> Vec<u8> {
    let begun = client.begin_blob_download(key.into()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let chunk = client.download_blob_chunk(begun.session.clone()).await.unwrap();
        if chunk.is_empty() {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    assert_eq!(begun.data_size, Some(bytes.len() as i64));
    assert!(client.download_blob_chunk(begun.session).await.is_err(), "the session has ended");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_created_read_updated_listed_and_deleted() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    let large = vec![b'x'; 300_000];
    create(&mut client, "big one", &[&large[..200_000], &large[200_000..]]).await.unwrap();
    assert_eq!(download(&mut client, "big one").await, large);
    let meta = client.get_blob_meta("big one".into()).await.unwrap();
    assert_eq!((meta.version, &meta.settable), (i64::from(crc32c::crc32c(&large)), &open()));
    assert!(matches!(
        create(&mut client, "big one", &[]).await,
        Err(ClientError::Declared(Exception::KeyAlreadyExistsException(_)))
    ));
    let session = client.begin_update_blob("big one".into()).await.unwrap();
    client.upload_blob_chunk(session.clone(), Bytes::from_static(b"small")).await.unwrap();
    assert_eq!(download(&mut client, "big one").await, large, "not before it is finished");
    client.finish_blob_upload(session.clone()).await.unwrap();
    assert_eq!(download(&mut client, "big one").await, b"small");
    assert_ne!(client.get_blob_meta("big one".into()).await.unwrap().version, meta.version);
    let refusal = client.upload_blob_chunk(session.clone(), Bytes::new()).await.unwrap_err().to_string();
    assert!(refusal.contains(&format!("Blob for session {session} does not exist (or timed out)")), "{refusal}");

    let session = client.begin_create_blob("never".into(), open()).await.unwrap();
    client.cancel_blob_upload(session).await.unwrap();
    assert!(!client.is_remote_blob_exists("never".into()).await.unwrap());
    assert!(client.begin_create_blob("../../evil".into(), open()).await.is_err());
    assert!(matches!(
        client.begin_blob_download("never".into()).await,
        Err(ClientError::Declared(Exception::KeyNotFoundException(_)))
    ));
    for i in 0..150 {
        create(&mut client, &format!("k{i:03}"), &[b"v"]).await.unwrap();
    }
    let (mut keys, mut session) = (Vec::new(), None);
    loop {
        let page = client.list_blobs(session).await.unwrap();
        assert!(page.keys.len() <= 100);
        if page.keys.is_empty() {
            break;
        }
        keys.extend(page.keys);
        session = Some(page.session);
    }
    assert_eq!(keys.len(), 151);
    assert!(client.list_blobs(Some("unknown".into())).await.is_err());
    assert_eq!(client.get_blob_replication("k000".into()).await.unwrap(), 1);
    client.delete_blob("k000".into()).await.unwrap();
    assert!(!client.is_remote_blob_exists("k000".into()).await.unwrap());
    assert!(!place.zk().await.blob_keys().await.unwrap().contains(&"k000".to_owned()));

    submit_to(&mut client, "wc", &place.jar(), json!({"topology.blobstore.map": {"k001": {"localname": "x"}}}))
        .await
        .unwrap();
    let id = client.get_topology_summaries().await.unwrap()[0].id.clone();
    for used in ["k001".to_owned(), format!("{id}-stormcode.ser")] {
        assert!(matches!(
            client.delete_blob(used).await,
            Err(ClientError::Declared(Exception::IllegalStateException(_)))
        ));
    }
    nimbus.stop().await;
}
