//! The folder with the certificates of an agent, or of who asks agents, and what TLS is made of.
//!
//! Both sides prove who they are with a certificate of the one authority that the folder names, and both refuse what it
//! has revoked. TLS 1.3 only, and no session is ever resumed: a resumed one would not be asked for its certificate.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::authority::{CA_CERT, CRL, hex};
use crate::purpose::Purpose;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("there is no {}", path.display())]
    Missing { path: PathBuf },
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} can be read by others (mode {mode:04o})", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{} is not what it should be: {cause}", path.display())]
    Damaged { path: PathBuf, cause: String },
    #[error("{} is a certificate for {found}, not for {wanted}", path.display())]
    Purpose { path: PathBuf, found: String, wanted: &'static str },
    #[error("{} has expired", path.display())]
    Expired { path: PathBuf },
    #[error("{} does not belong to the key beside it: {cause}", path.display())]
    Pair { path: PathBuf, cause: String },
}

impl TlsError {
    pub fn code(&self) -> &'static str {
        match self {
            TlsError::Missing { .. } => "agent/no-certificate",
            TlsError::Io { .. } => "agent/certificate-io",
            TlsError::Exposed { .. } => "agent/key-exposed",
            TlsError::Expired { .. } => "agent/certificate-expired",
            TlsError::Damaged { .. } | TlsError::Purpose { .. } | TlsError::Pair { .. } => "agent/certificate",
        }
    }
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub name: String,
    /// `None` for one that none of our authorities has made.
    pub purpose: Option<Purpose>,
    pub serial: String,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

impl Certificate {
    /// The first of a file.
    pub fn of_file(path: &Path) -> Result<Certificate, TlsError> {
        let chain = certificates(path)?;
        Certificate::read(&chain[0]).map_err(|e| damaged(path)(&e))
    }

    pub fn read(der: &[u8]) -> Result<Certificate, String> {
        let (_, cert) = X509Certificate::from_der(der).map_err(|e| e.to_string())?;
        let word = |mut parts: Vec<&str>| parts.pop().unwrap_or_default().to_owned();
        let subject = cert.subject();
        let unit = word(subject.iter_organizational_unit().filter_map(|a| a.as_str().ok()).collect());
        let time = |secs: i64| UNIX_EPOCH + Duration::from_secs(u64::try_from(secs).unwrap_or(0));
        Ok(Certificate {
            name: word(subject.iter_common_name().filter_map(|a| a.as_str().ok()).collect()),
            purpose: Purpose::of_word(&unit),
            serial: hex(cert.raw_serial()),
            not_before: time(cert.validity().not_before.timestamp()),
            not_after: time(cert.validity().not_after.timestamp()),
        })
    }
}

/// What a folder holds for one of the two sides.
#[derive(Debug)]
pub struct Material {
    /// Its own certificate.
    pub own: Certificate,
    /// The serial numbers of what is revoked.
    pub revoked: BTreeSet<String>,
    own_path: PathBuf,
    roots: Arc<RootCertStore>,
    lists: Vec<CertificateRevocationListDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// The files of a folder that matter to a side, to be looked at for changes.
pub fn files(dir: &Path, side: Side) -> [PathBuf; 4] {
    let (cert, key) = side.purpose().files();
    [dir.join(CA_CERT), dir.join(CRL), dir.join(cert), dir.join(key)]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Agent,
    Client,
}

impl Side {
    fn purpose(self) -> Purpose {
        match self {
            Side::Agent => Purpose::Agent,
            Side::Client => Purpose::Operator,
        }
    }

    fn fits(self, purpose: Option<Purpose>) -> bool {
        match self {
            Side::Agent => purpose == Some(Purpose::Agent),
            Side::Client => purpose.is_some_and(|p| p != Purpose::Agent),
        }
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> TlsError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::NotFound => TlsError::Missing { path },
        _ => TlsError::Io { path, source },
    }
}

fn damaged(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> TlsError {
    let path = path.to_owned();
    move |cause| TlsError::Damaged { path: path.clone(), cause: cause.to_string() }
}

impl Material {
    pub fn read(dir: &Path, side: Side, now: SystemTime) -> Result<Material, TlsError> {
        let [ca, crl, cert, key] = files(dir, side);
        let mut roots = RootCertStore::empty();
        for root in certificates(&ca)? {
            roots.add(root).map_err(|e| damaged(&ca)(&e))?;
        }
        let chain = certificates(&cert)?;
        let leaf = chain.first().ok_or_else(|| damaged(&cert)(&"no certificate is in it"))?;
        let own = Certificate::read(leaf).map_err(|e| damaged(&cert)(&e))?;
        if !side.fits(own.purpose) {
            let found = own.purpose.map_or("something else", Purpose::word).to_owned();
            let wanted = if side == Side::Agent { "an agent" } else { "who asks agents" };
            return Err(TlsError::Purpose { path: cert, found, wanted });
        }
        if own.not_after <= now {
            return Err(TlsError::Expired { path: cert });
        }
        let mode = fs::metadata(&key).map_err(io_error(&key))?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(TlsError::Exposed { path: key, mode });
        }
        let pem = fs::read(&key).map_err(io_error(&key))?;
        let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| damaged(&key)(&e))?;
        let (lists, revoked) = revocations(&crl)?;
        Ok(Material { own, revoked, own_path: cert, roots: Arc::new(roots), lists, chain, key: private })
    }

    /// How an agent is talked to: only by who has a certificate for it.
    pub fn server(&self) -> Result<ServerConfig, TlsError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider())
            .with_crls(self.lists.iter().cloned())
            .build()
            .map_err(|e| damaged(&self.own_path)(&e))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| damaged(&self.own_path)(&e))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|e| TlsError::Pair { path: self.own_path.clone(), cause: e.to_string() })?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// How agents are asked: only those with a certificate for the very host.
    pub fn client(&self) -> Result<ClientConfig, TlsError> {
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider())
            .with_crls(self.lists.iter().cloned())
            .build()
            .map_err(|e| damaged(&self.own_path)(&e))?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| damaged(&self.own_path)(&e))?
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|e| TlsError::Pair { path: self.own_path.clone(), cause: e.to_string() })?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = fs::read(path).map_err(io_error(path))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|e| damaged(path)(&e))?;
    if all.is_empty() {
        return Err(damaged(path)(&"no certificate is in it"));
    }
    Ok(all)
}

/// The list of what is revoked, when there is one.
#[allow(clippy::type_complexity, reason = "the two halves of one file")]
fn revocations(path: &Path) -> Result<(Vec<CertificateRevocationListDer<'static>>, BTreeSet<String>), TlsError> {
    let pem = match fs::read(path) {
        Ok(pem) => pem,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), BTreeSet::new())),
        Err(e) => return Err(io_error(path)(e)),
    };
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem).collect();
    let lists = lists.map_err(|e| damaged(path)(&e))?;
    let mut revoked = BTreeSet::new();
    for list in &lists {
        let (_, list) = CertificateRevocationList::from_der(list).map_err(|e| damaged(path)(&e))?;
        revoked.extend(list.iter_revoked_certificates().map(|r| hex(r.raw_serial())));
    }
    Ok((lists, revoked))
}
