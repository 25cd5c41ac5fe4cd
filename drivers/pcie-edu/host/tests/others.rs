// SPDX-License-Identifier: GPL-2.0-only

//! Commands, transfers, numbers and parameters.

use pcie_edu_model::command::{transfer, Command};
use pcie_edu_model::numbers::{Numbers, MOST};
use pcie_edu_model::params::parse;
use pcie_edu_model::registers::{BUFFER, BUFFER_SIZE};
use pcie_edu_model::transfer::{is_filled, legs, length};
use proptest::prelude::*;

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;

/// `_IOWR(0xE0, number, a structure of so many bytes)`.
fn iowr(number: u32, size: u32) -> u32 {
    (3 << 30) | (size << 16) | (0xE0 << 8) | number
}

#[test]
fn commands_have_their_numbers() {
    assert_eq!(Command::of(iowr(1, 4)), Some(Command::Compute));
    assert_eq!(Command::of(iowr(2, 8)), Some(Command::Transfer));
    assert_eq!(
        transfer([0, 16, 0, 0, 0xAB, 1, 2, 3]),
        (0x1000_u32.to_le(), 0xAB)
    );
}

#[test]
fn lengths() {
    for (asked, wanted) in [
        (0, None),
        (1, Some(1)),
        (4096, Some(4096)),
        (4097, None),
        (u32::MAX, None),
    ] {
        assert_eq!(length(asked), wanted);
    }
}

#[test]
fn numbers_are_the_least() {
    let mut numbers = Numbers::new();
    for number in 0..MOST {
        assert_eq!(numbers.take(), Some(number));
    }
    assert_eq!(numbers.take(), None);
    for number in [5, 63, 0] {
        numbers.give(number);
    }
    assert_eq!(Numbers::of(numbers.bits()), numbers);
    assert_eq!(
        [numbers.take(), numbers.take(), numbers.take()],
        [Some(0), Some(5), Some(63)]
    );
    assert_eq!(numbers.take(), None);
}

#[test]
fn bits_that_are_refused_are_named() {
    assert_eq!(parse(|_| None).unwrap().dma_bits, 28);
    assert_eq!(parse(|_| Some("0x20")).unwrap().dma_bits, 32);
    for value in ["23", "65", "", "many", "28 ", "-28"] {
        let bad = parse(|_| Some(value)).unwrap_err().to_string();
        let wanted = "must be a whole number from 24 to 64";
        assert_eq!(
            bad,
            format!("parameter dma_bits={value} is not allowed: {wanted}")
        );
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    /// What the device is told reaches neither beyond its own memory nor beyond what it can address, where it would
    /// move what is elsewhere.
    #[test]
    fn no_leg_goes_astray(
        address in prop_oneof![any::<u64>(), 0..1_u64 << 33],
        length in 0..=2 * BUFFER_SIZE,
        bits in 24..=64_u32,
    ) {
        let reach = u128::from(u64::MAX).min((1 << bits) - 1);
        let fits = u128::from(address) + length as u128 <= reach + 1;
        let legal = (1..=BUFFER_SIZE).contains(&length) && fits;
        let legs = legs(address, length, bits);
        prop_assert_eq!(legs.is_some(), legal);
        let Some([out, back]) = legs else {
            return Ok(());
        };
        prop_assert_eq!((out.source, out.destination), (address, BUFFER));
        prop_assert_eq!((back.source, back.destination), (BUFFER, address));
        prop_assert_eq!((out.count, back.count), (length as u64, length as u64));
        // Run and tell; the second also to memory.
        prop_assert_eq!((out.command, back.command), (5, 7));
    }

    #[test]
    fn one_byte_that_is_wrong_is_seen(pattern in any::<u8>(), at in 0..BUFFER_SIZE, flip in 1..=255_u8) {
        let mut bytes = [pattern; BUFFER_SIZE];
        prop_assert!(is_filled(&bytes, pattern));
        bytes[at] ^= flip;
        prop_assert!(!is_filled(&bytes, pattern));
    }
}
