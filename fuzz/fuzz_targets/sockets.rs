//! What the kernel says of sockets, links, addresses and neighbours; and addresses and ports as people write them.
#![no_main]

use gumshoe_module_netstat::parse::{
    address, hardware, inet_diag, libproc, links, mounts, netlink, packet_diag, ports, proc_net, route,
    unix_diag,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [selector, data @ ..] = bytes else { return };
    match selector % 8 {
        0 => inet_diag::fuzz(data),
        1 => route::fuzz(data),
        2 => proc_net::fuzz(data),
        3 => libproc::fuzz(data),
        4 => address::fuzz(data),
        5 => drop((unix_diag::socket(data), packet_diag::socket(data))),
        6 => {
            let _ = netlink::messages(data).count();
            let _ = netlink::attributes(data, 4).count();
            let _ = mounts::net_namespaces(data).count();
            let _ = (links::socket(data), links::net_namespace(data));
        }
        _ => {
            if let Ok(text) = std::str::from_utf8(data) {
                let _ = (ports::parse(text), hardware::parse(text));
            }
        }
    }
});
