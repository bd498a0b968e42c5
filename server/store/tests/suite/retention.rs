//! What is too old goes; what anybody still waits for stays.

use crate::fixture::{Fixture, action, at, finished, heartbeat, new_action, operation, report};
use gumshoe_protocol::ContentDigest;
use gumshoe_store::{
    ActionChange, ActionState, AgentFilter, AgentState, NewToken, PageRequest, Removed, ReportFilter,
    Retention,
};
use std::time::Duration;

crate::on_both_databases! {
    nothing_young_is_removed,
    reports_go_before_their_action,
    an_action_goes_with_all_that_belongs_to_it,
    small_things_go,
    work_is_done_in_small_portions,
}

const DAY: i64 = 24 * 60 * 60;

const fn days(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count * 24 * 60 * 60))
}

/// An action with an answer of each of the agents, ended.
async fn ended_action(fixture: &Fixture, agents: u32) {
    let agents = fixture.agents(agents).await;
    let id = fixture.action_for(1, 1, &agents).await;
    let reports: Vec<_> = agents
        .iter()
        .flat_map(|agent| [operation(0, 1, 1), finished(1, true)].map(|body| report(id, *agent, body)))
        .collect();
    fixture.store.store_reports(&reports).await.unwrap();
    let change = ActionChange {
        from: vec![ActionState::Queued],
        to: ActionState::Done,
        note: String::new(),
        time: at(20),
    };
    assert!(fixture.store.change_action(id, &change).await.unwrap());
}

async fn nothing_young_is_removed(fixture: Fixture) {
    ended_action(&fixture, 3).await;
    fixture.store.add_action(&new_action(2, 1)).await.unwrap();
    let removed = fixture
        .store
        .remove_old(&Retention::default(), at(DAY), 100)
        .await
        .unwrap();
    assert_eq!(removed, Removed::default());
}

async fn reports_go_before_their_action(fixture: Fixture) {
    ended_action(&fixture, 3).await;
    let store = &fixture.store;
    let removed = store
        .remove_old(&Retention::default(), at(91 * DAY), 100)
        .await
        .unwrap();
    assert_eq!((removed.reports, removed.actions, removed.targets), (6, 0, 0));
    let counters = store.counters(action(1)).await.unwrap();
    assert_eq!((counters.answered, counters.findings), (3, 3));
    let left = store
        .reports(action(1), &ReportFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(left.items, []);
}

async fn an_action_goes_with_all_that_belongs_to_it(fixture: Fixture) {
    ended_action(&fixture, 3).await;
    let store = &fixture.store;
    // Never ended, however old: it stays.
    store.add_action(&new_action(2, 1)).await.unwrap();
    let mut draft = new_action(3, 1);
    draft.state = ActionState::Draft;
    store.add_action(&draft).await.unwrap();
    let retention = Retention {
        reports: None,
        ..Retention::default()
    };
    let removed = store.remove_old(&retention, at(400 * DAY), 100).await.unwrap();
    assert_eq!(
        (removed.reports, removed.targets, removed.actions, removed.more),
        (6, 3, 2, false)
    );
    assert_eq!(store.action(action(1)).await.unwrap(), None);
    assert!(store.action(action(2)).await.unwrap().is_some());
    // Nobody heard of the agents either, and nothing holds them any more.
    assert_eq!(removed.agents, 3);
    assert_eq!(
        store.remove_old(&retention, at(400 * DAY), 100).await.unwrap(),
        Removed::default()
    );
}

async fn small_things_go(fixture: Fixture) {
    let store = &fixture.store;
    let mut rejected = heartbeat(1, 1, 0);
    rejected.state_if_new = AgentState::Rejected;
    store
        .store_heartbeats(&[rejected, heartbeat(2, 1, 0), heartbeat(3, 1, 300 * DAY)])
        .await
        .unwrap();
    let token = |number, expires| NewToken {
        hash: ContentDigest::of(&[number]),
        name: String::new(),
        role: "read".to_owned(),
        subject: String::new(),
        created: at(0),
        expires,
    };
    store.add_token(&token(1, at(DAY))).await.unwrap();
    store.add_token(&token(2, at(300 * DAY))).await.unwrap();
    store.add_challenge(b"n", "", at(5)).await.unwrap();
    store.take_lease("l", "h", at(0), at(5)).await.unwrap();
    let retention = Retention {
        events: days(7),
        ..Retention::default()
    };
    let removed = store.remove_old(&retention, at(200 * DAY), 100).await.unwrap();
    assert_eq!((removed.agents, removed.tokens, removed.expired), (1, 1, 2));
    // Those of two new agents; the third came later.
    assert_eq!(removed.events, 2);
    let left = store
        .agents(&AgentFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(left.items.len(), 2);
}

async fn work_is_done_in_small_portions(fixture: Fixture) {
    ended_action(&fixture, 600).await;
    let store = &fixture.store;
    let first = store
        .remove_old(&Retention::default(), at(400 * DAY), 2)
        .await
        .unwrap();
    assert_eq!((first.reports, first.more), (1000, true));
    let mut calls = 0;
    while store
        .remove_old(&Retention::default(), at(400 * DAY), 2)
        .await
        .unwrap()
        .more
    {
        calls += 1;
        assert!(calls < 100);
    }
    assert_eq!(store.action(action(1)).await.unwrap(), None);
}
