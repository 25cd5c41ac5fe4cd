// SPDX-License-Identifier: GPL-2.0-only

//! How the property tests are run: with the same cases each time, so that what has passed passes.
//!
//! Others are looked for by hand, with as many as there is time for: `PROPTEST_RNG_SEED=$RANDOM
//! PROPTEST_CASES=100000 cargo test --release -p driver-model`, and so for a driver's own model.

use proptest::test_runner::{Config, RngSeed};

/// So many cases, or those that the environment asks for.
pub(crate) fn cases(cases: u32) -> Config {
    let default = Config::default();
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    Config {
        cases: if asked { default.cases } else { cases },
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            seed => seed,
        },
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..default
    }
}
