//! Messages as transactions in JSON: each a list of calls that happen all or none.

use bds_contracts::energy::Energy;
use bds_contracts::flexibility::Flexibility;
use bds_contracts::kernel::describe::call_to_json;
use bds_contracts::kernel::envelope::CallView;
use bds_contracts::kernel::module::{Calls as _, Module};
use bds_contracts::modules::Modules;
use bds_contracts::power::Power;
use bds_data::market::Document;
use bds_data::uftp::{Body, Message};
use serde_json::Value;

use super::market::{bids, curves, loads};
use super::names::Names;
use super::uftp::{Directory, option_names};
use super::{Unmapped, unknown};

/// Calls as `bds tx` and `bds batch` take them, such as `{"flexibility.test": {…}}`.
pub type Transaction = Vec<Value>;

/// Makes transactions of one message after the other.
#[derive(Debug, Clone)]
pub struct Translator {
    names: Names,
    directory: Option<Directory>,
}

impl Translator {
    /// With what names stand for.
    #[must_use]
    pub fn new(mut names: Names) -> Self {
        let directory = names.flexibility.take().map(Directory::from);
        Self { names, directory }
    }

    /// What a message of UFTP stands for; nothing where the ledger itself says what it says. What it tells of prognoses and options is
    /// known of those behind it: the ledger gives no number to either.
    ///
    /// # Errors
    /// [`Unmapped`]; nothing is remembered of it then.
    pub fn uftp(&mut self, message: &Message) -> Result<Vec<Transaction>, Unmapped> {
        let directory = self.directory.as_mut();
        let directory = directory.ok_or(Unmapped::NoNames("flexibility"))?;
        let mut all = Vec::new();
        directory.calls(message, &mut |calls| {
            all.push(calls.iter().map(told::<Flexibility>).collect());
        })?;
        match &message.body {
            Body::Prognosis { revision, .. } => {
                directory.prognoses.insert(message.id.clone(), *revision);
            }
            Body::FlexOffer { options, .. } => {
                let names = option_names(options)?;
                directory.options.insert(message.id.clone(), names);
            }
            _ => {}
        }
        Ok(all)
    }

    /// What a document of IEC 62325 stands for, by its kind.
    ///
    /// # Errors
    /// [`Unmapped`].
    pub fn market(&self, document: &Document) -> Result<Vec<Transaction>, Unmapped> {
        let place = || {
            let names = self.names.power.as_ref();
            let names = names.ok_or(Unmapped::NoNames("power"))?;
            names
                .place()
                .map_err(|_| unknown("currency", &names.currency))
        };
        let mut all = Vec::new();
        match document.kind.as_str() {
            "ReserveBid_MarketDocument" => {
                let place = place()?;
                let bids = bids(document, place.start, place.currency)?;
                all.extend(
                    bids.iter()
                        .map(|bid| vec![told::<Power>(&bid.call(&place))]),
                );
            }
            "Publication_MarketDocument" => {
                curves(document, &place()?, &mut |call| {
                    all.push(vec![told::<Power>(call)]);
                })?;
            }
            "GL_MarketDocument" => {
                let names = self.names.energy.as_ref();
                let names = names.ok_or(Unmapped::NoNames("energy"))?;
                let loads = loads(document, &names.domain, names.microgrid, names.minutes)?;
                all.extend(loads.iter().map(|call| vec![told::<Energy>(call)]));
            }
            kind => return Err(Unmapped::NoWords(format!("a {kind}"))),
        }
        Ok(all)
    }
}

/// A call in JSON.
fn told<M: Module>(call: &M::Call<'_>) -> Value {
    let mut arguments = Vec::new();
    call.encode(&mut arguments);
    let view = CallView {
        module: M::ID,
        method: call.number(),
        arguments: &arguments,
    };
    call_to_json::<Modules>(view).expect("what was encoded is a call of the ledger")
}
