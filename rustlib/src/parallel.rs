//! One way to split work over the threads of the pool.
#![forbid(unsafe_code)]

use crate::code_points::{self, InvalidUtf8};
use crate::pool::pool;
use crate::summary::{Summary, Unit};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::convert::Infallible;
use std::num::NonZeroUsize;

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

/// Below this many bytes of UTF-8, which takes three times as long, one thread is faster. Waking a thread
/// costs 25 us: 1 MiB of Cyrillic takes 30 us on one thread and 43 on two that others use as well, 2 MiB take
/// 58 on one (Zen 5).
const UTF8_WORTH_SPLITTING: usize = 2 << 20;

/// A row of a column takes as long as this many bytes of text, besides its own.
const ROW_COSTS: usize = 16;

/// Below this many bytes of rows, with `ROW_COSTS` for each row, one thread is faster.
const ROWS_WORTH_SPLITTING: usize = 1 << 21;

/// Counts doubles between units of fixed width on at most `threads` threads (`None`: as many as help). Short
/// input goes straight to the kernel.
///
/// ```
/// assert_eq!(doubles::parallel::count::<u8>(b"aaa", None), 2);
/// ```
pub fn count<U: Unit>(bytes: &[u8], threads: Option<NonZeroUsize>) -> u64 {
    if bytes.len() < BYTES_WORTH_SPLITTING {
        return U::count(bytes);
    }
    summarize::<U>(bytes, threads).count
}

/// Sums up units of fixed width on at most `threads` threads (`None`: as many as help).
///
/// ```
/// assert_eq!(doubles::parallel::summarize::<u8>(b"aaa", None).count, 2);
/// ```
pub fn summarize<U: Unit>(bytes: &[u8], threads: Option<NonZeroUsize>) -> Summary<U> {
    let plan = plan(bytes.len(), BYTES_WORTH_SPLITTING, threads);
    let of = |piece: &[u8]| Ok::<_, Infallible>(Summary::of(piece));
    let Ok(summary) = split(bytes, plan, |_, cut| cut - cut % size_of::<U>(), of);
    summary
}

/// Sums up UTF-8 on at most `threads` threads (`None`: as many as help).
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
/// `threads` threads (`None`: as many as help).
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

/// Calls `work` with pieces of `out` and where they begin, side by side on at most `threads` threads
/// (`None`: as many as help), and returns the results in order. All the work together reads `bytes` bytes.
pub fn each_piece<R: Send>(
    out: &mut [i64],
    bytes: usize,
    threads: Option<NonZeroUsize>,
    work: impl Fn(usize, &mut [i64]) -> R + Sync,
) -> Vec<R> {
    let cost = bytes.saturating_add(out.len() * ROW_COSTS);
    let Some(Plan { pool, piece }) = plan(cost, ROWS_WORTH_SPLITTING, threads) else {
        return vec![work(0, out)];
    };
    let size = out.len().div_ceil(cost.div_ceil(piece)).max(1);
    let pieces = out.par_chunks_mut(size).enumerate();
    let work = |(index, piece): (usize, &mut [i64])| work(index * size, piece);
    pool.install(|| pieces.map(work).collect())
}

/// Where to do the work, and in pieces of how many bytes.
struct Plan {
    pool: &'static ThreadPool,
    piece: usize,
}

/// How to split `length` bytes; `None` if this thread should do all of it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads_counts_the_same() {
        // A prime period, so that swapped pieces would show.
        let bytes: Vec<u8> = (0..BYTES_WORTH_SPLITTING + 1_000_003)
            .map(|i| (i % 251 / 2) as u8)
            .collect();
        let text = "жж€𝄞𝄞ab".repeat(UTF8_WORTH_SPLITTING / 10);
        let serial = Summary::<u8>::of(&bytes);
        let serial_16 = Summary::<u16>::of(&bytes);
        let serial_32 = Summary::<u32>::of(&bytes);
        let serial_text = code_points::summarize(text.as_bytes());
        for threads in [None, Some(1), Some(2), Some(3), Some(1000)] {
            let threads = threads.and_then(NonZeroUsize::new);
            assert_eq!(summarize(&bytes, threads), serial, "{threads:?}");
            assert_eq!(count::<u8>(&bytes, threads), serial.count, "{threads:?}");
            assert_eq!(summarize(&bytes, threads), serial_16, "{threads:?}");
            assert_eq!(summarize(&bytes, threads), serial_32, "{threads:?}");
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
        let units = bytes.len() as u64;
        assert_eq!(summarize::<u8>(&bytes, None).count, units - 1);
        assert_eq!(summarize::<u16>(&bytes, None).count, units / 2 - 1);
        assert_eq!(summarize::<u32>(&bytes, None).count, units / 4 - 1);
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
    fn short_input_is_not_split_nor_input_for_one_thread() {
        let is_split = |length, threads| plan(length, 100, NonZeroUsize::new(threads)).is_some();
        assert!(!is_split(99, 0) && !is_split(1000, 1));
        let has_threads = pool().is_some();
        assert_eq!(
            [100, 101].map(|length| is_split(length, 0)),
            [has_threads; 2]
        );
        assert_eq!(is_split(1000, 2), has_threads);
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
}
