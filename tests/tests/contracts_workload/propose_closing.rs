//! An account is closed while a transfer is on its way to it: five transactions in a row, which chance hardly ever makes.

use bds_contracts::Ledger;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Currency, Quantity};
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::AccountId;

use super::generate::{Generator, Proposal};
use super::scene::{ADMINISTRATORS, EUA, REGULATORS, TRADER, TRADING, member_key};

impl Generator {
    /// With an account that nobody else names.
    pub(super) fn of_closing(&mut self, ledger: &Ledger, number: u64) -> Vec<Proposal> {
        let (from, to) = (TRADING[3], AccountId(900 + number));
        let (administrator, regulator) = (ADMINISTRATORS[0], REGULATORS[0]);
        let open = identity::Call::OpenAccount {
            account: to,
            holder: HolderId(900),
            kind: AccountKind::Trading,
            currency: Currency::EUR,
            threshold: 1,
            representatives: List::Items(&[member_key(TRADER)]),
        };
        let giver_opens = identity::Call::SetStatus {
            account: from,
            status: AccountStatus::Open,
            reason: "it gives",
        };
        let delay = units::Call::SetControl {
            account: from,
            delay: 20_000,
        };
        let transfer = units::Call::TransferDelayed {
            from,
            to,
            instrument: EUA,
            quantity: Quantity(10),
            blocks: List::Items(&[]),
        };
        let close = identity::Call::SetStatus {
            account: to,
            status: AccountStatus::Closed,
            reason: "it is empty",
        };
        vec![
            self.one::<Identity>(administrator, &open),
            self.one::<Identity>(regulator, &giver_opens),
            self.by_owner::<Units>(ledger, from, &delay),
            self.by_owner::<Units>(ledger, from, &transfer),
            self.one::<Identity>(regulator, &close),
        ]
    }
}
