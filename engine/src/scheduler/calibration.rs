//! What a calibration found, to be kept for the next start on the same machine.
//!
//! As text: a line for each backend and job, with name, job, nanoseconds a call, an item and a byte, and how far each class of sizes is off
//! that line. Every number is written so that it is read back as it was.

use std::fmt;
use std::str::FromStr;

use super::model::{CLASSES, Cost, Job, Model};

/// The lines and shapes of several backends.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    backends: Vec<(String, [Parts; 3])>,
}

/// The calibrated part of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts {
    pub(super) cost: Cost,
    pub(super) shape: [f64; CLASSES],
}

/// A text that is no calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of a calibration is not as it should be")]
pub struct CalibrationError {
    /// Counted from 1.
    pub line: usize,
}

impl Calibration {
    /// Of these backends, each with its models in the order of [`Job::ALL`].
    pub(super) fn of<'a>(seats: impl Iterator<Item = (&'static str, &'a [Model; 3])>) -> Self {
        let parts = |models: &[Model; 3]| std::array::from_fn(|job| models[job].parts());
        let backends = seats.map(|(name, models)| (name.to_owned(), parts(models)));
        Self {
            backends: backends.collect(),
        }
    }

    /// The models of the backend with this name.
    pub(super) fn models(&self, name: &str) -> Option<[Model; 3]> {
        let (_, parts) = self.backends.iter().find(|(known, _)| known == name)?;
        Some(parts.map(Model::from_parts))
    }

    /// Whether it is about these backends and no others.
    pub(super) fn is_of<'a>(&self, mut names: impl ExactSizeIterator<Item = &'a str>) -> bool {
        names.len() == self.backends.len()
            && names.all(|name| self.backends.iter().any(|(known, _)| known == name))
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, jobs) in &self.backends {
            for (job, parts) in Job::ALL.iter().zip(jobs) {
                let Cost {
                    start_ns,
                    item_ns,
                    byte_ns,
                } = parts.cost;
                write!(
                    f,
                    "{name} {} {start_ns:e} {item_ns:e} {byte_ns:e}",
                    job.name()
                )?;
                for class in &parts.shape {
                    write!(f, " {class:e}")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

impl FromStr for Calibration {
    type Err = CalibrationError;

    fn from_str(text: &str) -> Result<Self, CalibrationError> {
        let mut lines = text.lines().zip(1..).peekable();
        let mut backends: Vec<(String, [Parts; 3])> = Vec::new();
        while let Some((first, at)) = lines.peek().copied() {
            let name = first.split(' ').next().unwrap_or_default();
            if name.is_empty() || backends.iter().any(|(known, _)| known == name) {
                return Err(CalibrationError { line: at });
            }
            let mut jobs = Vec::with_capacity(Job::ALL.len());
            for job in Job::ALL {
                let (line, at) = lines.next().ok_or(CalibrationError {
                    line: at + jobs.len(),
                })?;
                let parts = line
                    .strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix(' ')?.strip_prefix(job.name()))
                    .and_then(|rest| read(rest.strip_prefix(' ')?));
                jobs.push(parts.ok_or(CalibrationError { line: at })?);
            }
            let jobs = jobs.try_into().expect("one for each job");
            backends.push((name.to_owned(), jobs));
        }
        if backends.is_empty() {
            return Err(CalibrationError { line: 1 });
        }
        Ok(Self { backends })
    }
}

/// Three numbers that are not negative, and one above zero for each class.
fn read(text: &str) -> Option<Parts> {
    let numbers: Result<Vec<f64>, _> = text.split(' ').map(str::parse).collect();
    let numbers = numbers.ok()?;
    let (&[start_ns, item_ns, byte_ns], shape) = numbers.split_first_chunk::<3>()?;
    let shape: [f64; CLASSES] = shape.try_into().ok()?;
    let cost = [start_ns, item_ns, byte_ns];
    let sensible = cost.iter().all(|ns| ns.is_finite() && *ns >= 0.0)
        && shape.iter().all(|off| off.is_finite() && *off > 0.0);
    sensible.then_some(Parts {
        cost: Cost {
            start_ns,
            item_ns,
            byte_ns,
        },
        shape,
    })
}
