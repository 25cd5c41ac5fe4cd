// SPDX-License-Identifier: GPL-2.0-only

//! A network device, and what belongs to it.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{addr_of, addr_of_mut, NonNull};

use kernel::error::to_result;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};
use kernel::sync::rcu;
use kernel::types::{NotThreadSafe, Opaque};

use super::packet::{Forwarded, Packet};
use super::{Interface, Polled};
use crate::lib::bindings;

/// An RCU read side: while there is one, no device is freed, nor ceases to be polled, that was found since it began.
///
/// Whoever has one must not sleep.
pub(crate) struct ReadSide(NotThreadSafe);

impl ReadSide {
    /// Does something within a read side. Any context.
    pub(crate) fn with<R>(work: impl FnOnce(&Self) -> R) -> R {
        let _guard = rcu::read_lock();
        work(&Self(NotThreadSafe))
    }

    /// The read side that an operation is called in.
    ///
    /// # Safety
    ///
    /// Until it is dropped RCU's lock must be held for reading, or bottom halves be off, which is as good.
    pub(super) unsafe fn assume() -> Self {
        Self(NotThreadSafe)
    }
}

/// What the kernel allocates with a device. All zero at first.
#[repr(C)]
pub(super) struct Private<T> {
    pub(super) napi: Opaque<bindings::napi_struct>,
    timer: Opaque<bindings::hrtimer>,
    device: *mut bindings::net_device,
    /// 1 while the device may be scheduled. (6.18 has no atomic `bool`.)
    ready: Atomic<u32>,
    /// 1 while there is a `value`.
    full: u32,
    value: MaybeUninit<T>,
}

/// A network device: `struct net_device`.
///
/// # Invariants
///
/// It was allocated with a [`Private<T>`], and set up by [`Device::setup`]. References to it exist only while it has a
/// value: from [`Device::put`] to [`Device::take`], between which it does not change.
#[repr(transparent)]
pub(crate) struct Device<T>(Opaque<bindings::net_device>, PhantomData<T>);

impl<T: Interface> Device<T> {
    /// How much the kernel has to allocate with a device.
    pub(super) const PRIVATE: usize = {
        // That of `netdev_priv()`.
        assert!(align_of::<Private<T>>() <= 32);
        size_of::<Private<T>>()
    };

    /// The device, valid as long as this reference. Any context.
    pub(super) fn as_raw(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// A device that the kernel hands to an operation. Any context.
    ///
    /// # Safety
    ///
    /// `raw` must be a device of this type that has a value, and keep it as long as `'a`.
    pub(super) unsafe fn from_raw<'a>(raw: *mut bindings::net_device) -> &'a Self {
        // SAFETY: By the precondition, and since the type is transparent.
        unsafe { &*raw.cast() }
    }

    /// # Safety
    ///
    /// `raw` must be a device that was allocated with a `Private<T>`. What comes is valid as long as it.
    unsafe fn private(raw: *mut bindings::net_device) -> *mut Private<T> {
        // SAFETY: By the precondition it is valid.
        unsafe { bindings::rloop_net_priv(raw) }.cast()
    }

    /// `ops.setup`: sets up a device that was just allocated. May sleep.
    ///
    /// # Safety
    ///
    /// `raw` must be a device that was allocated with [`Device::PRIVATE`] bytes, as when the kernel calls.
    pub(super) unsafe extern "C" fn setup(raw: *mut bindings::net_device) {
        // SAFETY: By the precondition it is valid, and nobody else knows it yet. The tables are constants of the module,
        // which does not go before its devices have gone; the destructor is for such a device.
        unsafe {
            bindings::rloop_net_setup(raw, Self::OPERATIONS, Self::ETHTOOL, Some(Self::destroy));
        }
    }

    /// `priv_destructor`: nobody uses the device any more. May sleep.
    ///
    /// # Safety
    ///
    /// As when the kernel calls.
    unsafe extern "C" fn destroy(raw: *mut bindings::net_device) {
        // SAFETY: The kernel calls it for devices that were set up by `setup`, when nobody has a reference to one any more.
        drop(unsafe { Self::take(raw) });
    }

    /// Gives a device its value. Any context.
    ///
    /// # Safety
    ///
    /// `raw` must have been set up by [`Device::setup`], not be registered yet, and have no value.
    pub(super) unsafe fn put(raw: *mut bindings::net_device, value: T) {
        // SAFETY: By the precondition there is a `Private`, of which nobody knows yet. All zero is a value of all of
        // its other fields. The timer gets set up where it stays, and its callback is for such a `Private`.
        unsafe {
            let private = Self::private(raw);
            (*private).device = raw;
            bindings::hrtimer_setup(
                addr_of_mut!((*private).timer).cast(),
                Some(Self::expired),
                bindings::rloop_net_constant_RLOOP_CLOCK_MONOTONIC as i32,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT,
            );
            (*private).value.write(value);
            (*private).full = 1;
        }
    }

    /// Takes a device's value back, if it has one. Any context; to drop the value may sleep.
    ///
    /// # Safety
    ///
    /// `raw` must have been set up by [`Device::setup`], and nobody else use it, or have a reference to it.
    pub(super) unsafe fn take(raw: *mut bindings::net_device) -> Option<T> {
        // SAFETY: By the precondition nobody else looks at it. If it is full, there is a value, and there is none
        // after this.
        unsafe {
            let private = Self::private(raw);
            if (*private).full == 0 {
                return None;
            }
            (*private).full = 0;
            Some((*private).value.assume_init_read())
        }
    }

    /// The `Private` of a device that has a value. Whoever uses it may not change what is not atomic or opaque. Any
    /// context.
    pub(super) fn shared(&self) -> &Private<T> {
        // SAFETY: By the invariants there is one, which is as old as the device, and full.
        unsafe { &*Self::private(self.as_raw()) }
    }

    /// Its value. Any context.
    pub(crate) fn value(&self) -> &T {
        // SAFETY: By the invariants there is a value as long as there are references to the device.
        unsafe { self.shared().value.assume_init_ref() }
    }

    /// Its number, of which there is none else in its name space. Any context.
    pub(crate) fn index(&self) -> u32 {
        // SAFETY: The device is alive; the function reads one number.
        unsafe { bindings::rloop_net_index(self.as_raw()) }
    }

    /// Its name. Under rtnl, which keeps it.
    pub(crate) fn name(&self) -> &CStr {
        // SAFETY: The device is alive, and so is its name, which ends with a zero.
        unsafe { CStr::from_char_ptr(bindings::rloop_net_name(self.as_raw())) }
    }

    /// Whether it is up. Any context.
    pub(crate) fn is_running(&self) -> bool {
        // SAFETY: The device is alive; the function tests one bit.
        unsafe { bindings::rloop_net_running(self.as_raw()) }
    }

    /// Lets nothing be transmitted until the queue is woken: `netif_stop_queue()`. Any context.
    pub(crate) fn stop_queue(&self) {
        // SAFETY: The device is alive; the function sets one bit.
        unsafe { bindings::rloop_net_stop_queue(self.as_raw()) }
    }

    /// Lets what waits be transmitted: `netif_wake_queue()`. Any context.
    pub(crate) fn wake_queue(&self) {
        // SAFETY: The device is alive, and has been registered, so that it has queues.
        unsafe { bindings::rloop_net_wake_queue(self.as_raw()) }
    }

    /// Says whether there is a link: `netif_carrier_on()`, `netif_carrier_off()`. Any context.
    pub(crate) fn set_link(&self, link: bool) {
        // SAFETY: The device is alive, and has been registered, as these functions want it.
        unsafe {
            match link {
                true => bindings::netif_carrier_on(self.as_raw()),
                false => bindings::netif_carrier_off(self.as_raw()),
            }
        }
    }

    /// Lets the device be polled soon, if it is up: `napi_schedule()`. Any context.
    pub(crate) fn schedule(&self, _: &ReadSide) {
        let private = self.shared();
        // Acquire, for the Release of `begin`: the instance is there. And it stays until this read side ends, for
        // `end` waits for that before it takes it away.
        if private.ready.load(Acquire) == 1 {
            // SAFETY: As above.
            unsafe { bindings::rloop_napi_schedule(private.napi.get()) }
        }
    }

    /// Makes of a frame that is sent one that this device can receive, less all that must not cross a name space:
    /// `__dev_forward_skb()`. Any context.
    pub(crate) fn forward(&self, packet: Packet, _: &ReadSide) -> Forwarded {
        if !self.is_running() {
            return Forwarded::Down(packet);
        }
        let raw = packet.into_raw();
        // SAFETY: The frame was ours and is the function's, which gives it back if it returns true; it has a header, and
        // a device that it is sent by, as all have that `Interface::transmit` is given. The device is alive, being
        // borrowed; the read side is that of RCU.
        let given_back = unsafe { bindings::rloop_skb_forward(self.as_raw(), raw) };
        match NonNull::new(raw).filter(|_| given_back) {
            // SAFETY: It was given back.
            Some(raw) => Forwarded::Yes(unsafe { Packet::from_raw(raw) }),
            None => Forwarded::TooLong,
        }
    }

    /// Receives a frame that was forwarded to a device of this type. To be called by [`Interface::poll`] of this one,
    /// with bottom halves off.
    pub(crate) fn receive(&self, packet: Packet, _: &ReadSide) {
        // SAFETY: The frame was ours, and is the network's from now on; it was forwarded, which has looked at its
        // header. The instance is enabled, as this is called by its poll; were it not, the frame would be received
        // all the same, unless GRO is on.
        unsafe {
            bindings::rloop_napi_receive(
                self.shared().napi.get(),
                self.as_raw(),
                packet.into_raw(),
            );
        }
    }

    /// Lets the device be polled: from now on [`Device::schedule`] works. Under rtnl; may sleep.
    pub(super) fn begin(&self) {
        let private = self.shared();
        // SAFETY: The instance is not added: it never was, or has been taken away by `end`. It stays where it is. The
        // poll is for such a `Private`.
        unsafe {
            bindings::rloop_napi_add(self.as_raw(), private.napi.get(), Some(Self::poll));
        }
        private.ready.store(1, Release);
    }

    /// Lets it be polled no more, and waits for whoever does, or is about to schedule it. Under rtnl; may sleep.
    pub(super) fn end(&self) {
        let private = self.shared();
        private.ready.store(0, Relaxed);
        // SAFETY: The instance was added by `begin`, and is taken away once. After the first function nobody schedules
        // it who does not own its poll; after the second it is not polled, so that nobody starts the timer, and after
        // the third that does not go off, so that it does not schedule it either.
        unsafe {
            bindings::synchronize_net();
            bindings::napi_disable(private.napi.get());
            bindings::hrtimer_cancel(private.timer.get());
            bindings::rloop_napi_del(private.napi.get());
        }
    }

    /// Polls at `at`, in nanoseconds of `CLOCK_MONOTONIC`. To be called by the poll, before it is complete.
    pub(super) fn poll_at(&self, at: u64) {
        // SAFETY: It was set up by `put`, and is cancelled by `end`, when there is no poll any more.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.shared().timer.get(),
                at.try_into().unwrap_or(i64::MAX),
                0,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT,
            );
        }
    }

    /// `hrtimer.function`: lets the device be polled. In a softirq.
    ///
    /// # Safety
    ///
    /// `timer` must be that of a `Private<T>`, as when the kernel calls.
    unsafe extern "C" fn expired(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the precondition it is in a `Private`, which lives until `end` has cancelled the timer; and so does
        // the instance, which is taken away later.
        unsafe {
            let private =
                kernel::container_of!(timer.cast::<Opaque<bindings::hrtimer>>(), Private<T>, timer);
            bindings::rloop_napi_schedule(addr_of!((*private).napi).cast_mut().cast());
        }
        bindings::hrtimer_restart_HRTIMER_NORESTART
    }

    /// `napi->poll`. In a softirq, or in a thread with bottom halves off.
    ///
    /// # Safety
    ///
    /// `napi` must be that of a `Private<T>` whose device has a value, as when the kernel calls.
    unsafe extern "C" fn poll(napi: *mut bindings::napi_struct, budget: i32) -> i32 {
        // With no budget nothing may be received (netpoll asks for what has been sent, which is nothing here).
        let Some(budget) = usize::try_from(budget).ok().filter(|budget| *budget > 0) else {
            return 0;
        };
        // SAFETY: By the precondition. A device is not freed while its instance is enabled, which only `open` does,
        // and the kernel closes each before it frees it.
        let device: &Self = unsafe {
            let napi = napi.cast::<Opaque<bindings::napi_struct>>();
            let private = kernel::container_of!(napi, Private<T>, napi);
            Self::from_raw((*private).device)
        };
        // SAFETY: Bottom halves are off.
        let read = unsafe { ReadSide::assume() };
        let Polled { frames, again } = device.value().poll(device, budget, &read);
        if let Some(at) = again {
            device.poll_at(at);
        }
        let frames = frames.min(budget);
        if frames < budget {
            // SAFETY: The instance is this one's, and what it has received is less than it might have.
            unsafe { bindings::napi_complete_done(napi, frames as i32) };
        }
        frames as i32
    }
}

/// A device that was allocated, and that nobody knows yet; dropping it frees it, so may sleep.
///
/// # Invariants
///
/// It points to a device that was set up by [`Device::setup`] for `T`, is not registered, and is this value's own.
pub(super) struct Unregistered<T: Interface>(NonNull<bindings::net_device>, PhantomData<T>);

impl<T: Interface> Unregistered<T> {
    /// Allocates a device. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(name: &CStr) -> Result<Self> {
        // SAFETY: The name is a string, and is copied. The size is that which the set-up asks for.
        let raw = unsafe {
            bindings::rloop_net_alloc(
                Device::<T>::PRIVATE,
                name.as_char_ptr(),
                Some(Device::<T>::setup),
            )
        };
        // INVARIANT: It is new, and was set up.
        Ok(Self(NonNull::new(raw).ok_or(ENOMEM)?, PhantomData))
    }

    /// A device that the kernel has allocated for a [`super::LinkKind`]. Any context.
    ///
    /// # Safety
    ///
    /// It must be as the invariants say.
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::net_device>) -> Self {
        // INVARIANT: By the precondition.
        Self(raw, PhantomData)
    }

    /// Registers the device with this value. Under rtnl; may sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one of its name, `ENOMEM`, or what the kernel returns; then the device is given back without
    /// the value.
    pub(super) fn register(self, value: T) -> Result<NonNull<bindings::net_device>, (Error, Self)> {
        let raw = self.0;
        // SAFETY: By the invariants it is set up, and nobody knows it, so that it has no value.
        unsafe { Device::put(raw.as_ptr(), value) };
        // SAFETY: By the invariants it is set up and not registered; it has a value; rtnl is held.
        let code = unsafe { bindings::rloop_net_register(raw.as_ptr()) };
        match to_result(code) {
            Ok(()) => {
                // It is the kernel's to free from now on.
                core::mem::forget(self);
                Ok(raw)
            }
            Err(error) => {
                // SAFETY: It is not registered, and nobody has found it.
                drop(unsafe { Device::<T>::take(raw.as_ptr()) });
                Err((error, self))
            }
        }
    }

    /// Leaves the device to whoever has allocated it. Any context.
    pub(super) fn leave(self) {
        core::mem::forget(self);
    }
}

impl<T: Interface> Drop for Unregistered<T> {
    fn drop(&mut self) {
        // SAFETY: By the invariants it is ours, not registered, and has no value.
        unsafe { bindings::free_netdev(self.0.as_ptr()) };
    }
}
