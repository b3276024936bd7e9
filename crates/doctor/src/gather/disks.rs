//! Folders of the configuration, and what their file systems say.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statfs, statvfs};

use crate::facts::{Config, Dir};

/// File systems that live in memory, by their magic numbers: tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

pub(super) fn dirs(config: &Config) -> Vec<Dir> {
    let conf = &config.conf;
    let mut dirs = vec![dir("storm.local.dir", conf.local_dir()), dir("storm.log.dir", conf.log_dir())];
    // The default is there for a server that few have.
    let zookeeper = conf.home().join(conf.str("dev.zookeeper.path").unwrap_or("/tmp/dev-storm-zookeeper"));
    if zookeeper.exists() {
        dirs.push(dir("dev.zookeeper.path", zookeeper));
    }
    dirs
}

fn dir(key: &'static str, path: PathBuf) -> Dir {
    let exists = path.exists();
    // What is not there yet is made below the nearest folder that is.
    let base = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let unwritable = if base.is_dir() {
        let denied = access(base, Access::WRITE_OK | Access::EXEC_OK).err();
        denied.map(|e| match exists {
            true => e.to_string(),
            false => format!("is not there, and cannot be made in {}: {e}", base.display()),
        })
    } else {
        Some(format!("{} is no folder", base.display()))
    };
    let room = statvfs(base).ok();
    Dir {
        key,
        exists,
        unwritable,
        free_bytes: room.as_ref().map(|r| r.f_bavail.saturating_mul(r.f_frsize)),
        free_inodes: room.as_ref().map(|r| r.f_favail),
        in_memory: statfs(base).is_ok_and(|s| IN_MEMORY.contains(&(s.f_type as u64))),
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_folder_and_a_pseudo_file_system_takes_none() {
        let tmp = tempfile::tempdir().unwrap();
        let good = dir("storm.local.dir", tmp.path().join("new/deep"));
        assert_eq!((good.exists, good.unwritable.as_deref()), (false, None));
        assert!(good.free_bytes.unwrap() > 0);
        let file = tmp.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(dir("storm.local.dir", file.join("below")).unwritable.unwrap().contains("is no folder"));
    }
}
