//! What stands behind a plugin's exported table: bytes in, bytes out, panics caught.

use crate::shape;
use crate::{Context, Description, Failure, Kind, Module, Occurrence, Problems, Rejection, flags, json};
use gumshoe_plugin_abi::abi_stable::std_types::{RErr, ROk, RVec};
use gumshoe_plugin_abi::{Answer, Bytes, Handle, HostRef};
use serde::Serialize;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Exports a module from a plugin crate. One line, at the top level of the crate:
///
/// ```text
/// gumshoe_plugin_api::export_module! {
///     module: Uptime,
///     name: "uptime",
///     summary: "how long the host has been running",
///     os: ["linux"],
///     privileges: [],
/// }
/// ```
///
/// `name` is what investigators call the module: it matches `^[a-z][a-z0-9-]{0,31}$`. `os` lists
/// `linux` and `macos`. `privileges` lists what the runner has to keep for the module: see
/// [`Privilege`](crate::manifest::Privilege). The crate's version is the module's version.
#[macro_export]
macro_rules! export_module {
    (
        module: $module:ty,
        name: $name:literal,
        summary: $summary:literal,
        os: [$($os:literal),* $(,)?],
        privileges: [$($privilege:literal),* $(,)?] $(,)?
    ) => {
        /// What the agent reads before it maps the plugin, and the table that it calls.
        const _: () = {
            use $crate::__private as p;
            const TEXT: &str = concat!(
                "{\"name\":\"", $name, "\",\"version\":\"", env!("CARGO_PKG_VERSION"),
                "\",\"summary\":\"", $summary,
                "\",\"os\":[\"\"", $(",\"", $os, "\"",)* "],\"privileges\":[\"\"", $(",\"", $privilege, "\"",)* "]}"
            );
            p::assert_json_text(&[$name, env!("CARGO_PKG_VERSION"), $summary, $($os,)* $($privilege,)*]);
            #[used]
            #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__gumshoe"))]
            #[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".gumshoe"))]
            static MANIFEST: [u8; p::HEADER_BYTES + TEXT.len()] = p::frame(TEXT);

            extern "C" fn describe() -> p::abi::abi_stable::std_types::RVec<u8> { p::describe::<$module>(&MANIFEST) }
            extern "C" fn schema() -> p::abi::abi_stable::std_types::RVec<u8> { p::schema::<$module>() }
            extern "C" fn arguments(given: p::abi::Bytes<'_>) -> p::abi::Answer { p::arguments::<$module>(given) }
            extern "C" fn validate(params: p::abi::Bytes<'_>) -> p::abi::Answer { p::validate::<$module>(params) }
            extern "C" fn render(finding: p::abi::Bytes<'_>) -> p::abi::Answer { p::render::<$module>(finding) }
            extern "C" fn run(params: p::abi::Bytes<'_>, host: p::abi::HostRef, handle: p::abi::Handle) -> p::abi::Answer {
                p::run::<$module>(params, host, handle)
            }
            fn table() -> p::abi::PluginRef {
                use p::abi::abi_stable::prefix_type::PrefixTypeTrait as _;
                p::abi::Plugin { describe, schema, arguments, validate, render, run }.leak_into_prefix()
            }
            extern "C" fn constructor() -> p::abi::abi_stable::library::RootModuleResult { p::abi::erased_root(table) }

            // SAFETY: the constructor makes the table by `erased_root`; the name is this ABI's own.
            #[unsafe(export_name = "gumshoe_plugin_header")]
            static HEADER: p::abi::abi_stable::library::LibHeader = unsafe { p::abi::plugin_header(constructor) };
        };
    };
}

/// `Plugin::describe`. The manifest is passed so that the linker keeps it.
pub fn describe<M: Module>(manifest: &'static [u8]) -> RVec<u8> {
    std::hint::black_box(manifest);
    to_json(&description::<M>())
}

/// The module's description.
pub(crate) fn description<M: Module>() -> Description {
    let schema = schema_of::<M>();
    Description {
        about: flags::reflowed(
            schema
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        ),
        flags: flags::declared(&schema),
        examples: M::examples(),
    }
}

/// `Plugin::schema`.
pub fn schema<M: Module>() -> RVec<u8> {
    to_json(&schema_of::<M>())
}

/// `Plugin::arguments`.
pub fn arguments<M: Module>(given: Bytes<'_>) -> Answer {
    answer(|| {
        let occurrences: Vec<Occurrence> = serde_json::from_slice(&given).map_err(protocol)?;
        let params = params_from_arguments::<M>(&occurrences)?;
        Ok(to_json(&params))
    })
}

/// `Plugin::validate`.
pub fn validate<M: Module>(params: Bytes<'_>) -> Answer {
    answer(|| {
        plan::<M>(&params)?;
        Ok(RVec::new())
    })
}

/// `Plugin::render`.
pub fn render<M: Module>(finding: Bytes<'_>) -> Answer {
    answer(|| {
        let finding: M::Finding = serde_json::from_slice(&finding).map_err(protocol)?;
        Ok(RVec::from(finding.to_string().into_bytes()))
    })
}

/// `Plugin::run`.
pub fn run<M: Module>(params: Bytes<'_>, host: HostRef, handle: Handle) -> Answer {
    answer(|| {
        let plan = plan::<M>(&params)?;
        let context = Context::new(host, handle).map_err(protocol)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| M::run(plan, &context)));
        context.finish();
        match outcome {
            Ok(Ok(statistics)) => Ok(to_json(&statistics)),
            Ok(Err(failure)) => Err(failed(&failure)),
            Err(panic) => Err(panicked(panic.as_ref())),
        }
    })
}

/// The parameters that a command line stands for.
pub(crate) fn params_from_arguments<M: Module>(occurrences: &[Occurrence]) -> Result<Value, Problems> {
    flags::to_params(&schema_of::<M>(), occurrences)
}

/// Parameters, from bytes to a plan: strict JSON, shape, types, the module's own checks.
pub(crate) fn plan<M: Module>(params: &[u8]) -> Result<M::Plan, Problems> {
    let mut value = json::parse(params).map_err(|error| Problems::one("", error.to_string()))?;
    let problems = shape::check(&mut value, &schema_of::<M>());
    if !problems.is_empty() {
        return Err(problems);
    }
    let params: M::Params =
        serde_json::from_value(value).map_err(|error| Problems::one("", error.to_string()))?;
    params.try_into().map_err(Into::into)
}

fn schema_of<M: Module>() -> Value {
    schemars::SchemaGenerator::default()
        .into_root_schema_for::<M::Params>()
        .to_value()
}

/// Runs `work`, turning a panic into an answer: nothing unwinds across the boundary.
fn answer(work: impl FnOnce() -> Result<RVec<u8>, Rejection>) -> Answer {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(bytes)) => ROk(bytes),
        Ok(Err(rejection)) => RErr(to_json(&rejection)),
        Err(panic) => RErr(to_json(&panicked(panic.as_ref()))),
    }
}

fn failed(failure: &Failure) -> Rejection {
    Rejection {
        kind: Kind::Failure,
        message: failure.message().to_owned(),
        problems: Problems::new(),
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Rejection {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("the module panicked: {}", text.unwrap_or("no message"));
    Rejection {
        kind: Kind::Panic,
        message,
        problems: Problems::new(),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function for map_err")]
fn protocol(error: serde_json::Error) -> Rejection {
    let message = format!("the host and the plugin disagree about a message: {error}");
    Rejection {
        kind: Kind::Protocol,
        message,
        problems: Problems::new(),
    }
}

fn to_json(value: &impl Serialize) -> RVec<u8> {
    // Values of these types always have a JSON form; an empty answer would be reported by the reader.
    RVec::from(serde_json::to_vec(value).unwrap_or_default())
}
