//! Components that come with Storm in Rust, named by a word: enough for a word count without a program.

mod count;
mod file;
mod lines;
mod print;
mod spec;
mod split;

pub use count::CountBolt;
pub use file::FileBolt;
pub use lines::LinesSpout;
pub use print::PrintBolt;
pub use spec::{BUILTIN_KEY, BUILTIN_NAMES, Builtin, BuiltinError};
pub use split::SplitBolt;
