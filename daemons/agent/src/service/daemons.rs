//! Starting, stopping, restarting: what is typed on the host and what is asked from afar is the same, as it is `stormctl`
//! that does it both times.

use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tonic::{Code, Status};

use crate::gate::Caller;
use crate::options::Options;
use crate::proto::control_daemons_request::Action;
use crate::proto::{ControlDaemonsRequest, ControlDaemonsResponse, Daemon};

/// The agent does not end itself.
const OWN: &str = "agent";
/// Of what a command prints.
const MOST: u64 = 1 << 20;

pub(super) async fn control(
    options: Arc<Options>,
    caller: &Caller,
    request: ControlDaemonsRequest,
) -> Result<ControlDaemonsResponse, Status> {
    let action = Action::try_from(request.action)
        .map_err(|_| Status::invalid_argument(format!("{} is no action", request.action)))?;
    if action != Action::Status {
        caller.operator()?;
    }
    if request.keep_workers && action != Action::Stop {
        return Err(Status::invalid_argument("keep_workers is for STOP only"));
    }
    for role in &request.roles {
        if role == OWN && action != Action::Status {
            return Err(Status::invalid_argument(
                "the agent does not act on itself: that is for its host's own service",
            ));
        }
        if role.is_empty() || role.len() > 64 || !role.bytes().all(|b| b.is_ascii_lowercase()) {
            let role: String = role.chars().take(64).collect();
            return Err(Status::invalid_argument(format!("\"{role}\" is no role")));
        }
    }
    // What is begun is done, even if the caller goes.
    let who = caller.name().to_owned();
    let work = tokio::spawn(async move { run(&options, action, &request, &who).await });
    work.await.map_err(|e| Status::internal(e.to_string()))?
}

async fn run(
    options: &Options,
    action: Action,
    request: &ControlDaemonsRequest,
    who: &str,
) -> Result<ControlDaemonsResponse, Status> {
    let verb = match action {
        Action::Status => "status",
        Action::Start => "start",
        Action::Stop => "stop",
        Action::Restart => "restart",
    };
    let mut command = Command::new(&options.stormctl);
    command.args(&options.globals).args(["-o", "json", "--no-input"]);
    if request.roles.is_empty() {
        let mut roles = (options.roles)(&options.conf());
        roles.retain(|role| role != OWN);
        command.args(["-c", &format!("stormctl.roles={}", json!(roles))]);
    }
    command.arg(verb).args(&request.roles);
    if request.keep_workers {
        command.arg("--keep-workers");
    }
    if action != Action::Status {
        let roles = if request.roles.is_empty() { "all".to_owned() } else { request.roles.join(" ") };
        tracing::info!("{verb} {roles} for {who}");
    }
    let failed = |e: std::io::Error| Status::internal(format!("cannot run {}: {e}", options.stormctl.display()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err, status) = tokio::join!(text(out), text(err), child.wait());
    let status = status.map_err(failed)?;
    let Ok(document) = serde_json::from_str::<Value>(&out) else {
        return Err(refusal(status.code(), &err));
    };
    let items = document["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let notes = err.lines().filter(|l| !l.is_empty() && action != Action::Status).map(str::to_owned).collect();
    Ok(ControlDaemonsResponse { daemons: items.iter().map(daemon).collect(), notes })
}

async fn text(stream: Option<impl AsyncReadExt + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // What cannot be read is not told; the status of the command is.
        let _ = stream.take(MOST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn daemon(item: &Value) -> Daemon {
    let text = |key: &str| item[key].as_str().map(str::to_owned);
    Daemon {
        role: text("role").unwrap_or_default(),
        state: text("state").unwrap_or_default(),
        done: text("done"),
        pid: item["pid"].as_i64().and_then(|p| i32::try_from(p).ok()),
        address: text("address"),
        uptime_secs: item["uptime_secs"].as_i64(),
        log: text("log"),
    }
}

/// The failure of a command as JSON has it: message and evidence.
fn refusal(exit: Option<i32>, err: &str) -> Status {
    let json: Value = serde_json::from_str(err.trim()).unwrap_or_default();
    let message = match json["message"].as_str() {
        Some(message) => {
            let evidence = json["evidence"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let hint = json["hint"].as_str().map(|h| format!("fix: {h}"));
            std::iter::once(message.to_owned())
                .chain(evidence.map(str::to_owned))
                .chain(hint)
                .collect::<Vec<_>>()
                .join("\n")
        }
        None => err.trim().to_owned(),
    };
    // The exit statuses of `stormctl`.
    let code = match exit {
        Some(2) => Code::InvalidArgument,
        Some(3) => Code::NotFound,
        Some(7) => Code::PermissionDenied,
        Some(124) => Code::DeadlineExceeded,
        _ => Code::FailedPrecondition,
    };
    Status::new(code, message)
}
