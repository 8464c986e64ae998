//! The thread pool.
//!
//! The pool is private, because rayon's global one does not survive `fork`: the child inherits a
//! warm pool whose threads exist in the parent alone, hands it work, and waits for ever. Here a pool
//! belongs to the process that built it. A child sees that it is not the owner, leaves the parent's
//! pool where it is, and builds its own.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{env, process, ptr, thread};

/// The environment variable that sets the size of the pool: a whole number from 1, of which
/// [`MOST_THREADS`] are made at most. Anything else counts as not set.
const NUM_THREADS: &str = "DOUBLES_NUM_THREADS";

/// More threads than this are a slip of the finger: 3,000 take seconds to start.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// Which process a pool belongs to.
///
/// The pid alone won't do: a child in a new pid namespace can have its parent's. The fork generation
/// alone won't do either: a bare `clone` runs no fork handler. One of them changes in either case.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner {
    generation: u64,
    pid: u32,
}

impl Owner {
    fn current() -> Self {
        Self {
            generation: fork::generation(),
            pid: process::id(),
        }
    }
}

struct OwnedPool {
    owner: Owner,
    /// `None` where one thread is all there is.
    pool: Option<ThreadPool>,
}

/// The newest pool, whoever owns it. An atomic pointer and no lock: a lock that another thread
/// holds at the moment of a fork stays locked in the child.
static POOL: AtomicPtr<OwnedPool> = AtomicPtr::new(ptr::null_mut());

/// This process's pool, built at the first call; `None` if it would have one thread only, or if the
/// system gives no threads just now. The caller then does the work itself.
pub fn pool() -> Option<&'static ThreadPool> {
    let newest = POOL.load(Ordering::Acquire);
    // SAFETY: POOL is null or came from Box::into_raw below, and what it has held is never freed.
    match unsafe { newest.as_ref() } {
        Some(owned) if owned.owner == Owner::current() => owned.pool.as_ref(),
        _ => replace_pool(newest),
    }
}

#[cold]
fn replace_pool(outdated: *mut OwnedPool) -> Option<&'static ThreadPool> {
    fork::count_from_now_on();
    let built = Box::into_raw(Box::new(OwnedPool {
        owner: Owner::current(),
        pool: build_pool().ok()?,
    }));
    if let Err(_faster) =
        POOL.compare_exchange(outdated, built, Ordering::AcqRel, Ordering::Acquire)
    {
        // SAFETY: `built` came from Box::into_raw and nobody else has seen it.
        drop(unsafe { Box::from_raw(built) });
    }
    // Ours, or that of a faster thread of this process.
    pool()
}

fn build_pool() -> Result<Option<ThreadPool>, ThreadPoolBuildError> {
    let threads = num_threads();
    if threads == 1 {
        return Ok(None);
    }
    let builder = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("doubles-{index}"));
    builder.build().map(Some)
}

/// Threads in a new pool, at least one: what the user asked for, else what affinity and cgroup allow.
pub fn num_threads() -> usize {
    let wanted = env::var(NUM_THREADS)
        .ok()
        .and_then(|wanted| wanted.parse::<NonZeroUsize>().ok())
        .map(|wanted| wanted.min(MOST_THREADS));
    wanted
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}

/// How many forks lie between this process and the one that built the first pool.
#[cfg(unix)]
mod fork {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    static GENERATION: AtomicU64 = AtomicU64::new(0);
    static COUNTING: AtomicBool = AtomicBool::new(false);

    pub(super) fn generation() -> u64 {
        GENERATION.load(Ordering::Relaxed)
    }

    /// Starts counting, once. There is nothing to tell apart before the first pool.
    pub(super) fn count_from_now_on() {
        if COUNTING.swap(true, Ordering::Relaxed) {
            return;
        }
        // SAFETY: the handler is a function of this library, which is never unloaded, and does only
        // what POSIX allows between fork and exec: it adds to a lock-free atomic. A failure (no
        // memory) leaves the pid to tell processes apart.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }

    unsafe extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
}

/// Where there is no fork, there is one generation.
#[cfg(not(unix))]
mod fork {
    pub(super) fn generation() -> u64 {
        0
    }

    pub(super) fn count_from_now_on() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{self, AssertUnwindSafe};

    #[cfg(unix)]
    #[test]
    fn a_forked_child_is_of_another_generation() {
        fork::count_from_now_on();
        let parent = fork::generation();
        // SAFETY: the child does nothing but read an atomic and leave.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit(i32::from(fork::generation() == parent));
            }
            let mut status = -1;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
        }
        assert_eq!(fork::generation(), parent);
    }

    #[test]
    fn the_pool_is_built_once() {
        if let (Some(first), Some(second)) = (pool(), pool()) {
            assert!(ptr::eq(first, second));
        }
    }

    #[test]
    fn a_panic_in_the_pool_reaches_the_caller() {
        let Some(pool) = pool() else {
            return;
        };
        let caught = panic::catch_unwind(AssertUnwindSafe(|| pool.install(|| panic!("expected"))));
        assert!(caught.is_err());
        assert_eq!(pool.install(|| 1), 1);
    }
}
