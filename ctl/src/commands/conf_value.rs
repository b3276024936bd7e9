//! `localconfvalue` and `remoteconfvalue`: one value of the configuration, as Storm prints it.

use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::failure::Failure;
use crate::java_text::conf_value;
use crate::printer::Report;

pub fn run(ctx: &Context, key: &str) -> Result<(), Failure> {
    let file = ctx.file.as_ref().map(|f| f.display().to_string());
    ctx.printer.show(&One { key: key.to_owned(), value: ctx.conf.get(key).cloned(), file })
}

struct One {
    key: String,
    value: Option<Value>,
    file: Option<String>,
}

impl Report for One {
    const KIND: &'static str = "ConfigValue";

    fn fields(&self) -> Map<String, Value> {
        let one = json!({"key": self.key, "value": self.value, "file": self.file});
        one.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        format!("{}: {}\n", self.key, conf_value(self.value.as_ref()))
    }

    fn names(&self) -> Vec<String> {
        vec![conf_value(self.value.as_ref())]
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}
