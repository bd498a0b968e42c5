//! The parent's end of everything that leads to and from a runner: messages, what it prints, and
//! cancellation. One thread waits for all of them together (poll(2)); neither a runner that floods nor
//! one that does not read can make it wait beyond its time.

use super::end::Output;
use crate::runner::frame::{self, Frame};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;
/// How much of what a runner prints is read at once.
const PRINT_BYTES: usize = 4096;
/// The most that a pipe holds unless somebody made it larger. Source: pipe(7).
const MAX_PIPE_BYTES: usize = 64 << 10;
/// How much may have arrived and not been taken while the parent itself wants to send.
const MAX_WAITING_BYTES: usize = frame::MAX_PAYLOAD + READ_BYTES;
/// Reads that brought less than this, one after the other without a pause, are many small messages:
/// taking each at once costs more than it is worth.
const SMALL_READ_BYTES: usize = 8 << 10;
/// How many of them it takes.
const MANY_SMALL_READS: u32 = 8;
/// How long more of them are waited for then. Nobody sees the delay.
const GATHER_TIME: Duration = Duration::from_micros(300);

/// What was waited for.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Frame(Frame),
    /// Bytes that are no message.
    Broken(io::Error),
    /// The runner hung up.
    Closed,
    /// Somebody cancelled.
    Cancel,
    /// The time is over.
    Time,
}

/// Cancels the operation of a session, from any thread and from signal handlers.
#[derive(Clone, Debug)]
pub struct Canceller(Arc<UnixStream>);

impl Canceller {
    /// Asks the operation to end; what was found until then is kept.
    pub fn cancel(&self) {
        // Full or closed: it was cancelled before, or has ended.
        let _ = (&*self.0).write(&[0]);
    }

    /// Has a signal do the same.
    ///
    /// # Errors
    ///
    /// The system call's error.
    pub fn on_signal(&self, signal: i32) -> io::Result<()> {
        signal_hook::low_level::pipe::register(signal, self.0.try_clone()?).map(drop)
    }
}

/// The streams of one runner.
#[derive(Debug)]
pub struct Wire {
    socket: UnixStream,
    is_open: bool,
    /// What the runner prints; none once it closed that.
    printing: Option<PipeReader>,
    printed: Output,
    wake: UnixStream,
    canceller: Canceller,
    /// What arrived; taken up to `taken`.
    arrived: Vec<u8>,
    taken: usize,
    small_reads: u32,
}

impl Wire {
    /// The parent's ends of a runner's socket and of the pipe that it prints to.
    ///
    /// # Errors
    ///
    /// The system call's error.
    pub fn new(socket: UnixStream, printing: PipeReader) -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        for stream in [&socket, &wake, &waker] {
            stream.set_nonblocking(true)?;
        }
        rustix::io::ioctl_fionbio(&printing, true)?;
        Ok(Self {
            socket,
            is_open: true,
            printing: Some(printing),
            printed: Output::default(),
            wake,
            canceller: Canceller(Arc::new(waker)),
            arrived: Vec::new(),
            taken: 0,
            small_reads: 0,
        })
    }

    /// The socket itself.
    pub fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// A handle that makes [`Self::next`] give [`Event::Cancel`].
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Waits for the next event, at most until `give_up`.
    pub fn next(&mut self, give_up: Instant) -> Event {
        loop {
            match frame::take(&self.arrived[self.taken..]) {
                Err(error) => return Event::Broken(error),
                Ok(Some((frame, length))) => {
                    self.taken += length;
                    return Event::Frame(frame);
                }
                Ok(None) if !self.is_open => return Event::Closed,
                Ok(None) => {}
            }
            match self.wait(PollFlags::IN, give_up) {
                Ok(Woken::Cancelled) => return Event::Cancel,
                Ok(Woken::TimeOver) => return Event::Time,
                Ok(Woken::Ready) => {}
                Err(error) => return Event::Broken(error),
            }
        }
    }

    /// Sends one message. What arrives meanwhile is kept for [`Self::next`].
    ///
    /// # Errors
    ///
    /// `TimedOut` when the runner does not take it until `give_up`; the socket's error.
    pub fn send(&mut self, kind: u8, parts: &[&[u8]], give_up: Instant) -> io::Result<()> {
        let bytes = frame::encode(kind, parts)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match (&self.socket).write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let is_full = self.arrived.len() - self.taken > MAX_WAITING_BYTES;
                    let wanted = if is_full {
                        PollFlags::OUT
                    } else {
                        PollFlags::OUT | PollFlags::IN
                    };
                    if let Woken::TimeOver = self.wait(wanted, give_up)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says that nothing more will be sent.
    pub fn hang_up(&self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Write); // it may have hung up first
    }

    /// What the runner printed until now, including what is still in the pipe.
    pub fn printed(&mut self) -> &Output {
        // Bounded: whoever else has the pipe open may be printing still.
        for _ in 0..MAX_PIPE_BYTES / PRINT_BYTES {
            if !self.take_printed() {
                break;
            }
        }
        &self.printed
    }

    /// Takes in what the runner prints for some time, so that it does not have to wait before it ends.
    pub fn take_in(&mut self, time: Duration) {
        let before = Instant::now();
        if self.poll(PollFlags::empty(), time).is_err() || !self.take_printed() {
            // Nothing more will be printed: poll(2) would come back at once.
            std::thread::sleep(time.saturating_sub(before.elapsed()));
        }
    }

    /// Waits until something is there, and takes in what the runner said and printed.
    fn wait(&mut self, wanted: PollFlags, give_up: Instant) -> io::Result<Woken> {
        if self.small_reads >= MANY_SMALL_READS {
            self.small_reads = 0;
            std::thread::sleep(GATHER_TIME);
        }
        let before = Instant::now();
        let left = give_up.saturating_duration_since(before);
        if left.is_zero() {
            return Ok(Woken::TimeOver); // however much there is still to take in
        }
        let [socket, wake, printing] = self.poll(wanted, left)?;
        if !printing.is_empty() {
            self.take_printed();
        }
        if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
            && wanted.contains(PollFlags::IN)
        {
            let count = self.take_arrived()?;
            let is_at_once = before.elapsed() < GATHER_TIME;
            self.small_reads = if is_at_once && (1..SMALL_READ_BYTES).contains(&count) {
                self.small_reads + 1
            } else {
                0
            };
        }
        if !wake.is_empty() && wanted == PollFlags::IN {
            let mut bytes = [0; 64];
            while matches!((&self.wake).read(&mut bytes), Ok(1..)) {}
            return Ok(Woken::Cancelled);
        }
        Ok(Woken::Ready)
    }

    /// What of socket, wake-up and printing is ready.
    fn poll(&self, wanted: PollFlags, left: Duration) -> io::Result<[PollFlags; 3]> {
        // While sending, a cancellation waits: it would make every poll(2) come back at once.
        let wake = if wanted == PollFlags::IN {
            PollFlags::IN
        } else {
            PollFlags::empty()
        };
        let mut files = vec![PollFd::new(&self.socket, wanted), PollFd::new(&self.wake, wake)];
        files.extend(
            self.printing
                .iter()
                .map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)),
        );
        let timeout = Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut files, Some(&timeout)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok([PollFlags::empty(); 3]),
            Err(error) => return Err(error.into()),
        }
        let ready = |index: usize| files.get(index).map_or(PollFlags::empty(), PollFd::revents);
        Ok([ready(0), ready(1), ready(2)])
    }

    /// Reads from the socket once; returns how much came.
    fn take_arrived(&mut self) -> io::Result<usize> {
        self.arrived.drain(..self.taken);
        self.taken = 0;
        let length = self.arrived.len();
        self.arrived.resize(length + READ_BYTES, 0);
        let read = (&self.socket).read(&mut self.arrived[length..]);
        let count = *read.as_ref().unwrap_or(&0);
        self.arrived.truncate(length + count);
        match read {
            Ok(0) => self.is_open = false,
            // A process that died with unread questions.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.is_open = false,
            Err(error) if !is_transient(&error) => return Err(error),
            _ => {}
        }
        Ok(count)
    }

    /// Reads once what the runner printed; false when there is nothing now.
    fn take_printed(&mut self) -> bool {
        let Some(pipe) = &mut self.printing else {
            return false;
        };
        let mut bytes = [0; PRINT_BYTES];
        match pipe.read(&mut bytes) {
            Ok(count @ 1..) => {
                self.printed.keep(&bytes[..count]);
                true
            }
            Err(error) if is_transient(&error) => false,
            _ => {
                self.printing = None;
                false
            }
        }
    }
}

/// Why [`Wire::wait`] came back.
enum Woken {
    Ready,
    Cancelled,
    TimeOver,
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
