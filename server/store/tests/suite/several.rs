//! Several schedulers over one database.

use crate::fixture::{Fixture, action, finished, operation, report, started};
use futures_util::TryStreamExt as _;
use gumshoe_store::{NewReport, ReportFilter, ReportOutcome, Store};

crate::on_both_databases! {
    what_two_schedulers_get_is_stored_once,
    a_reader_that_follows_misses_nothing,
}

/// Stores all, in small batches; a conflict is tried again, as a scheduler would.
async fn store_all(store: &Store, reports: &[NewReport]) -> usize {
    let mut stored = 0;
    for batch in reports.chunks(7) {
        let outcomes = loop {
            match store.store_reports(batch).await {
                Err(error) if error.is_transient() => {}
                result => break result.unwrap(),
            }
        };
        stored += outcomes
            .iter()
            .filter(|outcome| matches!(outcome, ReportOutcome::Stored { .. }))
            .count();
    }
    stored
}

async fn what_two_schedulers_get_is_stored_once(fixture: Fixture) {
    let agents = fixture.agents(30).await;
    let ids = [
        fixture.action_for(1, 1, &agents).await,
        fixture.action_for(2, 1, &agents).await,
    ];
    let bodies = [started(1), operation(0, 1, 1), finished(1, true)];
    let mut reports = Vec::new();
    for (place, agent) in agents.iter().enumerate() {
        for body in &bodies {
            reports.push(report(ids[place % 2], *agent, body.clone()));
            reports.push(report(ids[(place + 1) % 2], *agent, body.clone()));
        }
    }
    let backwards: Vec<_> = reports.iter().rev().cloned().collect();
    let other = fixture.another().await;
    let (a, b) = tokio::join!(store_all(&fixture.store, &reports), store_all(&other, &backwards));
    assert_eq!(a + b, reports.len());
    for id in ids {
        let counters = other.counters(id).await.unwrap();
        assert_eq!((counters.answered, counters.findings), (30, 30));
    }
}

/// A reader goes on from the highest ordinal that it has seen: no report may appear below it later.
async fn a_reader_that_follows_misses_nothing(fixture: Fixture) {
    let agents = fixture.agents(60).await;
    let id = fixture.action_for(1, 1, &agents).await;
    let bodies = [started(1), finished(1, true)];
    let reports: Vec<_> = agents
        .iter()
        .flat_map(|agent| bodies.clone().map(|body| report(id, *agent, body)))
        .collect();
    let (left, right) = reports.split_at(60);
    let (a, b) = (fixture.another().await, fixture.another().await);
    let follow = async {
        let mut filter = ReportFilter::default();
        let mut seen = 0;
        while seen < reports.len() {
            let new: Vec<_> = fixture
                .store
                .stream_reports(id, &filter)
                .try_collect()
                .await
                .unwrap();
            seen += new.len();
            filter.after = new.last().map(|report| report.ordinal).or(filter.after);
        }
        seen
    };
    let (_, _, seen) = tokio::join!(store_all(&a, left), store_all(&b, right), follow);
    assert_eq!(seen, reports.len());
    assert_eq!(fixture.store.counters(action(1)).await.unwrap().answered, 60);
}
