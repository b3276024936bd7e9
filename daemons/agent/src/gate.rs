//! Who may come in: the certificates in force, read again when their files change, and the question asked of every call.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tonic::{Request, Status};

use crate::authority::RENEW_DAYS;
use crate::clock;
use crate::proto::Trouble;
use crate::purpose::Purpose;
use crate::tls::{Certificate, Material, Side, TlsError, files};

/// Who calls: on each request of a connection.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Who has shown this certificate.
    Certified(Certificate),
    /// Whom ssh has let in as this account, and who may do what the account may.
    Account(String),
}

impl Caller {
    pub fn of<T>(request: &Request<T>) -> Result<Caller, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        caller.ok_or_else(|| Status::unauthenticated("the connection has no certificate"))
    }

    pub fn name(&self) -> &str {
        match self {
            Caller::Certified(certificate) => &certificate.name,
            Caller::Account(name) => name,
        }
    }

    pub fn purpose(&self) -> Option<Purpose> {
        match self {
            Caller::Certified(certificate) => certificate.purpose,
            Caller::Account(_) => Some(Purpose::Operator),
        }
    }

    /// Whoever wants to change something, or to see passwords.
    pub fn operator(&self) -> Result<(), Status> {
        match self.purpose() {
            Some(Purpose::Operator) => Ok(()),
            _ => Err(Status::permission_denied(format!(
                "the certificate of {} is for looking only: this needs one of an operator",
                self.name()
            ))),
        }
    }
}

/// What is in force.
struct Current {
    config: Arc<ServerConfig>,
    material: Material,
}

/// The size, age and identity of the files.
type Stamps = Vec<Option<(u64, i64, i64, u64)>>;

pub struct Gate {
    dir: PathBuf,
    current: RwLock<Arc<Current>>,
    /// The files as they were when they were read last, and what was wrong with them then.
    seen: RwLock<(Stamps, Option<(&'static str, String)>)>,
}

impl Gate {
    pub fn open(dir: PathBuf, now: SystemTime) -> Result<Gate, TlsError> {
        let stamps = stamps(&dir);
        let current = read(&dir, now)?;
        Ok(Gate { dir, current: RwLock::new(Arc::new(current)), seen: RwLock::new((stamps, None)) })
    }

    fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For the next connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current().config.clone()
    }

    /// The agent's own certificate.
    pub fn own(&self) -> Certificate {
        self.current().material.own.clone()
    }

    /// Reads the files again if they have changed. What is wrong with new ones leaves the old ones in force.
    pub fn look(&self, now: SystemTime) {
        let stamps = stamps(&self.dir);
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.0 == stamps {
            return;
        }
        let trouble = match read(&self.dir, now) {
            Ok(new) => {
                tracing::info!("certificates read anew: valid for {} days", days_left(&new.material.own, now));
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                None
            }
            Err(e) => {
                tracing::warn!("the certificates that were read before stay in force: {e}");
                Some((e.code(), format!("new certificates are not taken: {e}")))
            }
        };
        *seen = (stamps, trouble);
    }

    /// What somebody should see to.
    pub fn troubles(&self, now: SystemTime) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        if let Some((code, message)) = &self.seen.read().unwrap_or_else(PoisonError::into_inner).1 {
            troubles.push(Trouble { code: (*code).to_owned(), message: message.clone() });
        }
        let days = days_left(&self.own(), now);
        if days < u64::from(RENEW_DAYS) {
            let message = format!("the agent's certificate is valid for {days} more days: renew it");
            troubles.push(Trouble { code: "agent/renew".to_owned(), message });
        }
        troubles
    }

    /// Asked of every call, as a connection may be older than a revocation, and may outlive its certificate.
    pub fn lets(&self, request: Request<()>) -> Result<Request<()>, Status> {
        let Caller::Certified(certificate) = Caller::of(&request)? else { return Ok(request) };
        if self.current().material.revoked.contains(&certificate.serial) {
            return Err(Status::unauthenticated("the certificate is revoked"));
        }
        if certificate.not_after <= clock::now() {
            return Err(Status::unauthenticated("the certificate has expired"));
        }
        match certificate.purpose {
            Some(Purpose::Operator | Purpose::Viewer) => Ok(request),
            _ => Err(Status::permission_denied(format!(
                "the certificate of {} is not for asking agents: it needs the organizational unit operator or viewer",
                certificate.name
            ))),
        }
    }
}

fn days_left(own: &Certificate, now: SystemTime) -> u64 {
    own.not_after.duration_since(now).unwrap_or(Duration::ZERO).as_secs() / (24 * 3600)
}

fn read(dir: &std::path::Path, now: SystemTime) -> Result<Current, TlsError> {
    let material = Material::read(dir, Side::Agent, now)?;
    Ok(Current { config: Arc::new(material.server()?), material })
}

fn stamps(dir: &std::path::Path) -> Stamps {
    let stamp = |path: &PathBuf| {
        let m = std::fs::metadata(path).ok()?;
        Some((m.ino(), m.mtime(), m.mtime_nsec(), m.len()))
    };
    files(dir, Side::Agent).iter().map(stamp).collect()
}
