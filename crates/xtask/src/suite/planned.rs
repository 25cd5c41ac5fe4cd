// SPDX-License-Identifier: MIT OR Apache-2.0
//! A step before it is run, and those of them that a user wants.

use lab::error::{Error, Result};
use lab::kernel::Spec;
use lab::ui::Step;

use super::{Options, Suite};
use crate::manifest::Time;
use crate::report::Check;

type Work<'a> = Box<dyn Fn(&Suite<'_>, &Step) -> Result<Vec<Check>> + Send + Sync + 'a>;

/// A step, before it is run.
pub(super) struct Planned<'a> {
    /// Its name.
    pub(super) name: String,
    /// What it does.
    pub(super) work: Work<'a>,
    /// The kernel that it needs.
    pub(super) kernel: Option<Spec>,
    /// How the time of its guest passes, if it has one.
    pub(super) time: Option<Time>,
    /// Whether it takes more than five minutes from nothing; `--all` alone has it then.
    pub(super) long: bool,
}

impl Planned<'_> {
    /// The name of the group that it is in: the steps with the same kernel, or on the host alone.
    pub(super) fn group(&self) -> String {
        match &self.kernel {
            None => "host".to_owned(),
            Some(spec) => format!("{}-{}-{}", spec.version, spec.arch, spec.flavour.name()),
        }
    }

    /// It takes more than five minutes from nothing, such as a kernel of its own.
    pub(super) fn long(&mut self, long: bool) -> &mut Self {
        self.long |= long;
        self
    }

    /// On an architecture that the tests have not unasked, the kernel is one more to build.
    pub(super) fn asked_for(&mut self, options: &Options) {
        let arch = self.kernel.as_ref().map(|spec| spec.arch.facts());
        self.long(options.arch.is_none() && arch.is_some_and(|arch| !arch.ordinary));
    }
}

/// The steps, in the order in which they are run.
#[derive(Default)]
pub(super) struct Plan<'a>(pub(super) Vec<Planned<'a>>);

impl<'a> Plan<'a> {
    /// A step that is done on the host.
    pub(super) fn on_host(
        &mut self,
        name: &str,
        work: impl Fn(&Suite<'_>, &Step) -> Result<Vec<Check>> + Send + Sync + 'a,
    ) -> &mut Planned<'a> {
        self.push(Planned {
            name: name.to_owned(),
            work: Box::new(work),
            kernel: None,
            time: None,
            long: false,
        })
    }

    fn push(&mut self, planned: Planned<'a>) -> &mut Planned<'a> {
        self.0.push(planned);
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// A step for a kernel, in a guest if that has a time.
    pub(super) fn with_kernel(
        &mut self,
        name: String,
        spec: Spec,
        time: Option<Time>,
        work: impl Fn(&Suite<'_>, &Step, &str, &Spec) -> Result<Vec<Check>> + Send + Sync + 'a,
    ) -> &mut Planned<'a> {
        let (own_name, own_spec) = (name.clone(), spec.clone());
        self.push(Planned {
            name,
            work: Box::new(move |suite, step| work(suite, step, &own_name, &own_spec)),
            kernel: Some(spec),
            time,
            long: false,
        })
    }

    /// The steps that the user wants.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] for a part of no step's name.
    pub(super) fn wanted(self, only: &[String], all: bool) -> Result<Vec<Planned<'a>>> {
        for part in only {
            let mut named = self.0.iter().filter(|step| step.name.contains(part));
            let allowed = match named.next() {
                Some(step) if !all && step.long && named.all(|step| step.long) => {
                    format!("with --all, as {} takes long", step.name)
                }
                Some(_) => continue,
                None => "parts of the names that --list --all shows".to_owned(),
            };
            return Err(Error::BadInput {
                what: "--only",
                given: part.clone(),
                allowed,
            });
        }
        let mut steps = self.0;
        steps.retain(|step| {
            (all || !step.long)
                && (only.is_empty() || only.iter().any(|part| step.name.contains(part)))
        });
        Ok(steps)
    }
}

/// The groups that there are of `steps`, in the order of their first ones.
pub(super) fn groups(steps: &[Planned<'_>]) -> Vec<String> {
    let mut groups = Vec::new();
    for group in steps.iter().map(Planned::group) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// Those of `steps` that are in `group`.
///
/// # Errors
///
/// [`Error::BadInput`] if none is.
pub(super) fn of_group<'a>(mut steps: Vec<Planned<'a>>, group: &str) -> Result<Vec<Planned<'a>>> {
    let groups = groups(&steps);
    if !groups.iter().any(|one| one == group) {
        return Err(Error::BadInput {
            what: "--group",
            given: group.to_owned(),
            allowed: groups.join(", "),
        });
    }
    steps.retain(|step| step.group() == group);
    Ok(steps)
}
