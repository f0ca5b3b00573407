//! In which memory does a thread work? In what it worked in last, which its core may still have in its cache.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// Memory to work in, kept from call to call: as many as threads ever worked at the same time, and whose each was last.
///
/// In boxes, so that taking and giving back moves no more than a pointer.
pub(crate) struct Kept<T>(Mutex<Vec<Owned<T>>>);

/// Whose it was last, and the memory.
type Owned<T> = (ThreadId, Box<T>);

impl<T> Kept<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Works in what this thread used last, or else in any that is free, or else in `new` memory.
    pub(crate) fn with<R>(&self, new: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let thread = thread::current().id();
        let mut own = self.take(thread).unwrap_or_else(|| Box::new(new()));
        let result = work(&mut own);
        self.lock().push((thread, own));
        result
    }

    fn take(&self, thread: ThreadId) -> Option<Box<T>> {
        let mut free = self.lock();
        let own = free.iter().position(|(last, _)| *last == thread);
        let at = own.or(free.len().checked_sub(1))?;
        Some(free.swap_remove(at).1)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Owned<T>>> {
        // What a panic left half done is not in here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn every_thread_gets_its_own_again_and_an_idle_one_is_for_anybody() {
        let (kept, made) = (Kept::new(), AtomicU32::new(0));
        let new = || made.fetch_add(1, Ordering::Relaxed);
        let (both, one) = (Barrier::new(2), Barrier::new(2));
        let other = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let work = |number: &mut u32| {
                    both.wait();
                    one.wait();
                    *number
                };
                kept.with(new, work)
            });
            let own = kept.with(new, |number| {
                both.wait();
                *number
            });
            // What the other has is given back later than this thread's own.
            one.wait();
            let other = other.join().expect("no panic");
            assert_ne!(own, other);
            assert_eq!(kept.with(new, |number| *number), own);
            other
        });
        let stranger = kept.with(new, |_| {
            thread::scope(|scope| {
                let stranger = scope.spawn(|| kept.with(new, |number| *number));
                stranger.join().expect("no panic")
            })
        });
        assert_eq!((stranger, made.into_inner()), (other, 2));
    }

    #[test]
    fn what_a_panic_left_is_not_used_again() {
        let kept = Kept::new();
        let broken = std::panic::AssertUnwindSafe(|| kept.with(|| 1, |_| panic!("on purpose")));
        assert!(std::panic::catch_unwind(broken).is_err());
        assert_eq!(kept.with(|| 2, |number| *number), 2);
    }
}
