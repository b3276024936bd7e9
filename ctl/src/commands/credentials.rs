//! `stormctl upload-credentials`: new credentials for a running topology.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::{Map, json};
use storm::flux::parse_properties;
use storm_thrift::types::Credentials;

use crate::change::Change;
use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

use super::topology;

pub async fn run(ctx: &Context, args: &cli::storm::UploadCredentials) -> Result<(), Failure> {
    let creds = gather(args)?;
    ctx.within(Duration::from_secs(30), async {
        let mut nimbus = ctx.nimbus().await?;
        let topology = topology::find(&mut nimbus, &args.name).await?;
        let keys: Vec<String> = creds.keys().cloned().collect();
        if creds.is_empty() {
            let text = format!("No credentials were uploaded for {}", topology.name);
            if args.fail_when_empty {
                return Err(Failure::new(Exit::Failed, "credentials/none", text)
                    .hint("name keys and values, or a properties file with -f"));
            }
            ctx.printer.note(&text);
        } else if !args.dry.dry_run {
            let credentials = Credentials { creds, topo_owner: args.user.clone() };
            nimbus.upload_new_credentials(topology.name.clone(), credentials).await?;
        }
        let verb = if args.dry.dry_run { "would get" } else { "has got" };
        let what = if keys.is_empty() { "no credentials".to_owned() } else { keys.join(", ") };
        ctx.printer.show(&Change {
            action: "upload-credentials",
            // Keys only: values are secrets.
            message: format!("{} {verb} {what}", topology.name),
            next: Some(format!("stormctl admin creds {}", topology.id)),
            names: vec![topology.name],
            details: Map::from_iter([
                ("keys".to_owned(), json!(keys)),
                ("dry_run".to_owned(), json!(args.dry.dry_run)),
            ]),
        })
    })
    .await
}

fn gather(args: &cli::storm::UploadCredentials) -> Result<BTreeMap<String, String>, Failure> {
    if !args.pairs.len().is_multiple_of(2) {
        return Err(Failure::new(Exit::Usage, "usage/pairs", "a key has no value: keys and values go in turn")
            .evidence(format!("{} words after the topology", args.pairs.len())));
    }
    let mut creds = match &args.file {
        None => BTreeMap::new(),
        Some(path) => {
            let text =
                fs::read_to_string(path).map_err(|e| Failure::io(format!("cannot read {}", path.display()), &e))?;
            parse_properties(&text)
        }
    };
    creds.extend(args.pairs.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())));
    Ok(creds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_win_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "# of ours\na = 1\nb: 2\n").unwrap();
        let mut args = cli::storm::UploadCredentials {
            name: "t".into(),
            pairs: vec!["b".into(), "3".into()],
            file: Some(file.path().to_owned()),
            user: None,
            fail_when_empty: false,
            dry: cli::storm::DryRun::default(),
        };
        let creds = gather(&args).unwrap();
        assert_eq!(creds, BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "3".to_owned())]));
        args.pairs.push("odd".into());
        assert_eq!(gather(&args).unwrap_err().exit, Exit::Usage);
    }
}
