//! `stormctl drpc-client`: calls functions of topologies through a DRPC daemon.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use storm_conf::Conf;
use storm_thrift::drpc::DistributedRPCClient;
use storm_thrift::{ClientError, ClientOptions, Connection, Exception};

use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;

pub async fn run(ctx: &Context, args: &cli::storm::DrpcClient) -> Result<(), Failure> {
    let calls = calls(args)?;
    // A call takes as long as its topology needs; the daemon itself gives up after drpc.request.timeout.secs.
    let secs = ctx.conf.int("drpc.request.timeout.secs").and_then(|s| u64::try_from(s).ok()).unwrap_or(600);
    let limit = Duration::from_secs(secs.saturating_add(10));
    let each = u32::try_from(calls.len()).unwrap_or(u32::MAX);
    ctx.within(limit.saturating_mul(each), async {
        let mut client = connect(&ctx.conf, limit).await?;
        for (function, argument) in calls {
            let result = client.execute(function.clone(), argument.clone()).await.map_err(|e| failed(e, &function))?;
            ctx.printer.show(&Call { function, argument, result })?;
        }
        Ok(())
    })
    .await
}

fn calls(args: &cli::storm::DrpcClient) -> Result<Vec<(String, String)>, Failure> {
    match &args.function {
        Some(function) => Ok(args.words.iter().map(|word| (function.clone(), word.clone())).collect()),
        None if args.words.len().is_multiple_of(2) => {
            Ok(args.words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
        }
        None => Err(Failure::new(Exit::Usage, "usage/pairs", "functions and arguments go in turn without -f")
            .evidence(format!("there are {} words", args.words.len()))
            .hint("stormctl drpc-client -f FUNCTION ARGUMENT...")),
    }
}

/// The first of `drpc.servers` that takes the connection; where the search begins changes with the time.
async fn connect(conf: &Conf, limit: Duration) -> Result<DistributedRPCClient, Failure> {
    let mut servers = conf.strings("drpc.servers");
    if servers.is_empty() {
        return Err(Failure::new(Exit::ConfigInvalid, "drpc/no-servers", "drpc.servers names no host")
            .hint("stormctl drpc-client -c 'drpc.servers=[\"HOST\"]' ..."));
    }
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos() as usize;
    let first = nanos % servers.len();
    servers.rotate_left(first);
    let port = conf.int("drpc.port").and_then(|p| u16::try_from(p).ok()).unwrap_or(3772);
    let options = ClientOptions {
        connect_timeout: Duration::from_secs(5),
        call_timeout: limit,
        max_frame: conf.int("drpc.max_buffer_size").and_then(|n| usize::try_from(n).ok()).unwrap_or(1 << 20),
    };
    let mut failure = Failure::new(Exit::Unreachable, "drpc/unreachable", "no DRPC daemon answers");
    for server in servers {
        match Connection::open(&server, port, options.clone()).await {
            Ok(connection) => return Ok(DistributedRPCClient::new(connection)),
            Err(e) => failure = failure.evidence(e.to_string()),
        }
    }
    Err(failure.hint("check drpc.servers and drpc.port, and that a DRPC daemon runs there"))
}

fn failed(e: ClientError, function: &str) -> Failure {
    match e {
        ClientError::Declared(Exception::DRPCExecutionException(e)) => {
            Failure::new(Exit::Failed, "drpc/execution", format!("{function} failed: {}", e.msg))
                .hint("stormctl list      shows whether a topology that serves it runs")
        }
        e => e.into(),
    }
}

struct Call {
    function: String,
    argument: String,
    result: String,
}

impl Report for Call {
    const KIND: &'static str = "DrpcResult";

    fn fields(&self) -> Map<String, Value> {
        let call = json!({"function": self.function, "argument": self.argument, "result": self.result});
        call.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        format!("{} \"{}\" => \"{}\"\n", self.function, self.argument, self.result)
    }

    fn names(&self) -> Vec<String> {
        vec![self.result.clone()]
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_function_for_all_or_one_for_each() {
        let args = |function: Option<&str>, words: &[&str]| cli::storm::DrpcClient {
            function: function.map(str::to_owned),
            words: words.iter().map(|w| (*w).to_owned()).collect(),
        };
        let pair = |f: &str, a: &str| (f.to_owned(), a.to_owned());
        assert_eq!(calls(&args(Some("f"), &["1", "2"])).unwrap(), [pair("f", "1"), pair("f", "2")]);
        assert_eq!(calls(&args(None, &["f", "1", "g", "2"])).unwrap(), [pair("f", "1"), pair("g", "2")]);
        assert_eq!(calls(&args(None, &["f"])).unwrap_err().exit, Exit::Usage);
    }
}
