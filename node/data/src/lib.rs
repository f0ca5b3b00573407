//! Enterprise data on its way in: files become values of one information model, or clean records without duplicates.
//!
//! No network, no ledger, no clock: readers in, values out. What is read is hostile, so every size has a bound and every
//! refusal says where it happened ([`fault::DataError`]).
//!
//! - [`clean`]: tables, by a schema file (a micro-ontology): normalise, find what is the same, merge with provenance, slice.
//! - [`cim_e`] and [`cim_xml`]: the two text forms of grid models, both ways, with [`model`] in between; [`scl`] reads substations into it.
//! - [`rows`]: on which line a row of a table begins.
//! - [`uftp`] reads messages about flexibility, [`market`] documents of IEC 62325; [`moment`] the times in them, and [`message`] says which of the
//!   two readers a file is for.
//! - [`cim_g`]: drawings of grids. [`registry`]: blocks of serial numbers of carbon registries.
//!
//! Source of the requirements: Su & Wang (2022), data layer.

#![forbid(unsafe_code)]

pub mod cim_e;
pub mod cim_g;
pub mod cim_xml;
pub mod clean;
pub mod fault;
pub mod loss;
pub mod market;
pub mod message;
pub mod model;
pub mod moment;
pub mod registry;
pub mod rows;
pub mod scl;
pub mod text;
pub mod uftp;
mod xml;
