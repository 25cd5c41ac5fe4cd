// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps side by side: as many at a time as the machine can do.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `work` for each of `items`, begun in their order, `workers` at a time; until one is an error.
pub(super) fn each<T: Send, E: Send>(
    workers: usize,
    items: Vec<T>,
    work: impl Fn(usize, T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || {
        while let Some((number, item)) = next() {
            if let Err(e) = work(number, item) {
                while next().is_some() {}
                return Err(e);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_at_a_time_and_each_once() {
        let (now, most, sum) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        let result: Result<(), ()> = each(3, (0..24).collect(), |number, item: usize| {
            assert_eq!(number, item);
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            sum.fetch_add(item, Ordering::SeqCst);
            Ok(())
        });
        assert_eq!(result, Ok(()));
        assert!((2..=3).contains(&most.into_inner()));
        assert_eq!(sum.into_inner(), 276);
    }

    #[test]
    fn after_an_error_nothing_begins() {
        let begun = AtomicUsize::new(0);
        let result = each(2, (0..100).collect(), |_, item| {
            begun.fetch_add(1, Ordering::SeqCst);
            if item == 3 {
                return Err(item);
            }
            thread::sleep(Duration::from_millis(1));
            Ok(())
        });
        assert_eq!(result, Err(3));
        assert!(begun.into_inner() < 100);
    }
}
