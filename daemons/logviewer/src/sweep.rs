//! Removing what `clean` has decided on, again and again.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use tokio::time::{MissedTickBehavior, interval};

use crate::clean::{Kept, Removal, removals};
use crate::files;
use crate::live::Living;
use crate::root::{Denied, Root};
use crate::settings::Cleaning;

pub async fn forever(cleaning: Cleaning) {
    let mut ticks = interval(cleaning.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let cleaning = cleaning.clone();
        match tokio::task::spawn_blocking(move || once(&cleaning, SystemTime::now())).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!("{count} old logs of workers are removed"),
            Ok(Err(e)) => tracing::warn!("old logs are not removed: {e}"),
            Err(e) => tracing::error!("the removal of old logs broke: {e}"),
        }
    }
}

/// How many folders and files went.
fn once(cleaning: &Cleaning, now: SystemTime) -> Result<usize, Denied> {
    let root = Root::new(cleaning.artifacts.clone());
    // First what is there, then who lives: a worker that starts in between is young.
    let slots = files::slots(&root, None, None)?;
    let mut all = Vec::with_capacity(slots.len());
    for slot in slots {
        let files = files::of_slot(&root, &slot)?;
        let folder = fs::symlink_metadata(root.path().join(&slot.topology).join(&slot.port));
        let touched = folder.and_then(|f| f.modified()).unwrap_or(now);
        all.push(Kept { slot, alive: false, touched, files });
    }
    let living = Living::look(&cleaning.workers_dir)?;
    for kept in &mut all {
        kept.alive = living.has(&kept.slot, root.path());
    }
    let mut count = 0;
    for removal in removals(&all, &cleaning.limits, now) {
        match remove(root.path(), &removal) {
            Ok(()) => count += 1,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => tracing::warn!("cannot remove {removal:?}: {e}"),
        }
    }
    Ok(count)
}

fn remove(root: &Path, removal: &Removal) -> io::Result<()> {
    match removal {
        Removal::File(slot, name) => fs::remove_file(root.join(slot.file(name))),
        Removal::Slot(slot) => {
            let topology = root.join(&slot.topology);
            fs::remove_dir_all(topology.join(&slot.port))?;
            // The last one takes the folder of the topology along; while there are others it stays.
            match fs::remove_dir(&topology) {
                Err(e) if e.kind() != io::ErrorKind::DirectoryNotEmpty => Err(e),
                _ => Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::Limits;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    #[test]
    fn only_the_old_goes_and_nothing_outside() {
        let dir = tempfile::tempdir().unwrap();
        let (artifacts, workers) = (dir.path().join("artifacts"), dir.path().join("workers"));
        let file = |name: &str| artifacts.join(name);
        for name in ["dead-1-1/1/worker.log", "mixed-1-1/1/worker.log", "mixed-1-1/2/worker.log"] {
            fs::create_dir_all(file(name).parent().unwrap()).unwrap();
            fs::write(file(name), "x").unwrap();
        }
        fs::create_dir_all(workers.join("w")).unwrap();
        symlink(file("mixed-1-1/2"), workers.join("w/artifacts")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/keep"), "x").unwrap();
        symlink(dir.path().join("outside"), file("dead-1-1/1/link")).unwrap();
        symlink(dir.path().join("outside"), file("linked")).unwrap();
        let limits = Limits { age: Duration::from_secs(1000), each: 1 << 30, sum: 1 << 30 };
        let cleaning =
            Cleaning { every: Duration::from_secs(1), limits, workers_dir: workers, artifacts: artifacts.clone() };
        assert_eq!(once(&cleaning, SystemTime::now()).unwrap(), 0);
        assert_eq!(once(&cleaning, SystemTime::now() + Duration::from_secs(2000)).unwrap(), 2);
        assert!(!file("dead-1-1").exists() && !file("mixed-1-1/1").exists());
        assert!(file("mixed-1-1/2/worker.log").exists() && dir.path().join("outside/keep").exists());
        let nothing = Cleaning { artifacts: dir.path().join("none"), ..cleaning };
        assert_eq!(once(&nothing, SystemTime::now()).unwrap(), 0);
    }
}
