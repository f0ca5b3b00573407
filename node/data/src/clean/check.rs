//! Whether a schema makes sense: names that exist, numbers in range.

use std::collections::BTreeSet;

use super::decimal;
use super::schema::{Class, Kind, Measure, Property, Schema};
use crate::fault::shown;

/// Most weights of one comparison: products stay far below 64 bits.
const WEIGHT_MAX: u32 = 1_000;
const ITEMS_MAX: usize = 1_000;

impl Schema {
    pub(super) fn check(&self) -> Result<(), String> {
        let format = &self.format;
        if !format.delimiter.is_ascii() || "\"\r\n".contains(format.delimiter) {
            return Err(format!(
                "the delimiter {:?} cannot be used",
                format.delimiter
            ));
        }
        check_marks(format.decimal, format.thousands)?;
        if self.classes.is_empty() {
            return Err("there is no class".to_owned());
        }
        different(self.classes.iter().map(|class| &class.name), "class")?;
        self.classes.iter().try_for_each(|class| {
            class
                .check()
                .map_err(|what| format!("class {}: {what}", shown(&class.name)))
        })
    }
}

impl Class {
    /// Place of a property among all of the class.
    pub(crate) fn property(&self, name: &str) -> Option<usize> {
        self.properties
            .iter()
            .position(|property| property.name == name)
    }

    fn check(&self) -> Result<(), String> {
        if self.properties.is_empty() || self.properties.len() > ITEMS_MAX {
            return Err(format!("it must have 1 to {ITEMS_MAX} properties"));
        }
        different(
            self.properties.iter().map(|property| &property.name),
            "property",
        )?;
        for property in &self.properties {
            property
                .check()
                .map_err(|what| format!("property {}: {what}", shown(&property.name)))?;
        }
        let known = |name: &String| match self.property(name) {
            Some(_) => Ok(()),
            None => Err(format!("there is no property {}", shown(name))),
        };
        for list in self.identity.iter().chain(self.slices.values()) {
            if list.is_empty() {
                return Err("a list of properties is empty".to_owned());
            }
            list.iter().try_for_each(known)?;
        }
        for list in &self.blocks {
            if list.is_empty() {
                return Err("a block has no properties".to_owned());
            }
            list.iter()
                .try_for_each(|part| block_part(self, part).map(drop))?;
        }
        let Some(score) = &self.score else {
            return Ok(());
        };
        if score.review_ppm > score.accept_ppm || score.accept_ppm > 1_000_000 {
            return Err("thresholds must hold review_ppm <= accept_ppm <= 1000000".to_owned());
        }
        if score.comparisons.is_empty() || score.comparisons.len() > ITEMS_MAX {
            return Err(format!("it must have 1 to {ITEMS_MAX} comparisons"));
        }
        let mut weights = 0;
        for comparison in &score.comparisons {
            known(&comparison.property)?;
            if comparison.weight == 0 || comparison.weight > WEIGHT_MAX {
                return Err(format!("weights are 1 to {WEIGHT_MAX}"));
            }
            weights += comparison.weight;
            let place = self.property(&comparison.property).unwrap_or_default();
            let numeric = matches!(
                self.properties[place].kind,
                Kind::Decimal(_) | Kind::Date(_)
            );
            if comparison.measure == Measure::Near && !numeric {
                return Err(format!(
                    "{} is no number and no date, so it cannot be near",
                    shown(&comparison.property)
                ));
            }
        }
        if score.evidence_min == 0 || score.evidence_min > weights {
            return Err(format!(
                "evidence_min must be 1 to {weights}, the sum of the weights"
            ));
        }
        Ok(())
    }
}

/// A part of a block: a property and how many characters of it.
pub(crate) fn block_part(class: &Class, part: &str) -> Result<(usize, usize), String> {
    let (name, length) = match part.rsplit_once(':') {
        Some((name, length)) => {
            let length = length.parse().ok().filter(|length| *length > 0);
            (
                name,
                length.ok_or_else(|| format!("{} has no length after the colon", shown(part)))?,
            )
        }
        None => (part, usize::MAX),
    };
    let place = class
        .property(name)
        .ok_or_else(|| format!("there is no property {}", shown(name)))?;
    Ok((place, length))
}

impl Property {
    fn check(&self) -> Result<(), String> {
        if self.column.is_empty() {
            return Err("it has no column".to_owned());
        }
        let Kind::Decimal(decimal) = &self.kind else {
            return Ok(());
        };
        if decimal.scale > 18 {
            return Err("scale is at most 18".to_owned());
        }
        if decimal.unit.is_none() && !decimal.units.is_empty() {
            return Err("units need the unit they are counted in".to_owned());
        }
        check_marks(decimal.decimal, decimal.thousands)?;
        for (unit, factor) in &decimal.units {
            decimal::factor(factor).ok_or_else(|| {
                format!(
                    "unit {}: {} is no positive decimal of at most 18 digits",
                    shown(unit),
                    shown(factor)
                )
            })?;
        }
        Ok(())
    }
}

fn check_marks(decimal: Option<char>, thousands: Option<char>) -> Result<(), String> {
    let known = |mark: Option<char>, set: &str| mark.is_none_or(|mark| set.contains(mark));
    if !known(decimal, ".,")
        || !known(thousands, ".,' ")
        || (decimal.is_some() && decimal == thousands)
    {
        return Err(
            "decimal is `.` or `,`, thousands one of `.`, `,`, `'` and blank, and they differ"
                .to_owned(),
        );
    }
    Ok(())
}

fn different<'a>(names: impl Iterator<Item = &'a String>, what: &str) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() || !seen.insert(name) {
            return Err(format!(
                "the name {} of a {what} is empty or there twice",
                shown(name)
            ));
        }
    }
    Ok(())
}
