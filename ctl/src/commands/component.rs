//! `stormctl component SPEC`: a built-in component as the multilang child of Apache Storm's worker.

use storm::builtins::Builtin;
use storm::multilang::serve_stdio;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::logging;

pub fn run(spec: &str) -> Result<(), Failure> {
    let wrong = |cause: String| {
        Failure::new(Exit::Usage, "component/spec", "this does not describe a built-in component").evidence(cause)
    };
    let spec = serde_json::from_str(spec).map_err(|e| wrong(e.to_string()))?;
    let component = Builtin::from_json(&spec).map_err(|e| wrong(e.to_string()))?;
    // Apache's worker puts its children into the resources. Files are named from the folder above, where our worker is.
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(above) = here.parent().filter(|_| here.file_name().is_some_and(|name| name == "resources")) {
        std::env::set_current_dir(above).map_err(|e| Failure::io(format!("cannot go to {}", above.display()), &e))?;
    }
    // The log belongs on stderr, which the host passes on; the protocol has stdout.
    logging::start_quietly().map_err(|e| Failure::io("cannot set up the log", &e))?;
    serve_stdio(component.create()).map_err(|e| Failure::new(Exit::Failed, "component/failed", e.to_string()))
}
