//! Agents: what they say about themselves, lists, states.

use crate::fixture::{Fixture, agent, at, heartbeat, report, started};
use gumshoe_store::{
    AgentFilter, AgentNotice, AgentState, Deleted, DuplicateMark, HeartbeatOutcome, PageRequest, StoreError,
};
use std::collections::BTreeMap;

crate::on_both_databases! {
    a_heartbeat_is_kept_whole,
    an_old_heartbeat_does_not_replace_a_newer_one,
    a_list_goes_through_all_pages_once,
    a_list_is_filtered,
    a_mark_keeps_the_time_at_which_it_was_made,
    states_change_only_from_what_was_expected,
    an_agent_with_answers_is_retired_not_removed,
    facts_are_those_of_approved_agents,
    what_is_told_of_an_agent_is_told_once,
}

async fn a_heartbeat_is_kept_whole(fixture: Fixture) {
    let mut new = heartbeat(1, 5, 0);
    new.heartbeat.previous_id = Some(agent(9));
    new.heartbeat.spool.lost = u64::MAX;
    new.state_if_new = AgentState::Pending;
    let outcomes = fixture.store.store_heartbeats(&[new.clone()]).await.unwrap();
    assert_eq!(outcomes, [HeartbeatOutcome::New]);
    let stored = fixture.store.agent(agent(1)).await.unwrap().unwrap();
    assert_eq!(stored.facts, new.heartbeat.facts);
    assert_eq!(stored.blind_spots, new.heartbeat.blind_spots);
    assert_eq!(
        (stored.first_seen, stored.last_seen, stored.sequence),
        (at(0), at(0), 5)
    );
    assert_eq!(
        (stored.state, stored.previous_id),
        (AgentState::Pending, Some(agent(9)))
    );
    // A count that no honest agent can reach is kept as the largest that fits.
    assert_eq!(stored.spool.lost, i64::MAX as u64);
    let keys = fixture.store.agent_keys(&[agent(1), agent(2)]).await.unwrap();
    assert_eq!(
        keys,
        [(agent(1), ("key of 1".to_owned(), AgentState::Pending))].into()
    );
    assert_eq!(fixture.store.agent(agent(2)).await.unwrap(), None);
    let events = fixture.store.waiting_events(10).await.unwrap();
    assert_eq!((events.len(), events[0].kind.as_str()), (1, "agent-new"));
    fixture.store.remove_events(&[events[0].number]).await.unwrap();
    assert_eq!(fixture.store.waiting_events(10).await.unwrap(), []);
}

async fn an_old_heartbeat_does_not_replace_a_newer_one(fixture: Fixture) {
    let store = &fixture.store;
    // All in one batch, as after a reconnect: each is judged by those before it.
    let batch = [
        heartbeat(1, 5, 50),
        heartbeat(1, 4, 40),
        heartbeat(1, 6, 60),
        heartbeat(1, 6, 60),
    ];
    let outcomes = store.store_heartbeats(&batch).await.unwrap();
    assert_eq!(outcomes[0], HeartbeatOutcome::New);
    assert!(matches!(&outcomes[1], HeartbeatOutcome::Stale(before) if before.sequence == 5));
    assert!(matches!(&outcomes[2], HeartbeatOutcome::Stored(before) if before.sent == at(50)));
    assert!(matches!(&outcomes[3], HeartbeatOutcome::Stale(_)));
    // An agent whose counter was lost begins again, and is heard.
    let outcomes = store.store_heartbeats(&[heartbeat(1, 1, 70)]).await.unwrap();
    assert!(matches!(&outcomes[0], HeartbeatOutcome::Stored(before) if before.sequence == 6));
    let stored = store.agent(agent(1)).await.unwrap().unwrap();
    assert_eq!(
        (stored.sequence, stored.first_seen, stored.last_seen),
        (1, at(50), at(70))
    );
}

async fn a_list_goes_through_all_pages_once(fixture: Fixture) {
    fixture.agents(25).await;
    let mut page = PageRequest::first(10);
    let mut names = Vec::new();
    for expected in [10, 10, 5] {
        let part = fixture
            .store
            .agents(&AgentFilter::default(), &page)
            .await
            .unwrap();
        assert_eq!(part.items.len(), expected);
        names.extend(part.items.into_iter().map(|agent| agent.hostname));
        page.after = part.next;
    }
    assert_eq!(page.after, None);
    let expected: Vec<_> = (0..25).map(|number| format!("host{number:05}")).collect();
    assert_eq!(names, expected);
    page.after = Some(gumshoe_store::Cursor::new("nonsense"));
    let error = fixture
        .store
        .agents(&AgentFilter::default(), &page)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Cursor) && !error.is_transient());
}

async fn a_list_is_filtered(fixture: Fixture) {
    fixture.agents(12).await;
    let store = &fixture.store;
    let mut odd = heartbeat(50, 1, 500);
    odd.heartbeat.facts.hostname = "Web_100%".to_owned();
    odd.heartbeat.facts.agent_version = "0.0.9".to_owned();
    store.store_heartbeats(&[odd]).await.unwrap();
    let mark = DuplicateMark {
        since: at(3),
        note: "two hosts".to_owned(),
    };
    assert!(store.mark_duplicate(agent(4), Some(&mark)).await.unwrap());
    store
        .set_agent_state(agent(5), &[AgentState::Approved], AgentState::Rejected)
        .await
        .unwrap();
    let all = AgentFilter::default;
    let text = |text: &str| AgentFilter {
        text: Some(text.to_owned()),
        ..all()
    };
    let with = |change: fn(&mut AgentFilter)| {
        let mut filter = all();
        change(&mut filter);
        filter
    };
    for (filter, expected) in [
        (all(), 13),
        (text("HOST0001"), 2),
        (text("b_1"), 1),
        (text("_"), 1),
        (text("0%"), 1),
        (text("'; DROP TABLE agents; --"), 0),
        (text(&agent(7).to_string()[..9]), 1),
        (with(|filter| filter.states = vec![AgentState::Rejected]), 1),
        (with(|filter| filter.duplicate = Some(true)), 1),
        (with(|filter| filter.duplicate = Some(false)), 12),
        (with(|filter| filter.seen_before = Some(at(500))), 12),
        (with(|filter| filter.seen_since = Some(at(500))), 1),
        (with(|filter| filter.version_is_not = Some("0.1.0".to_owned())), 1),
    ] {
        let found = store.agents(&filter, &PageRequest::default()).await.unwrap();
        assert_eq!(found.items.len(), expected, "{filter:?}");
    }
}

async fn a_mark_keeps_the_time_at_which_it_was_made(fixture: Fixture) {
    fixture.agents(5).await;
    let store = &fixture.store;
    for second in [3, 9] {
        let mark = DuplicateMark {
            since: at(second),
            note: format!("noticed at {second}"),
        };
        assert!(store.mark_duplicate(agent(4), Some(&mark)).await.unwrap());
    }
    let marked = store.agent(agent(4)).await.unwrap().unwrap().duplicate.unwrap();
    assert_eq!((marked.since, marked.note.as_str()), (at(3), "noticed at 9"));
    store.mark_duplicate(agent(4), None).await.unwrap();
    assert_eq!(store.agent(agent(4)).await.unwrap().unwrap().duplicate, None);
}

async fn states_change_only_from_what_was_expected(fixture: Fixture) {
    fixture.agents(1).await;
    let store = &fixture.store;
    let id = agent(0);
    let labels: BTreeMap<_, _> = [("owner".to_owned(), "ops ☃ 'quoted'".to_owned())].into();
    assert!(store.set_agent_labels(id, &labels).await.unwrap());
    assert!(
        !store
            .set_agent_state(id, &[AgentState::Pending], AgentState::Rejected)
            .await
            .unwrap()
    );
    assert!(
        store
            .set_agent_state(id, &[AgentState::Approved], AgentState::Rejected)
            .await
            .unwrap()
    );
    assert!(!store.set_agent_labels(agent(1), &labels).await.unwrap());
    // A heartbeat changes neither what was decided nor what was written about the agent.
    store.store_heartbeats(&[heartbeat(0, 2, 10)]).await.unwrap();
    let stored = store.agent(id).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.labels), (AgentState::Rejected, labels));
}

async fn an_agent_with_answers_is_retired_not_removed(fixture: Fixture) {
    let agents = fixture.agents(2).await;
    let id = fixture.action_for(1, 1, &agents[..1]).await;
    let store = &fixture.store;
    store
        .store_reports(&[report(id, agents[0], started(1))])
        .await
        .unwrap();
    assert_eq!(store.delete_agent(agents[0]).await.unwrap(), Deleted::Retired);
    assert_eq!(store.delete_agent(agents[1]).await.unwrap(), Deleted::Removed);
    assert_eq!(store.delete_agent(agents[1]).await.unwrap(), Deleted::Unknown);
    let listed = store
        .agents(&AgentFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.items, []);
    let counts = store.agent_counts().await.unwrap();
    assert_eq!(counts, [(AgentState::Retired, 1)].into());
    assert_eq!(store.agent_keys(&agents).await.unwrap().len(), 1);
}

async fn facts_are_those_of_approved_agents(fixture: Fixture) {
    use futures_util::TryStreamExt as _;
    fixture.agents(3).await;
    let store = &fixture.store;
    store
        .set_agent_state(agent(1), &[AgentState::Approved], AgentState::Pending)
        .await
        .unwrap();
    let facts: Vec<_> = store.approved_facts().try_collect().await.unwrap();
    let mut expected = vec![agent(0), agent(2)];
    expected.sort();
    assert_eq!(facts.iter().map(|one| one.id).collect::<Vec<_>>(), expected);
    assert!(
        facts
            .iter()
            .all(|one| one.facts.os == "linux" && one.last_seen == at(0))
    );
}

async fn what_is_told_of_an_agent_is_told_once(fixture: Fixture) {
    let store = &fixture.store;
    fixture.agents(2).await;
    let new = store.waiting_events(10).await.unwrap();
    let numbers: Vec<_> = new.iter().map(|event| event.number).collect();
    store.remove_events(&numbers).await.unwrap();
    let notice = |number, note: &str| AgentNotice {
        agent: agent(number),
        hostname: "host".to_owned(),
        kind: "agent-silent",
        note: note.to_owned(),
    };
    // Agents that are gone keep nothing from being told of others.
    let first = [notice(0, "since 1"), notice(1, "since 1"), notice(99, "since 1")];
    assert_eq!(store.tell_notices(&first, at(1)).await.unwrap(), 2);
    assert_eq!(
        fixture.another().await.tell_notices(&first, at(2)).await.unwrap(),
        0
    );
    assert_eq!(
        store.tell_notices(&[notice(0, "since 2")], at(3)).await.unwrap(),
        1
    );
    let events = store.waiting_events(10).await.unwrap();
    let notes: Vec<_> = events.iter().map(|event| event.body["note"].as_str()).collect();
    assert_eq!(notes, [Some("since 1"), Some("since 1"), Some("since 2")]);
    let told = store.told_notices().await.unwrap();
    assert_eq!(told[&(agent(0), "agent-silent".to_owned())], "since 2");
    // What is over is told again when it begins again.
    store.forget_notices(told.keys()).await.unwrap();
    assert!(store.told_notices().await.unwrap().is_empty());
    assert_eq!(store.tell_notices(&first, at(4)).await.unwrap(), 2);
    // The memory goes with the agent.
    assert_eq!(store.delete_agent(agent(0)).await.unwrap(), Deleted::Removed);
    assert_eq!(store.told_notices().await.unwrap().len(), 1);
}
