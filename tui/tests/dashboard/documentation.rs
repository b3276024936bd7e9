//! The page of the dashboard has the keys that there are.

use storm_tui::View;
use storm_tui::keys::TABLE;

#[test]
fn the_page_has_the_table_of_keys() {
    let page = include_str!("../../../docs/dashboard.md");
    let rows: Vec<String> = TABLE
        .iter()
        .map(|e| {
            let keys: Vec<String> = e.keys.iter().map(|k| format!("`{k}`")).collect();
            format!("| `{}` | {} | {} |", e.name, keys.join(" "), e.help)
        })
        .collect();
    for row in &rows {
        assert!(page.lines().any(|l| l == row), "docs/dashboard.md has no row {row}");
    }
    let keys = page.split("## Keys").nth(1).expect("a chapter of keys");
    let actions = keys.lines().filter(|l| l.starts_with("| `")).count();
    assert_eq!(actions, rows.len(), "docs/dashboard.md has a row that is no action");
    for name in ["overview", "topologies", "slots", "findings", "zookeeper"] {
        assert!(View::of_name(name).is_some() && page.contains(name));
    }
}
