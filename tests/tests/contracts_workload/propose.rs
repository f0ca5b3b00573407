//! What members would ask for: one proposal a method, sound as far as one look at the tables can tell; here identity and money.

use bds_contracts::Ledger;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::Units;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis, PublicKey};

use super::generate::{Generator, Proposal, Raw};
use super::scene::{
    ADMINISTRATORS, BANK, BUYER, CREDIT, EUA, GUEST, JOINT, NEXT, NUMBERED, PLANTS, REGULATORS,
    SURVEILLANCE, TRADER, TRADERS, TRADING, UKA, key, member_key, mover,
};

impl Generator {
    pub(crate) fn propose(&mut self, ledger: &Ledger) -> Proposal {
        if self.instructions && self.random.chance(4) {
            return self.of_standing(ledger);
        }
        self.propose_now(ledger)
    }

    /// What is done in the transaction, and not left for later.
    pub(super) fn propose_now(&mut self, ledger: &Ledger) -> Proposal {
        if self.energetic && self.random.chance(50) {
            return self.of_energy(ledger);
        }
        if self.flexible && self.random.chance(50) {
            return self.of_flexibility(ledger);
        }
        if self.trading && self.random.chance(50) {
            return self.of_retail(ledger);
        }
        if self.random.chance(if self.shared { 25 } else { 1 }) {
            return self.of_retail(ledger);
        }
        if self.random.chance(if self.plants { 12 } else { 1 }) {
            return self.of_granular(ledger);
        }
        if self.random.chance(if self.plants { 12 } else { 1 }) {
            return self.of_flexibility(ledger);
        }
        if self.plants
            && self.random.chance(4)
            && let Some(proposal) = self.of_intraday(ledger)
        {
            return proposal;
        }
        if self.random.chance(3) {
            return self.of_code(ledger);
        }
        if self.random.chance(8) {
            return self.of_records(ledger);
        }
        match self.random.below(100) {
            0..6 => self.of_identity(ledger),
            6..18 => self.of_money(ledger),
            18..37 => self.of_units(ledger),
            37..62 => self.of_exchange(ledger),
            62..71 if self.plants || self.random.chance(5) => self.of_power(ledger),
            62..71 => self.of_exchange(ledger),
            71..86 => self.of_carbon(ledger),
            _ if self.plants || self.random.chance(5) => self.of_energy(ledger),
            _ => self.of_exchange(ledger),
        }
    }

    pub(super) fn one<M: bds_contracts::kernel::module::Module>(
        &self,
        sender: usize,
        call: &M::Call<'_>,
    ) -> Proposal {
        Proposal {
            raw: Raw::of::<M>(call),
            sender,
            seconds: Vec::new(),
        }
    }

    pub(super) fn two<M: bds_contracts::kernel::module::Module>(
        &self,
        sender: usize,
        second: usize,
        call: &M::Call<'_>,
    ) -> Proposal {
        Proposal {
            seconds: vec![second],
            ..self.one::<M>(sender, call)
        }
    }

    /// Sent by a representative of the account, endorsed by another one where there is.
    pub(super) fn by_owner<M: bds_contracts::kernel::module::Module>(
        &mut self,
        ledger: &Ledger,
        account: AccountId,
        call: &M::Call<'_>,
    ) -> Proposal {
        let (sender, second) = self.representatives(ledger, account);
        Proposal {
            seconds: second.into_iter().collect(),
            ..self.one::<M>(sender, call)
        }
    }

    pub(super) fn quantity(&mut self) -> Quantity {
        Quantity(match self.random.below(60) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3..12 => 10 * self.random.below(3_000),
            _ => 10 * (1 + self.random.below(30)),
        })
    }

    fn amount(&mut self) -> Amount {
        Amount(match self.random.below(40) {
            0 => 0,
            1 => -5,
            2 => i64::MAX,
            3..8 => self.random.below(80_000_000) as i64,
            _ => 1 + self.random.below(2_000_000) as i64,
        })
    }

    pub(super) fn currency(&mut self) -> Currency {
        match self.random.below(30) {
            0 => Currency(*b"eur"),
            1..8 => Currency::CNY,
            _ => Currency::EUR,
        }
    }

    pub(super) fn instrument(&mut self) -> InstrumentId {
        match self.random.below(40) {
            0 => InstrumentId(77),
            1..4 => NEXT,
            4..10 => CREDIT,
            10..16 => NUMBERED,
            16..26 => UKA,
            _ => EUA,
        }
    }

    pub(super) fn trader(&mut self) -> usize {
        TRADER + self.random.below(TRADERS as u64) as usize
    }

    fn of_identity(&mut self, ledger: &Ledger) -> Proposal {
        let [regulator, other] = self.two_of(REGULATORS);
        let [administrator, second] = self.two_of(ADMINISTRATORS);
        match self.random.below(16) {
            0 if self.random.chance(50) => {
                // Done on public ledgers, and there once.
                let currency = self.currency();
                let call = identity::Call::OpenOwnAccount { currency };
                self.one::<Identity>(BUYER, &call)
            }
            0 => self.one::<Identity>(GUEST, &identity::Call::Nothing {}),
            1 => {
                let until = Millis(self.now.0 + 1_000 * self.random.below(40));
                let digest = [self.random.below(3) as u8; 32];
                let sender = self.trader();
                self.one::<Identity>(sender, &identity::Call::Endorse { digest, until })
            }
            2..4 => {
                let key = key(1_000 + self.random.below(40));
                self.strangers.push(key);
                let roles = self
                    .random
                    .pick(&[Roles::TRADER, Roles::NONE, Roles::AUDITOR]);
                let name = self.random.pick(&["n", ""]);
                let call = identity::Call::RegisterMember { key, roles, name };
                self.two::<Identity>(administrator, second, &call)
            }
            4 => {
                // Regulators make regulators; whoever was made one keeps out of the way.
                let key = key(1_000 + self.random.below(40));
                let roles = Roles::REGULATOR;
                let call = identity::Call::RegisterMember {
                    key,
                    roles,
                    name: "r",
                };
                let second = self.random.pick(&[other, second]);
                self.two::<Identity>(regulator, second, &call)
            }
            5..7 => {
                // A trader loses its role and mostly gets it back.
                let roles = match self.random.below(10) {
                    0 => Roles::OPERATOR_REPRESENTATIVE,
                    1 => Roles::NONE,
                    _ => mover(),
                };
                let trader = member_key(self.trader());
                let call = identity::Call::SetRoles { key: trader, roles };
                self.two::<Identity>(administrator, second, &call)
            }
            7..9 => {
                let account = AccountId(200 + self.random.below(30));
                let representatives = self.some_keys();
                let call = identity::Call::OpenAccount {
                    account,
                    holder: HolderId(self.random.below(300)),
                    kind: self.random.pick(AccountKind::ALL),
                    currency: self.currency(),
                    threshold: 1 + self.random.below(2) as u8,
                    representatives: List::Items(&representatives),
                };
                self.one::<Identity>(administrator, &call)
            }
            9..11 => {
                let account = self.random.pick(&[JOINT, TRADING[7], PLANTS[3]]);
                let trader = self.trader();
                let other = TRADER + (trader - TRADER + 1) % TRADERS;
                let pair = [member_key(trader), member_key(other)];
                let (threshold, count) = if account == JOINT { (2, 2) } else { (1, 1) };
                let call = identity::Call::SetRepresentatives {
                    account,
                    threshold,
                    representatives: List::Items(&pair[..count]),
                };
                self.two::<Identity>(administrator, second, &call)
            }
            _ => {
                let other = AccountId(200 + self.random.below(30));
                let [first, second, third, fourth, fifth, ..] = TRADING;
                let some = [first, second, third, fourth, fifth, PLANTS[0], JOINT, other];
                let mut account = self.random.pick(&some);
                // Often one that waits for units, or gives them, and then often shut.
                let mut waits = false;
                if !self.delayed.is_empty() && self.random.chance(40) {
                    let number = self.random.pick(&self.delayed.clone());
                    let waiting = ledger.stores().read::<Units>().delayed.get(&number);
                    if let Some(one) = waiting {
                        account = self.random.pick(&[one.from, one.to, one.to]);
                        waits = true;
                    }
                }
                let identity = ledger.stores().read::<Identity>();
                let now = identity
                    .accounts
                    .get(&account)
                    .map(|account| account.status);
                // Mostly opened again, or the market would come to rest.
                let status = match now {
                    Some(AccountStatus::Open) if waits || self.random.chance(40) => {
                        self.random.pick(AccountStatus::ALL)
                    }
                    _ => AccountStatus::Open,
                };
                let call = identity::Call::SetStatus {
                    account,
                    status,
                    reason: "test",
                };
                self.one::<Identity>(regulator, &call)
            }
        }
    }

    /// The one, and the other.
    pub(super) fn two_of(&mut self, pair: [usize; 2]) -> [usize; 2] {
        let [first, second] = pair;
        if self.random.chance(50) {
            [first, second]
        } else {
            [second, first]
        }
    }

    fn some_keys(&mut self) -> Vec<PublicKey> {
        let count = self.random.below(4);
        (0..count).map(|_| member_key(self.trader())).collect()
    }

    fn of_money(&mut self, ledger: &Ledger) -> Proposal {
        let (from, to) = (self.account(), self.account());
        let (currency, amount) = (self.currency(), self.amount());
        match self.random.below(20) {
            0..7 => {
                let call = money::Call::Transfer {
                    from,
                    to,
                    currency,
                    amount,
                };
                self.by_owner::<Money>(ledger, from, &call)
            }
            7..9 => {
                let call = money::Call::Deposit {
                    account: from,
                    currency,
                    amount,
                };
                self.one::<Money>(BANK, &call)
            }
            9..12 => {
                let call = money::Call::Withdraw {
                    account: from,
                    currency,
                    amount,
                };
                let (second, _) = self.representatives(ledger, from);
                self.two::<Money>(BANK, second, &call)
            }
            12..14 => {
                let call = money::Call::SetLimit {
                    account: from,
                    currency,
                    limit: Amount(amount.0.min(5_000_000)),
                };
                let pair = self
                    .random
                    .pick(&[SURVEILLANCE, [REGULATORS[0], SURVEILLANCE[0]]]);
                let [sender, second] = self.two_of(pair);
                self.two::<Money>(sender, second, &call)
            }
            14..17 => {
                let until = Millis(self.now.0 + 1_000 * self.random.below(90));
                let call = money::Call::Hold {
                    from,
                    to,
                    currency,
                    amount,
                    until,
                };
                self.by_owner::<Money>(ledger, from, &call)
            }
            _ => self.of_hold(ledger),
        }
    }

    fn of_hold(&mut self, ledger: &Ledger) -> Proposal {
        let hold = match self.holds.is_empty() {
            true => 1,
            false => self.random.pick(&self.holds.clone()),
        };
        let holds = &ledger.stores().read::<Money>().holds;
        let found = holds.get(&hold).copied();
        let receiver = found.map_or(TRADING[0], |hold| hold.to);
        let (sender, _) = self.representatives(ledger, receiver);
        if self.random.chance(40) {
            return self.one::<Money>(sender, &money::Call::VoidHold { hold });
        }
        let all = found.map_or(1, |hold| hold.amount.0);
        let amount = Amount(match self.random.below(5) {
            0 => all + 1,
            1 => all,
            2 => 0,
            _ => 1 + self.random.below(all.max(1) as u64) as i64,
        });
        self.one::<Money>(sender, &money::Call::PostHold { hold, amount })
    }
}
