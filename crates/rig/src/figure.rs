// SPDX-License-Identifier: MIT OR Apache-2.0

//! Figures that are measured, where they can be.

use serde::{Deserialize, Serialize};

use crate::verdict::{Problem, Verdict};

/// A figure, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Figure<T> {
    /// It was measured.
    Measured(T),
    /// It can't be measured here.
    Skipped(String),
    /// What is measured did something wrong.
    Failed(String),
}

impl<T> Figure<T> {
    /// The figure, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Measured(value) => Some(value),
            Self::Skipped(_) | Self::Failed(_) => None,
        }
    }
}

impl<T> From<Verdict<T>> for Figure<T> {
    fn from(verdict: Verdict<T>) -> Self {
        match verdict.map_err(Problem::at_last) {
            Ok(value) => Self::Measured(value),
            Err(Problem::Skipped(why)) => Self::Skipped(why),
            Err(problem) => Self::Failed(problem.to_string()),
        }
    }
}
