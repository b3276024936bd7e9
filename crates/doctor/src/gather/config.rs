//! The configuration, read so far as it can be: a file with mistakes still names ports and folders.

use std::collections::BTreeMap;
use std::path::Path;

use storm_conf::yaml::{self, Kind};
use storm_conf::{Conf, Environment, LoadOptions, Mistake, Place, load_from};

use crate::facts::Config;

/// Never fails: what is wrong is among the facts.
pub fn read(options: &LoadOptions) -> Config {
    let mut config = match load_from(options) {
        Ok(loaded) => Config { conf: loaded.conf, file: loaded.file, ..Config::default() },
        Err(errors) => {
            let file = errors.mistakes.iter().find_map(|m| match &m.place {
                Place::File { path, .. } => Some(path.clone()),
                Place::Option(_) => options.file.clone(),
            });
            let mut config = Config { conf: Conf::defaults(), file, mistakes: errors.mistakes, ..Config::default() };
            salvage(&mut config, options);
            config
        }
    };
    if let Some(file) = config.file.clone() {
        config.written = lines(&file);
    }
    for text in &options.overrides {
        if let Some((key, _)) = text.split_once('=') {
            config.written.insert(key.trim().to_owned(), format!("-c {text}"));
        }
    }
    config
}

/// Takes the keys that are right.
fn salvage(config: &mut Config, options: &LoadOptions) {
    let wrong: Vec<String> = config.mistakes.iter().filter_map(key_of).collect();
    let text = config.file.as_ref().and_then(|f| std::fs::read_to_string(f).ok()).unwrap_or_default();
    if let (Some(root), _) = yaml::read(&text)
        && let Kind::Map(entries) = root.kind
    {
        for entry in entries.into_iter().filter(|e| !wrong.contains(&e.key)) {
            let value = entry.value.to_value();
            config.conf.set(&entry.key, value);
        }
    }
    for text in &options.overrides {
        if let Some((key, value)) = storm_conf::option(text).filter(|(key, _)| !wrong.iter().any(|w| w == key.trim())) {
            config.conf.set(key.trim(), value);
        }
    }
    if config.conf.str("storm.home").is_none() {
        let home = options.environment.clone().unwrap_or_else(Environment::of_process).home();
        config.conf.set("storm.home", std::path::absolute(&home).unwrap_or(home).to_string_lossy().into_owned());
    }
}

/// Messages about a key begin with it.
fn key_of(mistake: &Mistake) -> Option<String> {
    let word = mistake.message.split_whitespace().next()?;
    word.contains('.').then(|| word.to_owned())
}

fn lines(file: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let Some(Kind::Map(entries)) = yaml::read(&text).0.map(|root| root.kind) else { return BTreeMap::new() };
    entries.into_iter().map(|e| (e.key, format!("{}:{}", file.display(), e.key_mark.line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_mistakes_is_read_so_far_as_it_is_right() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("storm.yaml");
        std::fs::write(&file, "nimbus.thrift.port: 7000\nstorm.zookeeper.servers: zk1\n").unwrap();
        let options =
            LoadOptions { file: Some(file.clone()), overrides: vec!["ui.port=81".into()], ..LoadOptions::default() };
        let config = read(&options);
        assert_eq!(config.mistakes.len(), 1);
        assert_eq!(config.conf.int("nimbus.thrift.port"), Some(7000));
        assert_eq!(config.conf.strings("storm.zookeeper.servers"), ["localhost"]);
        assert_eq!(config.conf.int("ui.port"), Some(81));
        assert_eq!(config.place("nimbus.thrift.port"), format!("{}:1", file.display()));
        assert_eq!(config.place("ui.port"), "-c ui.port=81");
        assert!(config.place("nimbus.seeds").ends_with("does not set it: Storm's default"));
    }
}
