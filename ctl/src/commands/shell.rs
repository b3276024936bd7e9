//! `stormctl shell`: what `storm shell` is, for programs in other languages that submit their topology themselves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, json};
use storm::jar::{JarError, pack_folder};
use storm::submit::upload;

use crate::change::Change;
use crate::cli::own::ShellSubmit;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const LIMIT: Duration = Duration::from_secs(120);

/// `storm repl` has had nothing to run since Storm is no Clojure program any more.
pub fn no_repl() -> Failure {
    Failure::new(
        Exit::NotInstalled,
        "usage/repl",
        "there is no Clojure shell: Storm is Java since 2.0, and this is Rust",
    )
    .hint("a shell on ZooKeeper: stormctl zk shell; on the cluster: stormctl tui")
}

pub async fn run(ctx: &Context, args: &ShellSubmit) -> Result<(), Failure> {
    // `resources/` and `resources/.` are called resources.
    let folder: PathBuf = args.resources.components().collect();
    if !folder.is_dir() {
        return Err(Failure::new(
            Exit::NotFound,
            "shell/no-folder",
            format!("there is no folder {}", folder.display()),
        )
        .hint("name the folder with the scripts of the components; Storm looks for them in `resources/` of the jar"));
    }
    if args.dry.dry_run {
        let jar = tempfile::NamedTempFile::new().map_err(|e| Failure::io("cannot make a jar", &e))?;
        let files = pack_folder(&folder, jar.path())?;
        return done(ctx, args, &folder, files, true);
    }
    let (mut nimbus, location, files) = ctx
        .within(LIMIT, async {
            let mut nimbus = ctx.nimbus().await?;
            let jar = tempfile::NamedTempFile::new().map_err(|e| Failure::io("cannot make a jar", &e))?;
            let files = pack_folder(&folder, jar.path())?;
            let location = upload(&mut nimbus, jar.path()).await?;
            Ok((nimbus, location, files))
        })
        .await?;
    let leader = ctx.within(LIMIT, async { Ok(nimbus.get_leader().await?) }).await?;
    let mut command = Command::new(&args.command);
    command.args(&args.args).args([leader.host, leader.port.to_string(), location]);
    let status = command.status().map_err(|e| {
        Failure::new(Exit::NotInstalled, "shell/command", format!("{} cannot be started", args.command))
            .evidence(e.to_string())
    })?;
    if !status.success() {
        return Err(Failure::new(Exit::Failed, "shell/command", format!("{} ended with {status}", args.command))
            .hint("stormctl list      says whether it has submitted its topology"));
    }
    done(ctx, args, &folder, files, false)
}

fn done(ctx: &Context, args: &ShellSubmit, folder: &Path, files: usize, dry_run: bool) -> Result<(), Failure> {
    let line = [std::slice::from_ref(&args.command), &args.args].concat().join(" ");
    let message = match dry_run {
        true => format!("would upload {} with {files} files, then run: {line} HOST PORT JAR", folder.display()),
        false => format!("uploaded {} with {files} files, and ran {line}", folder.display()),
    };
    ctx.printer.show(&Change {
        action: "ran",
        names: vec![args.command.clone()],
        message,
        next: Some("stormctl list".to_owned()),
        details: Map::from_iter([("files".to_owned(), json!(files)), ("dry_run".to_owned(), json!(dry_run))]),
    })
}

impl From<JarError> for Failure {
    fn from(e: JarError) -> Failure {
        Failure::new(Exit::Failed, e.code(), e.to_string())
    }
}
