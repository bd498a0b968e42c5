//! Plan and context to findings.

use gumshoe_document::{Flow, Summary, TestResult, evaluate};
use gumshoe_plugin_api::{Context, Failure, Flow as Emitted, Skipped};
use serde::Serialize;

use crate::{
    finding::Finding,
    host::Host,
    plan::{Plan, Report},
};

/// Errors of tests that are repeated among the report's errors; each is in the test's own result as well.
const MAX_REPEATED_ERRORS: u64 = 100;

/// What was looked at, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Tests that were run.
    pub tests: u64,
    /// Tests that are true.
    pub true_tests: u64,
    /// Tests that ended with an error.
    pub failed_tests: u64,
    /// Tests that turned out otherwise than the document expects.
    pub unexpected: u64,
    /// Packages that are installed, of the types that the document is about.
    pub packages: u64,
    /// Files that were read; one that several objects are about is counted for each.
    pub files: u64,
    /// Bytes that were read of them.
    pub bytes: u64,
}

/// Runs a plan.
///
/// # Errors
///
/// When the root folder cannot be opened.
pub(crate) fn run(plan: &Plan, context: &Context) -> Result<Statistics, Failure> {
    warn(plan, context);
    let mut host = Host::new(context)?;
    let mut output = Output {
        plan,
        context,
        errors: 0,
    };
    let summary = evaluate(&plan.document, &mut host, &mut |result| output.take(result));
    output.finish(&summary);
    Ok(Statistics {
        tests: summary.run,
        true_tests: summary.true_tests,
        failed_tests: summary.errors,
        unexpected: summary.unexpected,
        ..host.statistics
    })
}

/// Repeats what is odd about the document.
fn warn(plan: &Plan, context: &Context) {
    let warnings = plan.document.warnings();
    for warning in warnings.iter() {
        context.error(format_args!("document: {warning}"));
    }
    let more = warnings.count() - warnings.iter().count();
    if more > 0 {
        context.error(format_args!("document: {more} more oddities"));
    }
}

/// Turns results into findings.
struct Output<'a> {
    plan: &'a Plan,
    context: &'a Context,
    errors: u64,
}

impl Output<'_> {
    fn take(&mut self, result: TestResult) -> Flow {
        if let Some(error) = &result.error {
            self.errors += 1;
            if self.errors <= MAX_REPEATED_ERRORS {
                self.context
                    .error(format_args!("Error: {error} in {:?}", result.test));
            }
        }
        if self.plan.report == Report::OnlyTrue && !result.result {
            return Flow::Continue;
        }
        let finding = Finding {
            result,
            form: self.plan.form,
        };
        match self.context.emit(&finding) {
            Emitted::Continue => Flow::Continue,
            Emitted::Stop => Flow::Stop,
        }
    }

    fn finish(&self, summary: &Summary) {
        if self.errors > MAX_REPEATED_ERRORS {
            let more = self.errors - MAX_REPEATED_ERRORS;
            self.context
                .error(format_args!("{more} more tests ended with errors"));
        }
        if summary.not_run > 0 {
            self.context
                .skipped(Skipped::one("test", "the operation was ended").count(summary.not_run));
        }
    }
}
