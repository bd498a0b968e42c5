//! How far one host is with one action: a pure function of the messages that came, in whatever order.

use super::{Outcome, TargetState};
use crate::reports::ReportContent;
use gumshoe_plugin_api::Status;

/// What has been heard of a host about an action. Merging is commutative; each message is merged once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u32);

impl Mark {
    const STARTED: u32 = 1;
    const FINISHED: u32 = 1 << 1;
    const REFUSED: u32 = 1 << 2;
    const NOT_TARGET: u32 = 1 << 3;
    const INTERRUPTED: u32 = 1 << 4;
    /// At least one operation found something.
    const FOUND: u32 = 1 << 5;
    /// At least one operation did not look at everything.
    const INCOMPLETE: u32 = 1 << 6;
    /// At least one operation failed or was refused.
    const FAILED: u32 = 1 << 7;

    const fn has(self, mark: u32) -> bool {
        self.0 & mark != 0
    }
}

/// What is stored of a target's progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) marks: Mark,
    /// How many operations the host says there are.
    pub(crate) operations: u32,
    /// How many of them it has reported.
    pub(crate) reported: u32,
    pub(crate) findings: u64,
    /// Stable code of a refusal: the first in alphabetical order, where there are several.
    pub(crate) code: Option<String>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            marks: Mark(0),
            operations: 0,
            reported: 0,
            findings: 0,
            code: None,
        }
    }
}

impl Mark {
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

impl Progress {
    /// Adds a message that has not been added before.
    pub(crate) fn add(&mut self, content: &ReportContent) {
        match content {
            ReportContent::Started { operations } => {
                self.mark(Mark::STARTED);
                self.operations = self.operations.max(*operations);
            }
            ReportContent::Operation(operation) => {
                self.mark(operation_marks(operation));
                self.operations = self.operations.max(operation.of);
                self.reported = self.reported.saturating_add(1);
                self.findings = self.findings.saturating_add(operation.findings);
                self.add_code(operation.refusal.as_deref());
            }
            ReportContent::Refused { code } => {
                self.mark(Mark::REFUSED);
                self.add_code(Some(code));
            }
            ReportContent::NotTarget { code } => {
                self.mark(Mark::NOT_TARGET);
                self.add_code(code.as_deref());
            }
            ReportContent::Interrupted => self.mark(Mark::INTERRUPTED | Mark::INCOMPLETE),
            ReportContent::Finished {
                operations,
                found,
                complete,
            } => {
                let found = if *found { Mark::FOUND } else { 0 };
                let incomplete = if *complete { 0 } else { Mark::INCOMPLETE };
                self.mark(Mark::FINISHED | found | incomplete);
                self.operations = self.operations.max(*operations);
            }
        }
    }

    fn mark(&mut self, marks: u32) {
        self.marks.0 |= marks;
    }

    fn add_code(&mut self, code: Option<&str>) {
        if let Some(code) = code
            && self.code.as_deref().is_none_or(|old| code < old)
        {
            self.code = Some(code.to_owned());
        }
    }

    /// How far the host is. That it ran outweighs that it refused: an action that comes twice is refused the second time.
    pub(crate) fn state(&self) -> TargetState {
        let all_reported = self.operations > 0 && self.reported >= self.operations;
        match self.marks {
            marks if marks.has(Mark::FINISHED) || all_reported => TargetState::Answered,
            marks if marks.has(Mark::INTERRUPTED) => TargetState::Interrupted,
            marks if marks.has(Mark::STARTED) || self.reported > 0 => TargetState::Running,
            marks if marks.has(Mark::REFUSED) => TargetState::Refused,
            marks if marks.has(Mark::NOT_TARGET) => TargetState::NotTarget,
            _ => TargetState::Targeted,
        }
    }

    /// What the answer is worth, where there is one.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let marks = self.marks;
        match self.state() {
            TargetState::Answered | TargetState::Interrupted | TargetState::Running
                if marks.has(Mark::FOUND) =>
            {
                Some(Outcome::Found)
            }
            TargetState::Interrupted => Some(Outcome::Incomplete),
            TargetState::Answered if marks.has(Mark::FAILED) => Some(Outcome::Failed),
            TargetState::Answered if marks.has(Mark::INCOMPLETE) => Some(Outcome::Incomplete),
            TargetState::Answered => Some(Outcome::Nothing),
            _ => None,
        }
    }
}

fn operation_marks(operation: &crate::reports::OperationContent) -> u32 {
    let found = if operation.found { Mark::FOUND } else { 0 };
    let incomplete = if operation.complete { 0 } else { Mark::INCOMPLETE };
    let ended = match operation.status {
        Status::Success => 0,
        Status::Timeout | Status::Cancelled => Mark::INCOMPLETE,
        // Failed, refused, and what later versions add.
        _ => Mark::FAILED,
    };
    found | incomplete | ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::OperationContent;
    use proptest::prelude::*;

    fn operation(status: Status, found: bool, complete: bool) -> ReportContent {
        ReportContent::Operation(OperationContent {
            index: 0,
            of: 2,
            module: "file".to_owned(),
            status,
            found,
            complete,
            findings: u64::from(found),
            refusal: None,
        })
    }

    fn after(contents: &[ReportContent]) -> (TargetState, Option<Outcome>) {
        let mut progress = Progress::default();
        contents.iter().for_each(|content| progress.add(content));
        (progress.state(), progress.outcome())
    }

    const STARTED: ReportContent = ReportContent::Started { operations: 2 };

    fn finished(found: bool, complete: bool) -> ReportContent {
        ReportContent::Finished {
            operations: 2,
            found,
            complete,
        }
    }

    #[test]
    fn each_course_has_its_state_and_outcome() {
        use Outcome::{Failed, Found, Incomplete, Nothing};
        use TargetState::{Answered, Interrupted, NotTarget, Refused, Running, Targeted};
        let refused = || ReportContent::Refused {
            code: "replayed".to_owned(),
        };
        let clean = || operation(Status::Success, false, true);
        let cases = [
            (vec![], (Targeted, None)),
            (vec![STARTED], (Running, None)),
            (vec![STARTED, clean()], (Running, None)),
            (
                vec![STARTED, operation(Status::Success, true, true)],
                (Running, Some(Found)),
            ),
            (vec![STARTED, clean(), clean()], (Answered, Some(Nothing))),
            (
                vec![STARTED, clean(), clean(), finished(false, true)],
                (Answered, Some(Nothing)),
            ),
            (
                vec![clean(), operation(Status::Timeout, false, false)],
                (Answered, Some(Incomplete)),
            ),
            (
                vec![clean(), operation(Status::Failed, false, true)],
                (Answered, Some(Failed)),
            ),
            (
                vec![clean(), operation(Status::Refused, false, true)],
                (Answered, Some(Failed)),
            ),
            (
                vec![operation(Status::Failed, true, false), clean()],
                (Answered, Some(Found)),
            ),
            (vec![finished(false, false)], (Answered, Some(Incomplete))),
            (
                vec![STARTED, ReportContent::Interrupted],
                (Interrupted, Some(Incomplete)),
            ),
            (vec![refused()], (Refused, None)),
            (vec![STARTED, refused()], (Running, None)),
            (vec![ReportContent::NotTarget { code: None }], (NotTarget, None)),
        ];
        for (contents, expected) in cases {
            assert_eq!(after(&contents), expected, "{contents:?}");
        }
    }

    fn content() -> impl Strategy<Value = ReportContent> {
        let status = prop_oneof![
            Just(Status::Success),
            Just(Status::Failed),
            Just(Status::Timeout),
            Just(Status::Refused)
        ];
        prop_oneof![
            Just(STARTED),
            (status, any::<bool>(), any::<bool>())
                .prop_map(|(status, found, complete)| operation(status, found, complete)),
            "[a-c]".prop_map(|code| ReportContent::Refused { code }),
            proptest::option::of("[a-c]").prop_map(|code| ReportContent::NotTarget { code }),
            Just(ReportContent::Interrupted),
            (any::<bool>(), any::<bool>()).prop_map(|(found, complete)| finished(found, complete)),
        ]
    }

    proptest! {
        #[test]
        fn the_order_of_messages_does_not_matter(
            (contents, shuffled) in proptest::collection::vec(content(), 0..6)
                .prop_flat_map(|contents| (Just(contents.clone()), Just(contents).prop_shuffle()))
        ) {
            let merged = |contents: &[ReportContent]| {
                let mut progress = Progress::default();
                contents.iter().for_each(|content| progress.add(content));
                progress
            };
            prop_assert_eq!(merged(&contents), merged(&shuffled));
        }
    }
}
