// SPDX-License-Identifier: GPL-2.0-only

//! What `kernel/lockless` uses of the kernel's atomics, made of loom's.

use std::cell::Cell;

use loom::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};

pub(super) struct Acquire;
pub(super) struct Relaxed;
pub(super) struct Release;

/// The kernel's orderings are types.
pub(super) trait Order {
    const ORDERING: Ordering;
}

impl Order for Acquire {
    const ORDERING: Ordering = Ordering::Acquire;
}

impl Order for Relaxed {
    const ORDERING: Ordering = Ordering::Relaxed;
}

impl Order for Release {
    const ORDERING: Ordering = Ordering::Release;
}

thread_local! {
    /// The ordering that is not kept. (All threads of a model are one of the standard library's.)
    static RELAXED: Cell<Option<Ordering>> = const { Cell::new(None) };
}

/// From now on `ordering` is as good as none.
pub(super) fn relax(ordering: Option<Ordering>) {
    RELAXED.set(ordering);
}

fn ordering<O: Order>() -> Ordering {
    if RELAXED.get() == Some(O::ORDERING) {
        Ordering::Relaxed
    } else {
        O::ORDERING
    }
}

/// An integer that loom has an atomic of.
pub(super) trait Integer: Copy {
    type Atomic;
    fn atomic(value: Self) -> Self::Atomic;
    fn load(atomic: &Self::Atomic, ordering: Ordering) -> Self;
    fn store(atomic: &Self::Atomic, value: Self, ordering: Ordering);
    fn fetch_add(atomic: &Self::Atomic, value: Self, ordering: Ordering) -> Self;
    fn cmpxchg(atomic: &Self::Atomic, old: Self, new: Self, o: Ordering) -> Result<Self, Self>;
}

macro_rules! integer {
    ($integer:ty, $atomic:ty) => {
        impl Integer for $integer {
            type Atomic = $atomic;

            fn atomic(value: Self) -> $atomic {
                <$atomic>::new(value)
            }

            fn load(atomic: &$atomic, ordering: Ordering) -> Self {
                atomic.load(ordering)
            }

            fn store(atomic: &$atomic, value: Self, ordering: Ordering) {
                atomic.store(value, ordering);
            }

            fn fetch_add(atomic: &$atomic, value: Self, ordering: Ordering) -> Self {
                atomic.fetch_add(value, ordering)
            }

            fn cmpxchg(
                atomic: &$atomic,
                old: Self,
                new: Self,
                ordering: Ordering,
            ) -> Result<Self, Self> {
                // The kernel orders nothing by one that fails.
                atomic.compare_exchange(old, new, ordering, Ordering::Relaxed)
            }
        }
    };
}

integer!(i32, AtomicI32);
integer!(u32, AtomicU32);
integer!(u64, AtomicU64);
integer!(usize, AtomicUsize);

/// As `kernel::sync::atomic::Atomic`.
pub(super) struct Atomic<T: Integer>(T::Atomic);

impl<T: Integer> Atomic<T> {
    pub(super) fn new(value: T) -> Self {
        Self(T::atomic(value))
    }

    pub(super) fn load<O: Order>(&self, _: O) -> T {
        T::load(&self.0, ordering::<O>())
    }

    pub(super) fn store<O: Order>(&self, value: T, _: O) {
        T::store(&self.0, value, ordering::<O>());
    }

    pub(super) fn fetch_add<O: Order>(&self, value: T, _: O) -> T {
        T::fetch_add(&self.0, value, ordering::<O>())
    }

    pub(super) fn cmpxchg<O: Order>(&self, old: T, new: T, _: O) -> Result<T, T> {
        T::cmpxchg(&self.0, old, new, ordering::<O>())
    }
}
