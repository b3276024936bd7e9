//! Blobs.

thrift_enum! {
    AccessControlType {
        Other = 1 "OTHER",
        User = 2 "USER",
    }
}

thrift_struct! {
    Struct AccessControl {
        1 required r#type "type" AccessControlType;
        2 optional name "name" String;
        /// Bit mask READ=1 WRITE=2 ADMIN=4.
        3 required access "access" i32;
    }
}
thrift_default! { AccessControl { r#type required, name optional, access required } }

thrift_struct! {
    Struct SettableBlobMeta {
        1 required acl "acl" Vec<AccessControl>;
        2 optional replication_factor "replication_factor" i32;
    }
}
thrift_default! { SettableBlobMeta { acl required, replication_factor optional } }

thrift_struct! {
    Struct ReadableBlobMeta {
        1 required settable "settable" SettableBlobMeta;
        /// Changes when content changes; equality only.
        2 required version "version" i64;
    }
}
thrift_default! { ReadableBlobMeta { settable required, version required } }

thrift_struct! {
    Struct ListBlobsResult {
        /// Empty list = end of listing.
        1 required keys "keys" Vec<String>;
        2 required session "session" String;
    }
}
thrift_default! { ListBlobsResult { keys required, session required } }

thrift_struct! {
    Struct BeginDownloadResult {
        1 required version "version" i64;
        2 required session "session" String;
        /// Bytes.
        3 optional data_size "data_size" i64;
    }
}
thrift_default! { BeginDownloadResult { version required, session required, data_size optional } }
