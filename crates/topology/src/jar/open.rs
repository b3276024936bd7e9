//! An existing jar, looked at without trust.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::JarError;
use super::{DESCRIPTION, RESOURCES};
use crate::TopologyDescription;

/// What a jar may cost.
#[derive(Debug, Clone, Copy)]
pub struct JarLimits {
    /// Entries of any kind.
    pub entries: usize,
    /// All resources together, unpacked.
    pub unpacked_bytes: u64,
    /// The description, unpacked.
    pub description_bytes: u64,
}

impl Default for JarLimits {
    fn default() -> Self {
        JarLimits { entries: 200_000, unpacked_bytes: 4 << 30, description_bytes: 32 << 20 }
    }
}

/// An open jar.
pub struct Jar {
    pub(crate) path: PathBuf,
    pub(crate) archive: ZipArchive<BufReader<File>>,
    pub(crate) limits: JarLimits,
}

impl Jar {
    /// Opens a jar, within limits that real ones keep.
    pub fn open(path: &Path) -> Result<Jar, JarError> {
        Jar::open_with(path, JarLimits::default())
    }

    /// Opens a jar within other limits.
    pub fn open_with(path: &Path, limits: JarLimits) -> Result<Jar, JarError> {
        let file = File::open(path).map_err(JarError::read(path))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| match e {
            ZipError::Io(cause) if cause.kind() != std::io::ErrorKind::UnexpectedEof => {
                JarError::Read { path: path.to_owned(), cause }
            }
            other => JarError::NotAZip { path: path.to_owned(), cause: other.to_string() },
        })?;
        if archive.len() > limits.entries {
            let (what, limit) = (format!("its number of entries ({})", archive.len()), limits.entries as u64);
            return Err(JarError::TooLarge { path: path.to_owned(), what, limit });
        }
        Ok(Jar { path: path.to_owned(), archive, limits })
    }

    /// The topology that a jar packed by us carries; `None` for jars made by others.
    pub fn description(&mut self) -> Result<Option<TopologyDescription>, JarError> {
        let limit = self.limits.description_bytes;
        let Some(bytes) = self.entry(DESCRIPTION, limit)? else { return Ok(None) };
        let cause = |cause| JarError::Description { path: self.path.clone(), cause };
        TopologyDescription::from_json(&bytes).map(Some).map_err(cause)
    }

    /// Whether a file is among the resources.
    pub fn has_resource(&self, name: &str) -> bool {
        self.archive.index_for_name(&format!("{RESOURCES}{name}")).is_some()
    }

    fn entry(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, JarError> {
        let path = self.path.clone();
        let damaged = |cause: String| JarError::Entry { path: path.clone(), entry: name.to_owned(), cause };
        let file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(e) => return Err(damaged(e.to_string())),
        };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| damaged(e.to_string()))?;
        if bytes.len() as u64 > limit {
            return Err(JarError::TooLarge { path, what: format!("the entry {name}"), limit });
        }
        Ok(Some(bytes))
    }
}
