//! The dashboard without a terminal: messages in, screens and commands out.

mod acts;
mod any_keys;
mod documentation;
mod fixture;
mod moves;
mod screens;
mod truth;
