//! A transaction that failed: it changed nothing, left nothing but what is kept on purpose, and failed for a reason that is true.

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::modules::Modules;

use super::carbon::Upload;
use super::energy::ENERGY;
use super::exchange::Sale;
use super::granular::{self, GRANULAR};
use super::wire::{Fields, RawCall, Receipt, Source, Transaction, Value};
use super::{Ask, Books, Events, Finding, ensure, flexibility, identity, power, retail, rights};

/// Numbers of the codes whose truth can be told from one call and the books alone.
pub(super) mod code {
    pub(in super::super) const MALFORMED: u16 = 1;
    pub(in super::super) const EXPIRED: u16 = 5;
    pub(in super::super) const NOT_YET_VALID: u16 = 6;
    pub(in super::super) const WRONG_ROLE: u16 = 8;
    pub(in super::super) const UNKNOWN_ACCOUNT: u16 = 13;
    pub(in super::super) const NOT_REPRESENTATIVE: u16 = 25;
    pub(in super::super) const ACCOUNT_NOT_OPEN: u16 = 26;
    pub(in super::super) const QUANTITY_ZERO: u16 = 40;
    pub(in super::super) const BALANCE_TOO_LOW: u16 = 41;
    pub(in super::super) const UNKNOWN_INSTRUMENT: u16 = 42;
    pub(in super::super) const AMOUNT_NOT_POSITIVE: u16 = 60;
    pub(in super::super) const CASH_TOO_LOW: u16 = 61;
    pub(in super::super) const UNKNOWN_ORDER: u16 = 72;
    pub(in super::super) const AUCTION_CLOSED: u16 = 94;
    pub(in super::super) const UNKNOWN_BID: u16 = 95;
    pub(in super::super) const BID_NUMBER_USED: u16 = 96;
    pub(in super::super) const AUTHORIZATION_FAILED: u16 = 105;
    pub(in super::super) const NO_QUERY_RECORD: u16 = 106;
    pub(in super::super) const UNKNOWN_MODULE: u16 = 200;
    pub(in super::super) const UNKNOWN_METHOD: u16 = 201;
    pub(in super::super) const WRONG_PROFILE: u16 = 202;
    pub(in super::super) const METER_EXCEEDED: u16 = 203;
    pub(in super::super) const PAYLOAD_SEALED: u16 = 204;
    pub(in super::super) const TOO_MUCH_KEPT: u16 = 206;
    pub(in super::super) const NOT_ENDORSED: u16 = 220;
    pub(in super::super) const OWN_ACCOUNT: u16 = 223;
    pub(in super::super) const UNKNOWN_HOLD: u16 = 231;
    pub(in super::super) const NOT_TRUSTED: u16 = 240;
    pub(in super::super) const NOT_DELAYED: u16 = 244;
    pub(in super::super) const UNKNOWN_DELAYED: u16 = 245;
    pub(in super::super) const TOO_MANY_DELAYED: u16 = 246;
    pub(in super::super) const SAME_HOLDER: u16 = 253;
    pub(in super::super) const BLOCK_NOT_ALLOWED: u16 = 254;
    pub(in super::super) const BLOCK_TOO_SMALL: u16 = 255;
    pub(in super::super) const UNKNOWN_SALE: u16 = 256;
    pub(in super::super) const PROSUMER_NOT_REGISTERED: u16 = 353;
    pub(in super::super) const SESSION_ALREADY_OPEN: u16 = 359;
    pub(in super::super) const UNKNOWN_SESSION: u16 = 362;
    pub(in super::super) const SESSION_CLOSED: u16 = 363;
    pub(in super::super) const INSUFFICIENT_ENERGY: u16 = 370;
    pub(in super::super) const IN_ARREARS: u16 = 371;
    pub(in super::super) const READING_EXISTS: u16 = 382;
    pub(in super::super) const UNKNOWN_READING: u16 = 383;
    pub(in super::super) const UNKNOWN_POWER_SESSION: u16 = 480;
    pub(in super::super) const POWER_SESSION_EXISTS: u16 = 482;
    pub(in super::super) const GATE_CLOSED: u16 = 484;
    pub(in super::super) const DELIVERY_INVALID: u16 = 485;
    pub(in super::super) const UNKNOWN_CURVE: u16 = 489;
    pub(in super::super) const UNKNOWN_BLOCK_ORDER: u16 = 492;
    pub(in super::super) const BLOCK_ORDER_LINKED: u16 = 493;
    pub(in super::super) const NOT_SESSION_OPERATOR: u16 = 495;
    pub(in super::super) const POWER_SESSION_IN_USE: u16 = 496;
}

impl Books {
    pub(super) fn refused(
        &mut self,
        tx: &Transaction<'_>,
        receipt: &Receipt<'_>,
        member: u32,
        roles: u32,
    ) -> Result<(), Finding> {
        let mut events = Events(&receipt.events);
        let in_time = tx.lock_time <= self.time && self.time < tx.expires_at;
        let Some(failed) = receipt.call else {
            let is_true = match receipt.code {
                code::EXPIRED => tx.expires_at <= self.time,
                code::NOT_YET_VALID => tx.lock_time > self.time,
                code::MALFORMED => in_time && tx.calls.is_err(),
                code::PAYLOAD_SEALED => in_time && matches!(tx.calls, Ok(None)),
                code::METER_EXCEEDED => in_time,
                _ => false,
            };
            ensure!(
                is_true,
                "it is refused before its calls with {}",
                receipt.code
            );
            return events.end();
        };
        ensure!(in_time, "its calls are reached outside its time");
        let calls = tx.calls.clone()?.ok_or("it is sealed and opened")?;
        ensure!(
            failed < calls.len(),
            "call {failed} of {} fails",
            calls.len()
        );

        let asks = self.reached(&calls, failed, receipt, (member, roles, tx.id))?;
        self.kept(&asks, failed, receipt, &mut events)?;
        events.end()
    }

    /// The calls that were reached, as far as they can be read, once it is clear that the last of them failed for a true reason.
    ///
    /// - `calls`: all of them.
    /// - `who`: member, roles, and in which transaction.
    pub(super) fn reached<'a>(
        &self,
        calls: &[RawCall<'a>],
        failed: usize,
        receipt: &Receipt<'_>,
        who: (u32, u32, [u8; 64]),
    ) -> Result<Vec<Ask<'a>>, Finding> {
        let mut asks = Vec::new();
        for raw in &calls[..=failed] {
            let Ok(ask) = Ask::read(raw, who) else {
                break;
            };
            asks.push(ask);
        }
        let readable = asks.len() > failed;
        let (raw, (_, roles, _)) = (&calls[failed], who);
        match receipt.code {
            code::MALFORMED => ensure!(!readable, "a call that decodes is malformed"),
            code::UNKNOWN_MODULE => ensure!(
                Modules::CATALOG.iter().all(|one| one.id != raw.module),
                "module {} is unknown",
                raw.module
            ),
            code::UNKNOWN_METHOD => ensure!(raw.schema().is_none(), "a method is unknown"),
            code::WRONG_PROFILE => ensure!(
                matches!(
                    (self.profile, raw.module, raw.method),
                    (Profile::Private, retail::RETAIL, _)
                        | (
                            Profile::Public,
                            ENERGY | GRANULAR | power::POWER | flexibility::FLEXIBILITY,
                            _
                        )
                        | (
                            Profile::Private | Profile::Consortium,
                            identity::IDENTITY,
                            identity::JOIN | identity::LEAVE | identity::OPEN_OWN
                        )
                ),
                "method {} of module {} is offered here",
                raw.method,
                raw.module
            ),
            code::WRONG_ROLE => {
                let (name, _) = raw.schema().ok_or("there is no such method")?;
                let may = rights::allows(&name, roles);
                ensure!(!may, "{name} is refused to roles {roles:#x}");
            }
            _ => {
                ensure!(
                    readable,
                    "call {failed} does not decode and fails with {}",
                    receipt.code
                );
                if failed == 0 {
                    let is_true = self.is_true(&asks[0], receipt.code);
                    ensure!(
                        is_true,
                        "{:?} fails with {}, which is not true",
                        asks[0],
                        receipt.code
                    );
                }
            }
        }
        Ok(asks)
    }

    /// What stays of calls that failed: refused uploads and registrations, and questions to the log.
    pub(super) fn kept(
        &mut self,
        asks: &[Ask<'_>],
        failed: usize,
        receipt: &Receipt<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        // What was judged before anything is taken back.
        let judged = asks.first().filter(|ask| failed == 0 && is_upload(ask));
        let judged: Option<Upload> = judged.map(|ask| self.judge_upload(ask));
        // What is not sent answers nobody.
        let is_sent = matches!(receipt.source, Source::Transaction(_));
        for (place, ask) in asks.iter().enumerate() {
            let is_last = place == failed;
            if ask.name == "carbon.query-log" {
                let answered = matches!(
                    receipt.code,
                    code::AUTHORIZATION_FAILED | code::NO_QUERY_RECORD
                );
                if !is_last || answered {
                    if failed == 0 && is_sent {
                        self.question_refused(ask, receipt)?;
                    }
                    self.question_logged(ask, events)?;
                }
            } else if is_last && closes_a_session(ask, receipt.code) {
                self.closed_by_refusal(ask.call.u64("session"), events)?;
            } else if is_last && ask.name == "retail.register-product" {
                let reached = !matches!(
                    receipt.code,
                    code::MALFORMED
                        | code::WRONG_PROFILE
                        | code::METER_EXCEEDED
                        | code::TOO_MUCH_KEPT
                );
                if reached {
                    self.registration_refused(ask, receipt.code, events)?;
                }
            } else if is_last && is_upload(ask) && receipt.code != code::METER_EXCEEDED {
                self.upload_refused(ask, judged.as_ref(), receipt, events)?;
            }
        }
        Ok(())
    }

    fn question_refused(&self, ask: &Ask<'_>, receipt: &Receipt<'_>) -> Result<(), Finding> {
        let right = match self.answer(ask) {
            None => (
                code::AUTHORIZATION_FAILED,
                "User authorization verification failed",
            ),
            Some(_) => (code::NO_QUERY_RECORD, "No carbon trading query record"),
        };
        let said = (receipt.code, receipt.message);
        ensure!(
            said == right,
            "a question is answered {said:?}, not {right:?}"
        );
        Ok(())
    }

    /// Whether a refusal's reason holds. Codes that depend on more are taken at their word.
    fn is_true(&self, ask: &Ask<'_>, refusal: u16) -> bool {
        if ask.name.starts_with("retail.") {
            let costs = matches!(refusal, code::METER_EXCEEDED | code::TOO_MUCH_KEPT);
            return costs || self.judge_retail(ask) == Err(refusal);
        }
        if ask.name.starts_with("granular.") {
            let costs = matches!(refusal, code::METER_EXCEEDED | granular::BUNDLE_LIMIT);
            return costs || self.judge_granular(ask) == Err(refusal);
        }
        if ask.name.starts_with("flexibility.") {
            return refusal == code::METER_EXCEEDED || self.judge_flexibility(ask) == Err(refusal);
        }
        if ask.name.starts_with("wasm.") {
            return refusal == code::METER_EXCEEDED || self.judge_code(ask) == Err(refusal);
        }
        if ask.name.starts_with("standing.") {
            return refusal == code::METER_EXCEEDED || self.judge_instruction(ask) == Err(refusal);
        }
        if power::is_intraday(&ask.name) {
            return refusal == code::METER_EXCEEDED || self.judge_intraday(ask) == Err(refusal);
        }
        if ask.name.starts_with("records.") {
            return refusal == code::METER_EXCEEDED || self.judge_record(ask) == Err(refusal);
        }
        if ask.name == "identity.open-own-account" {
            return refusal == code::METER_EXCEEDED || self.judge_own_account(ask) == Err(refusal);
        }
        let call = &ask.call;
        let number = |name: &str| call.find(name).filter(|v| matches!(v, Value::Number(_)));
        let is_of_instruments = matches!(ask.name.as_str(), "carbon.bank" | "carbon.allow-banking");
        let names = [
            "account", "from", "to", "other", "through", "seller", "buyer", "buffer",
        ];
        let own = names
            .into_iter()
            .filter(|name| *name == "account" || !is_of_instruments);
        let accounts: Vec<u64> = own
            .filter_map(|name| number(name).map(Value::u64))
            .chain(self.accounts_behind(ask))
            .collect();
        let any = |holds: &dyn Fn(u64) -> bool| accounts.iter().any(|id| holds(*id));
        let status = |id: u64| {
            self.identity
                .accounts
                .get(&id)
                .map(|account| account.status)
        };
        let giver = number("account").or(number("from")).map(Value::u64);
        let waiting = number("transfer").map(Value::u64);
        let of_waiting = waiting.and_then(|id| self.units.delayed.get(&id));
        let giver = giver.or(of_waiting.map(|one| one.from));
        match refusal {
            code::UNKNOWN_ACCOUNT => any(&|id| status(id).is_none()),
            code::NOT_REPRESENTATIVE if ask.name == "exchange.block-trade" => {
                !any(&|id| self.represents(ask.member, id))
            }
            code::NOT_REPRESENTATIVE if self.grid_of(ask).is_some() => self
                .grid_of(ask)
                .is_some_and(|id| !self.represents(ask.member, id)),
            code::NOT_REPRESENTATIVE => giver.is_some_and(|id| !self.represents(ask.member, id)),
            code::ACCOUNT_NOT_OPEN => any(&|id| status(id).is_some_and(|s| s != identity::OPEN)),
            code::OWN_ACCOUNT => any(&|id| self.represents(ask.member, id)),
            code::QUANTITY_ZERO => self.names_nothing(ask),
            code::AMOUNT_NOT_POSITIVE => call.number("amount") <= 0,
            code::UNKNOWN_INSTRUMENT => ["instrument", "from", "to"].into_iter().any(|name| {
                let is_known = |id| self.units.instruments.contains_key(&id);
                let id = number(name).map(|id| u32::try_from(id.number()));
                id.is_some_and(|id| !id.is_ok_and(is_known))
            }),
            code::BALANCE_TOO_LOW
                if matches!(
                    ask.name.as_str(),
                    "units.transfer" | "units.transfer-delayed"
                ) =>
            {
                let free = giver.map(|id| self.free_units(id, call.u32("instrument")));
                free.is_some_and(|free| free < call.u64("quantity"))
            }
            code::CASH_TOO_LOW if matches!(ask.name.as_str(), "money.transfer" | "money.hold") => {
                let free = giver.map(|id| self.free_money(id, call.array("currency")));
                free.is_some_and(|free| free < call.number("amount"))
            }
            code::UNKNOWN_ORDER if ask.name == "exchange.cancel" => {
                let market = self.exchange.markets.get(&call.u32("instrument"));
                let id = (call.u64("account"), call.u64("number"));
                market.is_some_and(|market| !market.orders.contains_key(&id))
            }
            // Somebody may have endorsed it who may not count; nobody who may stands aside.
            code::NOT_ENDORSED => self
                .endorser(ask, |books, member| books.counts(ask, member))
                .is_none(),
            code::UNKNOWN_HOLD => !self.money.holds.contains_key(&call.u64("hold")),
            code::NOT_DELAYED => self.trusts(call.u64("from"), call.u64("to")),
            code::UNKNOWN_DELAYED => of_waiting.is_none(),
            code::TOO_MANY_DELAYED => giver.is_some_and(|id| self.waiting_count(id) == 64),
            code::NOT_TRUSTED if ask.name == "carbon.convert-out" => {
                !self.goes_anywhere(call.u64("account"))
            }
            code::NOT_TRUSTED => {
                let either = |first, second| call.find(first).unwrap_or_else(|| call.get(second));
                !self.trusts(either("from", "seller").u64(), either("to", "buyer").u64())
            }
            code::SAME_HOLDER if ask.name == "energy.join-vpp" => {
                let holder = |id: u64| self.account(id).ok().map(|account| account.holder);
                let session = self.energy.sessions.get(&call.u64("session"));
                session
                    .is_some_and(|session| holder(session.initiator) == holder(call.u64("account")))
            }
            code::CASH_TOO_LOW if ask.name.starts_with("power.") => {
                self.is_true_of_power(ask, refusal)
            }
            code::UNKNOWN_POWER_SESSION
            | code::POWER_SESSION_EXISTS
            | code::GATE_CLOSED
            | code::DELIVERY_INVALID
            | code::UNKNOWN_CURVE
            | code::UNKNOWN_BLOCK_ORDER
            | code::BLOCK_ORDER_LINKED
            | code::NOT_SESSION_OPERATOR
            | code::POWER_SESSION_IN_USE => self.is_true_of_power(ask, refusal),
            code::PROSUMER_NOT_REGISTERED
            | code::SESSION_ALREADY_OPEN
            | code::UNKNOWN_SESSION
            | code::INSUFFICIENT_ENERGY
            | code::IN_ARREARS
            | code::READING_EXISTS
            | code::UNKNOWN_READING => self.is_true_of_plants(ask, refusal),
            code::UNKNOWN_SALE
            | code::AUCTION_CLOSED
            | code::UNKNOWN_BID
            | code::BID_NUMBER_USED
            | code::SAME_HOLDER
            | code::BLOCK_NOT_ALLOWED
            | code::BLOCK_TOO_SMALL => self.is_true_of_sales(call, refusal),
            _ => true,
        }
    }

    /// Whether a sale, a bid or a block trade is refused for a reason that holds.
    fn is_true_of_sales(&self, call: &Fields<'_>, refusal: u16) -> bool {
        let number = |name: &str| call.find(name).map(Value::u64);
        let sale = number("sale").and_then(|number| self.sale(number).ok());
        let holder = |id: u64| self.account(id).ok().map(|account| account.holder);
        let has_bid = |sale: &Sale| {
            let id = (call.u64("account"), call.u64("number"));
            sale.bids.contains_key(&id)
        };
        let rule = || self.exchange.block_rules.get(&call.u32("instrument"));
        match refusal {
            code::UNKNOWN_SALE => sale.is_none(),
            code::AUCTION_CLOSED => {
                sale.is_some_and(|sale| self.time < sale.opens || sale.closes <= self.time)
            }
            code::UNKNOWN_BID => sale.is_some_and(|sale| !has_bid(sale)),
            code::BID_NUMBER_USED => sale.is_some_and(has_bid),
            code::SAME_HOLDER => {
                let buyer = number("buyer").or(number("account"));
                let seller = number("seller").or(sale.map(|sale| sale.seller));
                let both = buyer.zip(seller);
                both.is_some_and(|(buyer, seller)| holder(buyer) == holder(seller))
            }
            code::BLOCK_NOT_ALLOWED => rule().is_none(),
            _ => rule().is_some_and(|rule| call.u64("quantity") < rule.quantity_min),
        }
    }

    /// Accounts that a call names by an installation, a project or a contract.
    fn accounts_behind(&self, ask: &Ask<'_>) -> Vec<u64> {
        let number = |name: &str| {
            ask.call.find(name).map(|value| match value {
                Value::Number(number) => u64::try_from(*number).unwrap_or(0),
                _ => 0,
            })
        };
        let mut found = Vec::new();
        found.extend(self.grid_of(ask));
        if let Some(one) = number("installation").and_then(|id| self.carbon.installations.get(&id))
        {
            found.push(one.account);
        }
        if let Some(one) = number("project").and_then(|id| self.carbon.projects.get(&id)) {
            found.extend([one.account, one.buffer]);
        }
        if let Some(one) = number("contract").and_then(|id| self.carbon.contracts.get(&id)) {
            found.extend([one.seller, one.buyer]);
        }
        if let Some(one) = number("hold").and_then(|id| self.money.holds.get(&id)) {
            found.extend([one.from, one.to]);
        }
        if let Some(one) = number("transfer").and_then(|id| self.units.delayed.get(&id)) {
            found.extend([one.from, one.to]);
        }
        if let Some(Value::List(shares)) = ask.call.find("shares") {
            for share in shares {
                let id = share.pair().0.u64();
                let one = self.carbon.installations.get(&id).map(|one| one.account);
                found.push(one.filter(|_| ask.name.starts_with("carbon")).unwrap_or(id));
            }
        }
        found
    }

    fn names_nothing(&self, ask: &Ask<'_>) -> bool {
        let zero = |name: &str| ask.call.find(name).is_some_and(|v| *v == Value::Number(0));
        let in_list = |name: &str| match ask.call.find(name) {
            Some(Value::List(items)) => items.iter().any(|item| match item {
                Value::Pair(pair) => match &pair.1 {
                    Value::Pair(terms) => terms.1 == Value::Number(0),
                    second => *second == Value::Number(0),
                },
                _ => false,
            }),
            _ => false,
        };
        zero("quantity") || zero("total") || zero("open") || in_list("shares") || in_list("quotes")
    }

    /// Whether a member's endorsement of this call counts, for the calls in which any representative's does.
    fn counts(&self, ask: &Ask<'_>, member: u32) -> bool {
        let account = ask.call.find("from").or(ask.call.find("account"));
        match ask.name.as_str() {
            "money.transfer"
            | "money.hold"
            | "money.withdraw"
            | "units.transfer"
            | "units.transfer-delayed"
            | "units.retire"
            | "units.cancel"
            | "exchange.place"
            | "exchange.bid"
            | "exchange.change-bid"
            | "energy.init-vpp"
            | "energy.join-vpp"
            | "energy.pay-arrears"
            | "power.submit-curve"
            | "power.submit-block" => {
                account.is_some_and(|account| self.represents(member, account.u64()))
            }
            _ => false,
        }
    }
}

/// Whether the refusal may be the end of a session without a plant.
fn closes_a_session(ask: &Ask<'_>, refusal: u16) -> bool {
    let ends = [code::INSUFFICIENT_ENERGY, code::SESSION_CLOSED];
    ask.name == "energy.settle-microgrid" && ends.contains(&refusal)
}

fn is_upload(ask: &Ask<'_>) -> bool {
    ask.name == "carbon.upload-trading-data"
}
