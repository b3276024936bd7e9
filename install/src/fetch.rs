//! Fetching an archive to this machine, once: checked, and there as a whole or not at all. What a run that was interrupted
//! has fetched is gone on with, if the server still has the same.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Client, Response, StatusCode};
use sha2::{Digest, Sha512};

use crate::archive::Archive;
use crate::site::{hex, sha256};
use crate::{Kind, Trouble};

const CONNECT: Duration = Duration::from_secs(15);
/// Without a byte for so long, the connection is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// In hexadecimal digits.
const SHA512: usize = 128;

/// What goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// So many bytes are here from an earlier run.
    Begun {
        here: u64,
        of: Option<u64>,
    },
    Got {
        here: u64,
        of: Option<u64>,
    },
    /// Whether there was a checksum to compare it with.
    Done {
        bytes: u64,
        checked: bool,
    },
}

pub type Tell<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// The archive of an address, in a folder below `cache`; `sha512` comes before what its server publishes.
pub async fn fetch(url: &str, sha512: Option<&str>, cache: &Path, tell: Tell<'_>) -> Result<PathBuf, Trouble> {
    let given = sha512.map(given).transpose()?;
    let place = Place::new(url, cache)?;
    let _turn = place.turn()?;
    if place.file.exists() {
        // It was checked when it came; only another checksum than then can find it wrong.
        let is = |wanted: &String| sha512_file(&place.file).is_ok_and(|found| found == *wanted);
        if given.as_ref().is_none_or(is) {
            return Ok(place.file);
        }
        gone(&place.file)?;
    }
    let client = client()?;
    let wanted = match given {
        Some(given) => Some(given),
        None => published(&client, url).await?,
    };
    place.download(&client, url, tell).await?;
    let found = sha512_file(&place.part).map_err(|e| Trouble::io("read", &place.part, &e))?;
    if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != found) {
        gone(&place.part)?;
        gone(&place.tag)?;
        let by = if sha512.is_some() { "the description".to_owned() } else { format!("{url}.sha512") };
        return Err(Trouble::new(
            Kind::Wanted,
            "install/checksum",
            format!("what came from {url} is not what it should be"),
        )
        .at(format!("sha512 by {by}: {wanted}"))
        .at(format!("sha512 of what came: {found}"))
        .hint("nothing of it was kept; look who is right, then say it again"));
    }
    let bytes = place.part.metadata().map_or(0, |m| m.len());
    fs::rename(&place.part, &place.file).map_err(|e| Trouble::io("write", &place.file, &e))?;
    gone(&place.tag)?;
    tell(Event::Done { bytes, checked: wanted.is_some() });
    Ok(place.file)
}

/// Where an archive is kept.
struct Place {
    file: PathBuf,
    part: PathBuf,
    /// What the server calls the content of `part`.
    tag: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn new(url: &str, cache: &Path) -> Result<Place, Trouble> {
        // Files of one name come from several places.
        let folder = cache.join("archives").join(&sha256(url.as_bytes())[..12]);
        fs::create_dir_all(&folder).map_err(|e| Trouble::io("make", &folder, &e))?;
        let name = Archive::Url(url.to_owned()).file_name();
        Ok(Place {
            part: folder.join(format!("{name}.part")),
            tag: folder.join(format!("{name}.tag")),
            file: folder.join(name),
            folder,
        })
    }

    /// One at a time.
    fn turn(&self) -> Result<File, Trouble> {
        let lock = File::open(&self.folder).map_err(|e| Trouble::io("open", &self.folder, &e))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(_) => Err(Trouble::new(Kind::Conflict, "install/running", "another run fetches the same archive")
                .at(self.folder.display().to_string())
                .hint("wait for its end")),
        }
    }

    async fn download(&self, client: &Client, url: &str, tell: Tell<'_>) -> Result<(), Trouble> {
        let tag = fs::read_to_string(&self.tag).ok();
        let here = self.part.metadata().map_or(0, |m| m.len());
        let resumed = match tag.filter(|_| here > 0) {
            Some(tag) => self.rest(client, url, here, &tag).await?,
            None => None,
        };
        let (mut response, mut file, mut here) = match resumed {
            Some(response) => {
                let file = OpenOptions::new().append(true).open(&self.part);
                (response, file.map_err(|e| Trouble::io("write", &self.part, &e))?, here)
            }
            None => {
                // What is not known to be of the same file is not gone on with.
                gone(&self.part)?;
                gone(&self.tag)?;
                let response = client.get(url).send().await.map_err(|e| lost(url, 0, &e))?;
                if response.status() != StatusCode::OK {
                    return Err(refused(url, response.status()));
                }
                let file = File::create(&self.part).map_err(|e| Trouble::io("write", &self.part, &e))?;
                if let Some(tag) = tag_of(response.headers()) {
                    fs::write(&self.tag, tag).map_err(|e| Trouble::io("write", &self.tag, &e))?;
                }
                (response, file, 0)
            }
        };
        let of = response.content_length().map(|left| here + left);
        tell(Event::Begun { here, of });
        while let Some(bytes) = response.chunk().await.map_err(|e| lost(url, here, &e))? {
            file.write_all(&bytes).map_err(|e| Trouble::io("write", &self.part, &e))?;
            here += bytes.len() as u64;
            tell(Event::Got { here, of });
        }
        file.sync_all().map_err(|e| Trouble::io("write", &self.part, &e))
    }

    /// What follows the bytes that are here, if the server still has what they are the beginning of.
    async fn rest(&self, client: &Client, url: &str, here: u64, tag: &str) -> Result<Option<Response>, Trouble> {
        let asked = client.get(url).header(RANGE, format!("bytes={here}-")).header(IF_RANGE, tag);
        let response = asked.send().await.map_err(|e| lost(url, here, &e))?;
        let begins = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let fits = begins.is_some_and(|range| range.starts_with(&format!("bytes {here}-")));
        Ok((response.status() == StatusCode::PARTIAL_CONTENT && fits).then_some(response))
    }
}

/// The name of a content that changes with it: weak ones may stay the same.
fn tag_of(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    text(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(LAST_MODIFIED))
}

fn client() -> Result<Client, Trouble> {
    // Another part of the program may have chosen the same one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build();
    client.map_err(|e| {
        Trouble::new(Kind::Failed, "install/fetch", "nothing can be fetched from here")
            .at(chain(&e))
            .hint("install the certificates of authorities (Debian package ca-certificates), or fetch the archive and name the file")
    })
}

fn chain(e: &dyn Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        text.push_str(&format!(": {e}"));
        cause = e.source();
    }
    text
}

fn lost(url: &str, here: u64, e: &reqwest::Error) -> Trouble {
    let what = if here > 0 {
        format!("the connection broke after {here} bytes of {url}")
    } else {
        format!("cannot fetch {url}")
    };
    let trouble = Trouble::new(Kind::Unreachable, "install/fetch", what).at(chain(e));
    trouble.hint(if here > 0 {
        "say it again: it goes on where it was"
    } else {
        "see that it can be reached, or name a file"
    })
}

fn refused(url: &str, status: StatusCode) -> Trouble {
    let trouble = Trouble::new(Kind::Wanted, "install/fetch", format!("cannot fetch {url}"))
        .at(format!("the server says {status}"));
    trouble.hint(match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            "releases that are not the newest are at https://archive.apache.org/dist/"
        }
        _ => "fetch it in another way, and name the file",
    })
}

/// The checksum that lies beside the archive, as Apache has them; `None` where there is none.
async fn published(client: &Client, url: &str) -> Result<Option<String>, Trouble> {
    let beside = format!("{url}.sha512");
    let response = client.get(&beside).send().await.map_err(|e| lost(&beside, 0, &e))?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => return Ok(None),
        status => return Err(refused(&beside, status)),
    }
    let text = response.text().await.map_err(|e| lost(&beside, 0, &e))?;
    match checksum(&text) {
        Some(sum) => Ok(Some(sum)),
        None => Err(Trouble::new(Kind::Wanted, "install/checksum", format!("{beside} holds no sha512"))
            .at(text.lines().next().unwrap_or_default().chars().take(100).collect::<String>())
            .hint("give the right one with sha512 in the description")),
    }
}

fn given(text: &str) -> Result<String, Trouble> {
    checksum(text).ok_or_else(|| {
        Trouble::new(Kind::Wanted, "install/checksum", "sha512 in the description is no such checksum")
            .at(text)
            .hint(format!("write its {SHA512} hexadecimal digits"))
    })
}

/// `DIGITS`, `DIGITS  FILE` as sha512sum writes it, or `FILE: DIGI TS..` over several lines, as gpg does.
fn checksum(text: &str) -> Option<String> {
    let digits = |text: &str| {
        let sum: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        (sum.len() == SHA512 && sum.chars().all(|c| c.is_ascii_hexdigit())).then(|| sum.to_ascii_lowercase())
    };
    let behind = text.split_once(':').map_or(text, |(_, behind)| behind);
    text.split_whitespace().next().and_then(digits).or_else(|| digits(behind))
}

fn sha512_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha512::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hash.finalize().as_slice())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Removes a file, if it is there.
fn gone(path: &Path) -> Result<(), Trouble> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Trouble::io("remove", path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_as_they_are_published() {
        let sum = "0123456789abcdef".repeat(8);
        let upper = sum.to_uppercase();
        let groups: Vec<String> = upper.as_bytes().chunks(8).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
        let lines: Vec<String> = groups.chunks(8).map(|line| line.join(" ")).collect();
        for text in [
            sum.clone(),
            format!("{sum}  apache-storm-2.8.3.tar.gz\n"),
            format!("{sum} *apache-storm-2.8.3.tar.gz\n"),
            format!("apache-storm-2.8.3.tar.gz: {}\n", lines.join("\n                           ")),
            format!("apache-storm-2.8.3.tar.gz:\n{}\n", lines.join("\n")),
        ] {
            assert_eq!(checksum(&text).as_ref(), Some(&sum), "{text}");
        }
        for text in ["", "<html>404</html>", &sum[1..], format!("{sum}0").as_str()] {
            assert_eq!(checksum(text), None, "{text}");
        }
        assert!(given("abc").unwrap_err().hint.is_some_and(|hint| hint.contains("128")));
    }
}
