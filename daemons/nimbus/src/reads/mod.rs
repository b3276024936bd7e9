//! What clients see: summaries, topology infos and pages, made of the view and of workers' statistics.

mod aggregate;
mod info;
mod pages;
mod summaries;
mod workers;
