//! Runs tests.

use std::rc::Rc;

use gumshoe_versions::Order;

use crate::{
    GatherError, Plan, Searcher, Sources, SubResult, TestResult,
    gather::{Criterion, Gatherer},
    plan::{Check, Expected, Sense, Test, Verdict},
};

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a producer that ignores Stop works for nothing"]
pub enum Flow {
    /// Go on.
    Continue,
    /// No more is wanted.
    Stop,
}

/// What became of a document's tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tests that were run.
    pub run: u64,
    /// Tests that are true.
    pub true_tests: u64,
    /// Tests that ended with an error.
    pub errors: u64,
    /// Tests that turned out otherwise than the document's author expects.
    pub unexpected: u64,
    /// Tests that were not run because the evaluation was ended.
    pub not_run: u64,
}

/// Runs all tests of a plan, in the order of the document, and hands over one result per test.
///
/// Ends early when the sources or `emit` say so; [`Summary::not_run`] counts the rest.
pub fn evaluate(plan: &Plan, sources: &mut dyn Sources, emit: &mut dyn FnMut(TestResult) -> Flow) -> Summary {
    let mut run = Run {
        plan,
        gatherer: Gatherer::new(plan, sources),
        objects: vec![None; plan.objects.len()],
        states: vec![State::Waiting; plan.tests.len()],
        early: std::iter::repeat_with(|| None).take(plan.tests.len()).collect(),
        summary: Summary::default(),
    };
    for index in 0..plan.tests.len() {
        let flow = run
            .complete(index)
            .map_or(Flow::Stop, |()| run.hand_over(index, emit));
        if flow == Flow::Stop {
            break;
        }
    }
    let all = u64::try_from(plan.tests.len()).unwrap_or(u64::MAX);
    run.summary.not_run = all - run.summary.run;
    run.summary
}

/// How far a test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Its dependencies are being run.
    Begun,
    Done {
        result: bool,
        failed: bool,
    },
}

/// The evaluation was ended.
struct Stopped;

struct Run<'p, 's> {
    plan: &'p Plan,
    gatherer: Gatherer<'p, 's>,
    objects: Vec<Option<Result<Rc<[Criterion]>, GatherError>>>,
    states: Vec<State>,
    /// Results that were needed before their turn.
    early: Vec<Option<Box<TestResult>>>,
    summary: Summary,
}

impl<'p> Run<'p, '_> {
    /// Runs a test and all that it depends on, which may be a chain of any length.
    fn complete(&mut self, index: usize) -> Result<(), Stopped> {
        let mut stack = vec![index];
        while let Some(&top) = stack.last() {
            let Some(test) = self.plan.tests.get(top) else {
                break;
            };
            if self.states[top] == State::Waiting {
                self.states[top] = State::Begun;
                let waiting = dependencies(test).filter(|&need| self.states[need] == State::Waiting);
                let before = stack.len();
                stack.extend(waiting);
                // The first one is run first.
                stack[before..].reverse();
                if stack.len() > before {
                    continue;
                }
            }
            stack.pop();
            if self.states[top] == State::Begun {
                let result = self.run_test(test)?;
                self.states[top] = State::Done {
                    result: result.result,
                    failed: result.error.is_some(),
                };
                self.early[top] = Some(Box::new(result));
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, index: usize, emit: &mut dyn FnMut(TestResult) -> Flow) -> Flow {
        let (Some(test), Some(result)) = (self.plan.tests.get(index), self.early[index].take()) else {
            return Flow::Stop;
        };
        self.summary.run += 1;
        self.summary.true_tests += u64::from(result.result);
        self.summary.errors += u64::from(result.error.is_some());
        self.summary.unexpected += u64::from(!is_expected(test.expected, &result));
        emit(*result)
    }

    fn run_test(&mut self, test: &'p Test) -> Result<TestResult, Stopped> {
        let mut outcome = TestResult {
            test: test.id.clone(),
            name: test.name.clone(),
            description: test.description.clone(),
            tags: test.tags.clone(),
            ..TestResult::default()
        };
        if let Some(failed) = self.failed_dependency(test) {
            let id = self.plan.tests.get(failed).map_or("", |test| test.id.as_str());
            outcome.error = Some(format!("a test dependency failed (\"{id}\")"));
            return Ok(outcome);
        }
        match self.answers(test) {
            Ok(results) => self.judge(test, results, &mut outcome),
            Err(TestError::Stopped) => return Err(Stopped),
            Err(TestError::Failed(error)) => outcome.error = Some(error),
        }
        Ok(outcome)
    }

    fn judge(&self, test: &Test, results: Vec<SubResult>, outcome: &mut TestResult) {
        let count = results.iter().filter(|sub| sub.result).count();
        let verdict = match test.verdict {
            Verdict::Any => count > 0,
            Verdict::All => count > 0 && count == results.len(),
            Verdict::Count(operation, value) => {
                operation.holds(u64::try_from(count).unwrap_or(u64::MAX).cmp(&value))
            }
        };
        let is_true = |need: &usize| self.is_true(*need);
        let any_of = test.any_of.as_ref();
        let free = test.all_of.iter().all(is_true) && any_of.is_none_or(|tests| tests.iter().any(is_true));
        outcome.has_true = count > 0;
        outcome.result = verdict && free;
        outcome.blocked = verdict && !free;
        outcome.list(results);
    }

    fn is_true(&self, test: usize) -> bool {
        matches!(self.states[test], State::Done { result: true, .. })
    }

    fn has_failed(&self, test: usize) -> bool {
        matches!(self.states[test], State::Done { failed: true, .. })
    }

    /// A dependency whose failure leaves the test without an answer. Among alternatives, a true one makes up for it.
    fn failed_dependency(&self, test: &Test) -> Option<usize> {
        let alternatives = test.any_of.iter().flatten().copied();
        let needed = !alternatives.clone().any(|need| self.is_true(need));
        let all_of = test.all_of.iter().copied();
        all_of
            .chain(alternatives.filter(|_| needed))
            .find(|&need| self.has_failed(need))
    }

    /// What the test says of each criterion of its object.
    fn answers(&mut self, test: &'p Test) -> Result<Vec<SubResult>, TestError> {
        let criteria = match &test.object {
            Ok(index) => self.criteria(*index)?,
            Err(id) => return Err(TestError::Failed(format!("there is no object {id:?}"))),
        };
        let mut searcher = searcher(&test.check);
        let answer = |criterion: &Criterion| {
            let plain = check(&test.check, searcher.as_mut(), criterion)?;
            let identifier = criterion.identifier.clone();
            Ok(SubResult {
                identifier,
                result: plain != (test.sense == Sense::Negated),
            })
        };
        criteria
            .iter()
            .map(answer)
            .collect::<Result<_, String>>()
            .map_err(TestError::Failed)
    }

    /// The criteria of an object, gathered when it is first needed.
    fn criteria(&mut self, index: usize) -> Result<Rc<[Criterion]>, TestError> {
        if self.objects[index].is_none() {
            let object = &self.plan.objects[index];
            self.objects[index] = Some(self.gatherer.gather(object).map(Rc::from));
        }
        match &self.objects[index] {
            Some(Ok(criteria)) if !self.gatherer.sources.stopped() => Ok(Rc::clone(criteria)),
            Some(Err(GatherError::Stopped)) | Some(Ok(_)) | None => Err(TestError::Stopped),
            Some(Err(error)) => Err(TestError::Failed(error.to_string())),
        }
    }
}

/// Why a test has no answers.
enum TestError {
    Stopped,
    Failed(String),
}

fn dependencies(test: &Test) -> impl Iterator<Item = usize> + '_ {
    test.all_of.iter().chain(test.any_of.iter().flatten()).copied()
}

/// What a test's own expression needs for searching.
fn searcher(check: &Check) -> Option<Searcher<'_>> {
    match check {
        Check::Pattern(Ok(pattern)) => Some(pattern.searcher()),
        _ => None,
    }
}

fn check(check: &Check, searcher: Option<&mut Searcher<'_>>, criterion: &Criterion) -> Result<bool, String> {
    match check {
        Check::Version {
            operation,
            value,
            order,
        } => {
            let operation = operation
                .as_ref()
                .map_err(|sign| format!("invalid evr operation {sign:?}"))?;
            let order = order.unwrap_or(criterion.order);
            match order.compare(&criterion.value, value) {
                Ok(found) => Ok(operation.holds(found)),
                Err(_) => Err(not_comparable(order, value, &criterion.identifier)),
            }
        }
        Check::Pattern(Err(error)) => Err(error.to_string()),
        Check::Pattern(Ok(_)) => Ok(searcher.is_some_and(|searcher| searcher.is_match(&criterion.value))),
        Check::Exact(value) => Ok(criterion.value == *value),
        Check::Always => Ok(true),
    }
}

/// Says which of two values is no version, and does not give away the host's.
fn not_comparable(order: Order, value: &str, identifier: &str) -> String {
    match order.compare(value, value) {
        Err(error) => error.to_string(),
        Ok(_) => format!(
            "the value of {identifier:?} is not a version that {} knows",
            order.name()
        ),
    }
}

fn is_expected(expected: Expected, result: &TestResult) -> bool {
    match (expected, &result.error) {
        (Expected::Error, error) => error.is_some(),
        (Expected::True | Expected::False, Some(_)) => false,
        (Expected::True, None) => result.result,
        (Expected::False, None) => !result.result,
    }
}
