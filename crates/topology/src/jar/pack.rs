//! Writing a topology jar.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use zip::CompressionMethod;
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

use super::error::JarError;
use super::{DESCRIPTION, RESOURCES};
use crate::TopologyDescription;

/// One file under `resources/`.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Path below `resources/`, with slashes.
    pub name: String,
    /// What is in it.
    pub data: ResourceData,
    /// Whether it may be run as a program.
    pub executable: bool,
}

/// The content of a resource.
#[derive(Debug, Clone)]
pub enum ResourceData {
    /// That of a file on this machine.
    File(PathBuf),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// Writes a jar with the description and the resources. Of two resources of one name the first is kept.
///
/// The same input gives the same bytes (no clock, sorted names), so that a jar that has not changed is recognised.
pub fn pack(description: &TopologyDescription, resources: Vec<Resource>, out: &Path) -> Result<(), JarError> {
    let mut by_name = BTreeMap::new();
    for r in resources {
        by_name.entry(r.name.clone()).or_insert(r);
    }
    let file = File::create(out).map_err(JarError::write(out))?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let failed = |e: ZipError| JarError::Write { path: out.to_owned(), cause: e.into() };
    // Level 1: a native program shrinks to almost the same size as with more effort, in a tenth of the time.
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(1));

    zip.start_file("META-INF/MANIFEST.MF", options).map_err(failed)?;
    zip.write_all(b"Manifest-Version: 1.0\r\n\r\n").map_err(JarError::write(out))?;
    zip.start_file(DESCRIPTION, options).map_err(failed)?;
    zip.write_all(description.to_json().as_bytes()).map_err(JarError::write(out))?;
    zip.add_directory(RESOURCES, options).map_err(failed)?;
    for r in by_name.into_values() {
        let mode = if r.executable { 0o755 } else { 0o644 };
        let large =
            matches!(&r.data, ResourceData::File(p) if p.metadata().is_ok_and(|m| m.len() >= u64::from(u32::MAX)));
        zip.start_file(format!("{RESOURCES}{}", r.name), options.unix_permissions(mode).large_file(large))
            .map_err(failed)?;
        match r.data {
            ResourceData::Bytes(bytes) => zip.write_all(&bytes).map_err(JarError::write(out))?,
            ResourceData::File(path) => {
                let mut file = File::open(&path).map_err(JarError::read(&path))?;
                io::copy(&mut file, &mut zip).map_err(JarError::write(out))?;
            }
        }
    }
    let mut writer = zip.finish().map_err(failed)?;
    writer.flush().map_err(JarError::write(out))
}
