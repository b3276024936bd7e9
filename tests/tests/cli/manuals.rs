//! Manual pages, judged by the programs that show them.

use std::fs;
use std::process::Command;

use storm_tests::peers::Debian;
use storm_tests::process::Nest;

use super::{command, names};

#[test]
fn every_page_is_one_that_man_and_mandoc_read() {
    let nest = Nest::new();
    let told = nest.run(command(&nest, &["man", "--dir", "man1"])).ok();
    let pages = names(&nest.dir().join("man1"));
    assert!(pages.len() > 80, "{}", pages.len());
    assert!(told.contains(&format!("wrote {} pages", pages.len())), "{told}");

    let mut lint = Debian::mandoc().command();
    lint.args(["-T", "lint", "-W", "warning"]).args(&pages).current_dir(nest.dir().join("man1"));
    let lint = nest.run(lint);
    assert_eq!((lint.status.code(), lint.stdout.as_str()), (Some(0), ""), "{lint:?}");

    let man = |page: &str| {
        let mut man = Command::new("man");
        man.args(["--warnings=all", "-l", page]).current_dir(nest.dir().join("man1"));
        man.env("MANPAGER", "cat").env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8");
        nest.run(man)
    };
    for page in &pages {
        let shown = man(page);
        assert_eq!((shown.status.code(), shown.stderr.as_str()), (Some(0), ""), "{page}");
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"] {
            assert!(shown.stdout.contains(&format!("\n{section}\n")), "{page} has no {section}:\n{}", shown.stdout);
        }
    }
    let page = man("stormctl-zk-ls.1").stdout;
    assert!(page.contains("stormctl zk ls assignments -l") && page.contains("stormctl-zk(1)"), "{page}");
}

#[test]
fn one_page_is_printed() {
    let nest = Nest::new();
    let page = nest.run(command(&nest, &["man", "zk", "ls"])).ok();
    assert!(page.contains(".TH stormctl-zk-ls 1"), "{page}");
    assert!(nest.run(command(&nest, &["man"])).ok().contains(".TH stormctl 1"));
    let wrong = nest.run(command(&nest, &["man", "zk", "sl"]));
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    fs::write(nest.dir().join("file"), "").expect("written");
    assert_eq!(nest.run(command(&nest, &["man", "--dir", "file/man"])).status.code(), Some(1));
}
