// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's table of a device's operations, and a trampoline for each.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::device::{Device, ReadSide};
use super::packet::Packet;
use super::{Counters, Interface};
use crate::lib::bindings as c;

impl<T: Interface> Device<T> {
    /// `struct net_device_ops`.
    pub(super) const OPERATIONS: &'static c::net_device_ops = &c::net_device_ops {
        ndo_open: Some(Self::open),
        ndo_stop: Some(Self::stop),
        ndo_start_xmit: Some(Self::start_xmit),
        ndo_get_stats64: Some(Self::get_stats64),
        ndo_get_iflink: Some(Self::get_iflink),
        ndo_validate_addr: Some(c::eth_validate_addr),
        ndo_set_mac_address: Some(c::eth_mac_addr),
        // SAFETY: All zeroes is a value of this C type: no operation.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// # Safety
    ///
    /// `raw` must be a device of this type that has been registered and not been freed, with rtnl held.
    unsafe extern "C" fn open(raw: *mut c::net_device) -> i32 {
        // SAFETY: As this function's: a device that was registered has a value until it is freed.
        let device: &Self = unsafe { Self::from_raw(raw) };
        device.begin();
        device.value().open(device);
        0
    }

    /// # Safety
    ///
    /// As [`Self::open`], which must have been called before.
    unsafe extern "C" fn stop(raw: *mut c::net_device) -> i32 {
        // SAFETY: As this function's.
        let device: &Self = unsafe { Self::from_raw(raw) };
        device.stop_queue();
        device.set_link(false);
        device.value().closing(device);
        device.end();
        device.value().closed(device);
        0
    }

    /// # Safety
    ///
    /// As [`Self::open`], but with bottom halves off and the queue locked; `packet` must be valid, and is given away.
    unsafe extern "C" fn start_xmit(
        packet: *mut c::sk_buff,
        raw: *mut c::net_device,
    ) -> c::netdev_tx_t {
        // SAFETY: As this function's.
        let (device, read): (&Self, _) = unsafe { (Self::from_raw(raw), ReadSide::assume()) };
        if let Some(packet) = NonNull::new(packet) {
            // SAFETY: As this function's: it is ours, whatever is returned but NETDEV_TX_BUSY.
            let packet = unsafe { Packet::from_raw(packet) };
            device.value().transmit(device, packet, &read);
        }
        c::rloop_net_constant_RLOOP_TX_OK as c::netdev_tx_t
    }

    /// # Safety
    ///
    /// `raw` must be a device of this type that has been registered and not been freed, and `into` be zeroed.
    unsafe extern "C" fn get_stats64(raw: *mut c::net_device, into: *mut c::rtnl_link_stats64) {
        // SAFETY: As this function's.
        let (device, into): (&Self, _) = unsafe { (Self::from_raw(raw), &mut *into) };
        let Counters {
            tx_packets,
            tx_bytes,
            tx_dropped,
            rx_packets,
            rx_bytes,
            rx_dropped,
            rx_length_errors,
        } = device.value().counters();
        into.tx_packets = tx_packets;
        into.tx_bytes = tx_bytes;
        into.tx_dropped = tx_dropped;
        into.rx_packets = rx_packets;
        into.rx_bytes = rx_bytes;
        into.rx_dropped = rx_dropped;
        into.rx_length_errors = rx_length_errors;
    }

    /// The number of the other end, as `ip link` shows it after the `@`; 0 if it has gone.
    ///
    /// # Safety
    ///
    /// `raw` must be a device of this type that has been registered and not been freed.
    unsafe extern "C" fn get_iflink(raw: *const c::net_device) -> i32 {
        // SAFETY: As this function's.
        let device: &Self = unsafe { Self::from_raw(raw.cast_mut()) };
        let (value, other) = (device.value(), 1 - device.value().side());
        let index = ReadSide::with(|read| value.ends().get(other, read).map(Device::index));
        index
            .and_then(|index| i32::try_from(index).ok())
            .unwrap_or(0)
    }
}
