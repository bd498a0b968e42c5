//! What can happen to a server and not to a file.

use crate::fixture::{agent, finished, heartbeat, new_action, report, started};
use gumshoe_store::{NewReport, PageRequest, ReportFilter, Store, StoreOptions};
use gumshoe_test_services::postgres::Postgres;
use std::time::{Duration, Instant};
use tokio::sync::watch;

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
    let (stored, mut progress) = watch::channel(0);
    let storing = tokio::spawn(async move { store_through(&writer, &reports, &stored).await });
    for kills in 1..=3 {
        progress.wait_for(|stored| *stored >= kills * 80).await.unwrap();
        server.kill().unwrap();
        server.restart().unwrap();
    }
    storing.await.unwrap();
    let counters = store.counters(id).await.unwrap();
    assert_eq!((counters.answered, counters.found), (200, 200));
    let stored = store
        .reports(id, &ReportFilter::default(), &PageRequest::first(1000))
        .await
        .unwrap();
    assert_eq!(stored.items.len(), 400);
}

/// Stores one report after the other, each until it is acknowledged; every failure has to be a transient one.
///
/// A report whose commit was not answered is a duplicate the next time.
async fn store_through(store: &Store, reports: &[NewReport], stored: &watch::Sender<usize>) {
    let deadline = Instant::now() + Duration::from_secs(120);
    for one in reports {
        while let Err(error) = store.store_reports(std::slice::from_ref(one)).await {
            assert!(error.is_transient(), "{error:?}");
            assert!(
                Instant::now() < deadline,
                "the server did not come back: {error:?}"
            );
        }
        stored.send_modify(|stored| *stored += 1);
    }
}
