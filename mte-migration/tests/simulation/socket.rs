//! The loops of two VMMs over a socket, which a third thread may shut down at any moment.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mte_migration::receiver::{self, Receiver};
use mte_migration::sender::{self, Limits, Sender};

use crate::guest::{self, FakeGuest};
use crate::{SEED, running};

/// Longer than any step takes: a peer that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(20);

fn read(connection: &mut UnixStream, buffer: &mut [u8]) -> Result<usize, Error> {
    match connection.read(buffer)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        count => Ok(count),
    }
}

fn send(mut sender: Sender, guest: &mut FakeGuest, connection: &mut UnixStream) -> sender::Outcome {
    let start = Instant::now();
    let mut buffer = [0; 4096];
    loop {
        guest.run(1);
        let done = match sender.next(guest, start.elapsed()) {
            sender::Step::Send(bytes) => connection.write_all(&bytes),
            sender::Step::Wait(time) => {
                thread::sleep(time);
                Ok(())
            }
            sender::Step::Receive => read(connection, &mut buffer).map(|count| sender.received(&buffer[..count])),
            sender::Step::Done(outcome) => return outcome,
        };
        if let Err(error) = done {
            sender.disconnected(guest, error, start.elapsed());
        }
    }
}

fn receive(target: &mut FakeGuest, connection: &mut UnixStream) -> receiver::Outcome {
    let mut receiver = Receiver::new();
    let mut buffer = [0; 4096];
    loop {
        let done = match receiver.next(target) {
            receiver::Step::Send(bytes) => connection.write_all(&bytes),
            receiver::Step::Receive => read(connection, &mut buffer).map(|count| receiver.received(&buffer[..count])),
            receiver::Step::Done(outcome) => return outcome,
        };
        if let Err(error) = done {
            receiver.disconnected(target, error);
        }
    }
}

/// Migrates, with the connection shut down after a time, and returns whether the guest moved.
fn migrate(seed: u64, shut_down: Option<Duration>) -> bool {
    let mut rng = Rng::with_seed(seed);
    let layout = guest::layout(&mut rng);
    let mut source = running(&layout, rng.u64(..));
    let mut target = FakeGuest::new(&layout, rng.u64(..));
    let sender = Sender::new(layout, Limits { downtime: Duration::ZERO, rounds: 4, ..Limits::default() });
    let (mut ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
    for side in [&ours, &theirs] {
        side.set_read_timeout(Some(SILENCE)).expect("a timeout");
    }
    let third = ours.try_clone().expect("another descriptor");
    let (sent, received) = thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(after) = shut_down {
                thread::sleep(after);
                // It may be closed already.
                let _ = third.shutdown(Shutdown::Both);
            }
        });
        let receiver = scope.spawn(|| receive(&mut target, &mut theirs));
        (send(sender, &mut source, &mut ours), receiver.join().expect("the receiver's thread ends"))
    });
    let (here, there) = (source.is_running, target.is_running);
    let is_right = match (&sent, &received) {
        (sender::Outcome::Moved, receiver::Outcome::Resumed) => !here && there,
        (sender::Outcome::Stayed { .. }, receiver::Outcome::Discarded { .. } | receiver::Outcome::Held { .. }) => {
            here && !there
        }
        (sender::Outcome::Undecided { .. }, receiver::Outcome::Resumed) => !here && there,
        (sender::Outcome::Undecided { .. }, _) => !here && !there,
        _ => false,
    };
    assert!(is_right, "seed {seed:#x}, {shut_down:?}: {sent:?}, {received:?}: here {here}, there {there}");
    assert!(!there || source.at_stop == target.at_resume, "seed {seed:#x}: the guest differs");
    matches!(sent, sender::Outcome::Moved)
}

#[test]
fn over_a_socket_that_may_be_shut_down_at_any_moment() {
    let start = Instant::now();
    assert!(migrate(SEED, None));
    let whole = start.elapsed();
    for index in 1..40 {
        migrate(SEED + index, Some(whole * index as u32 / 40));
    }
}
