//! The first members of a test network, with their keys: two who trade and two who keep the registry, so that whoever made the
//! network can use it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money, Quantity};
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::genesis::{
    Genesis, GenesisAccount, GenesisCash, GenesisHolding, GenesisInstallation, GenesisMember,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::tx::AccountId;

use crate::keys;

/// Folder of their keys.
pub const MEMBERS_DIR: &str = "members";
/// Units of each instrument that a trader starts with.
const OPENING_UNITS: Quantity = Quantity(1_000_000);
/// Money that a trader starts with: ten million euros, in millionths.
const OPENING_MONEY: Money = Money(10_000_000_000_000);
/// Combustion of fuels, in the list of the EU's registry.
const ACTIVITY: u16 = 20;

const TRADERS: Roles = Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE);
/// What the regulator is beside that: whoever books money and verifies is another member on a ledger that counts.
const REGULATOR: Roles = Roles::REGULATOR
    .with(Roles::CASH_OPERATOR)
    .with(Roles::VERIFIER);
/// Admits members together with the regulator.
const REGISTRAR: Roles = Roles::REGISTRY_ADMINISTRATOR.with(Roles::AUDITOR);

/// Name, roles, and whether accounts are its own.
const MEMBERS: [(&str, Roles, bool); 4] = [
    ("alice", TRADERS, true),
    ("bob", TRADERS, true),
    ("regulator", REGULATOR, false),
    ("registrar", REGISTRAR, false),
];

/// A member whose key file lies in the folder of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstMember {
    /// Its name.
    pub name: &'static str,
    /// What it may do.
    pub roles: Roles,
    /// Its key file.
    pub key: PathBuf,
    /// A trading account, and that of an operator with an installation; or none.
    pub accounts: Vec<AccountId>,
}

/// Draws a key for each first member into `dir`, and puts them where `genesis` had its members, accounts and what these had.
///
/// # Errors
/// When a key file cannot be written; one that is there is never overwritten.
pub fn admit(dir: &Path, genesis: Genesis) -> anyhow::Result<(Genesis, Vec<FirstMember>)> {
    let folder = dir.join(MEMBERS_DIR);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let mut genesis = Genesis {
        members: Vec::new(),
        accounts: Vec::new(),
        cash: Vec::new(),
        holdings: Vec::new(),
        installations: Vec::new(),
        ..genesis
    };
    let mut members = Vec::new();
    for (name, roles, trades) in MEMBERS {
        let (path, seed) = (folder.join(format!("{name}.key")), keys::generate()?);
        keys::write(&path, &seed)?;
        let key = keys::public(&seed);
        genesis.members.push(GenesisMember {
            key,
            roles,
            name: name.to_owned(),
        });
        let mut accounts = Vec::new();
        if trades {
            let holder = HolderId(genesis.cash.len() as u64 + 1);
            for kind in [AccountKind::Trading, AccountKind::OperatorHolding] {
                let account = AccountId(genesis.accounts.len() as u64 + 1);
                genesis.accounts.push(GenesisAccount {
                    account,
                    holder,
                    kind,
                    currency: Currency::EUR,
                    threshold: 1,
                    representatives: vec![key],
                });
                accounts.push(account);
            }
            equip(&mut genesis, name, holder, &accounts);
        }
        members.push(FirstMember {
            name,
            roles,
            key: path,
            accounts,
        });
    }
    Ok((genesis, members))
}

/// Units in both accounts, money in the first, an installation behind the second.
fn equip(genesis: &mut Genesis, name: &str, HolderId(number): HolderId, accounts: &[AccountId]) {
    for instrument in &genesis.instruments {
        genesis
            .holdings
            .extend(accounts.iter().map(|account| GenesisHolding {
                account: *account,
                instrument: instrument.instrument,
                quantity: OPENING_UNITS,
            }));
    }
    genesis.cash.push(GenesisCash {
        account: accounts[0],
        currency: Currency::EUR,
        amount: OPENING_MONEY,
    });
    if let Some(phase) = genesis.phases.first() {
        genesis.installations.push(GenesisInstallation {
            installation: InstallationId(number),
            account: accounts[1],
            permit: format!("permit of {name}"),
            activity: ACTIVITY,
            first_year: phase.first_year,
            last_year: phase.last_year,
        });
    }
}
