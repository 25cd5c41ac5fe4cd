// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify net --stress`: frames both ways through a pair of its own, by threads of this process, and by processes
//! that are killed in the middle, and bytes by TCP between two name spaces. Meanwhile rings change, ends go down and up and
//! to the other name space and back, the wire is cut, pairs come and go with name spaces of their own, this one is made
//! anew, and the module is unloaded and loaded.
//!
//! Each frame that is received must be one that somebody has sent, each byte by TCP the one that is due, each error one
//! that a device may give that is treated so; and every call must come back. Each time before the pair goes, both ends are
//! put down, and each frame must be accounted for.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use rig::check::Kind;
use rig::ledger::Ledger;
use rig::report::Report;
use rig::verdict::{Problem, Verdict};

use super::packet::{failed, own_name_space};
use super::world::in_name_space;
use super::{DRIVER, MODULE};
use crate::error::Error;
use crate::families::family::Stress;
use crate::families::stress::{Options, Subject, once};

mod director;
mod user;

use director::Director;
use user::User;

/// What is put under stress.
const SUBJECT: Subject = Subject {
    driver: DRIVER,
    module: c"netdrv",
    is_there: || Path::new(MODULE).exists(),
};

/// How it is done.
pub const STRESS: Stress = Stress {
    meanwhile: &[Kind::Faults, Kind::Allocations],
    plan: |_, options| Ok(once(options, run)),
    child: |options| Ok(SUBJECT.child::<User>(options.seed)),
};

/// The addresses of the two ends, of which the second is mostly elsewhere.
const ADDRESSES: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];

/// The other name space that an end is given to; the processes that are killed know of none.
static ELSEWHERE: OnceLock<File> = OnceLock::new();

/// Stresses the driver. If a call hangs, `ledger` gets the result, and the process ends.
///
/// # Errors
/// If no process can be started, or there is no pair, as for whoever is not root.
fn run(options: Options, ledger: &Ledger) -> Result<Report, Error> {
    let setting = |problem: Problem| Error::Setting {
        card: DRIVER.to_owned(),
        why: problem.to_string(),
    };
    let space =
        || -> Verdict<File> { own_name_space().map_err(|e| failed("/proc/thread-self/ns/net", e)) };
    let elsewhere = in_name_space(space).map_err(setting)?;
    // All that is started in there is in there, too.
    in_name_space(|| {
        let elsewhere = ELSEWHERE.get_or_init(|| elsewhere);
        let director = |random| Director::new(options, random, space()?, elsewhere);
        Ok(SUBJECT
            .run::<User, _>(options, ledger, director)
            .map(|(stressed, director)| {
                let (calls, killed) = stressed.counts();
                let mut notes = vec![format!(
                    "seed {}: {calls} calls, {killed} processes killed",
                    options.seed
                )];
                match director.finish() {
                    Ok(more) => notes.extend(more),
                    Err(problem) => stressed.fail(format!("afterwards: {problem}")),
                }
                stressed.report(notes)
            }))
    })
    .map_err(setting)?
}
