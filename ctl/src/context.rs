//! What every command has at hand: the printer, the configuration, the cluster.

use std::path::PathBuf;
use std::time::Duration;

use storm_conf::{Conf, LoadOptions, Mistake, Reader};
use storm_thrift::NimbusClient;

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub struct Context {
    pub printer: Printer,
    pub global: Global,
    pub conf: Conf,
    /// The file that the configuration came from, if there was one.
    pub file: Option<PathBuf>,
    /// What is hardly meant; client commands have printed it, daemons log it.
    pub warnings: Vec<Mistake>,
}

impl Context {
    pub fn load(printer: Printer, global: Global, reader: Reader) -> Result<Context, Failure> {
        let options = LoadOptions {
            file: global.config.clone(),
            overrides: global.overrides(),
            reader,
            ..LoadOptions::default()
        };
        let loaded = storm_conf::load_from(&options)?;
        if reader != Reader::Daemon {
            loaded.warnings.iter().for_each(|w| printer.warning(w));
        }
        Ok(Context { printer, global, conf: loaded.conf, file: loaded.file, warnings: loaded.warnings })
    }

    /// A connection to the leading Nimbus.
    pub async fn nimbus(&self) -> Result<NimbusClient, Failure> {
        let file = match &self.file {
            Some(file) => format!("configuration: {}", file.display()),
            None => "configuration: no storm.yaml found, so Storm's defaults".to_owned(),
        };
        NimbusClient::leader(&self.conf).await.map_err(|e| Failure::from(e).evidence(file))
    }

    /// Runs to the end or to the deadline of `--timeout`, whichever comes first.
    pub async fn within<T>(
        &self,
        default: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let limit = self.global.timeout.unwrap_or(default);
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => {
                Err(Failure::new(Exit::Deadline, "deadline", format!("not done within {} s", limit.as_secs_f64()))
                    .hint("give it longer with --timeout"))
            }
        }
    }
}
