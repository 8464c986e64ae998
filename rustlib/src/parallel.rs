//! The thread pool, and one way to split work over it.
//!
//! The pool is private, because rayon's global one does not survive `fork`: the child inherits a
//! warm pool whose threads exist in the parent alone, hands it work, and waits for ever. Here a pool
//! belongs to the process that built it. A child sees that it is not the owner, leaves the parent's
//! pool where it is, and builds its own.

use crate::code_points::{self, InvalidUtf8};
use crate::summary::Summary;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{env, process, ptr, thread};

/// Bytes per piece of work, at most. Measured on 10 MB and on 1 GB with two threads: 256 KiB to 1 MiB
/// are within noise of each other, 64 KiB loses a third.
const LARGEST_PIECE: usize = 1 << 20;

/// Bytes per piece of work, at least.
const SMALLEST_PIECE: usize = 1 << 17;

/// Pieces per thread, if there is enough for all: a thread that starts late leaves some to the others.
const PIECES_PER_THREAD: usize = 4;

/// Below this many bytes, waking threads costs more than they bring. Measured with two threads: 2 MiB
/// take 21 us on one and 20 on both, 4 MiB take 43 and 33.
const BYTES_WORTH_SPLITTING: usize = 4 << 20;

/// The same for UTF-8, which takes ten times as long: 256 KiB take 31 us on one and 23 on both.
const UTF8_WORTH_SPLITTING: usize = 1 << 19;

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

/// Sums up bytes on at most `threads` threads, or on as many as pay if that is `None`.
///
/// ```
/// assert_eq!(doubles::parallel::summarize(b"aaa", None).count, 2);
/// ```
pub fn summarize(bytes: &[u8], threads: Option<NonZeroUsize>) -> Summary<u8> {
    let plan = plan(bytes.len(), BYTES_WORTH_SPLITTING, threads);
    let of = |piece: &[u8]| Ok::<_, Infallible>(Summary::of(piece));
    let Ok(summary) = split(bytes, plan, |_, cut| cut, of);
    summary
}

/// Sums up UTF-8 on at most `threads` threads, or on as many as pay if that is `None`.
///
/// ```
/// let summary = doubles::parallel::summarize_utf8("жжж".as_bytes(), None);
/// assert_eq!(summary.map(|summary| summary.count), Ok(2));
/// ```
pub fn summarize_utf8(
    text: &[u8],
    threads: Option<NonZeroUsize>,
) -> Result<Summary<u32>, InvalidUtf8> {
    let plan = plan(text.len(), UTF8_WORTH_SPLITTING, threads);
    split(text, plan, code_points::boundary, code_points::summarize)
}

/// Sums up `input` in pieces, side by side, and merges the summaries. `boundary` moves a cut to
/// where a unit begins.
fn split<U: Copy + Eq + Send, E: Send>(
    input: &[u8],
    plan: Option<Plan>,
    boundary: impl Fn(&[u8], usize) -> usize + Sync,
    summarize: impl Fn(&[u8]) -> Result<Summary<U>, E> + Sync,
) -> Result<Summary<U>, E> {
    let Some(Plan { pool, piece: size }) = plan else {
        return summarize(input);
    };
    let piece = |index| {
        let [from, to] = [index, index + 1].map(|cut| boundary(input, input.len().min(cut * size)));
        summarize(&input[from..to])
    };
    let pieces = (0..input.len().div_ceil(size)).into_par_iter().map(piece);
    pool.install(|| pieces.try_reduce(|| Summary::EMPTY, |left, right| Ok(left.merge(right))))
}

/// Calls `work` with each block of `size` elements of `out` and its number, side by side on at most
/// `threads` threads, or on as many as pay if that is `None`.
pub fn each_block(
    out: &mut [u8],
    size: usize,
    threads: Option<NonZeroUsize>,
    work: impl Fn(u64, &mut [u8]) + Sync,
) {
    let Some(Plan { pool, piece }) = plan(out.len(), 2 * size, threads) else {
        return (0..)
            .zip(out.chunks_mut(size))
            .for_each(|(number, block)| work(number, block));
    };
    let blocks_per_piece = piece.div_ceil(size);
    let pieces = out.par_chunks_mut(blocks_per_piece * size).enumerate();
    pool.install(|| {
        pieces.for_each(|(index, piece)| {
            let first = (index * blocks_per_piece) as u64;
            (first..)
                .zip(piece.chunks_mut(size))
                .for_each(|(number, block)| work(number, block));
        });
    });
}

/// Where to do the work, and in pieces of how many bytes.
struct Plan {
    pool: &'static ThreadPool,
    piece: usize,
}

/// How to split `length` bytes, if that is worth it; `None` is to do it all on this thread.
fn plan(length: usize, worth_splitting: usize, threads: Option<NonZeroUsize>) -> Option<Plan> {
    if length < worth_splitting || threads == NonZeroUsize::new(1) {
        return None;
    }
    let pool = pool()?;
    Some(Plan {
        pool,
        piece: piece(length, threads, pool.current_num_threads()),
    })
}

/// Bytes per piece for `length` bytes on at most `threads` threads of a pool that has `available`.
fn piece(length: usize, threads: Option<NonZeroUsize>, available: usize) -> usize {
    match threads {
        // No more pieces than threads, so that no more threads can take part.
        Some(threads) if threads.get() < available => length.div_ceil(threads.get()),
        _ => (length / (PIECES_PER_THREAD * available)).clamp(SMALLEST_PIECE, LARGEST_PIECE),
    }
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

    #[test]
    fn any_number_of_threads_counts_the_same() {
        // A prime period, so that swapped pieces would show.
        let bytes: Vec<u8> = (0..BYTES_WORTH_SPLITTING + 1_000_003)
            .map(|i| (i % 251 / 2) as u8)
            .collect();
        let text = "жж€𝄞𝄞ab".repeat(UTF8_WORTH_SPLITTING / 10);
        let serial = Summary::of(&bytes);
        let serial_text = code_points::summarize(text.as_bytes());
        for threads in [None, Some(1), Some(2), Some(3), Some(1000)] {
            let threads = threads.and_then(NonZeroUsize::new);
            assert_eq!(summarize(&bytes, threads), serial, "{threads:?}");
            assert_eq!(
                summarize_utf8(text.as_bytes(), threads),
                serial_text,
                "{threads:?}"
            );
        }
    }

    #[test]
    fn doubles_across_the_pieces_are_counted() {
        let bytes = vec![7u8; BYTES_WORTH_SPLITTING + 12_345];
        assert_eq!(summarize(&bytes, None).count, bytes.len() as u64 - 1);
        for pad in 0..4 {
            let text = "x".repeat(pad) + &"€".repeat(UTF8_WORTH_SPLITTING);
            let count = summarize_utf8(text.as_bytes(), None).map(|summary| summary.count);
            let expected = UTF8_WORTH_SPLITTING - 1 + usize::max(pad, 1) - 1;
            assert_eq!(count, Ok(expected as u64));
        }
    }

    #[test]
    fn one_invalid_byte_is_found_in_any_piece() {
        let mut text = vec![b'a'; 2 * UTF8_WORTH_SPLITTING];
        for i in (0..text.len()).step_by(99_991) {
            text[i] = 0xFF;
            assert_eq!(summarize_utf8(&text, None), Err(InvalidUtf8));
            text[i] = b'a';
        }
    }

    #[test]
    fn no_more_pieces_than_threads() {
        let length: usize = 100 * LARGEST_PIECE;
        let pieces = |threads| length.div_ceil(piece(length, NonZeroUsize::new(threads), 8));
        assert_eq!([2, 3, 7].map(pieces), [2, 3, 7]);
        assert_eq!([0, 8, 9].map(pieces), [100; 3]);
    }

    #[test]
    fn pieces_are_neither_tiny_nor_huge() {
        assert_eq!(piece(BYTES_WORTH_SPLITTING, None, 512), SMALLEST_PIECE);
        assert_eq!(
            piece(BYTES_WORTH_SPLITTING, None, 2),
            BYTES_WORTH_SPLITTING / 8
        );
        assert_eq!(piece(usize::MAX, None, 2), LARGEST_PIECE);
    }

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
