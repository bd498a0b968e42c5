//! Private servers and keyrings for tests: RabbitMQ, PostgreSQL, GnuPG.
pub mod gpg;
