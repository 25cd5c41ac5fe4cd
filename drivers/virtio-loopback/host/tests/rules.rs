// SPDX-License-Identifier: GPL-2.0-only

//! What may be made, what a driver sees of it, and in which states a device can be.

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;
use proptest::prelude::*;
use virtio_loopback_model::abi::{self, Create, Structure, CONFIG_MAX};
use virtio_loopback_model::params::{parse, Parameters, Written};
use virtio_loopback_model::policy::{check, features, taken, VERSION_1};
use virtio_loopback_model::state::{Change, Phase, Stale, State, DRIVER_OK};

const RNG: Create = Create {
    device_id: 4,
    vendor_id: 0,
    features: 1 << VERSION_1,
    queues: 1,
    queue_size: 64,
    config_size: 0,
    flags: 0,
    memory_fd: 3,
    event_fd: 4,
    memory_size: 2 << 20,
    config: [0; CONFIG_MAX],
};

#[test]
fn commands_are_those_of_the_header() {
    // _IOR(0xbb, 0, 24), _IOW(0xbb, 1, 304), _IOWR(0xbb, 3, 64), by hand.
    assert_eq!(abi::GET_VERSION, 0x8018_bb00);
    assert_eq!(abi::CREATE, 0x4130_bb01);
    assert_eq!(abi::GET_QUEUE, 0xc040_bb03);
}

#[test]
fn what_is_written_is_read() {
    let mut create = RNG;
    create.config[255] = 9;
    create.memory_fd = -1;
    let bytes = create.write();
    assert_eq!(bytes[32..36], (-1i32).to_ne_bytes());
    assert_eq!(bytes[303], 9);
    assert_eq!(Create::read(&bytes), create);
}

#[test]
fn what_is_not_allowed_is_said() {
    assert_eq!(check(&RNG, false), Ok(()));
    let said = |change: &dyn Fn(&mut Create), untested| {
        let mut create = RNG;
        change(&mut create);
        check(&create, untested).map_or_else(|e| e.to_string(), |()| "taken".to_owned())
    };
    let kinds = "must be 4 (rng), 25 (sound) or 34 (i2c); with untested=1 others, but not 16 (gpu) and 26 (fs)";
    for id in [0, 16, 26] {
        for untested in [false, true] {
            let text = said(&|c| c.device_id = id, untested);
            assert_eq!(text, format!("device_id {id} is not allowed: {kinds}"));
        }
    }
    // What nothing is known of, and what has only never been tried.
    for id in [1, 2] {
        let text = said(&|c| c.device_id = id, false);
        assert_eq!(text, format!("device_id {id} is not allowed: {kinds}"));
        assert_eq!(said(&|c| c.device_id = id, true), "taken");
    }
    assert_eq!(said(&|c| c.device_id = 34, false), "taken");
    assert_eq!(
        said(&|c| c.features = 0, false),
        "feature VERSION_1 0 is not allowed: must be 1"
    );
    for queues in [0, 65] {
        let text = said(&|c| c.queues = queues, false);
        assert_eq!(
            text,
            format!("queues {queues} is not allowed: must be 1 to 64")
        );
    }
    for size in [0, 3, 2048, 65536 + 64] {
        let text = said(&|c| c.queue_size = size, false);
        assert_eq!(
            text,
            format!("queue_size {size} is not allowed: must be a power of two up to 1024")
        );
    }
    assert!(said(&|c| c.config_size = 257, false).starts_with("config_size 257"));
    assert!(said(&|c| c.flags = 1, false).starts_with("flags 1"));
    for size in [0, (2 << 20) + 1, (64 << 20) + 4096, 252 << 10, u64::MAX] {
        assert!(said(&|c| c.memory_size = size, false).starts_with(&format!("memory_size {size} ")));
    }
}

#[test]
fn features_are_what_comes_through_the_gate() {
    let all = u64::MAX;
    assert_eq!(
        features(4, all),
        (1 << 33) | (1 << 32) | (1 << 28) | 0xff_ffff
    );
    assert_eq!(
        features(2, all) & (1 << 11),
        0,
        "the driver of a disk would write its configuration"
    );
    assert_eq!(taken(features(4, all)), (1 << 32) | (1 << 28) | 0xff_ffff);
    assert_eq!(features(4, 1 << VERSION_1), 3 << VERSION_1);
}

#[test]
fn parameters() {
    let one =
        |name: &str, value| parse(&Written::collect(|known| (known == name).then_some(value)));
    let wanted = Parameters {
        devices: 2,
        untested: false,
    };
    assert_eq!(parse(&Written::default()), Ok(wanted));
    assert_eq!(one("devices", "16").unwrap().devices, 16);
    assert!(one("untested", "y").unwrap().untested);
    for value in ["0", "17", "-1", "two"] {
        assert_eq!(
            one("devices", value).unwrap_err().to_string(),
            format!(
                "parameter devices={value} is not allowed: must be a whole number from 1 to 16"
            )
        );
    }
}

#[test]
fn a_life() {
    let mut state = State::default();
    assert_eq!(state.start(0), Err(Stale));
    state.set_status(3);
    assert_eq!((state.phase(), state.generation()), (Phase::Idle, 0));
    state.set_status(3 | DRIVER_OK);
    assert_eq!((state.phase(), state.generation()), (Phase::Ready, 1));
    assert_eq!(state.start(0), Err(Stale));
    assert_eq!(state.start(1), Ok(Change::Seen));
    assert_eq!(state.start(1), Err(Stale));
    assert_eq!(state.stopped(1), Err(Stale), "nobody has asked for that");
    state.reset();
    assert_eq!((state.phase(), state.status()), (Phase::Stopping, 0));
    // A driver that does not wait is not served before the backend has let go.
    state.set_status(DRIVER_OK);
    assert_eq!((state.phase(), state.generation()), (Phase::Stopping, 1));
    state.reset();
    assert_eq!(state.stopped(1), Ok(Change::Seen));
    assert_eq!(state.phase(), Phase::Idle);
    state.set_status(DRIVER_OK);
    assert_eq!((state.phase(), state.generation()), (Phase::Ready, 2));
    state.reset();
    assert_eq!(state.phase(), Phase::Stopping, "the backend may have begun");
    assert_eq!((state.broke(), state.broke()), (Change::Seen, Change::None));
    assert_eq!(Phase::ALL.map(Phase::number), [0, 1, 2, 3, 4]);
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Status(u8),
    Reset,
    Start(u32),
    Stopped(u32),
    Broke,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        3 => prop_oneof![Just(15), any::<u8>()].prop_map(Call::Status),
        2 => Just(Call::Reset),
        3 => (0u32..6).prop_map(Call::Start),
        3 => (0u32..6).prop_map(Call::Stopped),
        1 => Just(Call::Broke),
    ];
    prop::collection::vec(call, 1..60)
}

proptest! {
    #![proptest_config(cases(400))]

    /// A device that is reset is never live, one that broke stays so, and the two ends never serve at once.
    #[test]
    fn whatever_comes(calls in calls()) {
        let (mut state, mut broke) = (State::default(), false);
        for call in calls {
            let before = state;
            match call {
                Call::Status(status) => {
                    state.set_status(status);
                }
                Call::Reset => {
                    state.reset();
                    prop_assert!(state.status() == 0);
                    prop_assert!(!matches!(state.phase(), Phase::Live | Phase::Ready));
                }
                Call::Start(generation) => {
                    let started = state.start(generation).is_ok();
                    prop_assert_eq!(started, before.phase() == Phase::Ready && generation == before.generation());
                    prop_assert!(started || state == before);
                }
                Call::Stopped(generation) => {
                    let stopped = state.stopped(generation).is_ok();
                    prop_assert_eq!(stopped, before.phase() == Phase::Stopping && generation == before.generation());
                    prop_assert!(stopped || state == before);
                }
                Call::Broke => {
                    state.broke();
                    broke = true;
                }
            }
            prop_assert_eq!(state.phase() == Phase::Broken, broke);
            let readied = state.generation() != before.generation();
            prop_assert_eq!(readied, before.phase() == Phase::Idle && state.phase() == Phase::Ready);
        }
    }
}
