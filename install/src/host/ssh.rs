//! The system's own `ssh`: its agent, its jump hosts, its known_hosts and its configuration are the user's.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::site::{Reply, Request, own_sha256};
use crate::spec::Ssh;
use crate::{Kind, Trouble};

const CONNECT_SECS: u32 = 15;
/// For the far `stormctl` to end by itself.
const END: Duration = Duration::from_secs(5);

/// Where the one connection to each host is found by all that goes there.
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

/// A program on another host, with its input and its output.
pub struct Session {
    sudo: bool,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// A `stormctl` on another host that does what it is asked.
pub struct Remote {
    name: String,
    ssh: Ssh,
    control: Arc<Control>,
    /// A folder there that goes when we leave.
    scratch: PathBuf,
    session: Session,
}

/// Brings what comes in to a file.
const TAKE: &str = r#"cat > "$1.part" && chmod 700 "$1.part" && mv "$1.part" "$1""#;

/// Says what the host is, which program is installed there and where ($1). Then it is told the size of the program that it is
/// to be, and that follows, unless it is the installed one (0); it lets it do its work ($2) on what comes behind. However that
/// ends, nothing of it stays.
const SERVE: &str = r#"
umask 077
case $1 in "~"*) dir=$HOME${1#\~} ;; *) dir=$1 ;; esac
work=$2
shift 2
program=$dir/bin/stormctl hash=none
[ -r "$program" ] || program=$(command -v stormctl || echo "$program")
if [ -r "$program" ] && command -v sha256sum >/dev/null 2>&1; then
  hash=$(sha256sum "$program" | cut -c1-64)
fi
uname -s -m && echo "$hash" && echo "$dir" || exit 1
read -r size || exit 1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/stormctl-XXXXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 129' HUP INT TERM
echo "$scratch"
if [ "$size" -gt 0 ]; then
  program=$scratch/stormctl
  head -c "$size" > "$program" && [ "$(wc -c < "$program")" -eq "$size" ] && chmod 700 "$program" || exit 1
fi
if [ "$work" = "agent stdio" ] && "$@" test -r "$dir/conf/storm.yaml"; then
  "$@" "$program" --config "$dir/conf/storm.yaml" $work
else
  "$@" "$program" $work
fi
"#;

/// What the program over there does: as it is asked by a plan,
const ON_HOST: &str = "on-host";
/// or as an agent.
const AS_AGENT: &str = "agent stdio";

/// A word as the shell over there takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn shell(script: &str, zero: &str, words: &[&str]) -> String {
    let words: Vec<String> = std::iter::once(zero).chain(words.iter().copied()).map(quoted).collect();
    format!("exec sh -c {} {}", quoted(script), words.join(" "))
}

/// Who has the connection to a host, and who goes along on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Master,
    Guest,
}

/// The system's ssh with the settings of a host. Nobody is asked: keys come from the agent or from files, and hosts must be known.
fn command(name: &str, ssh: &Ssh, options: &[String]) -> Command {
    let mut command = Command::new("ssh");
    if let Some(config) = &ssh.config {
        command.arg("-F").arg(config);
    }
    command.args(["-T", "-o", "BatchMode=yes", "-o", &format!("ConnectTimeout={CONNECT_SECS}")]);
    command.args(["-o", "ServerAliveInterval=15"]).args(options);
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

impl Session {
    /// Goes there, and has this program do a work there: the installed one if it is the same, else it is brought along.
    async fn open(mut command: Command, ssh: &Ssh, dir: &Path, work: &str) -> Result<(Session, PathBuf), Trouble> {
        let dir = dir.to_string_lossy();
        let mut words = vec![&*dir, work];
        if ssh.sudo == Some(true) {
            words.extend(["sudo", "-n", "--"]);
        }
        command.arg(shell(SERVE, "stormctl", &words));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| no_ssh(&e))?;
        let stdin = child.stdin.take();
        let Some(stdout) = child.stdout.take().map(BufReader::new) else {
            return Err(Trouble::new(Kind::Failed, "install/ssh", "ssh has no output"));
        };
        let mut session = Session { sudo: ssh.sudo == Some(true), child, stdin, stdout };
        let (system, hash, dir) = (session.line().await?, session.line().await?, session.line().await?);
        if !dir.starts_with('/') {
            return Err(Trouble::new(Kind::Failed, "install/ssh", "the shell there prints something of its own")
                .at(system)
                .hint("what its start-up files print must not go to sessions without a terminal"));
        }
        let here = rustix::system::uname();
        let mine = format!("{} {}", here.sysname().to_string_lossy(), here.machine().to_string_lossy());
        if system != mine {
            return Err(Trouble::new(Kind::Refused, "install/architecture", "this stormctl cannot run there")
                .at(format!("there: {system}"))
                .at(format!("here:  {mine}"))
                .hint("run stormctl on a machine of that kind"));
        }
        session.bring(hash == own_sha256()?).await?;
        let scratch = PathBuf::from(session.line().await?);
        Ok((session, scratch))
    }

    /// A `stormctl` that answers there as the host's agent would, for the cluster that lies in this folder.
    pub async fn agent(name: &str, ssh: &Ssh, dir: Option<&Path>) -> Result<Session, Trouble> {
        let dir = dir.unwrap_or(Path::new("/"));
        let (mut session, _) = Session::open(command(name, ssh, &[]), ssh, dir, AS_AGENT).await?;
        session.line().await?;
        if let Some(mut stderr) = session.child.stderr.take() {
            // Nobody reads what it says from here on, and it must not wait for somebody who does.
            tokio::spawn(async move { tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await });
        }
        Ok(session)
    }

    /// Says which program it is to be there: the installed one, or this one, which follows.
    async fn bring(&mut self, installed: bool) -> Result<(), Trouble> {
        let own = Path::new("/proc/self/exe");
        let mut file = File::open(own).await.map_err(|e| Trouble::io("read", own, &e))?;
        let size = file.metadata().await.map_err(|e| Trouble::io("read", own, &e))?.len();
        let Some(stdin) = &mut self.stdin else { return Err(self.lost().await) };
        let sent = async {
            if installed {
                stdin.write_all(b"0\n").await?;
            } else {
                stdin.write_all(format!("{size}\n").as_bytes()).await?;
                tokio::io::copy(&mut file, stdin).await?;
            }
            stdin.flush().await
        };
        if sent.await.is_err() { Err(self.lost().await) } else { Ok(()) }
    }

    /// The next line that it says.
    async fn line(&mut self) -> Result<String, Trouble> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line).await {
            Ok(n) if n > 0 && line.ends_with('\n') => {
                line.pop();
                Ok(line)
            }
            _ => Err(self.lost().await),
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
        if self.sudo && said.contains("sudo") {
            return Trouble::new(Kind::Refused, "install/sudo", "sudo asks for a password there")
                .at(said.trim().to_owned())
                .hint("let the user run stormctl with sudo without a password, or connect as root");
        }
        failed(status, &said)
    }

    /// Lets the program there end, and with it the connection.
    async fn close(mut self) {
        self.stdin = None;
        // One that does not end is killed with its ssh.
        let _ = timeout(END, self.child.wait()).await;
    }
}

impl AsyncRead for Session {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buf)
    }
}

impl AsyncWrite for Session {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

impl Remote {
    fn command(name: &str, ssh: &Ssh, control: &Control, part: Part) -> Command {
        // The connection ends with the session that made it, whose input ends with this process, however that comes.
        let master = if part == Part::Master { "ControlMaster=yes" } else { "ControlMaster=no" };
        let path = format!("ControlPath={}/%C", control.dir.path().display());
        command(name, ssh, &["-o", "ControlPersist=no", "-o", master, "-o", &path].map(str::to_owned))
    }

    /// Goes there, and brings this program along unless the installed one is the same.
    pub async fn connect(name: &str, ssh: &Ssh, dir: &Path, control: Arc<Control>) -> Result<Remote, Trouble> {
        let command = Remote::command(name, ssh, &control, Part::Master);
        let (session, scratch) = Session::open(command, ssh, dir, ON_HOST).await?;
        Ok(Remote { name: name.to_owned(), ssh: ssh.clone(), control, scratch, session })
    }

    pub async fn ask(&mut self, request: &Request) -> Result<Reply, Trouble> {
        let mut text = serde_json::to_string(request).map_err(|e| protocol(&e.to_string()))?;
        text.push('\n');
        let sent = match &mut self.session.stdin {
            Some(stdin) => stdin.write_all(text.as_bytes()).await.is_ok() && stdin.flush().await.is_ok(),
            None => false,
        };
        if !sent {
            return Err(self.session.lost().await);
        }
        let line = self.session.line().await?;
        serde_json::from_str(&line).map_err(|e| protocol(&format!("{e}: {line}")))
    }

    /// Brings a file there, on the same connection.
    pub async fn put(&mut self, path: &Path) -> Result<PathBuf, Trouble> {
        let there = self.scratch.join(path.file_name().unwrap_or_default());
        let mut file = File::open(path).await.map_err(|e| {
            Trouble::io("read", path, &e)
                .hint("stormctl plan --file cluster.yaml      fetches it again, or says where it should be")
        })?;
        let mut command = Remote::command(&self.name, &self.ssh, &self.control, Part::Guest);
        command.arg(shell(TAKE, "stormctl", &[&there.to_string_lossy()]));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| no_ssh(&e))?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                tokio::io::copy(&mut file, &mut stdin).await?;
                stdin.shutdown().await?;
            }
            Ok::<(), io::Error>(())
        };
        let (fed, output) = tokio::join!(feed, child.wait_with_output());
        let output = output.map_err(|e| no_ssh(&e))?;
        if !output.status.success() {
            return Err(failed(output.status.code(), &String::from_utf8_lossy(&output.stderr)));
        }
        fed.map_err(|e| Trouble::io("bring", path, &e))?;
        Ok(there)
    }

    /// Lets the program there end, and with it the connection.
    pub async fn close(self) {
        self.session.close().await;
    }
}

fn protocol(what: &str) -> Trouble {
    Trouble::new(Kind::Failed, "install/protocol", "the stormctl over there answers something else").at(what)
}

fn no_ssh(e: &io::Error) -> Trouble {
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
    let strange = said.contains("Host key verification failed");
    let shut = said.contains("Permission denied") || said.contains("Too many authentication failures");
    // Whoever does not let us in is there.
    let code = if strange || shut { "install/ssh-login" } else { "install/ssh" };
    let mut trouble = Trouble::new(kind, code, message);
    for line in &lines[lines.len().saturating_sub(6)..] {
        trouble = trouble.at(line.trim());
    }
    let hint = if strange {
        "ssh HOST once, look at its key, and accept it"
    } else if shut {
        "ssh-add your key, or ssh-copy-id it to the host"
    } else {
        "see that ssh HOST works without a question"
    };
    trouble.hint(hint)
}
