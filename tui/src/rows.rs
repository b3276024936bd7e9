//! The rows of every view that is a table.

mod host;
mod pages;
mod summaries;

use crate::model::Model;
use crate::table::Table;
use crate::views::View;

pub fn build(model: &Model) -> Table {
    match model.view() {
        View::Overview | View::Findings => host::findings(model),
        View::Topologies => summaries::topologies(model),
        View::Topology { id, .. } => pages::topology(model, id),
        View::Component { id, component, .. } => pages::component(model, id, component),
        View::Slots => summaries::slots(model),
        View::Supervisors => summaries::supervisors(model),
        View::Nimbuses => summaries::nimbuses(model),
        View::Zookeeper { path } => host::tree(model, path),
        View::Processes => host::processes(model),
        View::Config => host::settings(model),
        View::Errors => pages::errors(model),
        View::Events => host::events(model),
        View::Logs { .. } => Table::default(),
    }
}
