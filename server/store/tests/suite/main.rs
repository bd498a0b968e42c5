//! What the store promises, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "functions that tests share are tests, too"
)]

mod actions;
mod agents;
mod audit;
mod counters;
mod fixture;
mod full_disk;
mod postgres_only;
mod reports;
mod retention;
mod schema;
mod several;
mod tokens;

/// Makes a test of each function for each database.
macro_rules! on_both_databases {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                super::$name($crate::fixture::Fixture::sqlite().await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test] async fn $name() {
                super::$name($crate::fixture::Fixture::postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_both_databases;
