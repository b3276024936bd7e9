//! `stormctl agent stdio`: what ssh begins on a host where no agent answers. It says one line when it is ready, then gRPC goes over
//! its standard input and output, until they are closed.

use rustix::process::geteuid;
use storm_agent::AgentError;
use tokio::io::{AsyncWriteExt, join, stdin, stdout};

use crate::context::Context;
use crate::daemons;
use crate::exit::Exit;
use crate::failure::Failure;

pub async fn run(ctx: &Context) -> Result<(), Failure> {
    let options = daemons::agent_options(ctx)?;
    let account = std::env::var("USER").unwrap_or_else(|_| format!("uid {}", geteuid().as_raw()));
    let mut output = stdout();
    let ready = async {
        output.write_all(b"ready\n").await?;
        output.flush().await
    };
    ready.await.map_err(|e| Failure::io("cannot write to standard output", &e))?;
    let served = storm_agent::run_on(options, join(stdin(), output), account).await;
    served.map_err(|e: AgentError| Failure::new(Exit::Failed, e.code(), e.to_string()))
}
