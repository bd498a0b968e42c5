//! Giving memory back to the system.

/// Gives freed memory back, after something large was carried: an idle agent shall be small.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc has no safe interface for this")]
pub(crate) fn give_back() {
    // SAFETY: `malloc_trim` has no preconditions and may be called from any thread (malloc_trim(3)).
    unsafe { libc::malloc_trim(0) };
}

/// Gives freed memory back; other allocators do so by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}
