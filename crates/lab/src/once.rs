// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is made once while this program runs, whoever asks for it, and however many at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by their names, each made when it is first asked for.
pub(crate) struct Once<T>(Mutex<HashMap<String, Arc<Mutex<Option<T>>>>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Once<T> {
    /// The value that is called `name`. Where it is not there, `make` makes it; who asks for the same one meanwhile
    /// waits, who asks for another does not. One that could not be made is tried again by the next.
    pub(crate) fn get<E>(&self, name: &str, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let place = Arc::clone(lock(&self.0).entry(name.to_owned()).or_default());
        let mut place = lock(&place);
        if let Some(value) = &*place {
            return Ok(value.clone());
        }
        let value = make()?;
        *place = Some(value.clone());
        Ok(value)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn all_who_ask_have_the_one_that_was_made() {
        let once = Once::default();
        let made = AtomicUsize::new(0);
        let make = || Ok::<_, ()>(made.fetch_add(1, Ordering::SeqCst));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(once.get("a", make), Ok(0)));
            }
        });
        assert_eq!(once.get("b", make), Ok(1));
    }

    #[test]
    fn what_could_not_be_made_is_tried_again() {
        let once = Once::default();
        assert_eq!(once.get("a", || Err("no")), Err("no"));
        assert_eq!(once.get("a", || Ok::<_, &str>(1)), Ok(1));
        assert_eq!(once.get("a", || Err("not asked")), Ok(1));
    }
}
