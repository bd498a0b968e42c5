//! The server as a program, with a real broker, a real database, real signatures, and agents that are played.

mod access;
mod agents;
mod commands;
mod crash;
mod events;
mod fuzzing;
mod harness;
mod main_path;
mod publishing;
mod sending;
mod several;
mod tls;
