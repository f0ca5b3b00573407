//! The modules of the ledger on the kernel: rules, refusals in their order, and what a failure leaves behind.

mod carbon_compliance;
mod carbon_credits;
mod carbon_data;
mod carbon_model;
mod carbon_production;
mod carbon_query;
mod carbon_rights;
mod carbon_upload;
mod control;
mod delayed;
mod describe;
mod energy;
mod exchange;
mod fuzz;
mod granular;
mod identity;
mod money;
mod power;
mod query;
mod records;
mod requirements;
mod retail;
mod stage;
mod tables;
mod undo;
mod units;
