//! Bytes to values: total, without system calls. Each file has entry points for fuzzing.

pub mod address;
pub mod hardware;
pub mod inet_diag;
pub mod libproc;
pub mod links;
pub mod mounts;
pub mod netlink;
pub mod packet_diag;
pub mod ports;
pub mod proc_net;
pub mod route;
pub mod unix_diag;
