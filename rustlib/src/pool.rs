//! The thread pool.
//!
//! The pool is private, because rayon's global one does not survive `fork`: the child inherits a
//! warm pool whose threads exist in the parent alone, hands it work, and waits forever. Here a pool
//! belongs to the process that built it. A child sees that it is not the owner, leaves the parent's
//! pool where it is, and builds its own.
//!
//! A lock that another thread holds at the moment of a fork stays locked in the child. So a count
//! waits for no lock that outlives its pool:
//!
//! - The pool is published through an atomic pointer. A thread that finds another one building it
//!   does this one count alone.
//! - Rayon's threads share one lazily initialized static, the collector of crossbeam-epoch. The first
//!   builder initializes it, and a child forked during that time never touches it: see `collector`.
//! - Feature detection (std's and ours) stores its findings in atomics.
//! - `std::env` is only read. A fork can copy its lock while another thread reads, and readers don't
//!   exclude each other.
//! - The allocator and the creation of threads are safe after `fork` where libc says so: glibc, musl
//!   and macOS do.
//!
//! This holds for `fork`. A child of `vfork` may do nothing but `exec`; a signal handler that forks
//! may call async-signal-safe functions only, in the child too. After a bare `clone`, which runs no
//! fork handler, libc makes no promise about its own locks; the pool still does, as long as the child
//! has a pid of its own.

use crate::os::{self, forks};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::{env, process, ptr, thread};

/// The environment variable that sets the size of the pool: a positive integer, of which at
/// most [`MOST_THREADS`] are used. Anything else counts as not set.
const NUM_THREADS: &str = "DOUBLES_NUM_THREADS";

/// More threads than this are a typing error: 3,000 take seconds to start.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// Bytes of a thread's stack. Rayon's recursion needs a few KiB; the rest is for the panic hook and for
/// other people's signal handlers.
const STACK: usize = 1 << 20;

/// Which process a pool belongs to: how many forks it is away from the first builder, and its pid.
///
/// The pid alone is not enough: a child in a new pid namespace can have its parent's. Neither are the
/// forks: a bare `clone` runs no fork handler, and a fork that began before the handler was registered
/// doesn't run it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner(u64);

impl Owner {
    /// No process: none has the pid 0.
    const NOBODY: u64 = 0;

    fn current() -> Self {
        Self(forks::number() << 32 | u64::from(process::id()))
    }
}

struct OwnedPool {
    owner: Owner,
    /// `None` if one thread is enough.
    pool: Option<ThreadPool>,
}

/// The newest pool, whoever owns it.
static POOL: AtomicPtr<OwnedPool> = AtomicPtr::new(ptr::null_mut());

/// This process's pool, built at the first call; `None` if it would have one thread only, if the
/// system gives no threads just now, or while another thread builds it. The caller then does the work
/// itself.
pub fn pool() -> Option<&'static ThreadPool> {
    let newest = newest();
    let pool = match newest {
        Some(owned) if owned.owner == Owner::current() => owned.pool.as_ref(),
        _ => replace_pool(newest),
    }?;
    #[cfg(feature = "forced-panic")]
    if env::var_os("DOUBLES_FORCE_PANIC").is_some_and(|place| place == "pool") {
        pool.install(|| panic!("forced in the pool by DOUBLES_FORCE_PANIC"));
    }
    Some(pool)
}

fn newest() -> Option<&'static OwnedPool> {
    // SAFETY: POOL is null or came from Box::into_raw in replace_pool, and no pool that it has held is
    // ever freed or changed.
    unsafe { POOL.load(Ordering::Acquire).as_ref() }
}

#[cold]
fn replace_pool(outdated: Option<&'static OwnedPool>) -> Option<&'static ThreadPool> {
    forks::count_from_now_on();
    let owner = Owner::current();
    let _building = Building::start(&BUILDER, owner)?;
    let newest = newest();
    if newest.map(ptr::from_ref) != outdated.map(ptr::from_ref) {
        // Another thread has built it since, and its owner is this process.
        return newest?.pool.as_ref();
    }
    let pool = build_pool()?;
    let owned = Box::into_raw(Box::new(OwnedPool { owner, pool }));
    POOL.store(owned, Ordering::Release);
    self::newest()?.pool.as_ref()
}

/// The process that is building a pool. In a child forked during that time it names the parent.
static BUILDER: AtomicU64 = AtomicU64::new(Owner::NOBODY);

/// A process's claim to build a pool, which lasts as long as this lives.
struct Building<'a> {
    builder: &'a AtomicU64,
    owner: Owner,
}

impl<'a> Building<'a> {
    /// `None` while another thread of the process has the claim.
    fn start(builder: &'a AtomicU64, owner: Owner) -> Option<Self> {
        let current = builder.load(Ordering::Relaxed);
        if current == owner.0 {
            return None;
        }
        builder
            .compare_exchange(current, owner.0, Ordering::Acquire, Ordering::Relaxed)
            .ok()
            .map(|_| Self { builder, owner })
    }
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        let (ours, nobody) = (self.owner.0, Owner::NOBODY);
        // Fails in a thread that forked while it had the claim, if its process has claimed anew since.
        let _ = self
            .builder
            .compare_exchange(ours, nobody, Ordering::Release, Ordering::Relaxed);
    }
}

/// A pool of as many threads as the process may have and the memory allows, `Some(None)` if one thread
/// is enough, or `None` if the system gives no threads just now.
fn build_pool() -> Option<Option<ThreadPool>> {
    let mut threads = num_threads();
    if threads == 1 {
        return Some(None);
    }
    if !collector::is_ready() {
        return None;
    }
    while threads > 1 {
        let builder = ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(STACK)
            .thread_name(|index| format!("doubles-{index}"));
        if is_memory_for(threads)
            && let Ok(pool) = builder.build()
        {
            return Some(Some(pool));
        }
        threads /= 2;
    }
    None
}

/// Threads in a new pool, at least one: as many as the user asked for, else as affinity and cgroup allow.
pub fn num_threads() -> usize {
    let wanted = env::var(NUM_THREADS)
        .ok()
        .and_then(|wanted| wanted.parse::<NonZeroUsize>().ok())
        .map(|wanted| wanted.min(MOST_THREADS));
    wanted
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}

/// The one static of rayon's threads that is initialized under a lock.
///
/// A thread that steals work first initializes the collector of crossbeam-epoch, in a `OnceLock`. If
/// another thread forks during that time, the child's copy stays locked, and the threads of its pool would
/// wait for it forever. So it is initialized here, before there are such threads, and a child that was
/// forked in the middle of that (it takes less than a microsecond) goes without threads.
mod collector {
    use std::sync::atomic::{AtomicU8, Ordering};

    const UNTOUCHED: u8 = 0;
    const IN_THE_MIDDLE: u8 = 1;
    const READY: u8 = 2;

    static STATE: AtomicU8 = AtomicU8::new(UNTOUCHED);

    /// Whether threads can use the collector. Initializes it at the first call, and never waits.
    pub(super) fn is_ready() -> bool {
        initialize(&STATE, || {
            crossbeam_epoch::default_collector();
        })
    }

    /// Like `OnceLock::get_or_init`, except that a thread that finds another one in the middle does not wait.
    pub(super) fn initialize(state: &AtomicU8, initializer: impl FnOnce()) -> bool {
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        match state.compare_exchange(UNTOUCHED, IN_THE_MIDDLE, relaxed, acquire) {
            Ok(_) => {
                initializer();
                state.store(READY, Ordering::Release);
                true
            }
            Err(found) => found == READY,
        }
    }
}

/// Address space for a thread's own arena of glibc's malloc, which reserves 64 MiB (1 MiB on 32 bits), and
/// for a moment twice as much in order to align it.
const ARENA: usize = if usize::BITS >= 64 {
    128 << 20
} else {
    2 << 20
};

/// Address space for a thread.
const EACH: usize = STACK + ARENA;

/// Writable bytes for the allocations of a thread: a few KiB, for which malloc takes 132 KiB.
const ALLOCATIONS: usize = 1 << 18;

/// Left to the rest of the process, and to rayon's own 4 KiB for each thread.
const RESERVE: usize = 32 << 20;

/// Whether there is memory for threads.
///
/// An allocation that fails in Rust ends the process, and many threads take so much address space that
/// under a limit (`ulimit -v`) any later allocation may be the one that fails. So their number is halved
/// until all that they can take, and a reserve for the rest of the process, can be mapped at once.
/// Then the threads fail to exhaust it.
fn is_memory_for(threads: usize) -> bool {
    // Limits are on address space (RLIMIT_AS), on writable memory (RLIMIT_DATA), or both.
    os::can_map(threads * EACH + RESERVE, false)
        && os::can_map(threads * (STACK + ALLOCATIONS) + RESERVE, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU8;

    #[test]
    fn a_collector_that_is_being_built_is_not_waited_for() {
        let state = AtomicU8::new(0);
        let again = || collector::initialize(&state, || panic!("a second time"));
        let mut calls = 0;
        assert!(collector::initialize(&state, || {
            calls += 1;
            assert!(!again());
        }));
        assert_eq!(calls, 1);
        assert!(again());
    }

    /// Another crossbeam-epoch than rayon's would have a collector of its own.
    #[test]
    fn only_one_crossbeam_epoch_is_linked() {
        let crates = include_str!("../Cargo.lock");
        assert_eq!(crates.matches("name = \"crossbeam-epoch\"").count(), 1);
    }

    #[test]
    fn one_thread_of_a_process_builds_and_a_child_takes_over() {
        let (parent, child) = (Owner(1 << 32 | 7), Owner(2 << 32 | 7));
        let builder = AtomicU64::new(Owner::NOBODY);
        let first = Building::start(&builder, parent);
        assert!(first.is_some());
        assert!(Building::start(&builder, parent).is_none());
        let second = Building::start(&builder, child);
        assert!(second.is_some());
        drop(first);
        assert!(Building::start(&builder, child).is_none());
        drop(second);
        assert!(Building::start(&builder, child).is_some());
    }

    #[cfg(unix)]
    #[test]
    fn more_threads_than_memory_holds_are_refused() {
        assert!(is_memory_for(2));
        assert!(!is_memory_for(usize::MAX / EACH / 3 * 2));
    }

    #[test]
    fn the_pool_is_built_once() {
        if num_threads() == 1 {
            return assert!(pool().is_none());
        }
        let built = || {
            loop {
                match pool() {
                    Some(pool) => return pool,
                    None => thread::yield_now(), // Another test builds it.
                }
            }
        };
        let first = built();
        assert!(ptr::eq(first, built()));
        assert!(first.current_num_threads() > 1);
    }
}
