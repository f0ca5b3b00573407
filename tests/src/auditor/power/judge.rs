//! With which code an intraday call is refused, if it is: each thing that can be wrong, in the order in which the ledger looks for it.

use super::super::identity;
use super::super::refused::code;
use super::book::{Open, UNTIL_GATE, WHOLE};
use super::intraday::{Period, Rule, period_of};
use super::*;

const PRICE_INVALID: u16 = 70;
const ORDER_NUMBER_USED: u16 = 73;
const NOT_FILLABLE: u16 = 76;
const QUANTITY_TOO_LARGE: u16 = 79;
const DISPLAY_INVALID: u16 = 81;
const BOOK_FULL: u16 = 88;
/// Open books of all zones.
const ALL_BOOKS_MAX: usize = 4_096;
const RULE_INVALID: u16 = 570;
const NOT_OPEN: u16 = 571;
const ENERGY_INVALID: u16 = 572;
const BOOKS_FULL: u16 = 573;
const ACCOUNT_FULL: u16 = 574;
const ACCOUNT_ACTIVE: u16 = 575;

fn unless(holds: bool, refusal: u16) -> Result<(), u16> {
    if holds { Ok(()) } else { Err(refusal) }
}

/// Whether a call is one of intraday books.
pub(in super::super) fn is_intraday(name: &str) -> bool {
    matches!(
        name,
        "power.set-intraday"
            | "power.place-order"
            | "power.amend-order"
            | "power.cancel-order"
            | "power.cancel-orders"
            | "power.withdraw-orders"
    )
}

impl Session {
    /// When the gate of an interval closes by a rule.
    pub(super) fn gate_of(&self, interval: u8, rule: &Rule) -> u64 {
        let delivery = self.start + u64::from(interval) * QUARTER;
        delivery.saturating_sub(rule.lead)
    }

    /// Whether a book takes the price.
    fn trades_at(&self, rule: &Rule, price: i128) -> bool {
        (rule.lowest..=rule.highest).contains(&price) && price % i128::from(self.tick) == 0
    }

    fn trades_so_much(&self, rule: &Rule, energy: i128) -> Result<(), u16> {
        let sound = (1..=rule.energy_max).contains(&energy) && energy % self.lot == 0;
        unless(sound, ENERGY_INVALID)
    }
}

impl Books {
    pub(in super::super) fn judge_intraday(&self, ask: &Ask<'_>) -> Result<(), u16> {
        if ask.name == "power.set-intraday" {
            let rule = Rule::read(ask);
            unless(rule.is_sound(), RULE_INVALID)?;
            let mut rules = self.power.intraday.zones.clone();
            rules.insert(ask.call.u32("zone"), rule);
            let most = rules.iter().map(|(zone, rule)| {
                let open = self.power.intraday.open_books(*zone);
                open.max(rule.books_max as usize)
            });
            return unless(most.sum::<usize>() <= ALL_BOOKS_MAX, BOOKS_FULL);
        }
        let account = ask.call.u64("account");
        let found = self.identity.accounts.get(&account);
        let found = found.ok_or(code::UNKNOWN_ACCOUNT)?;
        let by_operator = ask.name == "power.withdraw-orders";
        let represents = by_operator || self.represents(ask.member, account);
        unless(represents, code::NOT_REPRESENTATIVE)?;
        let enters = matches!(ask.name.as_str(), "power.place-order" | "power.amend-order");
        let open = found.status == identity::OPEN;
        unless(open || !enters, code::ACCOUNT_NOT_OPEN)?;
        let session = self.power.sessions.get(&ask.call.u64("session"));
        let session = session.ok_or(code::UNKNOWN_POWER_SESSION)?;
        let interval = match ask.name.as_str() {
            "power.cancel-orders" | "power.withdraw-orders" => ask.call.option("interval"),
            _ => Some(ask.call.number("interval")),
        };
        let there = interval.is_none_or(|interval| interval < session.intervals.into());
        unless(there, code::DELIVERY_INVALID)?;
        match ask.name.as_str() {
            "power.place-order" => self.judge_place(ask, session),
            "power.amend-order" => self.judge_amend(ask, session),
            "power.cancel-order" => self.order_of(ask).map(|_| ()),
            "power.withdraw-orders" => unless(!self.may_bid(account), ACCOUNT_ACTIVE),
            _ => Ok(()),
        }
    }

    fn order_of(&self, ask: &Ask<'_>) -> Result<(&Period, &Open), u16> {
        let period = self.power.intraday.periods.get(&period_of(ask));
        let order = (ask.call.u64("account"), ask.call.u64("number"));
        let found = period.and_then(|one| Some((one, one.orders.find(order)?)));
        found.ok_or(code::UNKNOWN_ORDER)
    }

    /// The rule of the book that the call is about, as it is or would be, while its gate is open.
    fn rule_of(&self, ask: &Ask<'_>, session: &Session) -> Result<Rule, u16> {
        unless(session.phase == CLEARED, NOT_OPEN)?;
        let rule = self.power.intraday.zones.get(&session.zone);
        let rule = *rule.ok_or(NOT_OPEN)?;
        let id = period_of(ask);
        let period = self.power.intraday.periods.get(&id);
        let gate = period.map_or(session.gate_of(id.1, &rule), |one| one.gate);
        let open = self.time < gate && period.is_none_or(|one| one.is_open);
        unless(open, code::GATE_CLOSED)?;
        Ok(period.map_or(rule, |one| one.rule))
    }

    fn can_be_paid(&self, ask: &Ask<'_>, session: &Session, more: i128) -> Result<(), u16> {
        let account = ask.call.u64("account");
        let free = self.free_money(account, session.currency);
        unless(more <= 0 || more <= free, code::CASH_TOO_LOW)?;
        let two = self.identity.accounts[&account].threshold > 1;
        let second = || self.endorser(ask, |books, member| books.represents(member, account));
        unless(!two || second().is_some(), code::NOT_ENDORSED)
    }

    fn judge_place(&self, ask: &Ask<'_>, session: &Session) -> Result<(), u16> {
        let (id, call) = (period_of(ask), &ask.call);
        let rule = self.rule_of(ask, session)?;
        let new = self.new_order_of(ask).ok_or(code::UNKNOWN_ACCOUNT)?;
        session.trades_so_much(&rule, new.open)?;
        let rests = call.u8("standing") == UNTIL_GATE;
        let intraday = &self.power.intraday;
        let (own, _) = intraday.desk(id.0, new.id.0);
        unless(
            !rests || own < rule.account_orders_max as usize,
            ACCOUNT_FULL,
        )?;
        unless(session.trades_at(&rule, new.price), PRICE_INVALID)?;
        if let Some(display) = new.display {
            let sound =
                rests && display <= new.open && session.trades_so_much(&rule, display).is_ok();
            unless(sound, DISPLAY_INVALID)?;
        }
        let orders = intraday.periods.get(&id).map(|one| &one.orders);
        let used = orders.is_some_and(|orders| orders.find(new.id).is_some());
        unless(!used, ORDER_NUMBER_USED)?;
        let count = orders.map_or(0, |orders| orders.all.len());
        unless(!rests || count < rule.orders_max as usize, BOOK_FULL)?;
        unless(rests || orders.is_some(), NOT_FILLABLE)?;
        let zone = intraday.zones.get(&session.zone);
        let open = intraday.open_books(session.zone);
        let room = zone.is_some_and(|zone| open < zone.books_max as usize);
        unless(orders.is_some() || room, BOOKS_FULL)?;
        self.can_be_paid(ask, session, new.aside())?;
        unless(
            call.u8("standing") != WHOLE || self.is_filled(ask, new, &rule),
            NOT_FILLABLE,
        )
    }

    /// Whether an order trades in full at once, once the orders are gone of those that may not trade.
    fn is_filled(&self, ask: &Ask<'_>, new: Open, rule: &Rule) -> bool {
        let period = self.power.intraday.periods.get(&period_of(ask));
        let mut orders = period.map(|one| one.orders.clone()).unwrap_or_default();
        loop {
            let (mut after, mut told) = (orders.clone(), Vec::new());
            if !after.place(new, WHOLE, rule.makers_max, &mut told) {
                return false;
            }
            let shut = self.shut_among(&told, new.id.0);
            if shut.is_empty() {
                return true;
            }
            orders.all.retain(|one| !shut.contains(&one.id.0));
        }
    }

    fn judge_amend(&self, ask: &Ask<'_>, session: &Session) -> Result<(), u16> {
        let call = &ask.call;
        let rule = self.rule_of(ask, session)?;
        let (price, energy) = (call.option("price"), call.option("energy"));
        if let Some(energy) = energy {
            session.trades_so_much(&rule, energy)?;
        }
        let (_, order) = self.order_of(ask)?;
        let open = energy.unwrap_or(order.open);
        let fits = open + order.filled <= rule.energy_max;
        unless(energy.is_none() || fits, QUANTITY_TOO_LARGE)?;
        let price = price.unwrap_or(order.price);
        unless(session.trades_at(&rule, price), PRICE_INVALID)?;
        let new = Open {
            price,
            open,
            ..*order
        };
        self.can_be_paid(ask, session, new.aside() - order.aside())
    }
}
