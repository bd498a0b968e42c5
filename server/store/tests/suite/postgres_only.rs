//! What can happen to a server and not to a file.

use crate::fixture::{agent, finished, heartbeat, new_action, report, started};
use gumshoe_store::{NewReport, ReportOutcome, Store, StoreOptions};
use gumshoe_test_services::postgres::Postgres;
use std::time::{Duration, Instant};

/// The server is killed again and again while reports are stored: each ends up stored once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing() {
    let mut server = Postgres::start_with(&[]).unwrap();
    let address = server.create_database("killed").unwrap();
    let store = Store::open(&address, StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    let heartbeats: Vec<_> = (0..200).map(|number| heartbeat(number, 1, 0)).collect();
    store.store_heartbeats(&heartbeats).await.unwrap();
    let new = new_action(1, 1);
    store.add_action(&new).await.unwrap();
    let id = new.action.id;
    let reports: Vec<_> = (0..200)
        .flat_map(|number| [started(1), finished(1, true)].map(|body| report(id, agent(number), body)))
        .collect();

    let writer = store.clone();
    let storing = tokio::spawn(async move { store_through(&writer, &reports).await });
    for _ in 0..3 {
        server.kill().unwrap();
        server.restart().unwrap();
    }
    let (stored, duplicates, failures) = storing.await.unwrap();
    assert!(failures > 0, "the server was killed and nobody noticed");
    // A commit whose answer was lost shows as duplicates.
    assert_eq!(stored + duplicates, 400);
    let counters = store.counters(id).await.unwrap();
    assert_eq!((counters.answered, counters.found), (200, 200));
}

/// Stores one report after the other until each is acknowledged; every failure has to be a transient one.
///
/// Goes round until the server has been away at least once.
async fn store_through(store: &Store, reports: &[NewReport]) -> (usize, usize, usize) {
    let (mut stored, mut duplicates, mut failures) = (0, 0, 0);
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut next = 0;
    while next < reports.len() || failures == 0 {
        assert!(Instant::now() < deadline, "the server did not come back");
        let one = &reports[next.min(reports.len() - 1)];
        match store.store_reports(std::slice::from_ref(one)).await {
            Ok(_) if next >= reports.len() => {}
            Ok(outcomes) => {
                next += 1;
                match outcomes[0] {
                    ReportOutcome::Stored { .. } => stored += 1,
                    _ => duplicates += 1,
                }
            }
            Err(error) => {
                assert!(error.is_transient(), "{error:?}");
                failures += 1;
            }
        }
    }
    (stored, duplicates, failures)
}
