//! The audit log: what was written stays, or it is noticed.

use crate::fixture::{Fixture, at};
use gumshoe_store::{AuditFilter, AuditHead, AuditVerdict, NewAuditEntry, PageRequest, Retention, Store};
use serde_json::json;
use std::time::Duration;

crate::on_both_databases! {
    a_log_that_nobody_touched_is_intact,
    every_change_is_noticed,
    entries_of_several_writers_make_one_chain,
    a_log_that_retention_shortened_is_intact,
    the_log_is_listed_newest_first,
    a_log_that_is_shortened_while_it_is_verified_is_intact,
}

fn entries(from: i64, count: i64) -> Vec<NewAuditEntry> {
    let entry = |second| NewAuditEntry {
        time: at(second),
        actor: if second % 2 == 0 { "alice" } else { "bob" }.to_owned(),
        what: "action-submitted".to_owned(),
        details: json!({"number": second, "text": "ä\u{0}☃".replace('\u{0}', "")}),
    };
    (from..from + count).map(entry).collect()
}

async fn a_log_that_nobody_touched_is_intact(fixture: Fixture) {
    let store = &fixture.store;
    let empty = store.verify_audit(None).await.unwrap();
    assert!(
        matches!(empty, AuditVerdict::Intact { entries: 0, .. }),
        "{empty:?}"
    );
    let early = store.add_audit(&entries(0, 3)).await.unwrap();
    let head = store.add_audit(&entries(3, 1200)).await.unwrap();
    assert_eq!(store.audit_head().await.unwrap(), head);
    let intact = AuditVerdict::Intact {
        entries: 1203,
        first: 1,
        head,
    };
    assert_eq!(store.verify_audit(None).await.unwrap(), intact);
    assert_eq!(store.verify_audit(Some(early)).await.unwrap(), intact);
    let forged = AuditHead { sequence: 3, ..head };
    assert!(matches!(
        store.verify_audit(Some(forged)).await.unwrap(),
        AuditVerdict::Broken { sequence: 3, .. }
    ));
}

async fn every_change_is_noticed(fixture: Fixture) {
    let store = &fixture.store;
    store.add_audit(&entries(0, 6)).await.unwrap();
    for (tampering, sequence) in [
        ("UPDATE audit SET actor = 'mallory' WHERE sequence = 3", 3),
        ("UPDATE audit SET details = '{}' WHERE sequence = 3", 3),
        ("UPDATE audit SET time = time + 1 WHERE sequence = 3", 3),
        ("UPDATE audit SET hash = previous WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 2", 2),
        ("DELETE FROM audit WHERE sequence = 6", 6),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("UPDATE audit SET sequence = 99 WHERE sequence = 6", 6),
    ] {
        let database = fixture.connection().await;
        let mut undone = database.begin().await.unwrap();
        sqlx::query("CREATE TABLE kept AS SELECT * FROM audit")
            .execute(&mut *undone)
            .await
            .unwrap();
        sqlx::query(tampering).execute(&mut *undone).await.unwrap();
        undone.commit().await.unwrap();
        let verdict = store.verify_audit(None).await.unwrap();
        assert!(
            matches!(verdict, AuditVerdict::Broken { sequence: found, .. } if found == sequence),
            "{tampering}: {verdict:?}"
        );
        for repair in [
            "DELETE FROM audit",
            "INSERT INTO audit SELECT * FROM kept",
            "DROP TABLE kept",
        ] {
            sqlx::query(repair).execute(&database).await.unwrap();
        }
        database.close().await;
        assert!(matches!(
            store.verify_audit(None).await.unwrap(),
            AuditVerdict::Intact { .. }
        ));
    }
}

async fn entries_of_several_writers_make_one_chain(fixture: Fixture) {
    let other = fixture.another().await;
    let write = async |store: &Store, from: i64| {
        for second in 0..20 {
            store.add_audit(&entries(from + second, 1)).await.unwrap();
        }
    };
    tokio::join!(write(&fixture.store, 0), write(&other, 100));
    let verdict = other.verify_audit(None).await.unwrap();
    assert!(
        matches!(
            verdict,
            AuditVerdict::Intact {
                entries: 40,
                first: 1,
                ..
            }
        ),
        "{verdict:?}"
    );
}

async fn a_log_that_retention_shortened_is_intact(fixture: Fixture) {
    let store = &fixture.store;
    let early = store.add_audit(&entries(0, 10)).await.unwrap();
    let head = store.add_audit(&entries(10, 20)).await.unwrap();
    let retention = Retention {
        audit: Some(Duration::from_secs(100)),
        ..Retention::default()
    };
    let removed = store.remove_old(&retention, at(115), 100).await.unwrap();
    assert_eq!(removed.audit, 15);
    let intact = AuditVerdict::Intact {
        entries: 15,
        first: 16,
        head,
    };
    assert_eq!(store.verify_audit(None).await.unwrap(), intact);
    // What lies before the beginning cannot be looked for.
    assert_eq!(store.verify_audit(Some(early)).await.unwrap(), intact);
    // The last entry stays, however old it is: the chain goes on from it.
    store.remove_old(&retention, at(100_000), 100).await.unwrap();
    let verdict = store.verify_audit(Some(head)).await.unwrap();
    assert!(
        matches!(verdict, AuditVerdict::Intact { entries: 1, .. }),
        "{verdict:?}"
    );
    store.add_audit(&entries(100_000, 1)).await.unwrap();
    assert!(matches!(
        store.verify_audit(None).await.unwrap(),
        AuditVerdict::Intact { entries: 2, .. }
    ));
}

async fn the_log_is_listed_newest_first(fixture: Fixture) {
    let store = &fixture.store;
    store.add_audit(&entries(0, 10)).await.unwrap();
    let filter = AuditFilter {
        actor: Some("bob".to_owned()),
        since: Some(at(3)),
        before: Some(at(9)),
        ..AuditFilter::default()
    };
    let mut page = PageRequest::first(2);
    let first = store.audit(&filter, &page).await.unwrap();
    page.after = first.next;
    let second = store.audit(&filter, &page).await.unwrap();
    let times: Vec<_> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|entry| entry.time)
        .collect();
    assert_eq!((times, second.next), (vec![at(7), at(5), at(3)], None));
}

/// Retention removes entries and writers add some, all the time, while others verify.
async fn a_log_that_is_shortened_while_it_is_verified_is_intact(fixture: Fixture) {
    const ENTRIES: i64 = 6000;
    let store = &fixture.store;
    // More than one portion of those that are read at once.
    store.add_audit(&entries(0, ENTRIES)).await.unwrap();
    let other = fixture.another().await;
    let changing = tokio::spawn(async move {
        let retention = Retention {
            audit: Some(Duration::ZERO),
            ..Retention::default()
        };
        for second in (0..ENTRIES).step_by(100) {
            other.remove_old(&retention, at(second), 1).await.unwrap();
            other.add_audit(&entries(ENTRIES + second, 3)).await.unwrap();
        }
        other.close().await;
    });
    let mut firsts = std::collections::BTreeSet::new();
    while !changing.is_finished() {
        match store.verify_audit(None).await.unwrap() {
            AuditVerdict::Intact { first, .. } => firsts.insert(first),
            broken @ AuditVerdict::Broken { .. } => panic!("{broken:?}"),
        };
    }
    changing.await.unwrap();
    // It was verified while it became shorter.
    assert!(firsts.len() > 2, "{firsts:?}");
}
