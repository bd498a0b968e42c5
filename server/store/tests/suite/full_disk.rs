//! A full disk keeps the store from writing for as long as it is full, and loses nothing.

use crate::fixture::{agent, heartbeat, new_action, operation, report};
use gumshoe_store::{ReportOutcome, Store, StoreError, StoreOptions, TransientCause};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A file system of a given size, gone with this value.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount(
            &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"],
            folder.path(),
        );
        Self(folder)
    }

    fn grow(&self, size: &str) {
        mount(&["-o", &format!("remount,size={size}")], self.0.path());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) {
    let status = Command::new("mount")
        .args(arguments)
        .arg(folder)
        .status()
        .unwrap();
    assert!(
        status.success(),
        "mounting a file system needs root: run the tests with `make test`"
    );
}

#[tokio::test]
async fn a_full_disk_is_transient_and_loses_nothing() {
    let disk = SmallDisk::mount("2m");
    let address = format!("sqlite:{}", disk.0.path().join("store.db").display());
    let store = Store::open(&address, StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    store.store_heartbeats(&[heartbeat(0, 1, 0)]).await.unwrap();
    let new = new_action(1, 1);
    store.add_action(&new).await.unwrap();
    let id = new.action.id;

    let (mut stored, error) = fill(&store, id).await;
    let full = StoreError::is_transient(&error)
        && matches!(
            &error,
            StoreError::Transient {
                cause: TransientCause::Full,
                ..
            }
        );
    assert!(full, "{error:?}");
    // What was acknowledged is there, and can be read while the disk is full.
    assert_eq!(store.counters(id).await.unwrap().findings, stored);
    assert!(stored > 0);

    disk.grow("64m");
    let next = u32::try_from(stored).unwrap();
    store
        .store_reports(&[report(id, agent(0), operation(next, 1000, 1))])
        .await
        .unwrap();
    stored += 1;
    assert_eq!(store.counters(id).await.unwrap().findings, stored);
    store.close().await;
    let store = Store::open(&address, StoreOptions::default()).await.unwrap();
    assert_eq!(store.counters(id).await.unwrap().findings, stored);
    store.close().await;
}

/// Stores reports of 30 KiB until one is not stored; returns how many were.
async fn fill(store: &Store, id: gumshoe_protocol::ActionId) -> (u64, StoreError) {
    for index in 0..1000 {
        let mut big = report(id, agent(0), operation(index, 1000, 1));
        big.payload.resize(30_000, b' ');
        match store.store_reports(&[big]).await {
            Ok(outcomes) => assert!(matches!(outcomes[0], ReportOutcome::Stored { .. })),
            Err(error) => return (u64::from(index), error),
        }
    }
    panic!("30 MB were stored on a disk of 2 MB");
}
