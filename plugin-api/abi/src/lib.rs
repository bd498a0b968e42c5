//! The binary interface between the agent and a module plugin.
//!
//! Two tables of functions, nothing else: [`Plugin`] is what a plugin offers, [`Host`] is what the
//! agent's runner offers to a running operation. Only bytes, integers and an opaque handle cross;
//! every payload is UTF-8 JSON whose shape `gumshoe-plugin-api` declares. Module authors do not use
//! this crate: the SDK in `gumshoe-plugin-api` is built on it and needs no `unsafe`.
//!
//! **Invariant:** a shipped field is never edited, moved or removed. New fields go to the end of a
//! table, where they read as `None` in plugins (or hosts) built before them. `tests/abi` loads a
//! plugin built against a frozen copy of version 1.0, and loads it again through a later version
//! of this interface that has the fields of persistent modules appended.
//!
//! Source: `abi_stable` prefix types; the layout of both sides is compared when a plugin is loaded.
#![allow(
    unsafe_code,
    reason = "the derive of abi_stable and the handle that crosses the boundary need it; both are confined to this crate"
)]
#![allow(
    missing_docs,
    reason = "abi_stable's derive adds items that it does not document"
)]

use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::library::{AbiHeaderRef, LibHeader, LibraryError, RootModule};
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RBoxError, RResult, RSlice, RVec};
use abi_stable::{StableAbi, package_version_strings};

pub use abi_stable;

/// Major version of the ABI: part of every plugin's manifest, checked before a plugin is mapped.
pub const ABI_MAJOR: u16 = 1;

/// Minor version of the ABI: grows when fields are appended. Informative; never a reason to refuse.
pub const ABI_MINOR: u16 = 0;

/// Name of the exported symbol, a [`LibHeader`], NUL-terminated for `dlsym(3)`.
pub const SYMBOL: &[u8] = b"gumshoe_plugin_header\0";

/// What a call into a plugin gives back: JSON of the result, or JSON of an error.
///
/// Shape of the error: `{"kind": "...", "message": "...", "problems": [...]}` as the SDK declares.
pub type Answer = RResult<RVec<u8>, RVec<u8>>;

/// Bytes that the caller keeps owning.
pub type Bytes<'a> = RSlice<'a, u8>;

/// The operation that a call of [`Host`] belongs to: an opaque pointer of the runner's.
///
/// A plugin passes it back unchanged, from any thread, until its `run` returns.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy)]
pub struct Handle(*const ());

// SAFETY: the handle is only ever dereferenced by the host that made it, whose state is `Sync`;
// `Handle::new` demands that of its caller.
unsafe impl Send for Handle {}
// SAFETY: as above; a shared `Handle` gives no access to what it points at.
unsafe impl Sync for Handle {}

impl Handle {
    /// Wraps a reference to the host's own state.
    pub fn new<T: Sync>(state: &T) -> Self {
        Self(std::ptr::from_ref(state).cast())
    }

    /// Gives the host its state back.
    ///
    /// # Safety
    ///
    /// The handle must come from [`Handle::new`] with the same `T`, and that value must be alive.
    pub unsafe fn state<'a, T: Sync>(self) -> &'a T {
        // SAFETY: type and life time are the caller's promise.
        unsafe { &*self.0.cast::<T>() }
    }
}

/// What kind of message an operation hands to [`Host::event`].
pub mod event {
    /// JSON `{"done": u64, "total": u64|null, "unit": "..."}`; may be dropped by the host.
    pub const PROGRESS: u32 = 1;
    /// JSON `{"level": "...", "message": "..."}`.
    pub const LOG: u32 = 2;
    /// JSON of one coverage entry: what was in scope and not looked at.
    pub const SKIPPED: u32 = 3;
    /// JSON string: something went wrong that did not stop the operation.
    pub const ERROR: u32 = 4;
}

/// Why an operation should end, as [`Host::stopped`] and [`Host::emit`] answer.
pub mod stop {
    /// Go on.
    pub const NO: u32 = 0;
    /// The investigator or the agent cancelled the operation.
    pub const CANCELLED: u32 = 1;
    /// The time that the operation was given is over.
    pub const DEADLINE: u32 = 2;
    /// As many findings were emitted as the operation may return.
    pub const FINDINGS: u32 = 3;
    /// The report has grown to the size it may have.
    pub const BYTES: u32 = 4;
}

/// What the runner offers to an operation. Every function may be called from any thread.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostRef, prefix_fields = HostPrefix)))]
#[sabi(missing_field(option))]
pub struct Host {
    /// The operation's surroundings as JSON: root path, settings, limits, deadline.
    pub operation: extern "C" fn(Handle) -> RVec<u8>,
    /// Hands over one finding as a JSON object; answers one of [`stop`].
    pub emit: extern "C" fn(Handle, Bytes<'_>) -> u32,
    /// Hands over a message of one of the kinds in [`event`]; unknown kinds are ignored.
    pub event: extern "C" fn(Handle, u32, Bytes<'_>),
    /// Whether the operation should end: one of [`stop`]. Cheap enough for an inner loop.
    #[sabi(last_prefix_field)]
    pub stopped: extern "C" fn(Handle) -> u32,
}

/// What a plugin offers. The functions may be called in any order, `run` once per process.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRef, prefix_fields = PluginPrefix)))]
#[sabi(missing_field(option))]
pub struct Plugin {
    /// The module's description as JSON: flags, examples, documentation.
    pub describe: extern "C" fn() -> RVec<u8>,
    /// JSON Schema (draft 2020-12) of the module's parameters.
    pub schema: extern "C" fn() -> RVec<u8>,
    /// Turns command-line flags into parameters.
    ///
    /// Takes JSON `[{"flag": "...", "value": "..."|null}, ...]` in command-line order.
    pub arguments: extern "C" fn(Bytes<'_>) -> Answer,
    /// Checks parameters completely without running anything; an empty answer means good.
    pub validate: extern "C" fn(Bytes<'_>) -> Answer,
    /// Turns one finding (JSON) into lines for humans (UTF-8 text).
    pub render: extern "C" fn(Bytes<'_>) -> Answer,
    /// Runs one operation; answers its statistics as JSON.
    #[sabi(last_prefix_field)]
    pub run: extern "C" fn(params: Bytes<'_>, host: HostRef, handle: Handle) -> Answer,
}

impl RootModule for PluginRef {
    abi_stable::declare_root_module_statics! {PluginRef}
    const BASE_NAME: &'static str = "gumshoe_plugin";
    const NAME: &'static str = "gumshoe_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// Builds the header that a plugin exports under [`SYMBOL`]; used by the SDK's export macro.
///
/// # Safety
///
/// `constructor` must return the table that [`erased_root`] makes.
#[doc(hidden)]
pub const unsafe fn plugin_header(
    constructor: extern "C" fn() -> abi_stable::library::RootModuleResult,
) -> LibHeader {
    // SAFETY: the caller promises that the constructor makes a `PluginRef`.
    unsafe {
        LibHeader::from_constructor::<PluginRef>(constructor, abi_stable::library::CheckTypeLayout::Yes)
    }
}

/// Runs a plugin's constructor, catching panics; used by the SDK's export macro.
#[doc(hidden)]
pub fn erased_root(make: fn() -> PluginRef) -> abi_stable::library::RootModuleResult {
    abi_stable::library::__call_root_module_loader(make)
}

/// Takes a plugin's table out of the header that it exports, once the two sides' layouts fit.
///
/// Fields are only ever appended, so the side with the older ABI is the one that both have to have:
/// a plugin that is older than the agent lacks the new fields (they read as `None`), a newer plugin
/// has fields that the agent does not look at. `abi_stable`'s own check knows the second case only.
///
/// # Errors
///
/// [`LibraryError`] when the major versions differ, a field that both have differs, the plugin was
/// built without a description of its layout, or its constructor panicked.
pub fn table(header: AbiHeaderRef) -> Result<PluginRef, LibraryError> {
    let header = header.upgrade()?;
    let theirs = header.layout().ok_or_else(|| {
        LibraryError::AbiInstability(RBoxError::from_fmt(&"the plugin does not describe its layout"))
    })?;
    let version = header.version_strings().parsed()?;
    let (older, newer) = if version.minor <= PluginRef::VERSION_STRINGS.parsed()?.minor {
        (theirs, PluginRef::LAYOUT)
    } else {
        (PluginRef::LAYOUT, theirs)
    };
    check_layout_compatibility(older, newer)
        .map_err(|errors| LibraryError::AbiInstability(RBoxError::from_fmt(&errors)))?;
    // SAFETY: the layouts were compared just now, and every field that only one side has is read as
    // an `Option` by way of the field count that the table itself carries.
    unsafe { header.init_root_module_with_unchecked_layout::<PluginRef>() }
}
