//! Intraday books: what is followed of them, and what they come to in money, energy and entries of accounts.

use super::book::{self, Id, Open, Orders, Told};
use super::*;

const LEAD_MAX: u64 = DAY;
/// Orders that are cancelled in one piece when a gate closes.
const PIECE: usize = 1_024;

/// By which rule a zone is traded.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Rule {
    pub(in super::super) lead: u64,
    pub(in super::super) lowest: i128,
    pub(in super::super) highest: i128,
    pub(in super::super) energy_max: i128,
    pub(in super::super) makers_max: u32,
    pub(in super::super) orders_max: u32,
    pub(in super::super) account_orders_max: u32,
    pub(in super::super) books_max: u32,
}

/// An interval that was traded, or is.
#[derive(Debug, Clone)]
pub(in super::super) struct Period {
    pub(in super::super) zone: u32,
    pub(in super::super) gate: u64,
    /// As it was when the book was opened.
    pub(in super::super) rule: Rule,
    pub(in super::super) is_open: bool,
    pub(in super::super) orders: Orders,
    pub(in super::super) energy: i128,
    pub(in super::super) turnover: i128,
    pub(in super::super) last: Option<i128>,
}

/// Session and interval.
pub(in super::super) type PeriodId = (u64, u8);

/// What the auditor keeps of intraday books.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Intraday {
    pub(in super::super) zones: BTreeMap<u32, Rule>,
    pub(in super::super) periods: BTreeMap<PeriodId, Period>,
    /// Bought, sold and got, by session, account and interval.
    pub(in super::super) positions: BTreeMap<(u64, u64, u8), (i128, i128, i128)>,
}

impl Rule {
    pub(super) fn read(ask: &Ask<'_>) -> Self {
        let call = &ask.call;
        Self {
            lead: call.u64("lead"),
            lowest: call.number("price_min"),
            highest: call.number("price_max"),
            energy_max: call.number("energy_max"),
            makers_max: call.u32("makers_max"),
            orders_max: call.u32("orders_max"),
            account_orders_max: call.u32("account_orders_max"),
            books_max: call.u32("books_max"),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.lead <= LEAD_MAX
            && -PRICE_MAX <= self.lowest
            && self.lowest < self.highest
            && self.highest <= PRICE_MAX
            && (1..=ENERGY_MAX).contains(&self.energy_max)
            && (1..=1_024).contains(&self.makers_max)
            && (1..=16_384).contains(&self.orders_max)
            && (1..=256).contains(&self.account_orders_max)
            && self.books_max <= 1_024
    }
}

impl Intraday {
    /// How many books of a zone are open.
    pub(in super::super) fn open_books(&self, zone: u32) -> usize {
        let all = self.periods.values().filter(|one| one.is_open);
        all.filter(|one| one.zone == zone).count()
    }

    pub(super) fn of_session(&self, session: u64) -> impl Iterator<Item = (&PeriodId, &Period)> {
        self.periods.range((session, 0)..=(session, u8::MAX))
    }

    /// Open orders of an account in a session, and what is set aside for them.
    pub(in super::super) fn desk(&self, session: u64, account: u64) -> (usize, i128) {
        let orders = self
            .of_session(session)
            .flat_map(|(_, one)| &one.orders.all);
        let own: Vec<&Open> = orders.filter(|one| one.id.0 == account).collect();
        (own.len(), own.iter().map(|one| one.aside()).sum())
    }
}

/// Session and interval of a call.
pub(super) fn period_of(ask: &Ask<'_>) -> PeriodId {
    (ask.call.u64("session"), ask.call.u8("interval"))
}

impl Books {
    /// Money that waits for open orders.
    pub(super) fn intraday_money(&self, account: u64, currency: [u8; 3]) -> i128 {
        let periods = self.power.intraday.periods.iter();
        let here =
            periods.filter(|((number, _), _)| self.power.sessions[number].currency == currency);
        let orders = here.flat_map(|(_, one)| &one.orders.all);
        let own = orders.filter(|one| one.id.0 == account);
        own.map(Open::aside).sum()
    }

    /// What keeps an account from closing: its open orders in a session, and money that waits for them.
    pub(super) fn intraday_entries(&self, account: u64) -> usize {
        let sessions: std::collections::BTreeSet<u64> = self
            .power
            .intraday
            .periods
            .keys()
            .map(|(number, _)| *number)
            .collect();
        let entries = sessions.into_iter().map(|number| {
            let (orders, aside) = self.power.intraday.desk(number, account);
            usize::from(orders > 0) + usize::from(aside > 0)
        });
        entries.sum()
    }

    /// A call that succeeded.
    pub(super) fn intraday_call(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let judged = self.judge_intraday(ask);
        ensure!(judged.is_ok(), "it should be refused with {judged:?}");
        match ask.name.as_str() {
            "power.set-intraday" => self.set_intraday(ask, events),
            "power.place-order" => self.place_intraday(ask, events),
            "power.amend-order" => self.amend_intraday(ask, events),
            "power.cancel-order" => {
                let order = (ask.call.u64("account"), ask.call.u64("number"));
                self.take_out(period_of(ask), &[order], book::CANCELLED, events)
            }
            "power.withdraw-orders" => {
                let said = [
                    ("session", n(ask.call.u64("session"))),
                    ("interval", ask.call.get("interval").clone()),
                    ("account", n(ask.call.u64("account"))),
                ];
                events.said("power.OrdersWithdrawn", &said)?;
                self.take_out_all(ask, book::ACCOUNT_SHUT, events)
            }
            _ => self.take_out_all(ask, book::CANCELLED, events),
        }
    }

    fn set_intraday(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let (zone, rule) = (ask.call.u32("zone"), Rule::read(ask));
        self.power.intraday.zones.insert(zone, rule);
        let said = [
            ("zone", n(zone)),
            ("lead", n(rule.lead)),
            ("price_min", n(rule.lowest)),
            ("price_max", n(rule.highest)),
            ("energy_max", n(rule.energy_max)),
            ("makers_max", n(rule.makers_max)),
            ("orders_max", n(rule.orders_max)),
            ("account_orders_max", n(rule.account_orders_max)),
            ("books_max", n(rule.books_max)),
        ];
        events.said("power.IntradaySet", &said)
    }

    /// The order that a call places, before it met anybody.
    pub(super) fn new_order_of(&self, ask: &Ask<'_>) -> Option<Open> {
        let call = &ask.call;
        let account = call.u64("account");
        let energy = call.number("energy");
        Some(Open {
            id: (account, call.u64("number")),
            holder: self.identity.accounts.get(&account)?.holder,
            side: call.u8("side"),
            price: call.number("price"),
            open: energy,
            shown: energy,
            filled: 0,
            display: call.option("display"),
            prevention: call.u8("prevention"),
            age: 0,
        })
    }

    fn place_intraday(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (id, call) = (period_of(ask), &ask.call);
        self.second_of(ask, call.u64("account"))?;
        self.open_book(id, events)?;
        let new = self.new_order_of(ask).ok_or("an order of nobody")?;
        let first = [
            ("session", n(id.0)),
            ("interval", n(id.1)),
            ("account", n(new.id.0)),
            ("number", n(new.id.1)),
            ("side", n(new.side)),
            ("energy", n(new.open)),
            ("price", n(new.price)),
        ];
        let standing = call.u8("standing");
        self.follow_order(id, new.id.0, events, |orders, makers_max, told| {
            let stands = orders.place(new, standing, makers_max, told);
            (stands, "power.OrderAccepted", first.to_vec())
        })
    }

    fn amend_intraday(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (id, call) = (period_of(ask), &ask.call);
        let order = (call.u64("account"), call.u64("number"));
        self.second_of(ask, order.0)?;
        let before = self.power.intraday.periods.get(&id);
        let before = before.and_then(|one| one.orders.find(order)).copied();
        let before = before.ok_or("no order is amended")?;
        let price = call.option("price").unwrap_or(before.price);
        let open = call.option("energy").unwrap_or(before.open);
        self.follow_order(id, order.0, events, |orders, makers_max, told| {
            let kept = orders.amend(order, (price, open), makers_max, told);
            let said = vec![
                ("session", n(id.0)),
                ("interval", n(id.1)),
                ("account", n(order.0)),
                ("number", n(order.1)),
                ("price", n(price)),
                ("energy", n(open)),
                ("kept_place", n(u8::from(kept))),
            ];
            (true, "power.OrderAmended", said)
        })
    }

    /// The first order of an interval opens its book.
    fn open_book(&mut self, id: PeriodId, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        if self.power.intraday.periods.contains_key(&id) {
            return Ok(());
        }
        let session = self.power_session(id.0)?;
        let rule = self.power.intraday.zones.get(&session.zone).copied();
        let rule = rule.ok_or("a zone without a rule")?;
        let gate = session.gate_of(id.1, &rule);
        self.schedule.add(When::Time(gate), POWER, closing(id));
        let period = Period {
            zone: session.zone,
            gate,
            rule,
            is_open: true,
            orders: Orders::default(),
            energy: 0,
            turnover: 0,
            last: None,
        };
        self.power.intraday.periods.insert(id, period);
        let said = [
            ("session", n(id.0)),
            ("interval", n(id.1)),
            ("zone", n(session.zone)),
            ("gate", n(gate)),
        ];
        events.said("power.BookOpened", &said)
    }

    /// Follows an order that enters. Whoever it met and may not trade has its orders withdrawn, and then it enters anew.
    fn follow_order(
        &mut self,
        id: PeriodId,
        sender: u64,
        events: &mut Events<'_, '_>,
        enter: impl Fn(
            &mut Orders,
            u32,
            &mut Vec<Told>,
        ) -> (bool, &'static str, Vec<(&'static str, Value<'static>)>),
    ) -> Result<(), Finding> {
        loop {
            let period = &self.power.intraday.periods[&id];
            let (mut orders, mut told) = (period.orders.clone(), Vec::new());
            let (stands, name, said) = enter(&mut orders, period.rule.makers_max, &mut told);
            let shut = self.shut_among(&told, sender);
            if shut.is_empty() {
                ensure!(stands, "an order stands that is not filled");
                events.said(name, &said)?;
                self.period_mut(id)?.orders = orders;
                return told
                    .iter()
                    .try_for_each(|one| self.tell_of(id, one, events));
            }
            for account in shut {
                let own = self.power.intraday.periods[&id].orders.of(account);
                self.take_out(id, &own, book::ACCOUNT_SHUT, events)?;
            }
        }
    }

    /// Accounts that trade and may not, by number.
    pub(super) fn shut_among(&self, told: &[Told], sender: u64) -> Vec<u64> {
        let mut shut = std::collections::BTreeSet::new();
        for one in told {
            if let Told::Traded { bid, ask, .. } = one {
                shut.extend([bid.0, ask.0].into_iter().filter(|id| *id != sender));
            }
        }
        shut.into_iter().filter(|id| !self.may_bid(*id)).collect()
    }

    pub(super) fn may_bid(&self, account: u64) -> bool {
        self.identity.accounts.get(&account).is_some_and(|found| {
            let mut all = found.representatives.iter();
            let bidder = super::super::rights::BIDDER;
            found.status == super::super::identity::OPEN
                && all.any(|member| self.roles_of(*member) & bidder != 0)
        })
    }

    fn period_mut(&mut self, id: PeriodId) -> Result<&mut Period, Finding> {
        let found = self.power.intraday.periods.get_mut(&id);
        found.ok_or_else(|| format!("{id:?} has no book"))
    }

    /// What a book did is told, and what is paid is paid.
    fn tell_of(
        &mut self,
        id: PeriodId,
        told: &Told,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        match *told {
            Told::Traded {
                bid,
                ask,
                price,
                energy,
                taker,
            } => {
                let amount = cost(energy, price);
                let currency = self.power_session(id.0)?.currency;
                self.pay(ask.0, currency, amount);
                self.pay(bid.0, currency, -amount);
                let positions = &mut self.power.intraday.positions;
                let buyer = positions.entry((id.0, bid.0, id.1)).or_default();
                (buyer.0, buyer.2) = (buyer.0 + energy, buyer.2 - amount);
                let seller = positions.entry((id.0, ask.0, id.1)).or_default();
                (seller.1, seller.2) = (seller.1 + energy, seller.2 + amount);
                let period = self.period_mut(id)?;
                period.energy += energy;
                period.turnover += amount;
                period.last = Some(price);
                let said = [
                    ("session", n(id.0)),
                    ("interval", n(id.1)),
                    ("buyer", n(bid.0)),
                    ("bid", n(bid.1)),
                    ("seller", n(ask.0)),
                    ("ask", n(ask.1)),
                    ("price", n(price)),
                    ("energy", n(energy)),
                    ("amount", n(amount)),
                    ("taker", n(taker)),
                ];
                events.said("power.EnergyTraded", &said)
            }
            Told::Lost {
                id: order,
                energy,
                open,
                reason,
            } => {
                let said = [
                    ("session", n(id.0)),
                    ("interval", n(id.1)),
                    ("account", n(order.0)),
                    ("number", n(order.1)),
                    ("energy", n(energy)),
                    ("open", n(open)),
                    ("reason", n(reason)),
                ];
                events.said("power.OrderReduced", &said)
            }
        }
    }

    fn take_out(
        &mut self,
        id: PeriodId,
        orders: &[Id],
        reason: u8,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        for order in orders {
            let mut told = Vec::new();
            self.period_mut(id)?
                .orders
                .take_out(*order, reason, &mut told);
            ensure!(!told.is_empty(), "order {order:?} is not there and goes");
            for one in &told {
                self.tell_of(id, one, events)?;
            }
        }
        Ok(())
    }

    /// All orders of an account in a session, or in one interval of it.
    fn take_out_all(
        &mut self,
        ask: &Ask<'_>,
        reason: u8,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (session, account) = (ask.call.u64("session"), ask.call.u64("account"));
        let only = ask.call.option("interval");
        let all = self.power.intraday.of_session(session).map(|(id, _)| *id);
        let all = all.filter(|id| only.is_none_or(|only| only == i128::from(id.1)));
        for id in all.collect::<Vec<_>>() {
            let own = self.power.intraday.periods[&id].orders.of(account);
            self.take_out(id, &own, reason, events)?;
        }
        Ok(())
    }

    /// The gate of an interval closes: orders go account by account, so many in a block, and then the book.
    pub(super) fn close_book(
        &mut self,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (number, interval) = data.split_first_chunk::<8>().ok_or("a book is closed")?;
        let [interval] = interval else {
            return Err("a book of no interval is closed".into());
        };
        let id = (u64::from_le_bytes(*number), *interval);
        let period = self.period_mut(id)?;
        let zone = period.zone;
        let mut all: Vec<Id> = period.orders.all.iter().map(|one| one.id).collect();
        all.sort_unstable();
        let now = all.len().min(PIECE);
        self.take_out(id, &all[..now], book::EXPIRED, events)?;
        if all.len() > PIECE {
            let next = When::Height(self.height + 1);
            self.schedule.add(next, POWER, closing(id));
            return Ok(());
        }
        let time = self.time;
        let period = self.period_mut(id)?;
        let due = period.is_open && period.gate <= time;
        period.is_open = false;
        ensure!(due, "the book {id:?} closes before its gate, or twice");
        let said = [
            ("session", n(id.0)),
            ("interval", n(id.1)),
            ("zone", n(zone)),
        ];
        events.said("power.BookClosed", &said)
    }
}

fn closing((number, interval): PeriodId) -> Vec<u8> {
    [[2].as_slice(), &number.to_le_bytes(), &[interval]].concat()
}
