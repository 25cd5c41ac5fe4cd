// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps side by side: as many at a time as the machine can do, but for what has to be alone.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Who works at this moment.
#[derive(Default)]
struct State {
    working: usize,
    alone: bool,
    /// How many wait to be alone. Nobody else begins meanwhile, so that their turn comes.
    waiting: usize,
}

/// Whose turn it is to work.
#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

/// Somebody works for as long as this lives.
struct Working<'a>(&'a Turns);

impl Turns {
    /// Runs `work` at the same time as that of others, once nobody is alone.
    pub(super) fn beside<T>(&self, work: impl FnOnce() -> T) -> T {
        let _working = self.start();
        work()
    }

    /// A part of the work that runs [`beside`](Self::beside) others: while it goes on, nobody else works. `waits` is
    /// called where that is not yet so.
    pub(super) fn alone<T>(&self, waits: impl FnOnce(), work: impl FnOnce() -> T) -> T {
        struct Alone<'a>(&'a Turns);
        impl Drop for Alone<'_> {
            fn drop(&mut self) {
                let mut state = self.0.lock();
                state.alone = false;
                state.working += 1;
                self.0.changed.notify_all();
            }
        }
        let mut state = self.lock();
        state.working -= 1;
        state.waiting += 1;
        self.changed.notify_all();
        let busy = |state: &mut State| state.alone || state.working > 0;
        if busy(&mut state) {
            waits();
        }
        let mut state = self.wait_while(state, busy);
        state.waiting -= 1;
        state.alone = true;
        drop(state);
        let _alone = Alone(self);
        work()
    }

    fn start(&self) -> Working<'_> {
        let state = self.lock();
        self.wait_while(state, |state| state.alone || state.waiting > 0)
            .working += 1;
        Working(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        busy: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed
            .wait_while(state, busy)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.lock().working -= 1;
        self.0.changed.notify_all();
    }
}

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
    fn some_work_at_a_time_but_for_who_has_to_be_alone() {
        let turns = Turns::default();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            let working = now.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(working, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            working
        };
        let result: Result<(), ()> = each(3, (0..24).collect(), |_, item: u64| {
            thread::sleep(Duration::from_millis(item % 5));
            turns.beside(|| {
                work();
                if item % 3 == 0 {
                    turns.alone(
                        || (),
                        || {
                            assert_eq!(work(), 1);
                            assert_eq!(now.load(Ordering::SeqCst), 0, "somebody has begun");
                        },
                    );
                    work();
                }
            });
            Ok(())
        });
        assert_eq!(result, Ok(()));
        assert!((2..=3).contains(&most.into_inner()));
    }

    #[test]
    fn who_is_alone_already_does_not_wait() {
        let turns = Turns::default();
        let alone = || turns.alone(|| panic!("it waits"), || 7);
        assert_eq!(turns.beside(alone), 7);
    }

    #[test]
    fn after_an_error_nothing_begins() {
        let begun = AtomicUsize::new(0);
        let result = each(2, (0..100).collect(), |_, item| {
            begun.fetch_add(1, Ordering::SeqCst);
            if item == 3 { Err(item) } else { Ok(()) }
        });
        assert_eq!(result, Err(3));
        assert!(begun.into_inner() < 100);
    }
}
