//! Tokens, challenges, investigators, leases, counters.

use crate::fixture::{Fixture, at};
use gumshoe_protocol::ContentDigest;
use gumshoe_store::{Investigator, NewToken, PageRequest, TokenId};
use serde_json::json;

crate::on_both_databases! {
    a_token_is_valid_until_it_expires_or_is_revoked,
    a_challenge_is_answered_once,
    investigators_are_those_of_the_last_policy,
    one_holds_a_lease,
    counters_only_grow,
}

fn token(number: u8) -> NewToken {
    NewToken {
        hash: ContentDigest::of(&[number]),
        name: format!("token {number}"),
        role: "read".to_owned(),
        subject: "alice".to_owned(),
        created: at(i64::from(number)),
        expires: at(100),
    }
}

async fn a_token_is_valid_until_it_expires_or_is_revoked(fixture: Fixture) {
    let store = &fixture.store;
    let ids = [1, 2, 3].map(token);
    for new in &ids {
        assert_eq!(store.add_token(new).await.unwrap(), TokenId::of(&new.hash));
    }
    let twice = store.add_token(&ids[0]).await.unwrap_err();
    assert!(!twice.is_transient(), "{twice:?}");
    let hash = ids[0].hash;
    let used = store.use_token(&hash, at(50)).await.unwrap().unwrap();
    assert_eq!((used.role.as_str(), used.last_used), ("read", None));
    let used = store.use_token(&hash, at(51)).await.unwrap().unwrap();
    assert_eq!(used.last_used, Some(at(50)));
    assert_eq!(store.use_token(&hash, at(100)).await.unwrap(), None);
    assert_eq!(
        store.use_token(&ContentDigest::of(b"?"), at(50)).await.unwrap(),
        None
    );
    assert!(store.revoke_token(&used.id, at(60)).await.unwrap());
    assert!(!store.revoke_token(&used.id, at(61)).await.unwrap());
    assert_eq!(store.use_token(&hash, at(60)).await.unwrap(), None);
    let mut page = PageRequest::first(2);
    let first = store.tokens(&page).await.unwrap();
    page.after = first.next;
    let second = store.tokens(&page).await.unwrap();
    let names: Vec<_> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|token| token.name.as_str())
        .collect();
    assert_eq!(names, ["token 3", "token 2", "token 1"]);
    assert_eq!(second.items[0].revoked, Some(at(60)));
}

async fn a_challenge_is_answered_once(fixture: Fixture) {
    let store = &fixture.store;
    assert!(store.add_challenge(b"nonce", "AA11", at(60)).await.unwrap());
    assert!(!store.add_challenge(b"nonce", "BB22", at(60)).await.unwrap());
    let other = fixture.another().await;
    let (a, b) = tokio::join!(
        store.take_challenge(b"nonce", at(1)),
        other.take_challenge(b"nonce", at(1))
    );
    let mut taken = [a.unwrap(), b.unwrap()];
    taken.sort();
    assert_eq!(taken, [None, Some("AA11".to_owned())]);
    store.add_challenge(b"late", "AA11", at(60)).await.unwrap();
    assert_eq!(store.take_challenge(b"late", at(60)).await.unwrap(), None);
}

async fn investigators_are_those_of_the_last_policy(fixture: Fixture) {
    let one = |name: &str| Investigator {
        fingerprint: format!("FINGERPRINT OF {name}"),
        name: name.to_owned(),
        details: json!({"weight": 1}),
    };
    let store = &fixture.store;
    store
        .replace_investigators(&["mallory", "bob"].map(one))
        .await
        .unwrap();
    store
        .replace_investigators(&["bob", "alice"].map(one))
        .await
        .unwrap();
    assert_eq!(store.investigators().await.unwrap(), ["alice", "bob"].map(one));
    // All or nothing.
    let twice = store
        .replace_investigators(&["eve", "eve"].map(one))
        .await
        .unwrap_err();
    assert!(!twice.is_transient());
    assert_eq!(store.investigators().await.unwrap().len(), 2);
}

async fn one_holds_a_lease(fixture: Fixture) {
    let store = &fixture.store;
    assert!(store.take_lease("sweep", "a", at(0), at(10)).await.unwrap());
    assert!(!store.take_lease("sweep", "b", at(9), at(19)).await.unwrap());
    assert!(store.take_lease("sweep", "a", at(9), at(19)).await.unwrap());
    assert!(store.take_lease("other", "b", at(9), at(19)).await.unwrap());
    assert!(store.take_lease("sweep", "b", at(19), at(29)).await.unwrap());
    store.release_lease("sweep", "a").await.unwrap();
    assert!(!store.take_lease("sweep", "a", at(20), at(30)).await.unwrap());
    store.release_lease("sweep", "b").await.unwrap();
    assert!(store.take_lease("sweep", "a", at(20), at(30)).await.unwrap());
}

async fn counters_only_grow(fixture: Fixture) {
    let store = &fixture.store;
    let counts = |value| {
        [
            ("reports-unknown-agent".to_owned(), value),
            ("other".to_owned(), 1),
        ]
        .into()
    };
    store.count(&counts(2)).await.unwrap();
    store.count(&counts(40)).await.unwrap();
    store.count(&[].into()).await.unwrap();
    let counted = store.counted().await.unwrap();
    assert_eq!(
        counted,
        [("other".to_owned(), 2), ("reports-unknown-agent".to_owned(), 42)].into()
    );
}
