//! Making, renewing and revoking certificates, and the list of them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use storm_agent::Purpose;
use storm_agent::authority::{self, Authority, AuthorityError, CRL, Entry, Issued, RENEW_DAYS, Wanted};

use crate::agents::tls_dir;
use crate::change::Change;
use crate::cli::agent::{Ca, InitCa, Issue, List, Renew, Revoke};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::logging::iso_time;
use crate::printer::Report;
use crate::roles::is_this_machine;
use crate::table::{Side, Table};

/// The folder of the authority, beside storm.yaml.
const CA_DIR: &str = "agent-ca";

fn ca_dir(ctx: &Context, ca: &Ca) -> PathBuf {
    let beside = || match ctx.file.as_deref().and_then(Path::parent) {
        Some(folder) => folder.join(CA_DIR),
        None => ctx.conf.home().join("conf").join(CA_DIR),
    };
    ca.ca.clone().unwrap_or_else(beside)
}

fn open(ctx: &Context, ca: &Ca) -> Result<Authority, Failure> {
    Authority::open(&ca_dir(ctx, ca)).map_err(|e| failure(&e))
}

pub fn init(ctx: &Context, args: &InitCa) -> Result<(), Failure> {
    let dir = ca_dir(ctx, &args.ca);
    if args.dry.dry_run {
        let there = dir.join(authority::CA_KEY);
        if there.exists() {
            return Err(failure(&AuthorityError::Exists { path: there }));
        }
        return ctx.printer.show(&would("created", vec![dir.display().to_string()]));
    }
    Authority::create(&dir, SystemTime::now()).map_err(|e| failure(&e))?;
    ctx.printer.show(&Change {
        action: "created",
        names: vec![dir.display().to_string()],
        message: format!(
            "the authority of this cluster's agents is in {}\nits key, {}, stays there: whoever has it can make certificates",
            dir.display(),
            dir.join(authority::CA_KEY).display()
        ),
        next: Some("stormctl agent issue HOST... --out certs, and stormctl agent issue --operator YOU".to_owned()),
        details: Map::new(),
    })
}

pub fn issue(ctx: &Context, args: &Issue) -> Result<(), Failure> {
    if args.hosts.len() != 1 && !args.san.is_empty() {
        return Err(Failure::new(Exit::Usage, "usage/san", "--san is for one host")
            .hint("run stormctl agent issue once for each host"));
    }
    let authority = open(ctx, &args.ca)?;
    let wanted: Vec<(&str, Purpose)> = match (&args.operator, &args.viewer) {
        (Some(name), _) => vec![(name, Purpose::Operator)],
        (_, Some(name)) => vec![(name, Purpose::Viewer)],
        _ => args.hosts.iter().map(|host| (host.as_str(), Purpose::Agent)).collect(),
    };
    // Where everything goes is known before anything is made.
    let folders: Vec<PathBuf> = wanted
        .iter()
        .map(|(name, purpose)| folder(ctx, args.out.as_deref(), name, *purpose))
        .collect::<Result<_, _>>()?;
    if args.dry.dry_run {
        return ctx.printer.show(&would("issued", wanted.iter().map(|(name, _)| (*name).to_owned()).collect()));
    }
    let mut made = Vec::new();
    for ((name, purpose), folder) in wanted.into_iter().zip(folders) {
        let wanted = Wanted { name, purpose, sans: &args.san, days: args.days };
        let issued = authority.issue_for(&wanted, SystemTime::now()).map_err(|e| failure(&e))?;
        issued.write(&folder, &authority).map_err(|e| failure(&e))?;
        made.push((issued, folder));
    }
    ctx.printer.show(&made_report(ctx, "issued", &made))
}

fn would(action: &'static str, names: Vec<String>) -> Change {
    let verb = match action {
        "created" => "make an authority in",
        "issued" => "make certificates for",
        "renewed" => "renew the certificates of",
        _ => "revoke the certificates of",
    };
    Change {
        action,
        message: format!("would {verb} {}", names.join(", ")),
        names,
        details: Map::from_iter([("dry_run".to_owned(), true.into())]),
        ..Change::default()
    }
}

/// The folder that a certificate is for: below `out`, or what this host and user use themselves.
fn folder(ctx: &Context, out: Option<&Path>, name: &str, purpose: Purpose) -> Result<PathBuf, Failure> {
    match out {
        Some(out) => Ok(out.join(name)),
        None if purpose != Purpose::Agent || is_this_machine(&ctx.conf, name) => {
            Ok(tls_dir(&ctx.conf, ctx.file.as_deref()))
        }
        None => Err(Failure::new(Exit::Usage, "usage/out", format!("{name} is not this machine"))
            .hint(format!("name a folder, --out certs, and copy certs/{name} to {name}"))),
    }
}

fn made_report(ctx: &Context, action: &'static str, made: &[(Issued, PathBuf)]) -> Change {
    let line = |(issued, folder): &(Issued, PathBuf)| {
        format!(
            "{action} {} ({}), valid until {}: {}",
            issued.name,
            issued.purpose,
            day(issued.not_after),
            folder.display()
        )
    };
    let item = |(issued, folder): &(Issued, PathBuf)| {
        json!({"name": issued.name, "purpose": issued.purpose.word(), "serial": issued.serial,
            "not_after": moment(issued.not_after), "folder": folder})
    };
    let own = tls_dir(&ctx.conf, ctx.file.as_deref());
    let elsewhere = made.iter().any(|(_, folder)| *folder != own);
    Change {
        action,
        names: made.iter().map(|(issued, _)| issued.name.clone()).collect(),
        message: made.iter().map(line).collect::<Vec<_>>().join("\n"),
        next: elsewhere.then(|| {
            "copy each folder to its host, as agent-tls beside storm.yaml; a running agent takes it within a second"
                .to_owned()
        }),
        details: Map::from_iter([("items".to_owned(), made.iter().map(item).collect())]),
    }
}

pub fn renew(ctx: &Context, args: &Renew) -> Result<(), Failure> {
    let now = SystemTime::now();
    let authority = open(ctx, &args.ca)?;
    let mut chosen = authority.valid(now).map_err(|e| failure(&e))?;
    if let Some(unknown) = args.names.iter().find(|n| !chosen.iter().any(|e| e.name == **n)) {
        return Err(failure(&AuthorityError::Unknown { name: unknown.clone() }));
    }
    chosen.retain(|e| args.names.is_empty() || args.names.contains(&e.name));
    chosen.retain(|e| args.force || e.is_due(now));
    let folders: Vec<PathBuf> =
        chosen.iter().map(|e| folder(ctx, args.out.as_deref(), &e.name, e.purpose)).collect::<Result<_, _>>()?;
    if chosen.is_empty() || args.dry_run {
        let names: Vec<String> = chosen.iter().map(|e| e.name.clone()).collect();
        if !names.is_empty() {
            return ctx.printer.show(&would("renewed", names));
        }
        let message = format!("nothing is due: all are valid for {RENEW_DAYS} more days");
        return ctx.printer.show(&Change { action: "renewed", message, ..Change::default() });
    }
    let mut made = Vec::new();
    for (entry, folder) in chosen.iter().zip(folders) {
        let wanted = Wanted { name: &entry.name, purpose: entry.purpose, sans: &entry.sans, days: authority::DAYS };
        let issued = authority.issue_for(&wanted, now).map_err(|e| failure(&e))?;
        issued.write(&folder, &authority).map_err(|e| failure(&e))?;
        made.push((issued, folder));
    }
    ctx.printer.show(&made_report(ctx, "renewed", &made))
}

pub fn revoke(ctx: &Context, args: &Revoke) -> Result<(), Failure> {
    let now = SystemTime::now();
    let dir = ca_dir(ctx, &args.ca);
    let authority = open(ctx, &args.ca)?;
    let known = authority.issued().map_err(|e| failure(&e))?;
    if let Some(unknown) = args.names.iter().find(|n| !known.iter().any(|e| e.name == **n || e.serial == **n)) {
        return Err(failure(&AuthorityError::Unknown { name: unknown.clone() }));
    }
    if args.dry.dry_run {
        return ctx.printer.show(&would("revoked", args.names.clone()));
    }
    let mut revoked = Vec::new();
    for name in &args.names {
        revoked.extend(authority.revoke(name, now).map_err(|e| failure(&e))?);
    }
    // Folders of this authority, which have its list.
    let mut told = vec![tls_dir(&ctx.conf, ctx.file.as_deref())];
    told.extend(args.out.iter().flat_map(|out| folders(out)));
    let own = |folder: &Path| {
        std::fs::read_to_string(folder.join(authority::CA_CERT)).is_ok_and(|ca| ca == authority.ca_pem())
    };
    told.retain(|folder| folder.join(CRL).is_file() && own(folder));
    for folder in &told {
        authority.write_crl(folder).map_err(|e| failure(&e))?;
    }
    let line = |e: &Entry| format!("revoked {} ({}), serial {}", e.name, e.purpose, e.serial);
    ctx.printer.show(&Change {
        action: "revoked",
        names: revoked.iter().map(|e| e.name.clone()).collect(),
        message: revoked.iter().map(line).collect::<Vec<_>>().join("\n"),
        next: Some(format!(
            "copy {} to agent-tls on every host: until an agent has it, it lets them in",
            dir.join(CRL).display()
        )),
        details: Map::from_iter([
            ("serials".to_owned(), revoked.iter().map(|e| e.serial.clone()).collect()),
            ("written".to_owned(), told.iter().map(|f| f.display().to_string()).collect()),
        ]),
    })
}

fn folders(out: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(out).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect()
}

pub fn list(ctx: &Context, args: &List) -> Result<(), Failure> {
    let now = SystemTime::now();
    let authority = open(ctx, &args.ca)?;
    let entries = if args.all { authority.issued() } else { authority.valid(now) }.map_err(|e| failure(&e))?;
    ctx.printer.show(&Certificates { entries, now })
}

struct Certificates {
    entries: Vec<Entry>,
    now: SystemTime,
}

impl Certificates {
    fn state(&self, e: &Entry) -> &'static str {
        match e {
            Entry { revoked: Some(_), .. } => "revoked",
            Entry { not_after, .. } if *not_after <= self.now => "expired",
            e if e.is_due(self.now) => "due",
            _ => "valid",
        }
    }
}

impl Report for Certificates {
    const KIND: &'static str = "CertificateList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let one = |e: &Entry| {
            json!({"name": e.name, "purpose": e.purpose.word(), "sans": e.sans, "serial": e.serial,
                "not_after": moment(e.not_after), "state": self.state(e)})
        };
        self.entries.iter().map(one).collect()
    }

    fn text(&self, wide: bool) -> String {
        let mut columns =
            vec![("NAME", Side::Left), ("PURPOSE", Side::Left), ("STATE", Side::Left), ("UNTIL", Side::Left)];
        if wide {
            columns.extend([("SERIAL", Side::Left), ("OTHER NAMES", Side::Left)]);
        }
        let mut table = Table::new(&columns);
        for e in &self.entries {
            let mut cells = vec![e.name.clone(), e.purpose.to_string(), self.state(e).to_owned(), day(e.not_after)];
            if wide {
                cells.extend([e.serial.clone(), e.sans.join(",")]);
            }
            table.row(cells);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.entries.iter().map(|e| e.name.clone()).collect()
    }
}

fn moment(time: SystemTime) -> String {
    iso_time(time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64)
}

fn day(time: SystemTime) -> String {
    moment(time).chars().take(10).collect()
}

fn failure(e: &AuthorityError) -> Failure {
    let exit = match e {
        AuthorityError::Exists { .. } => Exit::Conflict,
        AuthorityError::Missing { .. } => Exit::NotInstalled,
        AuthorityError::Unknown { .. } => Exit::NotFound,
        AuthorityError::Name { .. } => Exit::Usage,
        AuthorityError::Exposed { .. } => Exit::Refused,
        AuthorityError::Io { .. } | AuthorityError::Damaged { .. } | AuthorityError::Make { .. } => Exit::Failed,
    };
    let failure = Failure::new(exit, e.code(), e.to_string());
    match e {
        AuthorityError::Exists { .. } => failure
            .hint("use it: stormctl agent issue HOST; a new one would make every certificate of the old one void"),
        AuthorityError::Missing { .. } => failure.hint("stormctl agent init-ca, or name another folder with --ca"),
        AuthorityError::Unknown { .. } => failure.hint("stormctl agent list"),
        AuthorityError::Exposed { path, .. } => failure.hint(format!("chmod 600 {}", path.display())),
        _ => failure,
    }
}
