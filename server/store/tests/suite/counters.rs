//! Counters are counted from rows, and add up.

use crate::fixture::{Fixture, at, finished, heartbeat, refused, report, started};
use gumshoe_protocol::Body;
use gumshoe_store::{Counters, PageRequest, Swept, TargetFilter, TargetState};

crate::on_both_databases! {
    every_host_is_in_one_state,
    who_has_not_answered_is_given_up_by_what_is_known_of_it,
    an_answer_that_comes_late_counts,
}

fn sum_of_states(counters: &Counters) -> u64 {
    counters.waiting
        + counters.running
        + counters.answered
        + counters.refused
        + counters.not_target
        + counters.interrupted
        + counters.timed_out
        + counters.expired
        + counters.never_reached
}

async fn every_host_is_in_one_state(fixture: Fixture) {
    let agents = fixture.agents(8).await;
    let id = fixture.action_for(1, 1, &agents).await;
    fixture
        .store
        .mark_published(id, &agents[..5], at(2))
        .await
        .unwrap();
    let not_target = Body::NotTarget {
        code: Some("target-error".to_owned()),
        message: None,
    };
    let interrupted = Body::Interrupted { missing: vec![0] };
    let bodies = [
        started(1),
        finished(1, true),
        finished(1, false),
        refused("acl"),
        refused("expired"),
        not_target,
        interrupted,
    ];
    let reports: Vec<_> = bodies
        .into_iter()
        .zip(&agents[1..])
        .map(|(body, agent)| report(id, *agent, body))
        .collect();
    fixture.store.store_reports(&reports).await.unwrap();
    let counters = fixture.store.counters(id).await.unwrap();
    let expected = Counters {
        targeted: 8,
        sent: 5,
        delivered: 7,
        waiting: 1,
        running: 1,
        answered: 2,
        found: 1,
        nothing: 1,
        incomplete: 1,
        refused: 2,
        refused_by_code: [("acl".to_owned(), 1), ("expired".to_owned(), 1)].into(),
        not_target: 1,
        interrupted: 1,
        unreported_since: Some(at(11)),
        ..Counters::default()
    };
    assert_eq!(counters, expected);
    assert_eq!(sum_of_states(&counters), 8);
    let unknown = crate::fixture::action(77);
    assert_eq!(
        fixture.store.counters(unknown).await.unwrap(),
        Counters::default()
    );
}

async fn who_has_not_answered_is_given_up_by_what_is_known_of_it(fixture: Fixture) {
    let agents = fixture.agents(4).await;
    let id = fixture.action_for(1, 1, &agents).await;
    fixture
        .store
        .store_reports(&[report(id, agents[0], started(1))])
        .await
        .unwrap();
    // That it was sent to does not tell whether it was there.
    fixture.store.mark_published(id, &agents, at(3)).await.unwrap();
    // The third is heard of while the action is on its way, the fourth is not.
    fixture
        .store
        .store_heartbeats(&[heartbeat(2, 2, 100)])
        .await
        .unwrap();
    let swept = fixture.store.give_up_targets(id, at(50), at(600)).await.unwrap();
    let expected = Swept {
        timed_out: 1,
        expired: 1,
        never_reached: 2,
    };
    assert_eq!(swept, expected);
    let again = fixture.store.give_up_targets(id, at(50), at(601)).await.unwrap();
    assert_eq!(again, Swept::default());
    let counters = fixture.store.counters(id).await.unwrap();
    assert_eq!(
        (counters.timed_out, counters.expired, counters.never_reached),
        (1, 1, 2)
    );
    assert!(counters.is_settled());
    assert_eq!(sum_of_states(&counters), 4);
}

async fn an_answer_that_comes_late_counts(fixture: Fixture) {
    let agents = fixture.agents(2).await;
    let id = fixture.action_for(1, 1, &agents).await;
    fixture.store.give_up_targets(id, at(0), at(600)).await.unwrap();
    fixture
        .store
        .store_reports(&[report(id, agents[0], finished(1, true))])
        .await
        .unwrap();
    let answered = TargetFilter {
        states: vec![TargetState::Answered],
        ..TargetFilter::default()
    };
    let targets = fixture
        .store
        .targets(id, &answered, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(targets.items.len(), 1);
    assert_eq!(targets.items[0].ended, Some(at(11)));
    let counters = fixture.store.counters(id).await.unwrap();
    assert_eq!((counters.answered, counters.found, counters.expired), (1, 1, 1));
}
