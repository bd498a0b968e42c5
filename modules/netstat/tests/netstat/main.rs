//! The module on real sockets of this host. Needs root, and `ss`, `ip`, `unshare`, `nsenter`, `mount`.
#![cfg(target_os = "linux")]

mod declaration;
mod denied;
mod golden;
mod links;
mod many;
mod namespaces;
mod owners;
mod peers;
mod sockets;
mod support;
