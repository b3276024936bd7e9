//! `admin zk_cli`: commands in zkCli.sh's spelling on Storm's ZooKeeper, for reading unless `-w`.

use std::io::BufRead;

use zookeeper_client::{Acls, CreateMode, Stat};

use crate::cli::storm::ZkCli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::session::{Session, resolve};

pub async fn run(ctx: &Context, args: &ZkCli) -> Result<(), Failure> {
    if let Some(jaas) = &args.jaas {
        return Err(Failure::new(
            Exit::Usage,
            "usage/jaas",
            "a JAAS file is for Java; SASL towards ZooKeeper is not supported",
        )
        .evidence(jaas.display().to_string())
        .hint("set storm.zookeeper.auth.scheme and storm.zookeeper.auth.payload"));
    }
    let session = Session::connect(ctx, args.server.as_deref()).await?;
    // As Storm's: the paths of a connection string that somebody gives are his own.
    let base = if args.no_root || args.server.is_some() { String::new() } else { session.root.clone() };
    let shell = Shell { ctx, session, base, write: args.write };
    if !args.command.is_empty() {
        let line = args.command.join(" ");
        return shell.line(&line).await.map(drop);
    }
    let mut last = Ok(());
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Failure::io("cannot read stdin", &e))?;
        match shell.line(&line).await {
            Ok(true) => last = Ok(()),
            Ok(false) => return Ok(()),
            Err(failure) => {
                ctx.printer.failure(&failure);
                last = Err(Failure { faults: Vec::new(), ..failure });
            }
        }
    }
    last
}

struct Shell<'a> {
    ctx: &'a Context,
    session: Session,
    base: String,
    write: bool,
}

impl Shell<'_> {
    /// Runs one line; false means to leave.
    async fn line(&self, line: &str) -> Result<bool, Failure> {
        let mut words = line.trim().splitn(3, char::is_whitespace);
        let verb = words.next().unwrap_or_default();
        let (path, data) = (words.next(), words.next().unwrap_or_default());
        match (verb, path) {
            ("", _) => {}
            ("quit" | "exit", _) => return Ok(false),
            ("help", _) => self
                .ctx
                .printer
                .out("ls PATH\nget PATH\nstat PATH\ncreate PATH [DATA]\nset PATH DATA\ndelete PATH\nquit\n")?,
            ("ls" | "get" | "stat", Some(path)) => self.look(verb, path).await?,
            ("create" | "set" | "delete", Some(path)) => self.change(verb, path, data).await?,
            _ => {
                return Err(Failure::new(Exit::Usage, "usage/zk-cli", format!("\"{line}\" is no command here"))
                    .hint("help lists them; stormctl zk shell knows more"));
            }
        }
        Ok(true)
    }

    /// Every path is below the base, as with a chroot.
    fn path(&self, typed: &str) -> Result<String, Failure> {
        let below = resolve("", typed)?;
        Ok(match below.as_str() {
            "/" if !self.base.is_empty() => self.base.clone(),
            below => format!("{}{below}", self.base),
        })
    }

    async fn look(&self, verb: &str, typed: &str) -> Result<(), Failure> {
        let path = self.path(typed)?;
        let client = &self.session.client;
        let failed = |e: zookeeper_client::Error| self.session.failure(&path, &e);
        let text = match verb {
            "ls" => {
                let mut names = client.list_children(&path).await.map_err(failed)?;
                names.sort_unstable();
                format!("[{}]\n", names.join(", "))
            }
            "get" => {
                let (data, _) = client.get_data(&path).await.map_err(failed)?;
                let kind =
                    crate::zk::node::decode(&crate::zk::thrift::Types::new(false), &self.session.root, &path, &data);
                kind.text()
            }
            _ => {
                let missing = || self.session.failure(&path, &zookeeper_client::Error::NoNode);
                stat(&client.check_stat(&path).await.map_err(failed)?.ok_or_else(missing)?)
            }
        };
        self.ctx.printer.out(&text)
    }

    async fn change(&self, verb: &str, typed: &str, data: &str) -> Result<(), Failure> {
        let path = self.path(typed)?;
        if !self.write {
            return Err(Failure::new(
                Exit::Refused,
                "zk-cli/read-only",
                format!("{verb} {path}: this shell only reads"),
            )
            .hint("stormctl admin zk_cli -w"));
        }
        let client = &self.session.client;
        let failed = |e: zookeeper_client::Error| self.session.failure(&path, &e);
        match verb {
            "create" => {
                let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
                client.create(&path, data.as_bytes(), &options).await.map(drop).map_err(failed)?;
                self.ctx.printer.out(&format!("Created {typed}\n"))
            }
            "set" => client.set_data(&path, data.as_bytes(), None).await.map(drop).map_err(failed),
            _ => client.delete(&path, None).await.map_err(failed),
        }
    }
}

/// As zkCli prints it.
fn stat(s: &Stat) -> String {
    format!(
        "cZxid = 0x{:x}\nmZxid = 0x{:x}\npZxid = 0x{:x}\ncversion = {}\ndataVersion = {}\naclVersion = {}\n\
         ephemeralOwner = 0x{:x}\ndataLength = {}\nnumChildren = {}\n",
        s.czxid, s.mzxid, s.pzxid, s.cversion, s.version, s.aversion, s.ephemeral_owner, s.data_length, s.num_children
    )
}
