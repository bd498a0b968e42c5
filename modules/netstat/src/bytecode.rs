//! Filters that the kernel applies before it tells of a socket (`INET_DIAG_REQ_BYTECODE`).
//!
//! Source: Linux `uapi/linux/inet_diag.h`, `net/ipv4/inet_diag.c` (`inet_diag_bc_audit`, `inet_diag_bc_run`).
//! A program is a list of instructions, each with the distances to go on at, in bytes, when its condition holds
//! and when not. A socket that reaches the end exactly is told of; one that is led four bytes beyond is not.

use crate::parse::address::Network;
use crate::parse::inet_diag::{FAMILY_V4, FAMILY_V6};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// Alternatives in one program; the kernel tries them one by one, and all of them have to fit 64 KiB.
pub const MAX_ALTERNATIVES: usize = 32;

/// Instructions (`INET_DIAG_BC_…`).
const JUMP: u8 = 1;
const LOCAL_PORT_AT_LEAST: u8 = 2;
const LOCAL_PORT_AT_MOST: u8 = 3;
const REMOTE_PORT_AT_LEAST: u8 = 4;
const REMOTE_PORT_AT_MOST: u8 = 5;
const REMOTE: u8 = 8;
/// Bytes of `struct inet_diag_bc_op`.
const INSTRUCTION_BYTES: u16 = 4;
/// Bytes of `struct inet_diag_hostcond` without the address.
const HOST_CONDITION_BYTES: u16 = 8;
/// What stands for any port in a host condition.
const ANY_PORT: i32 = -1;

/// One reason to be told of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alternative {
    /// Its other end's address lies in this network.
    Remote(Network),
    /// Its other end's port is one of these.
    RemotePort(RangeInclusive<u16>),
    /// Its own port is one of these.
    LocalPort(RangeInclusive<u16>),
}

/// The program that lets through what any alternative lets through; `None` when there are none or too many of them:
/// then all sockets have to be looked at.
#[must_use]
pub fn any_of(alternatives: &[Alternative]) -> Option<Vec<u8>> {
    if alternatives.is_empty() || alternatives.len() > MAX_ALTERNATIVES {
        return None;
    }
    let blocks: Vec<Vec<u8>> = alternatives.iter().map(block).collect();
    let jumps = blocks.len() - 1;
    let total: usize = blocks.iter().map(Vec::len).sum::<usize>() + jumps * usize::from(INSTRUCTION_BYTES);
    let mut program = Vec::with_capacity(total);
    for (index, block) in blocks.iter().enumerate() {
        program.extend_from_slice(block);
        if index < jumps {
            let rest = u16::try_from(total - program.len()).ok()?;
            push(&mut program, JUMP, INSTRUCTION_BYTES, rest);
        }
    }
    Some(program)
}

/// The instructions of one alternative. When its condition does not hold they lead four bytes behind their end:
/// over the jump that follows them to the next alternative, or beyond the end of the program.
fn block(alternative: &Alternative) -> Vec<u8> {
    let mut block = Vec::new();
    match alternative {
        Alternative::Remote(network) => host(&mut block, *network),
        Alternative::RemotePort(ports) => range(&mut block, REMOTE_PORT_AT_LEAST, REMOTE_PORT_AT_MOST, ports),
        Alternative::LocalPort(ports) => range(&mut block, LOCAL_PORT_AT_LEAST, LOCAL_PORT_AT_MOST, ports),
    }
    block
}

/// An IPv4 condition also holds for IPv4 addresses mapped into IPv6.
fn host(block: &mut Vec<u8>, network: Network) {
    let (address, length) = network.parts();
    let (family, octets) = match address {
        IpAddr::V4(v4) => (FAMILY_V4, v4.octets().to_vec()),
        IpAddr::V6(v6) => (FAMILY_V6, v6.octets().to_vec()),
    };
    let address_bytes: u16 = if family == FAMILY_V4 { 4 } else { 16 };
    let size = INSTRUCTION_BYTES + HOST_CONDITION_BYTES + address_bytes;
    push(block, REMOTE, size, size + INSTRUCTION_BYTES);
    block.extend_from_slice(&[family, length, 0, 0]);
    block.extend_from_slice(&ANY_PORT.to_ne_bytes());
    block.extend_from_slice(&octets);
}

fn range(block: &mut Vec<u8>, at_least: u8, at_most: u8, ports: &RangeInclusive<u16>) {
    // Each comparison is followed by an instruction that only holds the port.
    const SIZE: u16 = 2 * INSTRUCTION_BYTES;
    push(block, at_least, SIZE, 2 * SIZE + INSTRUCTION_BYTES);
    push(block, 0, 0, *ports.start());
    push(block, at_most, SIZE, SIZE + INSTRUCTION_BYTES);
    push(block, 0, 0, *ports.end());
}

fn push(program: &mut Vec<u8>, code: u8, yes: u16, no: u16) {
    // A block is at most 28 bytes long, so that `yes` fits a byte.
    program.extend_from_slice(&[code, yes.to_le_bytes()[0]]);
    program.extend_from_slice(&no.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alternative() -> impl Strategy<Value = Alternative> {
        let ports = (any::<u16>(), any::<u16>()).prop_map(|(a, b)| a.min(b)..=a.max(b));
        prop_oneof![
            (any::<[u8; 4]>(), 0_u8..=32)
                .prop_map(|(ip, length)| Alternative::Remote(Network::new(ip.into(), length))),
            (any::<[u8; 16]>(), 0_u8..=128)
                .prop_map(|(ip, length)| Alternative::Remote(Network::new(ip.into(), length))),
            ports.clone().prop_map(Alternative::RemotePort),
            ports.prop_map(Alternative::LocalPort),
        ]
    }

    /// A socket's other address, other port and own port.
    type Ends = (IpAddr, u16, u16);

    fn holds(alternative: &Alternative, (address, remote, local): Ends) -> bool {
        match alternative {
            Alternative::Remote(network) => network.contains(address),
            Alternative::RemotePort(ports) => ports.contains(&remote),
            Alternative::LocalPort(ports) => ports.contains(&local),
        }
    }

    /// What the kernel does with a program.
    fn run(program: &[u8], ends: Ends) -> bool {
        let mut at = 0;
        while at < program.len() {
            let word = |at: usize| u16::from_ne_bytes([program[at + 2], program[at + 3]]);
            let is = match program[at] {
                JUMP => false,
                LOCAL_PORT_AT_LEAST => ends.2 >= word(at + 4),
                LOCAL_PORT_AT_MOST => ends.2 <= word(at + 4),
                REMOTE_PORT_AT_LEAST => ends.1 >= word(at + 4),
                REMOTE_PORT_AT_MOST => ends.1 <= word(at + 4),
                REMOTE => {
                    let bytes = &program[at + 12..];
                    let address: IpAddr = match program[at + 4] {
                        FAMILY_V4 => <[u8; 4]>::try_from(&bytes[..4]).unwrap().into(),
                        _ => <[u8; 16]>::try_from(&bytes[..16]).unwrap().into(),
                    };
                    Network::new(address, program[at + 5]).contains(ends.0)
                }
                other => panic!("instruction {other}"),
            };
            at += if is {
                usize::from(program[at + 1])
            } else {
                usize::from(word(at))
            };
        }
        at == program.len()
    }

    proptest! {
        #[test]
        fn programs_say_what_their_alternatives_say(
            alternatives in proptest::collection::vec(alternative(), 1..=MAX_ALTERNATIVES),
            v4: bool, ip: [u8; 16], remote: u16, local: u16, near: prop::sample::Index,
        ) {
            let address: IpAddr = match near.get(&alternatives) {
                Alternative::Remote(network) if ip[0] < 128 => network.parts().0,
                _ if v4 => [ip[0], ip[1], ip[2], ip[3]].into(),
                _ => ip.into(),
            };
            let ends = (address, remote, local);
            let program = any_of(&alternatives).unwrap();
            prop_assert_eq!(run(&program, ends), alternatives.iter().any(|one| holds(one, ends)));
        }
    }
}
