//! The text tables below `/proc/net`, for where netlink is denied, and for fixtures.
//!
//! Source: `proc_pid_net(5)`, Linux `net/ipv4/tcp_ipv4.c`, `net/unix/af_unix.c`, `net/packet/af_packet.c`,
//! `net/ipv6/addrconf.c`, `net/ipv4/arp.c`, `net/ipv4/fib_trie.c`.

use super::hardware;
use crate::socket::{Address, Ends, Neighbour, Protocol, Socket, State, UnixKind, unmapped};
use gumshoe_process::shown;
use std::net::{IpAddr, SocketAddr};

/// The line of a table that is a heading is no entry, and `None` for all functions here.
fn fields<const N: usize>(line: &[u8]) -> Option<[&str; N]> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split_ascii_whitespace();
    let mut fields = [""; N];
    for field in &mut fields {
        *field = words.next()?;
    }
    Some(fields)
}

/// A line of `tcp`, `udp`, `udplite` or `raw`, or of those with a `6` behind their name.
#[must_use]
pub fn inet(line: &[u8], protocol: Protocol) -> Option<Socket> {
    let [_, local, remote, state, _, _, _, uid, _, inode] = fields::<10>(line)?;
    let (local, remote) = (endpoint(local)?, endpoint(remote)?);
    let inode: u64 = inode.parse().ok()?;
    let is_raw = protocol == Protocol::Raw;
    Some(Socket {
        protocol,
        state: State::from_kernel(u8::from_str_radix(state, 16).ok()?)?,
        ends: Ends::Ip {
            local: if is_raw {
                SocketAddr::new(local.ip(), 0)
            } else {
                local
            },
            remote,
            multihomed: None,
            ip_protocol: if is_raw {
                u8::try_from(local.port()).ok()
            } else {
                None
            },
        },
        interface: 0,
        uid: if inode == 0 { None } else { Some(uid.parse().ok()?) },
        inode,
    })
}

/// `0100007F:1F90`: the words of an address in the byte order of the machine, and the port.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| {
        let word = address.get(at..at + 8)?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index * 8)?);
            }
            unmapped(IpAddr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// A line of `unix`. The NUL bytes of abstract names are shown as `@` there, and come back as NUL in front only.
#[must_use]
pub fn unix(line: &[u8]) -> Option<Socket> {
    const LISTENING: u32 = 0x1_0000; // `__SO_ACCEPTCON`
    const CONNECTED: &str = "03"; // `SS_CONNECTED`
    let (head, path) = split_fields(line, 7)?;
    let [_, _, _, flags, kind, state, inode] = fields::<7>(head)?;
    let is_listening = u32::from_str_radix(flags, 16).ok()? & LISTENING != 0;
    let mut path = path.to_vec();
    if let Some(first @ b'@') = path.first_mut() {
        *first = 0;
    }
    Some(Socket {
        protocol: Protocol::Unix,
        state: match state {
            _ if is_listening => State::Listen,
            CONNECTED => State::Established,
            _ => State::Unconnected,
        },
        ends: Ends::Unix {
            kind: UnixKind::from_kernel(u8::from_str_radix(kind, 16).ok()?)?,
            path,
            peer_inode: None,
        },
        interface: 0,
        uid: None,
        inode: inode.parse().ok()?,
    })
}

/// The part of a line with its first `count` words, and what follows the space behind them.
fn split_fields(line: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    for _ in 0..count {
        at += line.get(at..)?.iter().take_while(|&&byte| byte == b' ').count();
        let word = line.get(at..)?.iter().take_while(|&&byte| byte != b' ').count();
        if word == 0 {
            return None;
        }
        at += word;
    }
    Some((line.get(..at)?, line.get(at + 1..).unwrap_or_default()))
}

/// A line of `packet`.
#[must_use]
pub fn packet(line: &[u8]) -> Option<Socket> {
    let [_, _, _, ethertype, interface, _, _, uid, inode] = fields::<9>(line)?;
    Some(Socket {
        protocol: Protocol::Packet,
        state: State::Unconnected,
        ends: Ends::Packet {
            ethertype: u16::from_str_radix(ethertype, 16).ok()?,
        },
        interface: interface.parse().ok()?,
        uid: Some(uid.parse().ok()?),
        inode: inode.parse().ok()?,
    })
}

/// A line of `if_inet6`.
#[must_use]
pub fn address_v6(line: &[u8]) -> Option<Address> {
    let [address, index, prefix_length, _, _, _] = fields::<6>(line)?;
    let bits = u128::from_str_radix(address, 16)
        .ok()
        .filter(|_| address.len() == 32)?;
    Some(Address {
        index: u32::from_str_radix(index, 16).ok()?,
        ip: IpAddr::V6(bits.into()),
        prefix_length: Some(u8::from_str_radix(prefix_length, 16).ok()?),
    })
}

/// The host's own IPv4 addresses in the text of `fib_trie`, each once. Neither interface nor prefix can be told.
#[must_use]
pub fn addresses_v4(text: &[u8]) -> Vec<Address> {
    let text = String::from_utf8_lossy(text);
    let mut last: Option<std::net::Ipv4Addr> = None;
    let mut own = std::collections::BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            own.extend(last);
        }
    }
    let address = |ip| Address {
        index: 0,
        ip: IpAddr::V4(ip),
        prefix_length: None,
    };
    own.into_iter().map(address).collect()
}

/// A line of `arp`: the neighbour, with 0 for its interface's number, and the interface's name.
#[must_use]
pub fn neighbour(line: &[u8]) -> Option<(Neighbour, String)> {
    const COMPLETE: u32 = 2;
    const PERMANENT: u32 = 4;
    let [ip, _, flags, mac, _, interface] = fields::<6>(line)?;
    let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
    let state = match flags {
        flags if flags & PERMANENT != 0 => "permanent",
        flags if flags & COMPLETE != 0 => "complete",
        _ => "incomplete",
    };
    let mac = if state == "incomplete" {
        Vec::new()
    } else {
        hardware::parse(mac)?
    };
    let neighbour = Neighbour {
        index: 0,
        ip: ip.parse().ok()?,
        mac,
        state,
    };
    Some((neighbour, shown(interface.as_bytes())))
}

/// The interface's name in a line of `dev`.
#[must_use]
pub fn interface(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    Some(line.get(..colon)?.trim_ascii())
}

/// The names in `protocols` that sockets of a protocol are listed under.
#[must_use]
pub fn kernel_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Udplite => "UDP-Lite",
        Protocol::Raw => "RAW",
        Protocol::Sctp => "SCTP",
        Protocol::Dccp => "DCCP",
        Protocol::Mptcp => "MPTCP",
        Protocol::Unix => "UNIX",
        Protocol::Packet => "PACKET",
    }
}

/// Whether the text of `protocols` lists a protocol: whether the kernel has it loaded.
#[must_use]
pub fn lists_protocol(text: &[u8], protocol: Protocol) -> bool {
    let name = kernel_name(protocol).as_bytes();
    text.split(|&byte| byte == b'\n').any(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.first() == Some(&b' '))
    })
}

/// For fuzzing: any text, as every table.
pub fn fuzz(data: &[u8]) {
    for protocol in Protocol::ALL {
        let _ = (inet(data, protocol), lists_protocol(data, protocol));
    }
    let _ = (
        unix(data),
        packet(data),
        address_v6(data),
        interface(data),
        addresses_v4(data),
        neighbour(data),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn lines_of_sockets_are_read() {
        let line = b"   0: 0100007F:1F90 0200000A:0035 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 20 4";
        let socket = inet(line, Protocol::Tcp).unwrap();
        assert_eq!(
            socket.ip(),
            Some(("127.0.0.1:8080".parse().unwrap(), "10.0.0.2:53".parse().unwrap()))
        );
        assert_eq!(
            (socket.uid, socket.inode, socket.state),
            (Some(1000), 4242, State::Established)
        );
        let line = b"  12: 0000000000000000FFFF00000100007F:0016 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 7 1";
        let (local, _) = inet(line, Protocol::Tcp).unwrap().ip().unwrap();
        assert_eq!(local, "127.0.0.1:22".parse().unwrap());
        let raw = inet(
            b"1: 00000000:0001 00000000:0000 07 0:0 00:0 0 0 0 9 2",
            Protocol::Raw,
        )
        .unwrap();
        assert!(matches!(
            raw.ends,
            Ends::Ip {
                ip_protocol: Some(1),
                ..
            }
        ));
        assert_eq!(
            inet(
                b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
                Protocol::Tcp
            ),
            None
        );
    }

    #[test]
    fn names_of_unix_sockets_keep_their_spaces() {
        for (line, path, state) in [
            (
                "0000000000000000: 00000002 00000000 00010000 0001 01   123 /run/a b ",
                &b"/run/a b "[..],
                State::Listen,
            ),
            (
                "00000000: 00000003 00000000 00000000 0005 03 123 @x@y",
                b"\0x@y",
                State::Established,
            ),
            (
                "00000000: 00000002 00000000 00000000 0002 01 123",
                b"",
                State::Unconnected,
            ),
        ] {
            let socket = unix(line.as_bytes()).unwrap();
            assert_eq!((socket.inode, socket.state), (123, state));
            assert!(
                matches!(&socket.ends, Ends::Unix { path: found, .. } if found == path),
                "{socket:?}"
            );
        }
        assert_eq!(
            unix(b"Num       RefCount Protocol Flags    Type St Inode Path"),
            None
        );
    }

    #[test]
    fn addresses_and_neighbours_are_read() {
        let v6 = address_v6(b"fe800000000000000000000000000001 0a 40 20 80     eth0").unwrap();
        assert_eq!(
            (v6.ip.to_string().as_str(), v6.index, v6.prefix_length),
            ("fe80::1", 10, Some(64))
        );
        let trie = b"Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\nLocal:\n     |-- 10.0.0.1\n        /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n     |-- 10.0.0.1\n        /32 host LOCAL\n";
        let own: Vec<String> = addresses_v4(trie).iter().map(|one| one.ip.to_string()).collect();
        assert_eq!(own, ["10.0.0.1"]);
        let (one, interface) = neighbour(b"10.0.0.9 0x1 0x2 02:42:AC:11:00:02 * eth0").unwrap();
        assert_eq!(
            (one.mac.as_slice(), one.state, interface.as_str()),
            (&[2, 0x42, 0xac, 0x11, 0, 2][..], "complete", "eth0")
        );
        let silent = neighbour(b"10.0.0.9 0x1 0x0 00:00:00:00:00:00 * eth0").unwrap().0;
        assert!(silent.mac.is_empty());
        assert_eq!(
            neighbour(b"IP address       HW type     Flags       HW address            Mask     Device"),
            None
        );
    }

    #[test]
    fn loaded_protocols_are_known_by_their_whole_name() {
        let text = b"protocol  size\nUDPLITEv6 1472\nUDP-Lite  1344      0\nUNIX-STREAM 1152\n";
        let loaded = Protocol::ALL.map(|protocol| lists_protocol(text, protocol));
        assert_eq!(
            loaded,
            [false, false, true, false, false, false, false, false, false]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>, words in "[0-9A-Fa-fx:. @é]{0,120}") {
            fuzz(&text);
            fuzz(words.as_bytes());
        }
    }
}
