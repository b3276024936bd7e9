//! `stormctl new`: a topology project.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Map, json};
use storm_install::project::{self, Language};

use crate::change::Change;
use crate::cli::install::{self, New};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub fn run(printer: &Printer, args: &New) -> Result<(), Failure> {
    let language = match args.lang {
        install::Language::Rust => Language::Rust,
        install::Language::Python => Language::Python,
        install::Language::Flux => Language::Flux,
    };
    let storm = match language {
        Language::Rust => {
            let program = std::env::current_exe().map_err(|e| Failure::io("this program's own path is unknown", &e))?;
            Some(project::storm_crate(args.storm_source.as_deref(), &program)?)
        }
        _ => None,
    };
    let files = project::files(&args.name, language, storm.as_deref())?;
    let dir = Path::new(&args.name);
    if dir.exists() {
        return Err(Failure::new(Exit::Conflict, "new/exists", format!("{} is there already", dir.display()))
            .hint("name another project, or move it away"));
    }
    // Beside its place, so that there is a whole project or none.
    let part = Path::new(".").join(format!(".{}.stormctl-part", args.name));
    let write = || -> io::Result<()> {
        if part.exists() {
            fs::remove_dir_all(&part)?;
        }
        for file in &files {
            let path = part.join(file.path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, &file.text)?;
            if file.executable {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            }
        }
        fs::rename(&part, dir)
    };
    write().map_err(|e| Failure::io(format!("cannot make the project {}", dir.display()), &e))?;
    let test = match language {
        Language::Rust => "cargo test",
        Language::Python => "./test.py",
        Language::Flux => "./test.sh",
    };
    let names: Vec<String> = files.iter().map(|f| dir.join(f.path).display().to_string()).collect();
    printer.show(&Change {
        action: "made",
        message: format!("made the project {} with {} files", dir.display(), names.len()),
        names,
        next: Some(format!("cd {} && {test}      (README.md says how to submit it)", dir.display())),
        details: Map::from_iter([("storm".to_owned(), json!(storm))]),
    })
}
