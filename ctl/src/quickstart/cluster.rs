//! The processes of a quickstart's cluster. Whatever happens, they end with it, unless they are kept.

use std::time::{Duration, Instant};

use storm_conf::Conf;
use storm_machine::process::Identity;
use storm_machine::process::sweep::{self, Scope};
use storm_thrift::NimbusClient;

use super::site::Site;
use crate::cli::Role;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::service::{self, Launch, Starting};

const START: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(1);
/// For daemons to say goodbye to ZooKeeper and to close their logs.
const GRACE: Duration = Duration::from_millis(300);

pub struct Cluster {
    pub site: Site,
    daemons: Vec<Starting>,
    kept: bool,
}

impl Cluster {
    pub fn new(site: Site) -> Cluster {
        // Workers whose Supervisor is gone become our children, so that none stays behind as a zombie where the
        // machine's first process does not care for them.
        if !site.is_kept() {
            sweep::adopt_orphans();
        }
        Cluster { site, daemons: Vec::new(), kept: false }
    }

    pub fn conf(&self) -> &Conf {
        &self.site.conf
    }

    /// Starts the three daemons; `tell` hears of each that serves.
    pub async fn start(&mut self, tell: &mut dyn FnMut(Role, &str)) -> Result<(), Failure> {
        self.launch(Role::Zookeeper)?;
        self.ready(tell).await?;
        // Nimbus and the Supervisor wait for each other on their own, so they start together.
        self.launch(Role::Nimbus)?;
        self.launch(Role::Supervisor)?;
        self.ready(tell).await
    }

    fn launch(&mut self, role: Role) -> Result<(), Failure> {
        let how = Launch {
            conf: &self.site.conf,
            conf_file: Some(&self.site.file),
            settings: &[],
            tied: !self.site.is_kept(),
        };
        self.daemons.push(service::launch(role, how)?);
        Ok(())
    }

    /// Waits until every daemon that was launched serves.
    async fn ready(&mut self, tell: &mut dyn FnMut(Role, &str)) -> Result<(), Failure> {
        let deadline = Instant::now() + START;
        let mut waiting: Vec<&mut Starting> = self.daemons.iter_mut().collect();
        waiting.retain(|d| !d.served);
        while !waiting.is_empty() {
            let mut left = Vec::new();
            for daemon in waiting {
                match daemon.poll()? {
                    Some(address) => tell(daemon.role, &address),
                    None => left.push(daemon),
                }
            }
            waiting = left;
            if Instant::now() > deadline {
                let names: Vec<&str> = waiting.iter().map(|d| d.role.name()).collect();
                return Err(Failure::new(
                    Exit::Deadline,
                    "start/deadline",
                    format!("{} does not serve after {} s", names.join(", "), START.as_secs()),
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// A connection to the Nimbus once it leads and knows its Supervisor.
    pub async fn nimbus(&mut self) -> Result<NimbusClient, Failure> {
        let deadline = Instant::now() + START;
        loop {
            let failure = match NimbusClient::leader(self.conf()).await {
                Ok(mut nimbus) => match nimbus.get_cluster_info().await {
                    Ok(info) if !info.supervisors.is_empty() => return Ok(nimbus),
                    Ok(_) => {
                        Failure::new(Exit::Deadline, "quickstart/no-supervisor", "the Supervisor does not register")
                    }
                    Err(e) => e.into(),
                },
                Err(e) => e.into(),
            };
            self.all_alive()?;
            if Instant::now() > deadline {
                return Err(failure);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// An error when one of the daemons has ended.
    pub fn all_alive(&mut self) -> Result<(), Failure> {
        self.daemons.iter_mut().try_for_each(Starting::alive)
    }

    /// From now on the processes live on their own.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Ends every process of the cluster and returns when there is none.
    pub fn stop(&mut self) {
        let scope = Scope::new(Some(&self.site.file), &self.site.conf.local_dir());
        // ZooKeeper last: the others say goodbye to it.
        for zookeeper in [false, true] {
            let asked = self.daemons.iter().filter(|d| (d.role == Role::Zookeeper) == zookeeper);
            let asked: Vec<Identity> = asked.filter_map(Starting::identity).collect();
            sweep::ask(&asked);
            sweep::wait_gone(&asked, GRACE);
        }
        sweep::kill_members(&scope);
        self.daemons.iter_mut().for_each(Starting::reap);
        self.daemons.clear();
        sweep::reap_orphans();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.kept {
            self.stop();
        }
    }
}
