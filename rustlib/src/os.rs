//! Services of the operating system: whether memory is left, huge pages, and how many times the process was
//! forked.
//!
//! Each function has an answer for every system. Where a system lacks the thing (forks on Windows, huge
//! pages outside of Linux), the answer is the one that lets the caller continue.

/// Returns whether this many bytes can be mapped at once; if they are to be `writable`, they also count
/// towards the limit on writable memory. They are unmapped again.
#[cfg(unix)]
pub(crate) fn can_map(length: usize, writable: bool) -> bool {
    let protection = if writable {
        libc::PROT_READ | libc::PROT_WRITE
    } else {
        libc::PROT_NONE
    };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: the system chooses an address where nothing is mapped, and only that mapping is unmapped,
    // before any other code could have learned of it.
    unsafe {
        let start = libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0);
        start != libc::MAP_FAILED && libc::munmap(start, length) == 0
    }
}

/// Returns whether this many bytes can be mapped at once: no limit is known here, so they can.
#[cfg(not(unix))]
pub(crate) fn can_map(_length: usize, _writable: bool) -> bool {
    true
}

/// Asks for huge pages for memory that will all be written soon. Making pages of 4 KiB takes as long as
/// counting short rows does, and more on a second thread (Zen 5). Pages that reach beyond `memory` are left
/// alone, because they would take memory for nothing.
#[cfg(target_os = "linux")]
pub(crate) fn ask_for_huge_pages<T>(memory: &mut [T]) {
    /// Bytes per huge page on x86-64, and on aarch64 with pages of 4 KiB.
    const HUGE: usize = 2 << 20;
    let pages = memory.as_mut_ptr_range();
    let start = pages.start.addr().next_multiple_of(HUGE);
    let end = pages.end.addr() / HUGE * HUGE;
    if start < end {
        // SAFETY: start and end are within `memory`, and MADV_HUGEPAGE changes no byte of it. A refusal is
        // ignored: then the pages are small.
        unsafe {
            let pages = memory.as_mut_ptr().cast::<libc::c_void>().with_addr(start);
            libc::madvise(pages, end - start, libc::MADV_HUGEPAGE)
        };
    }
}

/// Does nothing: this system is not asked for huge pages.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ask_for_huge_pages<T>(_memory: &mut [T]) {}

/// How many forks are between this process and the one that first asked to count them.
#[cfg(unix)]
pub(crate) mod forks {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    static NUMBER: AtomicU64 = AtomicU64::new(0);
    static COUNTING: AtomicBool = AtomicBool::new(false);

    pub(crate) fn number() -> u64 {
        NUMBER.load(Ordering::Relaxed)
    }

    /// Starts to count. Later calls change nothing.
    pub(crate) fn count_from_now_on() {
        if COUNTING.swap(true, Ordering::Relaxed) {
            return;
        }
        // SAFETY: the handler is a function of this library, which is never unloaded, and does only
        // what POSIX allows between fork and exec: it adds to a lock-free atomic. If it can't be
        // registered (no memory), the pid alone distinguishes processes.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }

    unsafe extern "C" fn in_child() {
        NUMBER.fetch_add(1, Ordering::Relaxed);
    }
}

/// Without `fork` there are none to count.
#[cfg(not(unix))]
pub(crate) mod forks {
    pub(crate) fn number() -> u64 {
        0
    }

    pub(crate) fn count_from_now_on() {}
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_child_knows_of_the_fork_and_its_parent_does_not() {
        forks::count_from_now_on();
        let parent = forks::number();
        // SAFETY: the child does nothing but read an atomic and leave.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit(i32::from(forks::number() == parent));
            }
            let mut status = -1;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
        }
        assert_eq!(forks::number(), parent);
    }

    #[test]
    fn a_little_memory_can_be_mapped_and_all_of_it_can_not() {
        for writable in [false, true] {
            assert!(can_map(1 << 20, writable));
            assert!(!can_map(usize::MAX / 2, writable));
        }
    }
}
