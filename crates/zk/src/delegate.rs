//! How Storm's structs become node data: `storm.meta.serialization.delegate`.

use std::borrow::Cow;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use storm_conf::Conf;
use storm_thrift::wire::Wire;
use storm_thrift::{DecodeError, from_bytes, to_bytes};

use crate::ZkError;

const KEY: &str = "storm.meta.serialization.delegate";
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A node is at most 1 MiB, yet gzip can make a thousandfold of it. Nothing that Storm keeps comes near this.
const MAX_INFLATED: u64 = 64 << 20;

/// What a writer does; a reader takes both forms whatever is configured ([`read`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delegate {
    /// Thrift binary, gzipped: Storm's default, whose Java reader accepts nothing else.
    Gzip,
    /// Thrift binary as it is.
    Plain,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("its gzip data is broken: {0}")]
    Gzip(#[source] std::io::Error),
    #[error("its gzip data grows beyond {MAX_INFLATED} bytes")]
    TooLarge,
    #[error("{0}")]
    Thrift(#[from] DecodeError),
}

impl Delegate {
    pub fn from_conf(conf: &Conf) -> Result<Delegate, ZkError> {
        let class = conf.str(KEY).unwrap_or("org.apache.storm.serialization.GzipThriftSerializationDelegate");
        match class.rsplit('.').next().unwrap_or(class) {
            "GzipThriftSerializationDelegate" | "GzipBridgeThriftSerializationDelegate" => Ok(Delegate::Gzip),
            "ThriftSerializationDelegate" => Ok(Delegate::Plain),
            _ => Err(ZkError::Config {
                key: KEY.to_owned(),
                problem: format!("{class} is not a thrift serialization delegate of Storm 2.8"),
                next: "leave the key out, or use org.apache.storm.serialization.GzipThriftSerializationDelegate",
            }),
        }
    }

    pub fn write<T: Wire>(self, value: &T) -> Vec<u8> {
        let plain = to_bytes(value);
        match self {
            Delegate::Plain => plain,
            Delegate::Gzip => gzip(&plain),
        }
    }
}

/// Reads what any of Storm's thrift delegates wrote.
pub fn read<T: Wire>(bytes: &[u8]) -> Result<T, ReadError> {
    Ok(from_bytes(&plain(bytes)?)?)
}

/// The thrift bytes that any of Storm's thrift delegates wrote.
pub fn plain(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ReadError> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut plain = Vec::new();
    let inflated =
        MultiGzDecoder::new(bytes).take(MAX_INFLATED + 1).read_to_end(&mut plain).map_err(ReadError::Gzip)?;
    if inflated as u64 > MAX_INFLATED {
        return Err(ReadError::TooLarge);
    }
    Ok(Cow::Owned(plain))
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2 + 32), Compression::fast());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a Vec takes every byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(class: &str) -> Conf {
        let mut conf = Conf::default();
        conf.set(KEY, class);
        conf
    }

    #[test]
    fn the_default_is_gzip_and_both_forms_are_read() {
        let gzip = Delegate::from_conf(&Conf::default()).unwrap();
        assert_eq!(gzip, Delegate::Gzip);
        let value = vec!["a".to_owned(), "b".to_owned()];
        assert!(gzip.write(&value).starts_with(&GZIP_MAGIC));
        assert_eq!(read::<Vec<String>>(&gzip.write(&value)).unwrap(), value);
        assert_eq!(read::<Vec<String>>(&Delegate::Plain.write(&value)).unwrap(), value);
    }

    #[test]
    fn delegates_are_chosen_by_class_name_and_java_serialization_is_refused() {
        let plain = conf("org.apache.storm.serialization.ThriftSerializationDelegate");
        assert_eq!(Delegate::from_conf(&plain).unwrap(), Delegate::Plain);
        let bridge = conf("org.apache.storm.serialization.GzipBridgeThriftSerializationDelegate");
        assert_eq!(Delegate::from_conf(&bridge).unwrap(), Delegate::Gzip);
        let java = Delegate::from_conf(&conf("org.apache.storm.serialization.GzipSerializationDelegate")).unwrap_err();
        assert_eq!(java.code(), "zk/config");
        assert!(java.to_string().contains("storm.meta.serialization.delegate"), "{java}");
    }

    #[test]
    fn broken_and_exploding_gzip_are_errors() {
        let whole = gzip(&[0; 4096]);
        assert!(matches!(read::<String>(&whole[..whole.len() - 9]), Err(ReadError::Gzip(_))));
        let bomb = gzip(&vec![0; MAX_INFLATED as usize + 1]);
        assert!(bomb.len() < 1 << 20, "a bomb fits into a node");
        assert!(matches!(read::<String>(&bomb), Err(ReadError::TooLarge)));
    }
}
