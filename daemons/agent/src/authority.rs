//! The small authority that the certificates of agents and of those who ask them come from: a folder with its key, its
//! certificate, a list of everything it has issued, and the list of what it has revoked.
//!
//! | file | mode | what |
//! |---|---|---|
//! | `ca.key` | 0600 | its private key; it never leaves this folder |
//! | `ca.pem` | 0644 | its certificate: goes to every agent and every client |
//! | `crl.pem` | 0644 | what is revoked: goes to every agent and every client |
//! | `issued.jsonl` | 0600 | what was issued and revoked, one line each |

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::RngCore;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams,
    SerialNumber,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::names::check_name;
use crate::purpose::Purpose;

pub const CA_CERT: &str = "ca.pem";
pub const CA_KEY: &str = "ca.key";
pub const CRL: &str = "crl.pem";
const ISSUED: &str = "issued.jsonl";

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the authority itself is valid.
pub const CA_DAYS: u32 = 3650;
/// How long what it issues is valid, unless another number is asked for.
pub const DAYS: u32 = 365;
/// When fewer days than these are left, a certificate is due to be renewed.
pub const RENEW_DAYS: u32 = 60;
/// Clocks of hosts differ: a new certificate is valid a little before it was made.
const SKEW: Duration = Duration::from_secs(600);

#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("{} is there already", path.display())]
    Exists { path: PathBuf },
    #[error("there is no authority in {}", dir.display())]
    Missing { dir: PathBuf },
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} can be read by others (mode {mode:04o})", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{} is not what it should be: {cause}", path.display())]
    Damaged { path: PathBuf, cause: String },
    #[error("\"{name}\" cannot be in a certificate: {cause}")]
    Name { name: String, cause: &'static str },
    #[error("the certificate of {name} cannot be made: {cause}")]
    Make { name: String, cause: String },
    #[error("nothing valid was issued to \"{name}\"")]
    Unknown { name: String },
}

impl AuthorityError {
    pub fn code(&self) -> &'static str {
        match self {
            AuthorityError::Exists { .. } => "authority/exists",
            AuthorityError::Missing { .. } => "authority/missing",
            AuthorityError::Io { .. } => "authority/io",
            AuthorityError::Exposed { .. } => "authority/exposed",
            AuthorityError::Damaged { .. } => "authority/damaged",
            AuthorityError::Name { .. } => "authority/name",
            AuthorityError::Make { .. } => "authority/make",
            AuthorityError::Unknown { .. } => "authority/unknown",
        }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AuthorityError {
    let path = path.to_owned();
    move |source| AuthorityError::Io { doing, path, source }
}

/// What a certificate is asked for.
#[derive(Debug, Clone)]
pub struct Wanted<'w> {
    /// The host of an agent, or the name of who asks agents.
    pub name: &'w str,
    pub purpose: Purpose,
    /// Further names and addresses under which an agent is reached.
    pub sans: &'w [String],
    pub days: u32,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    pub name: String,
    pub purpose: Purpose,
    /// In hexadecimal digits.
    pub serial: String,
    pub cert: String,
    pub key: String,
    pub not_after: SystemTime,
}

/// One line of the list of what was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub purpose: Purpose,
    pub sans: Vec<String>,
    pub serial: String,
    pub not_after: SystemTime,
    pub revoked: Option<SystemTime>,
}

impl Entry {
    /// Whether few days are left.
    pub fn is_due(&self, now: SystemTime) -> bool {
        self.not_after < now + DAY * RENEW_DAYS
    }

    fn counts(&self, now: SystemTime) -> bool {
        self.revoked.is_none() && self.not_after > now
    }
}

pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
}

impl Authority {
    /// Makes a new authority in a folder; one that is there is never replaced.
    pub fn create(dir: &Path, now: SystemTime) -> Result<Authority, AuthorityError> {
        let (cert, key) = (dir.join(CA_CERT), dir.join(CA_KEY));
        if let Some(path) = [&key, &cert].into_iter().find(|p| p.exists()) {
            return Err(AuthorityError::Exists { path: path.clone() });
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("make", dir))?;
        let make = |e: rcgen::Error| AuthorityError::Make { name: dir.display().to_string(), cause: e.to_string() };
        let pair = KeyPair::generate().map_err(make)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject("authority of stormctl agents", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial());
        params.not_before = (now - SKEW).into();
        params.not_after = (now + DAY * CA_DAYS).into();
        let made = params.self_signed(&pair).map_err(make)?;
        // Of two that make one at a time only one gets the key's name.
        write(&key, pair.serialize_pem().as_bytes(), 0o600, false)?;
        write(&cert, made.pem().as_bytes(), 0o644, true)?;
        let authority = Authority::open(dir)?;
        authority.write_revoked(now)?;
        Ok(authority)
    }

    /// The authority of a folder.
    pub fn open(dir: &Path) -> Result<Authority, AuthorityError> {
        let (cert, key) = (dir.join(CA_CERT), dir.join(CA_KEY));
        if !key.exists() {
            return Err(AuthorityError::Missing { dir: dir.to_owned() });
        }
        let mode = fs::metadata(&key).map_err(failed("read", &key))?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(AuthorityError::Exposed { path: key, mode });
        }
        let text = |path: &Path| fs::read_to_string(path).map_err(failed("read", path));
        let (ca_pem, key_pem) = (text(&cert)?, text(&key)?);
        let damaged = |path: &Path| {
            let path = path.to_owned();
            move |e: rcgen::Error| AuthorityError::Damaged { path, cause: e.to_string() }
        };
        let pair = KeyPair::from_pem(&key_pem).map_err(damaged(&key))?;
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, pair).map_err(damaged(&cert))?;
        Ok(Authority { dir: dir.to_owned(), issuer, ca_pem })
    }

    /// The authority's own certificate, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What is revoked, as PEM.
    pub fn crl_pem(&self) -> Result<String, AuthorityError> {
        let path = self.dir.join(CRL);
        fs::read_to_string(&path).map_err(failed("read", &path))
    }

    /// A certificate for the agent of a host, reached under its own name and these further ones.
    pub fn issue(&self, host: &str, sans: &[String], now: SystemTime) -> Result<Issued, AuthorityError> {
        self.issue_for(&Wanted { name: host, purpose: Purpose::Agent, sans, days: DAYS }, now)
    }

    /// A certificate for an agent, or for somebody who asks agents.
    pub fn issue_for(&self, wanted: &Wanted<'_>, now: SystemTime) -> Result<Issued, AuthorityError> {
        let agent = wanted.purpose == Purpose::Agent;
        let mut names = vec![wanted.name.to_owned()];
        names.extend(wanted.sans.iter().filter(|s| *s != wanted.name).cloned());
        for name in &names {
            check_name(name, agent).map_err(|cause| AuthorityError::Name { name: name.clone(), cause })?;
        }
        let make = |e: rcgen::Error| AuthorityError::Make { name: wanted.name.to_owned(), cause: e.to_string() };
        // Who asks agents is told by its subject; names of hosts are for those that are connected to.
        let mut params = CertificateParams::new(if agent { names.clone() } else { Vec::new() }).map_err(make)?;
        let (serial, number) = {
            let number = serial();
            (hex(&number.to_bytes()), number)
        };
        let not_after = now + DAY * wanted.days;
        params.distinguished_name = subject(wanted.name, Some(wanted.purpose));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![if agent { ExtendedKeyUsagePurpose::ServerAuth } else { ExtendedKeyUsagePurpose::ClientAuth }];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(number);
        params.not_before = (now - SKEW).into();
        params.not_after = not_after.into();
        let pair = KeyPair::generate().map_err(make)?;
        let cert = params.signed_by(&pair, &self.issuer).map_err(make)?;
        self.record(&json!({
            "issued": secs(now),
            "name": wanted.name,
            "purpose": wanted.purpose.word(),
            "sans": names[1..],
            "serial": serial,
            "not_after": secs(not_after),
        }))?;
        Ok(Issued {
            name: wanted.name.to_owned(),
            purpose: wanted.purpose,
            serial,
            cert: cert.pem(),
            key: pair.serialize_pem(),
            not_after,
        })
    }

    /// Everything that was issued, oldest first.
    pub fn issued(&self) -> Result<Vec<Entry>, AuthorityError> {
        let path = self.dir.join(ISSUED);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("read", &path)(e)),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let damaged =
                || AuthorityError::Damaged { path: path.clone(), cause: format!("line {} cannot be read", at + 1) };
            let line: Value = serde_json::from_str(line).map_err(|_| damaged())?;
            if let Some(serial) = line["revoked"].as_str() {
                let when = line["at"].as_u64().map(time).ok_or_else(damaged)?;
                entries.iter_mut().filter(|e| e.serial == serial).for_each(|e| e.revoked = Some(when));
            } else {
                entries.push(entry(&line).ok_or_else(damaged)?);
            }
        }
        Ok(entries)
    }

    /// What is valid now, the youngest of each name and purpose.
    pub fn valid(&self, now: SystemTime) -> Result<Vec<Entry>, AuthorityError> {
        let mut valid: Vec<Entry> = Vec::new();
        for entry in self.issued()?.into_iter().filter(|e| e.counts(now)) {
            valid.retain(|v| (&v.name, v.purpose) != (&entry.name, entry.purpose));
            valid.push(entry);
        }
        Ok(valid)
    }

    /// Revokes everything valid that was issued to a name, or the one certificate of a serial number; tells what.
    pub fn revoke(&self, name: &str, now: SystemTime) -> Result<Vec<Entry>, AuthorityError> {
        let mut revoked = self.issued()?;
        revoked.retain(|e| e.counts(now) && (e.name == name || e.serial == name));
        if revoked.is_empty() {
            return Err(AuthorityError::Unknown { name: name.to_owned() });
        }
        for entry in &revoked {
            self.record(&json!({"revoked": entry.serial, "at": secs(now)}))?;
        }
        self.write_revoked(now)?;
        Ok(revoked)
    }

    /// Writes what is revoked into a folder that has an older list.
    pub fn write_crl(&self, dir: &Path) -> Result<(), AuthorityError> {
        write(&dir.join(CRL), self.crl_pem()?.as_bytes(), 0o644, true)
    }

    fn write_revoked(&self, now: SystemTime) -> Result<(), AuthorityError> {
        let make = |e: rcgen::Error| AuthorityError::Make { name: CRL.to_owned(), cause: e.to_string() };
        let entries = self.issued()?;
        let revoked: Vec<RevokedCertParams> = entries
            .iter()
            .filter_map(|e| {
                Some(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&bytes(&e.serial)?),
                    revocation_time: e.revoked?.into(),
                    reason_code: Some(RevocationReason::Unspecified),
                    invalidity_date: None,
                })
            })
            .collect();
        let list = CertificateRevocationListParams {
            this_update: (now - SKEW).into(),
            next_update: (now + DAY * CA_DAYS).into(),
            crl_number: SerialNumber::from(revoked.len() as u64 + 1),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer).and_then(|crl| crl.pem()).map_err(make)?;
        write(&self.dir.join(CRL), pem.as_bytes(), 0o644, true)
    }

    fn record(&self, line: &Value) -> Result<(), AuthorityError> {
        let path = self.dir.join(ISSUED);
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let mut file = opened.map_err(failed("write", &path))?;
        // One write, so that two at a time do not mix their lines.
        file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed("write", &path))
    }
}

impl Issued {
    /// Writes certificate and key with the authority's own certificate and its list of revocations into the folder
    /// that a host or a user needs (`stormctl.agent.tls.dir`); the key first, as only both together are taken.
    pub fn write(&self, dir: &Path, authority: &Authority) -> Result<(), AuthorityError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("make", dir))?;
        let (cert, key) = self.purpose.files();
        write(&dir.join(CA_CERT), authority.ca_pem.as_bytes(), 0o644, true)?;
        authority.write_crl(dir)?;
        write(&dir.join(key), self.key.as_bytes(), 0o600, true)?;
        write(&dir.join(cert), self.cert.as_bytes(), 0o644, true)
    }
}

fn subject(name: &str, purpose: Option<Purpose>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "stormctl");
    if let Some(purpose) = purpose {
        subject.push(DnType::OrganizationalUnitName, purpose.word());
    }
    subject.push(DnType::CommonName, name);
    subject
}

/// 127 random bits: positive in two's complement, as a serial number must be.
fn serial() -> SerialNumber {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn entry(line: &Value) -> Option<Entry> {
    let text = |key: &str| line[key].as_str().map(str::to_owned);
    Some(Entry {
        name: text("name")?,
        purpose: Purpose::of_word(line["purpose"].as_str()?)?,
        sans: line["sans"].as_array()?.iter().filter_map(|s| s.as_str().map(str::to_owned)).collect(),
        serial: text("serial")?,
        not_after: time(line["not_after"].as_u64()?),
        revoked: None,
    })
}

fn secs(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn time(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

/// Puts a file in place as a whole, with its permissions from its first byte on.
fn write(path: &Path, content: &[u8], mode: u32, replace: bool) -> Result<(), AuthorityError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    // A temporary file is its owner's alone from the beginning.
    let temporary = NamedTempFile::with_prefix_in(".new-", dir).map_err(failed("write", path))?;
    let mut file: &File = temporary.as_file();
    file.write_all(content)
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))?;
    let placed = if replace { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    match placed {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(AuthorityError::Exists { path: path.to_owned() })
        }
        Err(e) => Err(failed("write", path)(e.error)),
    }
}
