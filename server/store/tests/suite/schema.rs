//! Opening, migrating, and being told what is wrong.

use crate::fixture::Fixture;
use gumshoe_store::{Database, Schema, Store, StoreError, StoreOptions};
use std::os::unix::fs::PermissionsExt as _;

crate::on_both_databases! {
    migrating_twice_changes_nothing,
    several_may_migrate_at_the_same_time,
}

async fn migrating_twice_changes_nothing(fixture: Fixture) {
    assert_eq!(fixture.store.schema().await.unwrap(), Schema::Current);
    fixture.agents(1).await;
    fixture.store.migrate().await.unwrap();
    fixture.store.ping().await.unwrap();
    assert_eq!(fixture.store.agent_counts().await.unwrap().len(), 1);
}

async fn several_may_migrate_at_the_same_time(fixture: Fixture) {
    let fresh = fixture.fresh().await;
    let stores = [&fresh, &fresh.clone(), &fresh.clone()];
    assert_eq!(fresh.schema().await.unwrap(), Schema::Older { found: 0 });
    let all = futures_util::future::join_all(stores.map(Store::migrate)).await;
    all.into_iter().for_each(|result| result.unwrap());
    assert_eq!(fresh.schema().await.unwrap(), Schema::Current);
}

#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&format!("sqlite:{}", path.display()), StoreOptions::default())
        .await
        .unwrap();
    assert_eq!(store.database(), Database::Sqlite);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    store.close().await;
    assert!(store.ping().await.unwrap_err().is_transient());
}

#[tokio::test]
async fn an_address_that_is_none_is_explained() {
    for address in [
        "",
        "mysql://localhost/x",
        "/var/lib/gumshoe/store.db",
        "postgres://[/x",
    ] {
        let error = Store::open(address, StoreOptions::default()).await.err().unwrap();
        assert!(matches!(error, StoreError::Address(_)), "{address}: {error:?}");
        assert!(error.to_string().contains("sqlite:PATH"), "{error}");
    }
    let missing = Store::open("sqlite:/no/such/folder/store.db", StoreOptions::default()).await;
    assert!(matches!(missing.err().unwrap(), StoreError::File { .. }));
}
