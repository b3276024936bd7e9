//! Every code of a finding, with what is behind it.

/// What a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    pub code: &'static str,
    /// One line.
    pub about: &'static str,
    /// Why it matters.
    pub why: &'static str,
}

/// The entry of a code.
pub fn code(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|c| c.code == name)
}

const fn new(code: &'static str, about: &'static str, why: &'static str) -> Code {
    Code { code, about, why }
}

/// Sorted.
pub const CODES: &[Code] = &[
    new("config/alias", "an alias refers to a value that is not complete", "Apache Storm does not start with it"),
    new(
        "config/any-address",
        "0.0.0.0 or :: where a host is asked for",
        "it is an address to listen on, not one to connect to",
    ),
    new(
        "config/appender",
        "the log viewer's appender is not in worker.xml",
        "the log viewer would not find the workers' logs",
    ),
    new(
        "config/blank-missing",
        "no blank behind a colon or a dash",
        "YAML takes `key:value` and `-item` for texts, so the key or the list is not there",
    ),
    new("config/bool-expected", "a value must be true or false", "Storm's daemons refuse anything else"),
    new("config/bracket-open", "a bracket is never closed", "everything behind it is taken for part of the value"),
    new(
        "config/colon-missing",
        "a key without its colon",
        "the line is part of the value before it, or no YAML at all",
    ),
    new(
        "config/conflict-marker",
        "a line that a version control system left",
        "somebody has to decide which of the two versions is right",
    ),
    new("config/control-character", "a character that cannot be seen", "Apache Storm's YAML reader refuses the file"),
    new("config/curly-quote", "a typographic quote", "YAML knows only straight quotes, so it is part of the value"),
    new("config/date", "a value that YAML reads as a date", "no key of Storm takes a date; its text is taken"),
    new(
        "config/deprecated-key",
        "a key of an older Storm",
        "nobody reads it any more, so what it says does not happen",
    ),
    new("config/depth", "values in values in values", "Apache Storm's YAML reader stops at 50 levels"),
    new("config/documents", "more than one YAML document", "Apache Storm refuses a file with a second document"),
    new("config/duplicate-host", "a host is listed twice", "it would be asked twice"),
    new("config/duplicate-key", "a key is set twice", "the last line counts, so the first says what does not happen"),
    new("config/duplicate-port", "a slot's port is listed twice", "the second worker could never listen on it"),
    new("config/empty-value", "a key without a value", "it takes the default away, which most daemons do not expect"),
    new(
        "config/encoding",
        "bytes that are not UTF-8",
        "each is replaced by a sign that stands for what cannot be read",
    ),
    new(
        "config/ephemeral-port",
        "a port in the kernel's range of outgoing connections",
        "now and then the kernel gives it to somebody else first",
    ),
    new("config/equals-sign", "key=value instead of key: value", "that is the form of zoo.cfg; in YAML it is a text"),
    new("config/heap-twice", "two heap sizes for one JVM", "the last counts"),
    new("config/heap-unit", "a heap size without a unit", "it means bytes, and no JVM starts with so few"),
    new("config/host-name", "a text that can be no host", "nobody could connect to it"),
    new("config/host-port", "a host with a port", "Storm's lists take hosts; the port of all is a key of its own"),
    new(
        "config/hosts-missing",
        "other machines are named, and one list of hosts is not set",
        "its default is this machine, on every machine",
    ),
    new("config/jvm-option", "an option that no current JVM knows", "the JVM does not start"),
    new("config/key", "a key that is no text", "Storm's keys are texts; nobody finds this one"),
    new(
        "config/leading-blank",
        "a blank before a key",
        "what is left when a template's line is uncommented by its # alone; YAML takes it for a level deeper",
    ),
    new("config/list-expected", "a value must be a list", "Storm's daemons refuse a single text"),
    new("config/lookalike", "a sign that looks like another", "a typographic dash or colon means nothing to YAML"),
    new(
        "config/loopback",
        "a name that means this machine, in a cluster of several",
        "others would look for it on themselves",
    ),
    new("config/loopback-mixed", "localhost among other hosts", "it means another machine on each machine"),
    new(
        "config/map-expected",
        "a value must be a map, or the file a list of keys",
        "Storm's daemons refuse anything else",
    ),
    new("config/memory", "more memory is promised than the machine has", "workers are started that the kernel kills"),
    new("config/merge", "<< without a mapping", "Apache Storm does not start with it"),
    new("config/needs", "a key that does nothing without another", "what it says does not happen"),
    new("config/nested-key", "keys as a tree", "Storm's keys are flat: dots are part of the name"),
    new("config/null", "null where Storm demands a value", "Storm's daemons refuse it"),
    new(
        "config/number",
        "a number that is none",
        "it does not survive being sent as JSON: a topology with it is refused",
    ),
    new("config/number-expected", "a value must be a number", "Storm's daemons refuse anything else"),
    new("config/number-form", "a number that YAML reads in another base", "010 is 8, and 12:30 is 750"),
    new("config/odd-blank", "a blank that is none", "a no-break space is part of the key or value"),
    new("config/old-class", "a class name of before Storm 1.0", "no class of that name exists any more"),
    new("config/order", "two values in the wrong order", "one of the two can then not do what it is for"),
    new("config/port-collision", "two daemons with one port", "the second that starts does not"),
    new("config/port-privileged", "a port below 1024", "only the superuser may listen there"),
    new("config/port-range", "a number that is no port", "ports go from 1 to 65535"),
    new("config/ports-expected", "a value must be a list of different ports", "Storm's daemons refuse anything else"),
    new(
        "config/quote-open",
        "a quote is never closed",
        "everything up to the next quote is taken for part of the value",
    ),
    new(
        "config/relative-path",
        "a path that is not whole",
        "what it means depends on who reads it; workers run in another folder",
    ),
    new("config/secret-readable", "a secret that everybody may read", "the permissions of the file allow it"),
    new("config/size", "more values than any configuration has", "aliases can make a small file very large"),
    new("config/stray-quote", "a quote at the end of a value and none at its beginning", "it is part of the value"),
    new("config/string-expected", "a value must be a text", "Storm's daemons refuse anything else"),
    new("config/syntax", "the file is no YAML", "nothing of it can be read"),
    new("config/tab", "a tab among the blanks", "Apache Storm's YAML reader refuses it"),
    new("config/tag", "a tag", "what it makes of the value cannot be sent as JSON"),
    new("config/tmp-path", "state in a folder that is emptied", "daemons stop when their files are gone"),
    new("config/unexpanded", "a variable in a path", "nobody replaces it, so a folder of that very name would be made"),
    new("config/unknown-key", "a key that nobody knows, close to one that is known", "what it says does not happen"),
    new("config/word-expected", "a value must be one of a few words", "Storm's daemons refuse anything else"),
    new("log4j/appender", "a reference to an appender that does not exist", "what is logged goes nowhere"),
    new("log4j/level", "a word that is no level", "log4j2 takes another level instead"),
    new("log4j/misplaced", "an element in the wrong one", "log4j2 complains at every start and ignores it"),
    new("log4j/policy", "a rolling file without a policy", "log4j2 does not make the appender"),
    new("log4j/syntax", "the file is no XML", "nothing of it can be read, and everything is logged to the console"),
    new("zoo/admin-port", "ZooKeeper's administration page on the UI's port", "the second that starts does not"),
    new("zoo/autopurge", "old snapshots and logs are kept for ever", "the disk fills up, and the server stops"),
    new("zoo/bool", "a value must be true or false", "everything but true is false"),
    new("zoo/client-port", "no port for clients", "nobody can connect"),
    new("zoo/data-dir", "no folder for the data", "ZooKeeper does not start"),
    new("zoo/duplicate-key", "a key is set twice", "the last line counts, so the first says what does not happen"),
    new("zoo/ensemble-size", "a number of servers that wins nothing", "more than half of all must run"),
    new("zoo/inline-comment", "a comment behind a value", "in a properties file it is part of the value"),
    new("zoo/limits", "an ensemble without its limits", "it does not start"),
    new("zoo/loopback", "localhost among other servers", "it means another machine on each machine"),
    new(
        "zoo/myid",
        "the file myid does not fit the server lines",
        "the server does not know which one it is, and ends",
    ),
    new("zoo/number", "a value must be a number", "ZooKeeper does not start"),
    new("zoo/odd-sign", "a sign that looks like another", "ZooKeeper takes it as it is"),
    new("zoo/port", "a port that cannot be had", "ZooKeeper does not start, or not as an ordinary user"),
    new("zoo/port-differs", "Storm looks for ZooKeeper on another port", "no daemon of Storm finds it"),
    new("zoo/quoted-value", "quotes around a value", "in a properties file they are part of the value"),
    new("zoo/relative-path", "a path that is not whole", "what it means depends on where ZooKeeper is started"),
    new("zoo/server-line", "a server line that cannot be read", "ZooKeeper does not start"),
    new("zoo/server-port", "one port for two things", "one of the two cannot listen"),
    new(
        "zoo/servers-differ",
        "Storm and ZooKeeper name different servers",
        "Storm would ask somebody who is not part of the ensemble",
    ),
    new(
        "zoo/session-granted",
        "Storm asks for a session that the server does not grant",
        "failures are noticed earlier or later than was asked",
    ),
    new("zoo/session-timeout", "the shortest session is longer than the longest", "no session can be made"),
    new("zoo/tmp-path", "data in a folder that is emptied", "the cluster's state is gone after a restart"),
    new("zoo/unexpanded", "a variable in a path", "nobody replaces it, so a folder of that very name would be made"),
    new(
        "zoo/unknown-key",
        "a key that ZooKeeper does not know, close to one that it knows",
        "what it says does not happen",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert!(CODES.windows(2).all(|w| w[0].code < w[1].code));
        // Every code in the rules is in the table, and every one of the table in the rules.
        let sources = [
            include_str!("storm/document.rs"),
            include_str!("storm/hosts.rs"),
            include_str!("storm/jvm.rs"),
            include_str!("storm/kinds.rs"),
            include_str!("storm/memory.rs"),
            include_str!("storm/names.rs"),
            include_str!("storm/needs.rs"),
            include_str!("storm/nested.rs"),
            include_str!("storm/order.rs"),
            include_str!("storm/paths.rs"),
            include_str!("storm/ports.rs"),
            include_str!("storm/slips.rs"),
            include_str!("storm/values.rs"),
            include_str!("zoo/limits.rs"),
            include_str!("zoo/rules.rs"),
            include_str!("zoo/servers.rs"),
            include_str!("zoo/values.rs"),
            include_str!("log4j.rs"),
            include_str!("together.rs"),
            include_str!("lint.rs"),
            include_str!("../../../conf/src/kind.rs"),
            include_str!("../../../conf/src/yaml/read.rs"),
        ]
        .concat();
        let mut used: Vec<&str> = sources
            .split('"')
            .filter(|word| ["config/", "zoo/", "log4j/"].iter().any(|p| word.starts_with(p) && word.len() > p.len()))
            .collect();
        used.sort_unstable();
        used.dedup();
        let known: Vec<&str> = CODES.iter().map(|c| c.code).collect();
        assert_eq!(used, known);
    }
}
