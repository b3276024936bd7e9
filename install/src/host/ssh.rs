//! The system's own `ssh`: its agent, its jump hosts, its known_hosts and its configuration are the user's.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::site::{Reply, Request, own_sha256};
use crate::spec::Ssh;
use crate::step::places;
use crate::{Kind, Trouble};

const CONNECT_SECS: u32 = 15;
/// For the far `stormctl` to end by itself.
const END: Duration = Duration::from_secs(5);

/// Where one connection to each host is shared by all that goes there.
#[derive(Debug)]
pub struct Control {
    dir: TempDir,
}

impl Control {
    pub fn new() -> Result<Control, Trouble> {
        // The name of a socket may be hardly longer than a hundred bytes.
        let dir = tempfile::Builder::new().prefix("storm-ssh-").tempdir_in("/tmp");
        let dir = dir.map_err(|e| Trouble::io("make a folder in", Path::new("/tmp"), &e))?;
        Ok(Control { dir })
    }
}

/// A `stormctl` on another host.
pub struct Remote {
    name: String,
    ssh: Ssh,
    control: Arc<Control>,
    /// A folder there that goes when we leave.
    scratch: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Says what the host is, and whether its installed program is this one.
const LOOK: &str = r#"
set -e
uname -s -m
case $1 in "~"*) dir=$HOME${1#\~} ;; *) dir=$1 ;; esac
if [ -r "$dir/bin/stormctl" ] && command -v sha256sum >/dev/null 2>&1; then
  sha256sum "$dir/bin/stormctl" | cut -c1-64
else
  echo none
fi
echo "$dir"
"#;

/// Brings what comes in to a file.
const TAKE: &str = r#"cat > "$1.part" && chmod 700 "$1.part" && mv "$1.part" "$1""#;

/// Takes the program from its input, if it is not there ($2 bytes of it), and lets it answer what follows. However that ends,
/// nothing of it stays.
const SERVE: &str = r#"
umask 077
scratch=$(mktemp -d "${TMPDIR:-/tmp}/stormctl-XXXXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 129' HUP INT TERM
echo "$scratch"
program=$1 size=$2
shift 2
if [ "$size" -gt 0 ]; then
  program=$scratch/stormctl
  head -c "$size" > "$program" && [ "$(wc -c < "$program")" -eq "$size" ] && chmod 700 "$program" || exit 1
fi
"$@" "$program" on-host
"#;

/// A word as the shell over there takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn shell(script: &str, zero: &str, words: &[&str]) -> String {
    let words: Vec<String> = std::iter::once(zero).chain(words.iter().copied()).map(quoted).collect();
    format!("exec sh -c {} {}", quoted(script), words.join(" "))
}

impl Remote {
    fn command(name: &str, ssh: &Ssh, control: &Control) -> Command {
        let mut command = Command::new("ssh");
        if let Some(config) = &ssh.config {
            command.arg("-F").arg(config);
        }
        // Nobody is asked: keys come from the agent or from files, and hosts must be known.
        command.args(["-T", "-o", "BatchMode=yes", "-o", &format!("ConnectTimeout={CONNECT_SECS}")]);
        command.args(["-o", "ServerAliveInterval=15", "-o", "ControlMaster=auto", "-o", "ControlPersist=60"]);
        command.arg("-o").arg(format!("ControlPath={}/%C", control.dir.path().display()));
        if let Some(user) = &ssh.user {
            command.args(["-l", user]);
        }
        if let Some(port) = ssh.port {
            command.args(["-p", &port.to_string()]);
        }
        command.arg("--").arg(ssh.address.as_deref().unwrap_or(name).trim_matches(['[', ']']));
        command.kill_on_drop(true);
        command
    }

    async fn shell(
        name: &str,
        ssh: &Ssh,
        control: &Control,
        line: &str,
        input: Option<&Path>,
    ) -> Result<String, Trouble> {
        let mut command = Remote::command(name, ssh, control);
        command.arg(line).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().map_err(|e| no_ssh(&e))?;
        let mut stdin = child.stdin.take();
        let feed = async {
            if let (Some(file), Some(stdin)) = (input, stdin.as_mut()) {
                let mut file = File::open(file).await?;
                tokio::io::copy(&mut file, stdin).await?;
                stdin.shutdown().await?;
            }
            drop(stdin.take());
            Ok::<(), std::io::Error>(())
        };
        let (fed, output) = tokio::join!(feed, child.wait_with_output());
        let output = output.map_err(|e| no_ssh(&e))?;
        if !output.status.success() {
            return Err(failed(output.status.code(), &String::from_utf8_lossy(&output.stderr)));
        }
        fed.map_err(|e| Trouble::io("bring", input.unwrap_or(Path::new("")), &e))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Brings this program there, unless the installed one is the same, and starts it.
    pub async fn connect(name: &str, ssh: &Ssh, dir: &Path, control: Arc<Control>) -> Result<Remote, Trouble> {
        let look = shell(LOOK, "stormctl", &[&dir.to_string_lossy()]);
        let answer = Remote::shell(name, ssh, &control, &look, None).await?;
        let mut lines = answer.lines();
        let (system, hash) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let dir = PathBuf::from(lines.next().unwrap_or_default());
        let here = rustix::system::uname();
        let mine = format!("{} {}", here.sysname().to_string_lossy(), here.machine().to_string_lossy());
        if system != mine {
            return Err(Trouble::new(Kind::Refused, "install/architecture", "this stormctl cannot run there")
                .at(format!("there: {system}"))
                .at(format!("here:  {mine}"))
                .hint("run stormctl on a machine of that kind"));
        }
        if !dir.is_absolute() {
            return Err(Trouble::new(Kind::Failed, "install/ssh", "the shell there prints something of its own")
                .at(answer.lines().next().unwrap_or_default())
                .hint("what its start-up files print must not go to sessions without a terminal"));
        }
        let own = Path::new("/proc/self/exe");
        let there = hash == own_sha256()?;
        let size = if there { 0 } else { std::fs::metadata(own).map_err(|e| Trouble::io("read", own, &e))?.len() };
        let (program, bytes) = (places::program(&dir).to_string_lossy().into_owned(), size.to_string());
        let mut words = vec![program.as_str(), &bytes];
        if ssh.sudo == Some(true) {
            words.extend(["sudo", "-n", "--"]);
        }
        let mut command = Remote::command(name, ssh, &control);
        command.arg(shell(SERVE, "stormctl", &words));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| no_ssh(&e))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let lines = stdout.map(|out| BufReader::new(out).lines());
        let Some(lines) = lines else {
            return Err(Trouble::new(Kind::Failed, "install/ssh", "ssh has no output"));
        };
        let (name, ssh, scratch) = (name.to_owned(), ssh.clone(), PathBuf::new());
        let mut remote = Remote { name, ssh, control, scratch, child, stdin, lines };
        if size > 0
            && let Some(stdin) = &mut remote.stdin
        {
            let mut file = File::open(own).await.map_err(|e| Trouble::io("read", own, &e))?;
            if tokio::io::copy(&mut file, stdin).await.is_err() {
                return Err(remote.lost().await);
            }
        }
        match remote.lines.next_line().await {
            Ok(Some(scratch)) => remote.scratch = PathBuf::from(scratch),
            _ => return Err(remote.lost().await),
        }
        Ok(remote)
    }

    pub async fn ask(&mut self, request: &Request) -> Result<Reply, Trouble> {
        let mut text = serde_json::to_string(request).map_err(|e| protocol(&e.to_string()))?;
        text.push('\n');
        let sent = match &mut self.stdin {
            Some(stdin) => stdin.write_all(text.as_bytes()).await.is_ok() && stdin.flush().await.is_ok(),
            None => false,
        };
        let line = if sent { self.lines.next_line().await.ok().flatten() } else { None };
        match line {
            Some(line) => serde_json::from_str(&line).map_err(|e| protocol(&format!("{e}: {line}"))),
            None => Err(self.lost().await),
        }
    }

    /// Why there is no answer.
    async fn lost(&mut self) -> Trouble {
        self.stdin = None;
        let status = timeout(END, self.child.wait()).await.ok().and_then(Result::ok).and_then(|s| s.code());
        let mut said = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // What it could not say any more is not known.
            let _ = timeout(END, stderr.read_to_end(&mut said)).await;
        }
        let said = String::from_utf8_lossy(&said).into_owned();
        if self.ssh.sudo == Some(true) && said.contains("sudo") {
            return Trouble::new(Kind::Refused, "install/sudo", "sudo asks for a password there")
                .at(said.trim().to_owned())
                .hint("let the user run stormctl with sudo without a password, or connect as root");
        }
        failed(status, &said)
    }

    pub async fn put(&mut self, file: &Path) -> Result<PathBuf, Trouble> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let there = self.scratch.join(name);
        let take = shell(TAKE, "stormctl", &[&there.to_string_lossy()]);
        Remote::shell(&self.name, &self.ssh, &self.control, &take, Some(file)).await?;
        Ok(there)
    }

    /// Lets the program there end, and ends the shared connection.
    pub async fn close(mut self) {
        self.stdin = None;
        // One that does not end is killed with its ssh.
        let _ = timeout(END, self.child.wait()).await;
        let to = Remote::command(&self.name, &self.ssh, &self.control);
        let mut exit = Command::new("ssh");
        exit.args(["-O", "exit"]).args(to.as_std().get_args());
        exit.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = timeout(END, exit.status()).await;
    }
}

fn protocol(what: &str) -> Trouble {
    Trouble::new(Kind::Failed, "install/protocol", "the stormctl over there answers something else").at(what)
}

fn no_ssh(e: &std::io::Error) -> Trouble {
    Trouble::new(Kind::Missing, "install/ssh", "cannot run ssh").at(e.to_string()).hint("install an OpenSSH client")
}

fn failed(status: Option<i32>, said: &str) -> Trouble {
    let lines: Vec<&str> = said.lines().filter(|l| !l.trim().is_empty()).collect();
    // ssh itself ends so; all else is the status of what ran over there.
    let (kind, message) = match status {
        Some(255) => (Kind::Unreachable, "ssh does not get there".to_owned()),
        Some(n) => (Kind::Failed, format!("a command over there ended with status {n}")),
        None => (Kind::Unreachable, "the connection is lost".to_owned()),
    };
    let mut trouble = Trouble::new(kind, "install/ssh", message);
    for line in &lines[lines.len().saturating_sub(6)..] {
        trouble = trouble.at(line.trim());
    }
    let hint = if said.contains("Host key verification failed") {
        "ssh HOST once, look at its key, and accept it"
    } else if said.contains("Permission denied") {
        "ssh-add your key, or ssh-copy-id it to the host"
    } else {
        "ssh HOST must work without a question"
    };
    trouble.hint(hint)
}
