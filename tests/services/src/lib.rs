//! Private servers and keyrings for tests: RabbitMQ, PostgreSQL, GnuPG.
//!
//! Each server is the real one, on loopback, in a folder of its own, and ends with the value that stands for it,
//! or with the process that started it, however that ends. What is missing on the machine is an error that names
//! the package; no test passes because something is not installed.

pub mod certificates;
pub mod gpg;
pub mod postgres;
pub mod rabbitmq;

mod guard;
mod ready;
