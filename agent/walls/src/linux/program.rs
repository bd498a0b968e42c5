//! From rules to a program for the kernel's packet filter (seccomp(2), "classic BPF").
//!
//! Numbers are found by bisection, because the kernel walks through the program for every system call that there is when a filter is
//! installed (to remember which are always allowed), and for some whenever they are made. One after the other, as libraries do it,
//! made the start of a runner half a millisecond longer; this way it is a tenth of that.

use super::rules::{Call, Test};
use libc::sock_filter;

/// What becomes of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Allow,
    /// It fails with this number.
    Errno(u16),
    /// The process is killed.
    Kill,
}

/// A call by its number, the tests that have to hold, and what becomes of it then.
type Case = (u32, &'static [Test], Verdict);

/// A verdict for every system call there is or may be.
#[derive(Debug, Clone)]
pub struct Table {
    default: Verdict,
    cases: Vec<Case>,
}

impl Table {
    /// This verdict for everything.
    pub fn new(default: Verdict) -> Self {
        Self {
            default,
            cases: Vec::new(),
        }
    }

    /// A verdict for calls, where their tests hold. What is set first counts.
    pub fn set(mut self, calls: &[Call], verdict: Verdict) -> Self {
        self.cases.extend(calls.iter().map(|call| {
            let number = u32::try_from(call.number).unwrap_or(u32::MAX);
            (number, call.tests, verdict)
        }));
        self
    }

    /// The same for those calls of whose numbers nothing is said yet.
    pub fn set_others(self, calls: &[Call], verdict: Verdict) -> Self {
        let is_new = |call: &&Call| self.cases.iter().all(|case| i64::from(case.0) != call.number);
        let others: Vec<Call> = calls.iter().filter(is_new).copied().collect();
        self.set(&others, verdict)
    }

    /// The program. One for another processor's calls, such as those of 32-bit programs, is killed.
    pub fn compile(mut self) -> Vec<sock_filter> {
        let mut program = Vec::with_capacity(512);
        program.extend([
            load(ARCH_OFFSET),
            jump(JEQ, ARCH, 1, 0),
            ret(Verdict::Kill),
            load(NUMBER_OFFSET),
        ]);
        self.cases.sort_by_key(|case| case.0); // stable: what was set first stays first
        bisect(&ranges(&self.cases, self.default), &mut program);
        program
    }
}

/// Numbers from `start` to the next range's beginning, and what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range<'a> {
    start: u32,
    /// The first of these whose tests all hold counts.
    cases: &'a [Case],
    otherwise: Verdict,
}

/// Ranges that cover all numbers; the cases are sorted.
fn ranges(cases: &[Case], default: Verdict) -> Vec<Range<'_>> {
    let rest = |start| Range {
        start,
        cases: &[],
        otherwise: default,
    };
    let mut ranges = vec![rest(0)];
    for cases in cases.chunk_by(|one, other| one.0 == other.0) {
        let start = cases[0].0;
        // Cases that come after one without tests do not count.
        let always = cases.iter().position(|case| case.1.is_empty());
        push(
            &mut ranges,
            Range {
                start,
                cases: &cases[..always.unwrap_or(cases.len())],
                otherwise: always.map_or(default, |at| cases[at].2),
            },
        );
        push(&mut ranges, rest(start.saturating_add(1)));
    }
    ranges
}

/// Adds a range, or lengthens the one before; a range that turns out to be empty is replaced.
fn push<'a>(ranges: &mut Vec<Range<'a>>, range: Range<'a>) {
    if ranges.last().is_some_and(|last| last.start == range.start) {
        ranges.pop();
    }
    let is_same = |last: &Range<'_>| last.cases == range.cases && last.otherwise == range.otherwise;
    if !ranges.last().is_some_and(is_same) {
        ranges.push(range);
    }
}

/// Goes to the half that the number is in, until there is one range left.
fn bisect(ranges: &[Range<'_>], program: &mut Vec<sock_filter>) {
    let (lower, upper) = match ranges {
        [] => return,
        [range] => return decide(range, program),
        ranges => ranges.split_at(ranges.len() / 2),
    };
    let (at, from) = (program.len(), upper[0].start);
    program.push(jump(JGE, from, 0, 0));
    bisect(lower, program);
    let distance = program.len() - at - 1;
    match u8::try_from(distance) {
        Ok(distance) => program[at].jt = distance,
        // Conditional jumps reach 255 instructions, others any. What moves by this jumps within itself.
        Err(_) => {
            program[at].jf = 1;
            program.insert(at + 1, far_jump(distance));
        }
    }
    bisect(upper, program);
}

/// The verdict of one range.
fn decide(range: &Range<'_>, program: &mut Vec<sock_filter>) {
    for (_, tests, verdict) in range.cases {
        case(tests, *verdict, program);
    }
    program.push(ret(range.otherwise));
}

/// The verdict if all tests hold, or else on to what follows.
fn case(tests: &[Test], verdict: Verdict, program: &mut Vec<sock_filter>) {
    let start = program.len();
    tests.iter().for_each(|test| check(*test, program));
    program.push(ret(verdict));
    let length = program.len() - start;
    for (at, instruction) in program[start..].iter_mut().enumerate() {
        if instruction.code == JEQ {
            // At most six tests of four instructions.
            instruction.jf = u8::try_from(length - at - 1).unwrap_or(u8::MAX);
        }
    }
}

/// Goes on if the test holds; [`case`] fills in where to go if not.
fn check(test: Test, program: &mut Vec<sock_filter>) {
    let equal = |value: u64| jump(JEQ, low(value), 0, 0);
    match test {
        Test::Clear { argument, bits } => {
            program.extend([load(low_half(argument)), and(low(bits)), equal(0)]);
        }
        Test::Set { argument, bits } => {
            program.extend([load(low_half(argument)), and(low(bits)), equal(bits)]);
        }
        Test::Is { argument, value } => program.extend([load(low_half(argument)), equal(value)]),
        Test::Null { argument } => {
            let low_half = low_half(argument);
            program.extend([load(low_half), equal(0), load(low_half + HALF_BYTES), equal(0)]);
        }
        Test::OwnProcess { argument } => {
            program.extend([load(low_half(argument)), equal(std::process::id().into())]);
        }
    }
}

// `struct seccomp_data`: number, processor, address of the caller, six arguments. Source: `linux/seccomp.h`.
const NUMBER_OFFSET: u32 = 0;
const ARCH_OFFSET: u32 = 4;
const ARGUMENTS_OFFSET: u32 = 16;
const HALF_BYTES: u32 = 4;

/// Where the lower half of an argument lies; both processors are little endian.
fn low_half(argument: u8) -> u32 {
    ARGUMENTS_OFFSET + 2 * HALF_BYTES * u32::from(argument)
}

/// The kernel looks at the lower half of what it takes as an `int`.
#[allow(clippy::cast_possible_truncation, reason = "that is the point")]
fn low(value: u64) -> u32 {
    value as u32
}

// `AUDIT_ARCH_…`. Source: `linux/audit.h`.
#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;

// Instructions. Source: `linux/bpf_common.h`.
const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const JEQ: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JGE: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const JA: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const RET: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

fn load(offset: u32) -> sock_filter {
    statement(LOAD, offset)
}

fn and(bits: u32) -> sock_filter {
    statement(AND, bits)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn far_jump(distance: usize) -> sock_filter {
    statement(JA, u32::try_from(distance).unwrap_or(u32::MAX))
}

fn ret(verdict: Verdict) -> sock_filter {
    let action = match verdict {
        Verdict::Allow => libc::SECCOMP_RET_ALLOW,
        Verdict::Errno(number) => libc::SECCOMP_RET_ERRNO | u32::from(number),
        Verdict::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    };
    statement(RET, action)
}

fn statement(code: u16, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::super::rules::{self, Process};
    use super::super::system_calls::table;
    use super::*;
    use crate::Need;
    use proptest::prelude::*;

    /// A processor for the few instructions that are used: what the kernel does.
    fn run(program: &[sock_filter], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let word = |offset: u32| match offset {
            NUMBER_OFFSET => number,
            ARCH_OFFSET => arch,
            other => {
                let at = other - ARGUMENTS_OFFSET;
                let shift = if at.is_multiple_of(8) { 0 } else { 32 };
                low(arguments[at as usize / 8] >> shift)
            }
        };
        let (mut at, mut a) = (0_usize, 0_u32);
        loop {
            let i = program[at];
            at += 1;
            let either = |so: bool| usize::from(if so { i.jt } else { i.jf });
            match i.code {
                LOAD => a = word(i.k),
                AND => a &= i.k,
                JEQ => at += either(a == i.k),
                JGE => at += either(a >= i.k),
                JA => at += i.k as usize,
                RET => return i.k,
                other => unreachable!("instruction {other:#x}"),
            }
        }
    }

    fn holds(test: Test, arguments: [u64; 6]) -> bool {
        let of = |argument: u8| arguments[usize::from(argument)];
        match test {
            Test::Clear { argument, bits } => of(argument) & bits == 0,
            Test::Set { argument, bits } => of(argument) & bits == bits,
            Test::Is { argument, value } => low(of(argument)) == low(value),
            Test::Null { argument } => of(argument) == 0,
            Test::OwnProcess { argument } => low(of(argument)) == std::process::id(),
        }
    }

    /// What the rules say, one after the other.
    fn expected(allowed: &[Call], number: u32, arguments: [u64; 6]) -> Verdict {
        let of = |list: &[Call]| -> Vec<Call> {
            let is_it = |call: &&Call| call.number == i64::from(number);
            list.iter().filter(is_it).copied().collect()
        };
        let known = of(allowed);
        let is_allowed = |call: &Call| call.tests.iter().all(|test| holds(*test, arguments));
        match () {
            () if known.iter().any(is_allowed) => Verdict::Allow,
            () if !known.is_empty() => Verdict::Errno(1),
            () if !of(rules::FATAL).is_empty() => Verdict::Kill,
            () if !of(rules::UNKNOWN).is_empty() => Verdict::Errno(38),
            () => Verdict::Errno(1),
        }
    }

    fn argument() -> impl Strategy<Value = u64> {
        let interesting = rules::groups()
            .flat_map(|group| group.calls)
            .flat_map(|call| call.tests)
            .flat_map(|test| match *test {
                Test::Clear { bits, .. } | Test::Set { bits, .. } => vec![bits, !bits],
                Test::Is { value, .. } => vec![value, value | 1 << 32],
                Test::Null { .. } => vec![0, 1 << 32],
                Test::OwnProcess { .. } => vec![std::process::id().into()],
            });
        let mut values: Vec<u64> = interesting.collect();
        values.sort_unstable();
        values.dedup();
        prop_oneof![proptest::sample::select(values), any::<u64>(), 0..16_u64]
    }

    fn processes() -> [(Process<'static>, Vec<sock_filter>); 4] {
        let all = [
            Process::Courier,
            Process::Runner(&[]),
            Process::Runner(&[Need::ReadFiles]),
            Process::Runner(&Need::ALL),
        ];
        all.map(|process| (process, table(&rules::of(process)).compile()))
    }

    proptest! {
        #[test]
        fn the_program_says_what_the_rules_say(
            number in prop_oneof![0..480_u32, any::<u32>()],
            arguments in proptest::array::uniform6(argument()),
        ) {
            for (process, program) in processes() {
                let verdict = run(&program, ARCH, number, arguments);
                let expected = expected(&rules::of(process), number, arguments);
                prop_assert_eq!(verdict, ret(expected).k, "{:?} {}", process, number);
            }
        }
    }

    #[test]
    fn every_call_of_every_list_gets_its_verdict() {
        for (process, program) in processes() {
            let allowed = rules::of(process);
            for number in 0..600 {
                for value in [0, 1, 2, 3, 0x0001_0000, u64::MAX] {
                    let verdict = run(&program, ARCH, number, [value; 6]);
                    assert_eq!(
                        verdict,
                        ret(expected(&allowed, number, [value; 6])).k,
                        "{process:?} {number}"
                    );
                }
            }
        }
    }

    #[test]
    fn another_processors_calls_are_fatal_and_programs_are_short() {
        for (_, program) in processes() {
            let other = run(&program, ARCH ^ 1, 0, [0; 6]);
            assert_eq!(other, libc::SECCOMP_RET_KILL_PROCESS);
            assert!(
                program.len() < 4096,
                "the kernel's limit (BPF_MAXINSNS): {}",
                program.len()
            );
        }
    }
}
