//! Actions: stored once, changed by one.

use crate::fixture::{Fixture, action, agent, at, new_action, report, started};
use gumshoe_protocol::{ActionId, AgentId, ContentDigest};
use gumshoe_store::{
    ActionAdded, ActionChange, ActionFilter, ActionState, EnvelopeKind, PageRequest, Signer, Store,
    TargetFilter,
};
use serde_json::json;

crate::on_both_databases! {
    an_action_is_stored_once_and_whole,
    one_of_several_changes_the_state,
    a_cancellation_is_kept_with_its_envelope,
    actions_are_listed_newest_first,
    what_a_scheduler_has_to_do_is_found,
    targets_are_added_once,
    hosts_are_sent_to_in_an_order_that_is_random_and_the_same_for_everybody,
}

fn change(from: &[ActionState], to: ActionState) -> ActionChange {
    ActionChange {
        from: from.to_vec(),
        to,
        note: "because".to_owned(),
        time: at(20),
    }
}

async fn an_action_is_stored_once_and_whole(fixture: Fixture) {
    let store = &fixture.store;
    let mut new = new_action(1, 2);
    new.envelope = vec![0; 3 << 20];
    assert_eq!(store.add_action(&new).await.unwrap(), ActionAdded::New);
    assert_eq!(store.add_action(&new).await.unwrap(), ActionAdded::Known);
    let mut other = new.clone();
    other.digest = ContentDigest::of(b"something else");
    assert_eq!(store.add_action(&other).await.unwrap(), ActionAdded::Conflict);
    let stored = store.action(action(1)).await.unwrap().unwrap();
    assert_eq!(
        (stored.digest, stored.target.as_str()),
        (new.digest, "os == \"linux\"")
    );
    assert_eq!((stored.modules.len(), stored.options), (2, json!({"canary": 3})));
    assert_eq!(
        (stored.not_before, stored.expires, stored.started),
        (at(0), at(600), None)
    );
    let envelope = store
        .action_envelope(action(1), EnvelopeKind::Action)
        .await
        .unwrap();
    assert_eq!(envelope, Some(new.envelope));
    let alice = Signer {
        name: "alice".to_owned(),
        fingerprint: "AA11".to_owned(),
    };
    assert_eq!(store.action_signers(action(1)).await.unwrap(), [alice]);
    assert_eq!(store.action(action(2)).await.unwrap(), None);
    assert!(store.set_action_options(action(1), &json!(null)).await.unwrap());
    assert_eq!(store.waiting_events(10).await.unwrap().len(), 1);
}

async fn one_of_several_changes_the_state(fixture: Fixture) {
    use ActionState::{Canary, Done, Queued, Running};
    fixture.store.add_action(&new_action(1, 1)).await.unwrap();
    let other = fixture.another().await;
    let begin = change(&[Queued], Running);
    let (a, b) = tokio::join!(
        fixture.store.change_action(action(1), &begin),
        other.change_action(action(1), &begin)
    );
    assert_ne!(a.unwrap(), b.unwrap());
    let stored = other.action(action(1)).await.unwrap().unwrap();
    assert_eq!(
        (stored.state, stored.note.as_str(), stored.started),
        (Running, "because", Some(at(20)))
    );
    assert!(
        !other
            .change_action(action(1), &change(&[Canary], Done))
            .await
            .unwrap()
    );
    assert!(
        other
            .change_action(action(1), &change(&[Canary, Running], Done))
            .await
            .unwrap()
    );
    assert_eq!(
        other.action(action(1)).await.unwrap().unwrap().ended,
        Some(at(20))
    );
}

async fn a_cancellation_is_kept_with_its_envelope(fixture: Fixture) {
    let store = &fixture.store;
    store.add_action(&new_action(1, 1)).await.unwrap();
    assert!(
        store
            .cancel_action(action(1), b"signed", "enough", at(30))
            .await
            .unwrap()
    );
    assert!(
        !store
            .cancel_action(action(1), b"again", "enough", at(31))
            .await
            .unwrap()
    );
    assert!(
        !store
            .cancel_action(action(2), b"unknown", "", at(31))
            .await
            .unwrap()
    );
    let envelope = store
        .action_envelope(action(1), EnvelopeKind::Cancel)
        .await
        .unwrap();
    assert_eq!(envelope.as_deref(), Some(&b"signed"[..]));
    let stored = store.action(action(1)).await.unwrap().unwrap();
    assert_eq!(
        (stored.state, stored.ended),
        (ActionState::Cancelled, Some(at(30)))
    );
}

async fn actions_are_listed_newest_first(fixture: Fixture) {
    let store = &fixture.store;
    for number in 0..5 {
        store.add_action(&new_action(number, 1)).await.unwrap();
    }
    let mut page = PageRequest::first(2);
    let mut seen = Vec::new();
    while let Ok(part) = store.actions(&ActionFilter::default(), &page).await {
        seen.extend(part.items.into_iter().map(|action| action.id));
        page.after = part.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [4, 3, 2, 1, 0].map(action));
    store
        .change_action(action(3), &change(&[ActionState::Queued], ActionState::Draft))
        .await
        .unwrap();
    for (filter, expected) in [
        (
            ActionFilter {
                states: vec![ActionState::Draft],
                ..ActionFilter::default()
            },
            1,
        ),
        (
            ActionFilter {
                signer: Some("AA11".to_owned()),
                ..ActionFilter::default()
            },
            5,
        ),
        (
            ActionFilter {
                signer: Some("BB22".to_owned()),
                ..ActionFilter::default()
            },
            0,
        ),
        (
            ActionFilter {
                submitted_by: Some("alice".to_owned()),
                ..ActionFilter::default()
            },
            5,
        ),
    ] {
        let found = store.actions(&filter, &PageRequest::default()).await.unwrap();
        assert_eq!(found.items.len(), expected, "{filter:?}");
    }
}

async fn what_a_scheduler_has_to_do_is_found(fixture: Fixture) {
    let store = &fixture.store;
    let agents = fixture.agents(1).await;
    for number in 1..=3 {
        fixture.action_for(number, 1, &agents).await;
    }
    store
        .change_action(action(1), &change(&[ActionState::Queued], ActionState::Stopped))
        .await
        .unwrap();
    let ids =
        |actions: Vec<gumshoe_store::StoredAction>| actions.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(
        ids(store.unfinished_actions(10).await.unwrap()),
        [action(2), action(3)]
    );
    assert_eq!(ids(store.overdue_actions(at(599), 10).await.unwrap()), []);
    assert_eq!(ids(store.overdue_actions(at(600), 10).await.unwrap()).len(), 3);
    // A stopped action is overdue only while somebody is waited for.
    store.give_up_targets(action(1), at(0), at(600)).await.unwrap();
    assert_eq!(ids(store.overdue_actions(at(600), 10).await.unwrap()).len(), 2);
}

async fn targets_are_added_once(fixture: Fixture) {
    let store = &fixture.store;
    let agents = fixture.agents(3).await;
    let id = fixture.action_for(1, 1, &agents[..2]).await;
    store
        .store_reports(&[report(id, agents[0], started(1))])
        .await
        .unwrap();
    let mut more = agents.clone();
    more.push(agent(99));
    assert!(store.add_targets(id, &more, at(30)).await.unwrap());
    assert!(!store.add_targets(action(9), &more, at(30)).await.unwrap());
    let counters = store.counters(id).await.unwrap();
    assert_eq!((counters.targeted, counters.running, counters.waiting), (3, 1, 2));
    store.mark_published(id, &agents[1..2], at(31)).await.unwrap();
    let unpublished = TargetFilter {
        published: Some(false),
        ..TargetFilter::default()
    };
    let mut page = PageRequest::first(1);
    let first = store.targets(id, &unpublished, &page).await.unwrap();
    page.after = first.next;
    let second = store.targets(id, &unpublished, &page).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (1, 1, None));
    assert_ne!(first.items[0].agent, second.items[0].agent);
    let of_agent = store
        .targets_of_agent(agents[1], &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(of_agent.items[0].published, Some(at(31)));
}

async fn hosts_are_sent_to_in_an_order_that_is_random_and_the_same_for_everybody(fixture: Fixture) {
    const HOSTS: usize = 300;
    let agents = fixture.agents(HOSTS as u32).await;
    let [one, two] = [
        fixture.action_for(1, 1, &agents).await,
        fixture.action_for(2, 1, &agents).await,
    ];
    let first = in_order(&fixture.store, one, 7).await;
    // Another scheduler, and pages of another size, see the same.
    assert_eq!(in_order(&fixture.another().await, one, 1000).await, first);
    assert_ne!(in_order(&fixture.store, two, 1000).await, first);
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert_ne!(sorted, first);
    let mut all = agents.clone();
    all.sort_unstable();
    assert_eq!(sorted, all);
    // A sample is spread over the fleet: by identifiers, about half of the first hundred are in the first half.
    let half = first[..100]
        .iter()
        .filter(|agent| **agent < all[HOSTS / 2])
        .count();
    assert!((25..75).contains(&half), "{half}");
    // The order stays when the first of them have been sent to.
    fixture
        .store
        .mark_published(one, &first[..100], at(3))
        .await
        .unwrap();
    assert_eq!(in_order(&fixture.store, one, 1000).await, first[100..]);
}

/// The hosts that an action is still to be sent to, in pages of a size.
async fn in_order(store: &Store, id: ActionId, size: u32) -> Vec<AgentId> {
    let mut page = PageRequest::first(size);
    let mut agents = Vec::new();
    loop {
        let portion = store.targets_to_send(id, &page).await.unwrap();
        agents.extend(portion.items);
        if portion.next.is_none() {
            return agents;
        }
        page.after = portion.next;
    }
}
