//! `stormctl version`.

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::printer::{Printer, Report};

/// The release of Apache Storm whose wire and disk formats this program keeps.
pub const STORM: &str = "2.8";

pub fn run(printer: &Printer) -> Result<(), Failure> {
    printer.show(&Version)
}

struct Version;

impl Report for Version {
    const KIND: &'static str = "Version";

    fn fields(&self) -> Map<String, Value> {
        let version = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "storm": STORM,
            "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        });
        version.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, wide: bool) -> String {
        let mut text = format!("stormctl {}\nStorm {STORM} on the wire and on disk\n", env!("CARGO_PKG_VERSION"));
        if wide {
            text.push_str(&format!("built for {}-{}\n", std::env::consts::ARCH, std::env::consts::OS));
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![env!("CARGO_PKG_VERSION").to_owned()]
    }
}
