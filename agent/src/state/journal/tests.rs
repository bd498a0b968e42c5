use super::record::parse;
use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;

fn time(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(1_000_000 + seconds)
}

fn id(number: u8) -> ActionId {
    ActionId::from_bytes([number; 16])
}

fn entry(number: u8, at: i64, window: i64) -> Entry {
    Entry {
        id: id(number),
        digest: ContentDigest::of(&[number]),
        not_before: time(at),
        expires: time(at + window),
        record_until: time(at + window + 60),
        operations: 3,
        accepted: time(at),
        done: 0,
        ended: false,
    }
}

/// Something that happens to a journal.
#[derive(Debug, Clone)]
enum Step {
    Accept(Entry),
    Done(u8, u32),
    End(u8),
    Cancel(u8, i64),
    Prune(i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..20_u8, 0..100_i64, 1..100_i64).prop_map(|(n, at, window)| Step::Accept(entry(n, at, window))),
        3 => (0..20_u8, 0..3_u32).prop_map(|(n, index)| Step::Done(n, index)),
        2 => (0..20_u8).prop_map(Step::End),
        1 => (0..20_u8, 0..200_i64).prop_map(|(n, until)| Step::Cancel(n, until)),
        1 => (0..300_i64).prop_map(Step::Prune),
        1 => Just(Step::Restart),
    ]
}

/// The slow, obvious twin: a list of everything that happened, asked anew each time.
#[derive(Default)]
struct Model {
    accepted: Vec<Entry>,
    done: Vec<(ActionId, u32)>,
    ended: Vec<ActionId>,
    cancelled: Vec<(ActionId, Timestamp)>,
    forgotten: Vec<Entry>,
    floor: Option<Timestamp>,
}

impl Model {
    fn take(&mut self, step: &Step) {
        let is_known = |model: &Self, number: u8| model.accepted.iter().any(|e| e.id == id(number));
        match step {
            Step::Accept(entry) => {
                self.accepted.push(entry.clone());
                self.floor = self.floor.max(Some(entry.not_before));
            }
            Step::Done(n, index) if is_known(self, *n) => self.done.push((id(*n), *index)),
            Step::End(n) if is_known(self, *n) => self.ended.push(id(*n)),
            Step::Cancel(n, until) => {
                self.cancelled.retain(|(other, _)| *other != id(*n));
                self.cancelled.push((id(*n), time(*until)));
            }
            Step::Prune(now) => {
                let ended = self.ended.clone();
                let is_gone = |e: &Entry| ended.contains(&e.id) && e.record_until < time(*now);
                self.forgotten
                    .extend(self.accepted.iter().filter(|e| is_gone(e)).cloned());
                self.accepted.retain(|e| !is_gone(e));
                let forgotten: Vec<_> = self.forgotten.iter().map(|e| e.id).collect();
                self.done
                    .retain(|(id, _)| !forgotten.contains(id) || self.accepted.iter().any(|e| e.id == *id));
                self.ended.retain(|id| self.accepted.iter().any(|e| e.id == *id));
                self.cancelled.retain(|(_, until)| time(*now) <= *until);
            }
            _ => {}
        }
    }

    fn agrees_with(&self, journal: &Journal) {
        assert_eq!(journal.known().entries.len(), self.accepted.len());
        for entry in &self.accepted {
            let kept = journal.entry(&entry.id).unwrap();
            assert_eq!((kept.digest, kept.expires), (entry.digest, entry.expires));
            assert_eq!(kept.ended, self.ended.contains(&entry.id));
            let missing: Vec<u32> = (0..3).filter(|i| !self.done.contains(&(entry.id, *i))).collect();
            assert_eq!(kept.missing(), missing);
        }
        for (id, _) in &self.cancelled {
            assert!(journal.is_cancelled(id));
        }
        assert_eq!(journal.known().cancelled.len(), self.cancelled.len());
        let horizon = self.forgotten.iter().map(|e| e.expires).max();
        assert_eq!(journal.horizon(), horizon.unwrap_or(Timestamp::UNIX_EPOCH));
        assert_eq!(journal.floor(), self.floor.unwrap_or(Timestamp::UNIX_EPOCH));
    }
}

fn perform(journal: &mut Journal, step: &Step, folder: &Path) {
    match step {
        Step::Accept(entry) => journal.accept(entry.clone(), time(0)).unwrap(),
        Step::Done(n, index) => journal.done(id(*n), *index).unwrap(),
        Step::End(n) => journal.end(id(*n)).unwrap(),
        Step::Cancel(n, until) => journal.cancel(id(*n), time(*until), time(0)).unwrap(),
        Step::Prune(now) => journal.prune(time(*now)).unwrap(),
        Step::Restart => *journal = Journal::open(folder, false).unwrap().0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_remembers_what_a_plain_list_remembers(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), true).unwrap();
        let mut model = Model::default();
        for step in steps {
            // An action that is known is not accepted again: that is what `decide` is for.
            if matches!(&step, Step::Accept(entry) if journal.entry(&entry.id).is_some()) {
                continue;
            }
            perform(&mut journal, &step, folder.path());
            model.take(&step);
            model.agrees_with(&journal);
        }
        model.agrees_with(&Journal::open(folder.path(), false).unwrap().0);
    }
}

/// A journal of some records, as bytes.
fn sample(folder: &Path) -> Vec<u8> {
    let (mut journal, _) = Journal::open(folder, true).unwrap();
    for number in 0..3 {
        journal
            .accept(entry(number, i64::from(number), 50), time(0))
            .unwrap();
        journal.done(id(number), 1).unwrap();
    }
    journal.end(id(0)).unwrap();
    journal.cancel(id(9), time(500), time(0)).unwrap();
    std::fs::read(folder.join("journal")).unwrap()
}

#[test]
fn cut_at_any_byte_every_whole_record_is_kept_and_the_torn_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let whole = sample(folder.path());
    let first = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
    for end in first..whole.len() {
        let cut = &whole[..end];
        std::fs::write(folder.path().join("journal"), cut).unwrap();
        let (journal, torn) = Journal::open(folder.path(), false).unwrap();
        let kept = cut.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let mut expected = Known::default();
        for line in cut[..kept].split_inclusive(|b| *b == b'\n') {
            expected.apply(parse(&line[..line.len() - 1]).unwrap());
        }
        assert_eq!(journal.known(), &expected, "cut at {end}");
        assert_eq!(torn, (end - kept) as u64, "cut at {end}");
        let (_, nothing) = Journal::open(folder.path(), false).unwrap();
        assert_eq!(nothing, 0, "what was torn is gone");
    }
}

#[test]
fn damage_anywhere_but_in_a_torn_end_keeps_the_agent_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let whole = sample(folder.path());
    for at in 0..whole.len() - 1 {
        let mut bad = whole.clone();
        bad[at] ^= 0x20;
        std::fs::write(folder.path().join("journal"), &bad).unwrap();
        let error = Journal::open(folder.path(), false).unwrap_err().to_string();
        assert!(error.contains("is damaged in line"), "byte {at}: {error}");
    }
}

#[test]
fn a_missing_journal_is_not_an_empty_one_unless_nothing_was_ever_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let error = Journal::open(folder.path(), false).unwrap_err();
    assert!(matches!(error, LoadError::Missing { .. }));
    Journal::open(folder.path(), true).unwrap();
    Journal::open(folder.path(), false).unwrap();
    // The owner's word.
    std::fs::write(folder.path().join("journal"), "").unwrap();
    Journal::open(folder.path(), false).unwrap();
}

#[test]
fn a_journal_of_a_newer_agent_and_one_without_a_beginning_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let head = |version| Record::Journal {
        version,
        horizon: time(0),
        floor: time(0),
    };
    let path = folder.path().join("journal");
    for (text, expected) in [
        (line(&head(2)), "version 2"),
        (line(&Record::Ended { id: id(1) }), "first record is missing"),
        (line(&head(1)) + &line(&head(1)), "second beginning"),
        ("x".repeat(5000), "no end"),
        ("x".repeat(50), "is cut"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Journal::open(folder.path(), false).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_full_journal_refuses_new_actions_until_windows_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(folder.path(), true).unwrap();
    for number in 0..MAX_ENTRIES as u128 {
        let mut one = entry(0, 0, 10);
        one.id = ActionId::from_bytes(number.to_be_bytes());
        one.ended = true;
        journal.known.entries.insert(one.id, one);
    }
    let new = entry(255, 0, 10);
    let error = journal.accept(new.clone(), time(5)).unwrap_err();
    assert_eq!(error.code(), "journal-full");
    journal.accept(new, time(1000)).unwrap();
    assert_eq!(journal.known().entries.len(), 1);
    assert_eq!(journal.horizon(), time(10));
    assert_eq!(
        Journal::open(folder.path(), false).unwrap().0.known(),
        journal.known()
    );
}
