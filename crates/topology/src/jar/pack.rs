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
    let mut zip = Writing::to(out)?;
    zip.bytes("META-INF/MANIFEST.MF", MANIFEST)?;
    zip.bytes(DESCRIPTION, description.to_json().as_bytes())?;
    zip.folder(RESOURCES)?;
    for r in by_name.into_values() {
        zip.resource(&r)?;
    }
    zip.end()
}

/// Writes a jar of everything in a folder, as `jar cf` does: below the folder's own name, in the order of the names.
pub fn pack_folder(folder: &Path, out: &Path) -> Result<usize, JarError> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    let mut zip = Writing::to(out)?;
    zip.bytes("META-INF/MANIFEST.MF", MANIFEST)?;
    // What the command line calls `./resources/` is `resources` in the jar.
    let name = folder.file_name().map_or_else(|| "resources".to_owned(), |n| n.to_string_lossy().into_owned());
    zip.folder(&format!("{name}/"))?;
    for file in &files {
        zip.file(&format!("{name}/{}", file.name), file)?;
    }
    zip.end()?;
    Ok(files.len())
}

const MANIFEST: &[u8] = b"Manifest-Version: 1.0\r\n\r\n";

/// The files below a folder, links followed.
fn collect(folder: &Path, below: &str, files: &mut Vec<Resource>) -> Result<(), JarError> {
    let entries = std::fs::read_dir(folder).map_err(JarError::read(folder))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(JarError::read(folder))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let metadata = std::fs::metadata(&path).map_err(JarError::read(&path))?;
        if metadata.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else {
            let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
            files.push(Resource { name, data: ResourceData::File(path), executable });
        }
    }
    Ok(())
}

/// A jar that is being written.
struct Writing<'o> {
    out: &'o Path,
    zip: ZipWriter<BufWriter<File>>,
    options: SimpleFileOptions,
}

impl<'o> Writing<'o> {
    fn to(out: &'o Path) -> Result<Writing<'o>, JarError> {
        let file = File::create(out).map_err(JarError::write(out))?;
        // Level 1: a native program shrinks to almost the same size as with more effort, in a tenth of the time.
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(1));
        Ok(Writing { out, zip: ZipWriter::new(BufWriter::new(file)), options })
    }

    fn failed(&self) -> impl FnOnce(ZipError) -> JarError + use<> {
        let path = self.out.to_owned();
        move |e| JarError::Write { path, cause: e.into() }
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), JarError> {
        self.zip.start_file(name, self.options).map_err(self.failed())?;
        self.zip.write_all(bytes).map_err(JarError::write(self.out))
    }

    fn folder(&mut self, name: &str) -> Result<(), JarError> {
        self.zip.add_directory(name, self.options).map_err(self.failed())
    }

    fn resource(&mut self, r: &Resource) -> Result<(), JarError> {
        self.file(&format!("{RESOURCES}{}", r.name), r)
    }

    fn file(&mut self, name: &str, r: &Resource) -> Result<(), JarError> {
        let mode = if r.executable { 0o755 } else { 0o644 };
        let large =
            matches!(&r.data, ResourceData::File(p) if p.metadata().is_ok_and(|m| m.len() >= u64::from(u32::MAX)));
        self.zip.start_file(name, self.options.unix_permissions(mode).large_file(large)).map_err(self.failed())?;
        match &r.data {
            ResourceData::Bytes(bytes) => self.zip.write_all(bytes).map_err(JarError::write(self.out)),
            ResourceData::File(path) => {
                let mut file = File::open(path).map_err(JarError::read(path))?;
                io::copy(&mut file, &mut self.zip).map(drop).map_err(JarError::write(self.out))
            }
        }
    }

    fn end(self) -> Result<(), JarError> {
        let failed = self.failed();
        let mut writer = self.zip.finish().map_err(failed)?;
        writer.flush().map_err(JarError::write(self.out))
    }
}
