//! `stormctl schema [VERB]`: the shape of what a verb prints with `-o json`.

use serde_json::{Map, Value, json};

use crate::cli::own::Schema;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::schema;
use crate::table::{Side, Table};

pub fn run(printer: &Printer, args: &Schema) -> Result<(), Failure> {
    if args.verb.is_empty() {
        return printer.show(&Verbs);
    }
    let path = canonical(&args.verb);
    let Some(verb) = schema::find(&path) else {
        let failure =
            Failure::new(Exit::Usage, "usage/schema", format!("there is no verb \"{path}\" that prints something"));
        let below: Vec<&str> =
            schema::verbs().iter().map(|v| v.path.as_str()).filter(|p| p.starts_with(&format!("{path} "))).collect();
        let near = storm_conf::nearest(&path, schema::verbs().iter().map(|v| v.path.as_str()));
        return Err(match (below.as_slice(), near) {
            ([], Some(near)) => failure.hint(format!("did you mean {near}?")),
            ([], None) => failure.hint("stormctl schema      lists them"),
            (below, _) => failure.hint(format!("name one of: {}", below.join(", "))),
        });
    };
    match schema::of(verb) {
        // A schema is JSON, whatever the form of other answers.
        Some(schema) => printer.out(&format!("{schema:#}\n")),
        None => Err(Failure::new(Exit::NotFound, "schema/none", format!("the verb {path} prints no document"))
            .hint("stormctl schema      lists the verbs that do")),
    }
}

/// The words as the definitions have them: `get_errors` is `get-errors`.
fn canonical(words: &[String]) -> String {
    let command = crate::cli::command();
    let mut at = &command;
    let mut path = Vec::new();
    for word in words {
        match at.find_subcommand(word) {
            Some(sub) => {
                at = sub;
                path.push(sub.get_name().to_owned());
            }
            None => path.push(word.clone()),
        }
    }
    path.join(" ")
}

struct Verbs;

impl Verbs {
    fn documented() -> impl Iterator<Item = &'static schema::Verb> {
        schema::verbs().iter().filter(|v| !v.kinds.is_empty())
    }
}

impl Report for Verbs {
    const KIND: &'static str = "SchemaList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        Verbs::documented().map(|v| json!({"verb": v.path, "kinds": v.kinds, "reads": v.reads})).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut table = Table::new(&[("VERB", Side::Left), ("PRINTS", Side::Left)]);
        for verb in Verbs::documented() {
            table.row([verb.path.clone(), verb.kinds.join(", ")]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        Verbs::documented().map(|v| v.path.clone()).collect()
    }
}
