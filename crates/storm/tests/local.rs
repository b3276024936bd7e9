//! Whole topologies in local mode, judged by `tr`, `sort` and `uniq`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use storm::builder::Natives;
use storm::package::{Package, PackageOptions};
use storm::{LocalError, LocalOptions, run_local};
use storm_conf::Conf;

type Counts = BTreeMap<Vec<u8>, i64>;

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A folder with an example, its resources, and files to count.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    /// `swap` are texts of the example and what stands for them here.
    fn new(yaml: &str, swap: &[(&str, String)]) -> Site {
        let site = Site { dir: tempfile::tempdir().expect("a temporary folder") };
        let resources = site.path("resources");
        fs::create_dir(&resources).expect("a folder");
        fs::write(resources.join("split.py"), example("resources/split.py")).expect("written");
        let mut text = yaml.to_owned();
        for (old, new) in swap {
            assert!(text.contains(old), "{old} is not in the example");
            text = text.replace(old, new);
        }
        fs::write(site.path("topology.yaml"), text).expect("written");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn package(&self) -> Package {
        Package::open(&self.path("topology.yaml"), &PackageOptions::default()).unwrap_or_else(|e| panic!("{e}"))
    }
}

/// Text with words of every white space, empty lines, other alphabets, Latin-1, NUL, and no line feed at the end.
fn text(seed: usize, lines: usize) -> Vec<u8> {
    let words: [&[u8]; 12] = [
        b"the",
        b"The",
        b"storm",
        b"\xe9t\xe9",
        "été".as_bytes(),
        "語".as_bytes(),
        "🌩".as_bytes(),
        b"\xff\xfe",
        b"a\0b",
        b"'x\"\\",
        "a\u{a0}b".as_bytes(),
        b"\xed\xa0\x80",
    ];
    let spaces: [&[u8]; 7] = [b" ", b"\t", b"  ", b"\x0b", b"\x0c", b"\r", b" \t "];
    let mut out = Vec::new();
    for line in 0..lines {
        for i in 0..(line + seed) % 9 {
            let n = line * 7 + i * 13 + seed;
            out.extend_from_slice(spaces[n % spaces.len()]);
            out.extend_from_slice(words[(n / 3 + i) % words.len()]);
        }
        out.push(b'\n');
    }
    out.extend_from_slice(b"last");
    out
}

/// What the tools of the system count.
fn judge(files: &[PathBuf]) -> Counts {
    let script =
        "cat \"$@\" | LC_ALL=C tr -s '[:space:]' '\\n' | LC_ALL=C grep -av '^$' | LC_ALL=C sort | LC_ALL=C uniq -c";
    let output = Command::new("sh").args(["-c", script, "sh"]).args(files).output().expect("sh runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut counts = Counts::new();
    for line in output.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let line = line.trim_ascii_start();
        let space = line.iter().position(|b| *b == b' ').expect("a count and a word");
        let count = std::str::from_utf8(&line[..space]).expect("digits").parse().expect("a number");
        counts.insert(line[space + 1..].to_vec(), count);
    }
    counts
}

/// The highest count of each word in the output so far.
fn counted(file: &Path) -> Counts {
    let mut counts = Counts::new();
    for line in fs::read(file).unwrap_or_default().split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let tab = line.iter().rposition(|b| *b == b'\t').expect("a word and a count");
        let Some(count) = std::str::from_utf8(&line[tab + 1..]).ok().and_then(|n| n.parse::<i64>().ok()) else {
            continue;
        };
        let most = counts.entry(line[..tab].to_vec()).or_insert(0);
        *most = count.max(*most);
    }
    counts
}

fn run(package: &Package, stop: impl FnMut() -> bool) -> Result<(), LocalError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(async {
        let mut stop = stop;
        let stopped = async {
            let start = Instant::now();
            while !stop() {
                assert!(start.elapsed() < Duration::from_secs(120), "it does not come to an end");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let options = LocalOptions { conf: Conf::defaults(), ..LocalOptions::default() };
        run_local(package, Natives::default(), &options, stopped).await.map(drop)
    })
}

fn word_count(yaml: &str, out: &str, lines: usize) {
    let site = Site::new(yaml, &[]);
    let files = [site.path("a.txt"), site.path("b.txt"), site.path("empty.txt")];
    fs::write(&files[0], text(0, lines)).expect("written");
    fs::write(&files[1], text(5, lines / 2)).expect("written");
    fs::write(&files[2], b"").expect("written");
    let result = site.path("out.tsv");
    let site = Site::new(
        yaml,
        &[
            ("[\"../README.md\"]", format!("{:?}", files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>())),
            (out, result.display().to_string()),
        ],
    );
    let wanted = judge(&files);
    let total = |counts: &Counts| counts.values().sum::<i64>();
    run(&site.package(), || total(&counted(&result)) >= total(&wanted)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(counted(&result), wanted);
}

#[test]
fn the_built_in_word_count_counts_as_tr_and_uniq_do() {
    word_count(&example("wordcount.yaml"), "/tmp/wordcount.tsv", 3000);
}

#[test]
fn the_word_count_with_a_python_splitter_counts_the_same() {
    word_count(&example("wordcount-python.yaml"), "/tmp/wordcount-python.tsv", 300);
}

#[test]
fn a_script_that_dies_ends_the_run_with_its_last_words() {
    let yaml = example("wordcount-python.yaml");
    let site = Site::new(
        &yaml,
        &[("[\"../README.md\"]", "[a.txt]".to_owned()), ("/tmp/wordcount-python.tsv", "out.tsv".to_owned())],
    );
    fs::write(site.path("a.txt"), "one line\n").expect("written");
    fs::write(site.path("resources/split.py"), "import storm\nimport not_there\n").expect("written");
    let error = run(&site.package(), || false).expect_err("it dies").to_string();
    assert!(error.contains("split") && error.contains("No module named 'not_there'"), "{error}");
}

#[test]
fn a_missing_input_ends_the_run_with_its_path() {
    let yaml = example("wordcount.yaml");
    let site = Site::new(
        &yaml,
        &[("[\"../README.md\"]", "[nowhere.txt]".to_owned()), ("/tmp/wordcount.tsv", "out.tsv".to_owned())],
    );
    let error = run(&site.package(), || false).expect_err("it dies").to_string();
    assert!(error.contains("nowhere.txt") && error.contains("cannot be opened"), "{error}");
}
