//! Stops a vCPU that does not come back: a timer whose signal interrupts KVM_RUN.
//!
//! A signal that arrives just before KVM_RUN would be missed, so the timer keeps firing until it is
//! disarmed. The handler does nothing; interrupting the system call is its whole effect.
#![expect(unsafe_code, reason = "timers and signals")]

use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::errno;
use machine::Errno;

/// How often the timer fires again after the deadline.
const AGAIN: Duration = Duration::from_millis(1);

/// A timer of the thread that made it.
#[derive(Debug)]
pub struct Watchdog {
    timer: libc::timer_t,
}

extern "C" fn interrupt(_signal: libc::c_int) {}

impl Watchdog {
    /// Creates the timer; it signals the calling thread.
    pub fn new() -> Result<Self, Errno> {
        let signal = libc::SIGRTMIN();
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: all-zero is a valid sigaction.
        let action = unsafe { action.assume_init_mut() };
        action.sa_sigaction = interrupt as *const () as libc::sighandler_t;
        // SAFETY: the handler is async-signal-safe, since it does nothing.
        if unsafe { libc::sigaction(signal, action, ptr::null_mut()) } != 0 {
            return Err(errno::last());
        }
        let mut event = MaybeUninit::<libc::sigevent>::zeroed();
        // SAFETY: all-zero is a valid sigevent.
        let event = unsafe { event.assume_init_mut() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = signal;
        // SAFETY: asks for the thread's id.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut timer = ptr::null_mut();
        // SAFETY: both pointers are to live, valid objects.
        if unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, event, &raw mut timer) } != 0 {
            return Err(errno::last());
        }
        Ok(Self { timer })
    }

    /// Starts the timer; dropping the guard stops it.
    pub fn arm(&self, deadline: Duration) -> Armed<'_> {
        self.set(deadline, AGAIN);
        Armed { watchdog: self }
    }

    /// Starts the timer and lets it fire again and again, so that signals come all the time; dropping the guard stops it.
    pub fn fire_every(&self, time: Duration) -> Armed<'_> {
        self.set(time, time);
        Armed { watchdog: self }
    }

    fn set(&self, first: Duration, again: Duration) {
        let spec = |time: Duration| libc::timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        let value = libc::itimerspec { it_interval: spec(again), it_value: spec(first) };
        // SAFETY: the timer is ours and the structure is valid.
        let result = unsafe { libc::timer_settime(self.timer, 0, &raw const value, ptr::null_mut()) };
        debug_assert_eq!(result, 0, "a valid timer takes a valid time");
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // SAFETY: the timer is ours.
        unsafe { libc::timer_delete(self.timer) };
    }
}

/// While this lives, the timer runs.
#[derive(Debug)]
pub struct Armed<'a> {
    watchdog: &'a Watchdog,
}

impl Drop for Armed<'_> {
    fn drop(&mut self) {
        self.watchdog.set(Duration::ZERO, Duration::ZERO);
    }
}
