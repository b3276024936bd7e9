//! Archives of releases: what names one, and what is in one, looked into before it goes anywhere.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Kind, Trouble};

/// A `.tar.gz`: a file, or where one is fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Archive {
    File(PathBuf),
    Url(String),
}

impl From<String> for Archive {
    fn from(text: String) -> Archive {
        match text.split_once("://") {
            Some(("file", path)) => Archive::File(PathBuf::from(path)),
            Some(_) => Archive::Url(text),
            None => Archive::File(PathBuf::from(text)),
        }
    }
}

impl From<Archive> for String {
    fn from(archive: Archive) -> String {
        archive.to_string()
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Archive::File(path) => path.display().fmt(f),
            Archive::Url(url) => f.write_str(url),
        }
    }
}

impl Archive {
    /// A relative file is one below this folder.
    pub(crate) fn below(&mut self, folder: &Path) {
        if let Archive::File(path) = self {
            *path = folder.join(crate::spec::at_home(path));
        }
    }

    /// The name of the file.
    pub fn file_name(&self) -> String {
        match self {
            Archive::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Archive::Url(url) => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                path.rsplit('/').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// The name of what is in it, as releases have it: `apache-storm-2.8.3`.
    pub fn release(&self) -> String {
        let name = self.file_name();
        [".tar.gz", ".tgz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name).to_owned()
    }

    /// Whether it can be used at all, by its name.
    pub fn check(&self) -> Result<(), Trouble> {
        let wrong = |what: String| Trouble::new(Kind::Wanted, "install/archive", what);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        let release = self.release();
        if release.is_empty() || release.starts_with(['.', '-']) || !release.chars().all(plain) {
            return Err(wrong(format!("{release:?} is no name of an archive"))
                .at(self.to_string())
                .hint("rename it to letters, digits, - and . with .tar.gz at the end"));
        }
        match self {
            Archive::Url(url) if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) => {
                Err(wrong(format!("{url} cannot be fetched")).hint("name a file, or an address of http or https"))
            }
            _ => Ok(()),
        }
    }
}

/// A release of Apache Storm, as its archive shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StormRelease {
    pub version: String,
    /// The oldest Java that runs it.
    pub java: u16,
}

/// Looks through the archive of a release of Apache Storm.
pub fn inspect_storm(archive: &Path) -> Result<StormRelease, Trouble> {
    let shown = archive.display().to_string();
    let bad = |what: &str| Trouble::new(Kind::Wanted, "install/archive", what).at(shown.clone());
    let file = File::open(archive)
        .map_err(|e| Trouble::new(Kind::Missing, "install/file", format!("cannot read {shown}")).at(e.to_string()))?;
    let no_archive = |e: io::Error| bad("this is no whole .tar.gz").at(e.to_string());
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(BufReader::new(file)));
    let (mut script, mut source, mut older, mut release) = (false, false, None, None);
    for entry in tar.entries().map_err(no_archive)? {
        let mut entry = entry.map_err(no_archive)?;
        let path = entry.path().map_err(no_archive)?.into_owned();
        let inner: PathBuf = path.components().filter(|c| *c != Component::CurDir).skip(1).collect();
        let name = inner.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = inner.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
        match folder.as_str() {
            "bin" if name == "storm" => script = true,
            "" if name == "pom.xml" => source = true,
            "lib" | "lib-worker" => {
                let version = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix(".jar").map(str::to_owned);
                if let Some(version) = version("storm-client-").filter(|_| release.is_none()) {
                    let mut jar = Vec::new();
                    entry.read_to_end(&mut jar).map_err(no_archive)?;
                    let Some(java) = java_of(jar) else {
                        return Err(bad("its storm-client jar is damaged").at(path.display().to_string()));
                    };
                    release = Some(StormRelease { version, java });
                }
                older = older.or(version("storm-core-").filter(|v| !v.starts_with('2')));
            }
            _ => {}
        }
    }
    const HINT: &str = "name the release for running, apache-storm-X.tar.gz of storm.apache.org/downloads.html";
    match release {
        Some(release) if script => Ok(release),
        _ if source => Err(bad("this is the source of Apache Storm, from which releases are built").hint(HINT)),
        None if older.is_some() => {
            let what = format!("this is Apache Storm {}, and stormctl is for 2.x", older.unwrap_or_default());
            Err(bad(&what).hint(HINT))
        }
        Some(_) => Err(bad("there is no bin/storm in the archive").hint(HINT)),
        None => Err(bad("this is no release of Apache Storm: there is no lib/storm-client-X.jar").hint(HINT)),
    }
}

/// The Java that the classes of a jar were made for: they begin with the number of their format, which is 44 more.
fn java_of(jar: Vec<u8>) -> Option<u16> {
    let mut zip = zip::ZipArchive::new(Cursor::new(jar)).ok()?;
    let of_storm = |name: &Cow<'_, str>| name.ends_with(".class") && name.starts_with("org/");
    let class = zip.file_names().filter_map(Result::ok).find(of_storm)?.into_owned();
    let mut head = [0; 8];
    zip.by_name(&class).ok()?.read_exact(&mut head).ok()?;
    let format = u16::from_be_bytes([head[6], head[7]]);
    (head[..4] == [0xca, 0xfe, 0xba, 0xbe]).then(|| format.checked_sub(44)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A jar with a class of this format.
    fn jar(format: u8) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("org/A.class", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, format]).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn inspect(files: &[(&str, &[u8])]) -> Result<StormRelease, Trouble> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("storm.tar.gz");
        let gz = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("top/{name}"), *bytes).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        inspect_storm(&path)
    }

    #[test]
    fn a_release_says_its_version_and_the_java_that_it_needs() {
        let made = jar(61);
        let (client, script) = (("lib/storm-client-2.8.3.jar", &made[..]), ("bin/storm", &b"#!"[..]));
        assert_eq!(inspect(&[script, client]).unwrap(), StormRelease { version: "2.8.3".into(), java: 17 });
        let text = |text: &'static str| text.as_bytes();
        let message = |files: &[(&str, &[u8])]| inspect(files).unwrap_err().message;
        assert!(message(&[client]).contains("no bin/storm"));
        assert!(message(&[script, ("pom.xml", text("<project/>"))]).contains("the source of Apache Storm"));
        assert!(
            message(&[script, ("lib/storm-core-1.2.4.jar", text(""))]).contains("Apache Storm 1.2.4, and stormctl is")
        );
        assert!(message(&[script]).contains("no release of Apache Storm"));
        assert!(message(&[("lib/storm-client-2.8.3.jar", text("no jar"))]).contains("is damaged"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar.gz");
        std::fs::write(&path, "<html>not found</html>").unwrap();
        assert!(inspect_storm(&path).unwrap_err().message.contains("no whole .tar.gz"));
    }

    #[test]
    fn files_and_addresses_are_told_apart() {
        let of = |text: &str| Archive::from(text.to_owned());
        assert_eq!(of("file:///x/zk.tgz"), Archive::File("/x/zk.tgz".into()));
        assert_eq!(of("https://h/a/apache-storm-2.8.3.tar.gz?x=1").release(), "apache-storm-2.8.3");
        assert_eq!(of("../zk-bin.tgz").release(), "zk-bin");
        assert!(of("ftp://h/zk.tar.gz").check().is_err() && of("https://h/").check().is_err());
        assert!(of("http://h/zk.tar.gz").check().is_ok() && of("/a b/zk.tar.gz").check().is_ok());
    }
}
