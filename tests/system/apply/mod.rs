//! `gumshoe-agent apply` and its relatives: signed actions without a network.

mod crash;
mod decisions;
mod running;
mod tools;
