//! Runs a server in the foreground: `serve ZOO_CFG`. Prints the bound address once clients can connect.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::path::Path;
use std::process::ExitCode;

use storm_zookeeper::{Options, ZooKeeperError};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(config) = std::env::args_os().nth(1) else {
        eprintln!("usage: serve ZOO_CFG");
        return ExitCode::from(2);
    };
    match serve(Path::new(&config)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error[{}]: {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: &Path) -> Result<(), ZooKeeperError> {
    let options = Options::from_zoo_cfg(config)?;
    let interrupted = async {
        if let Err(cause) = tokio::signal::ctrl_c().await {
            eprintln!("cannot wait for Ctrl-C: {cause}");
        }
    };
    storm_zookeeper::run(options, |address| println!("{address}"), interrupted).await
}
