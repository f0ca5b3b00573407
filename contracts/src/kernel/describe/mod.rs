//! Reads and writes calls and events by their schema alone: for the API, the command line, streams of one party and
//! documents, which know no Rust types.
//!
//! In JSON a call is `{"units.transfer": {"from": 1, …}}` and an event `{"units.transferred": {…}}`: the name of the module,
//! the name of the method or event, and the fields.
//!
//! | kind | JSON |
//! |---|---|
//! | integers | a number, all 64 bits of it |
//! | bytes, keys, hashes | text, two hex digits a byte; small letters when we write |
//! | `Currency` | text: three capital letters |
//! | `Roles` | a list of their names |
//! | choice | text: its name |
//! | optional | null or the value; the field may be left out |
//! | list | a list |
//! | pair | a list of two |
//!
//! ```
//! use bds_contracts::kernel::describe::{call_from_json, call_to_json};
//! use bds_contracts::kernel::envelope::CallView;
//! use bds_contracts::modules::Modules;
//! use serde_json::json;
//!
//! let transfer = json!({ "from": 1, "to": 2, "instrument": 7, "quantity": 500 });
//! let (module, method, arguments) = call_from_json::<Modules>("units.transfer", &transfer)?;
//! let call = CallView { module, method, arguments: &arguments };
//! assert_eq!(call_to_json::<Modules>(call), Ok(json!({ "units.transfer": transfer })));
//!
//! let none = call_from_json::<Modules>("units.transfer", &json!({ "from": 1, "to": "Bert" }));
//! assert_eq!(
//!     none.unwrap_err().to_string(),
//!     "units.transfer: field `to`: \"Bert\" is not an unsigned number below 2^64"
//! );
//! # Ok::<(), bds_contracts::kernel::describe::DescribeError>(())
//! ```

mod accounts;
mod error;
mod names;
mod read;
mod schema;
mod write;

pub(crate) use accounts::event_accounts_in;
pub use accounts::{accounts, event_accounts};
pub use error::DescribeError;
pub use names::{call_name, event_name};
pub use read::{call_to_json, event_to_json, receipt_to_json};
pub use schema::json_schema;
pub use write::call_from_json;
