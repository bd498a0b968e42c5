//! The server as a program, with a real broker, a real database, real signatures, and agents that are played.

mod access;
mod agents;
mod commands;
mod crash;
mod damage;
mod events;
mod fuzzing;
mod harness;
mod main_path;
mod memory;
mod publishing;
mod reload;
mod retention;
mod sending;
mod several;
mod tls;
