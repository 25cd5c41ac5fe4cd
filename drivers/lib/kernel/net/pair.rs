// SPDX-License-Identifier: GPL-2.0-only

//! Two devices that know each other.

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};

use super::device::{Device, ReadSide, Unregistered};
use super::Interface;
use crate::lib::bindings;

/// What makes the two values of a pair.
pub(crate) trait PairMaker: Send + Sync + 'static {
    /// A device of the pair.
    type Interface: Interface;

    /// What devices are called that nobody has given a name, with `%d` for the first number that is free.
    const NAMES: &'static CStr;

    /// Makes the values of a new pair. May sleep, and be called under rtnl.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn make(&self) -> Result<[Self::Interface; 2]>;
}

/// The two devices of a pair, by which one finds the other.
///
/// # Invariants
///
/// Each is 0, or the address of a device that is registered; it becomes 0 under rtnl before that is unregistered. Only
/// with rtnl held is it changed.
pub(crate) struct Ends<T>([Atomic<usize>; 2], PhantomData<fn() -> T>);

impl<T: Interface> Ends<T> {
    /// No devices yet. Any context.
    pub(crate) fn new() -> Self {
        Self([Atomic::new(0), Atomic::new(0)], PhantomData)
    }

    /// The device of this side, if it is there. It is as long as the read side lasts. Any context.
    pub(crate) fn get<'a>(&self, side: usize, _: &'a ReadSide) -> Option<&'a Device<T>> {
        // Acquire, for the Release of `set`: it was registered.
        let address = self.0.get(side)?.load(Acquire);
        // SAFETY: By the invariants it was registered when it was looked at, unless it is 0, and so has a value. Before
        // it is freed, which takes its value, the kernel waits for all read sides that may have found it.
        (address != 0).then(|| unsafe { Device::from_raw(address as *mut _) })
    }

    /// Lets a device be found. It must be registered, and rtnl be held.
    fn set(&self, device: &Device<T>) {
        if let Some(end) = self.0.get(device.value().side()) {
            // INVARIANT: By what is asked for. Release: all that has been done to it is seen by who finds it.
            end.store(device.as_raw() as usize, Release);
        }
    }

    /// Forgets the devices, and returns those that were there. Rtnl must be held, and they be unregistered before it is
    /// given up.
    pub(super) fn forget(&self) -> [Option<NonNull<bindings::net_device>>; 2] {
        [0, 1].map(|side| {
            // Relaxed: all who change it hold rtnl.
            let device = self.0[side].load(Relaxed) as *mut bindings::net_device;
            self.0[side].store(0, Relaxed);
            NonNull::new(device)
        })
    }
}

/// Holds rtnl, the lock of all that is configured of networks. May sleep to get it.
pub(super) struct Rtnl(());

impl Rtnl {
    /// Takes it. May sleep; the caller must not hold it.
    pub(super) fn lock() -> Self {
        // SAFETY: It may be called by whoever may sleep and does not hold it; nothing in here calls it twice.
        unsafe { bindings::rtnl_lock() };
        Self(())
    }
}

impl Drop for Rtnl {
    fn drop(&mut self) {
        // SAFETY: This value has locked it. Waits until nobody uses the devices any more that were unregistered meanwhile,
        // and frees them.
        unsafe { bindings::rtnl_unlock() };
    }
}

/// Registers two devices that know each other. Rtnl must be held; may sleep.
///
/// # Errors
///
/// As [`Unregistered::register`]; then neither is registered, and the second is given back.
pub(super) fn register<T: Interface>(
    first: Unregistered<T>,
    second: Unregistered<T>,
    values: [T; 2],
) -> Result<[NonNull<bindings::net_device>; 2], (Error, Unregistered<T>)> {
    let [one, two] = values;
    let first = match first.register(one) {
        Ok(first) => first,
        Err((error, _)) => return Err((error, second)),
    };
    let second = match second.register(two) {
        Ok(second) => second,
        Err((error, second)) => {
            // SAFETY: It was registered just now, and rtnl is held; the kernel frees it.
            unsafe { bindings::unregister_netdevice_queue(first.as_ptr(), core::ptr::null_mut()) };
            return Err((error, second));
        }
    };
    for device in [first, second] {
        // SAFETY: It was registered for `T` just now, and so has a value; rtnl is held, so that it stays.
        let device: &Device<T> = unsafe { Device::from_raw(device.as_ptr()) };
        device.value().ends().set(device);
    }
    Ok([first, second])
}

/// A pair that the module makes by itself. Dropping it unregisters both devices, whatever they are used for, so sleeps.
///
/// # Invariants
///
/// The devices are registered, and this value alone unregisters them: they have no kind by which programs could.
pub(crate) struct Pair<T: Interface>([NonNull<bindings::net_device>; 2], PhantomData<T>);

// SAFETY: The devices are not bound to a thread.
unsafe impl<T: Interface> Send for Pair<T> {}

// SAFETY: There is nothing to be done with a reference to it.
unsafe impl<T: Interface> Sync for Pair<T> {}

impl<T: Interface> Pair<T> {
    /// Makes a pair in the first name space. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the kernel returns.
    pub(crate) fn new<M: PairMaker<Interface = T>>(maker: &M) -> Result<Self> {
        let (first, second) = (Unregistered::new(M::NAMES)?, Unregistered::new(M::NAMES)?);
        let values = maker.make()?;
        let _rtnl = Rtnl::lock();
        let devices = register(first, second, values).map_err(|(error, _)| error)?;
        // INVARIANT: Just registered, and without a kind.
        Ok(Self(devices, PhantomData))
    }

    /// Calls `look` with both devices. May sleep.
    pub(crate) fn look<R>(&self, look: impl FnOnce([&Device<T>; 2]) -> R) -> R {
        let _rtnl = Rtnl::lock();
        // SAFETY: By the invariants they are registered as long as this value is there.
        let devices = unsafe { self.0.map(|device| Device::from_raw(device.as_ptr())) };
        look(devices)
    }
}

impl<T: Interface> Drop for Pair<T> {
    fn drop(&mut self) {
        let _rtnl = Rtnl::lock();
        let [first, second] = self.0;
        // SAFETY: By the invariants they are registered, and so have values. They are forgotten before they are
        // unregistered, all of it under rtnl.
        unsafe {
            let device: &Device<T> = Device::from_raw(first.as_ptr());
            device.value().ends().forget();
            bindings::rloop_net_unregister(first.as_ptr(), second.as_ptr());
        }
    }
}
