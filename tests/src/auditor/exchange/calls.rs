//! Orders as accounts place, change and cancel them.

use super::super::wire::Value;
use super::super::{Ask, Books, Events, Finding, ensure};
use super::run::{Run, reduced_for};
use super::*;

impl Books {
    pub(in super::super) fn exchange(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        match ask.name.as_str() {
            "exchange.open-sale" => return self.open_sale(ask, events),
            "exchange.bid" => return self.bid(ask, false, events),
            "exchange.change-bid" => return self.bid(ask, true, events),
            "exchange.withdraw-bid" => return self.withdraw_bid(ask, events),
            _ => {}
        }
        let id = ask.call.u32("instrument");
        match ask.name.as_str() {
            "exchange.set-block-rule" => self.set_block_rule(ask, id, events),
            "exchange.block-trade" => self.block_trade(ask, id, events),
            "exchange.place" => {
                self.trader(ask)?;
                self.second_of(ask, ask.call.u64("account"))?;
                let order = self.new_order(ask)?;
                self.place(ask, ask.call.u64("number"), order, events)
            }
            "exchange.amend" => {
                self.trader(ask)?;
                self.second_of(ask, ask.call.u64("account"))?;
                let call = &ask.call;
                let (total, open) = (call.option("total"), call.option("open"));
                ensure!(
                    total.is_none() || open.is_none(),
                    "a size is said in both ways"
                );
                let size = total.map(Size::Total).or(open.map(Size::Open));
                self.amend(ask, call.u64("number"), call.option("price"), size, events)
            }
            "exchange.cancel" => {
                let account = self.canceller(ask)?;
                self.cancel(id, (account, ask.call.u64("number")), events)
            }
            "exchange.cancel-all" => {
                let account = self.canceller(ask)?;
                let own = self.market(id)?.of_account(account);
                let own: Vec<Id> = own.map(|(id, _)| *id).collect();
                own.into_iter()
                    .try_for_each(|order| self.cancel(id, order, events))
            }
            "exchange.mass-quote" => self.mass_quote(ask, events),
            _ => self.watch(ask, id, events),
        }
    }

    fn trader(&self, ask: &Ask<'_>) -> Result<(), Finding> {
        self.gives(ask, ask.call.u64("account"))?;
        let market = self.market(ask.call.u32("instrument"))?;
        ensure!(
            !market.halted,
            "an order is taken while the market is halted"
        );
        Ok(())
    }

    /// Whoever represents an account may withdraw its orders, whatever the account may do.
    fn canceller(&self, ask: &Ask<'_>) -> Result<u64, Finding> {
        let account = ask.call.u64("account");
        let may = self.represents(ask.member, account);
        ensure!(may, "member {} cancels for account {account}", ask.member);
        Ok(account)
    }

    fn cancel(&mut self, market: u32, id: Id, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let fields = reduced_for(events, market, CANCELLED);
        let fields = fields.ok_or_else(|| format!("nobody is told that {id:?} is cancelled"))?;
        let found = (fields.u64("account"), fields.u64("number"));
        ensure!(found == id, "{found:?} is cancelled in place of {id:?}");
        events.0 = &events.0[1..];
        self.withdrawn(market, fields, CANCELLED)
    }

    /// An order as the call asks for it.
    fn new_order(&self, ask: &Ask<'_>) -> Result<Order, Finding> {
        let call = &ask.call;
        let market = self.market(call.u32("instrument"))?;
        let price = |name| call.option(name).map(|price| price as i64);
        let (is_bid, validity) = (call.u8("side") == 0, call.u8("validity"));
        let (budget, limit) = (call.option("budget"), price("price"));
        let reserve = match (limit, budget) {
            (Some(limit), _) => Reserve::At(limit),
            (None, Some(budget)) => Reserve::Lump(budget as i64),
            (None, None) => {
                ensure!(
                    !is_bid || validity == AT_AUCTION,
                    "a bid without price and bound"
                );
                Reserve::At(market.limits.price_max)
            }
        };
        let until = call.option("until");
        ensure!(
            until.is_some() == (validity == GOOD_TILL_DATE),
            "a date of an order that takes none"
        );
        let display = call.option("display").map(|quantity| quantity as u64);
        let order = Order {
            holder: self.account(call.u64("account"))?.holder,
            is_bid,
            price: limit,
            trigger: price("trigger"),
            open: call.u64("quantity"),
            visible: 0,
            filled: 0,
            display,
            reserve,
            paid: 0,
            validity,
            until: until.map_or(market.session, |until| until as u64),
            prevention: call.u8("prevention"),
            place: Place::Entering,
            stamp: 0,
        };
        self.goes_together(market, &order, budget)?;
        Ok(order)
    }

    fn goes_together(
        &self,
        market: &Market,
        order: &Order,
        budget: Option<i128>,
    ) -> Result<(), Finding> {
        let at_once = matches!(order.validity, IMMEDIATE | FILL_OR_KILL);
        let for_auction = order.validity == AT_AUCTION;
        let no_price = order.price.is_none() && order.trigger.is_none();
        let stop = order.trigger.is_some();
        ensure!(
            !(at_once && market.in_call),
            "an order for at once in a call"
        );
        let known = !(no_price && !at_once && !for_auction) && !(stop && (at_once || for_auction));
        ensure!(
            known,
            "a type and a validity that do not go together: {order:?}"
        );
        let prices = [order.price, order.trigger].into_iter().flatten();
        for price in prices {
            ensure!(market.is_price(price), "{price} is no price of the market");
        }
        if let Some(display) = order.display {
            let plain = order.price.is_some() && !stop && !at_once && !for_auction;
            let size = self.is_quantity(market, display) && display <= order.open;
            ensure!(plain && size, "an order shows {display} of {}", order.open);
        }
        if let Some(budget) = budget {
            let may = order.is_bid && order.price.is_none() && !for_auction && budget > 0;
            ensure!(may, "a budget of {budget} for {order:?}");
        }
        if order.validity == GOOD_TILL_DATE {
            ensure!(order.until > self.time, "an order is placed that has ended");
        }
        Ok(())
    }

    fn is_quantity(&self, market: &Market, quantity: u64) -> bool {
        quantity > 0
            && quantity.is_multiple_of(market.lot)
            && quantity <= market.limits.quantity_max
    }

    fn place(
        &mut self,
        ask: &Ask<'_>,
        number: u64,
        mut order: Order,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (account, id) = (ask.call.u64("account"), ask.call.u32("instrument"));
        let key = (account, number);
        let market = self.market(id)?;
        ensure!(
            !market.orders.contains_key(&key),
            "order {key:?} is placed twice"
        );
        ensure!(
            self.is_quantity(market, order.open),
            "{} is ordered",
            order.open
        );
        let band = market.band.zip(order.price);
        let inside = band.is_none_or(|((low, high), price)| low <= price && price <= high);
        ensure!(inside, "an order outside the band is taken");
        let own = market.of_account(account).count();
        let rests = !matches!(order.validity, IMMEDIATE | FILL_OR_KILL);
        let room = !rests || own < market.limits.account_orders_max as usize;
        ensure!(room, "account {account} has {own} orders and places one");
        let needed = market.needed(&order);
        self.may_send(id, account, order.is_bid, order.open)?;
        self.can_set_aside(id, account, order.is_bid, needed)?;

        self.shut_orders(id, events)?;
        let said = [
            ("instrument", id.into()),
            ("account", account.into()),
            ("number", number.into()),
            ("side", i128::from(!order.is_bid)),
            ("quantity", order.open.into()),
        ];
        let fields = events.told("exchange.Accepted", &said)?;
        let prices = (fields.option("price"), fields.option("trigger"));
        let asked = (order.price.map(i128::from), order.trigger.map(i128::from));
        ensure!(
            prices == asked,
            "an order at {prices:?} is accepted, not at {asked:?}"
        );

        self.count_message(id, account)?;
        let market = self.market_mut(id)?;
        let mut run = Run::new(id);
        order.show();
        order.stamp = market.next_stamp();
        order.place = match (order.trigger, order.validity) {
            (Some(_), _) => Place::Stop,
            (None, AT_AUCTION) => Place::Auction,
            (None, _) => Place::Entering,
        };
        if order.place == Place::Entering {
            run.enter(key);
        }
        market.orders.insert(key, order);
        self.consequences(run, events)
    }

    fn amend(
        &mut self,
        ask: &Ask<'_>,
        number: u64,
        price: Option<i128>,
        size: Option<Size>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (account, id) = (ask.call.u64("account"), ask.call.u32("instrument"));
        let key = (account, number);
        let market = self.market(id)?;
        let before = market.order(key)?.clone();
        ensure!(
            !market.has_ended(&before, self.time),
            "{key:?} has ended and is changed"
        );
        let open = match size {
            None => i128::from(before.open),
            Some(Size::Open(open)) => open,
            Some(Size::Total(total)) => total - i128::from(before.filled),
        };
        let open = u64::try_from(open).map_err(|_| format!("{open} is to be open of {key:?}"))?;
        if size.is_some() {
            let total = open.checked_add(before.filled);
            let most = total.is_some_and(|total| total <= market.limits.quantity_max);
            ensure!(
                most && self.is_quantity(market, open),
                "{open} is to be open of {key:?}"
            );
        }
        let limit = match price {
            None => before.price,
            Some(price) => {
                let price = price as i64;
                let may = before.price.is_some() && market.is_price(price);
                ensure!(may, "{key:?} gets the price {price}");
                Some(price)
            }
        };
        let kept = limit == before.price && open <= before.open;
        let looked_at = limit.filter(|_| !kept || price.is_some());
        let band = market.band.zip(looked_at);
        let inside = band.is_none_or(|((low, high), price)| low <= price && price <= high);
        ensure!(inside, "{key:?} is moved outside the band");
        let mut after = Order {
            price: limit,
            open,
            reserve: limit.map_or(before.reserve, Reserve::At),
            ..before.clone()
        };
        let more = market.needed(&after) - market.needed(&before);
        self.may_send(id, account, before.is_bid, open.saturating_sub(before.open))?;
        self.can_set_aside(id, account, before.is_bid, more)?;

        self.shut_orders(id, events)?;
        let said = [
            ("instrument", id.into()),
            ("account", account.into()),
            ("number", number.into()),
            ("open", open.into()),
            ("kept_place", kept.into()),
        ];
        let fields = events.told("exchange.Amended", &said)?;
        let found = fields.option("price");
        ensure!(
            found == limit.map(i128::from),
            "{key:?} is said to be at {found:?}"
        );

        self.count_message(id, account)?;
        let market = self.market_mut(id)?;
        let mut run = Run::new(id);
        if kept {
            after.visible = before.visible.min(open);
        } else {
            after.show();
            after.stamp = market.next_stamp();
            if market.awake.contains(&key) {
                market.awake.retain(|other| *other != key);
                market.awake.push(key);
            }
            if !after.is_parked() {
                after.place = Place::Entering;
                run.enter(key);
            }
        }
        market.orders.insert(key, after);
        self.consequences(run, events)
    }

    fn mass_quote(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        self.trader(ask)?;
        let (account, id) = (ask.call.u64("account"), ask.call.u32("instrument"));
        let quotes = ask.call.list("quotes");
        ensure!((1..=128).contains(&quotes.len()), "{} quotes", quotes.len());
        self.second_of(ask, account)?;
        let mut numbers = BTreeSet::new();
        for quote in quotes {
            let (name, terms) = quote.pair();
            let ((number, side), (price, quantity)) = (name.pair(), terms.pair());
            let (number, quantity) = (number.u64(), quantity.u64());
            ensure!(numbers.insert(number), "number {number} is quoted twice");
            let is_bid = side.number() == 0;
            let open = self.market(id)?.orders.get(&(account, number));
            match open.map(|order| order.is_bid == is_bid) {
                Some(same) => ensure!(same, "a quote of the other side replaces {number}"),
                None => {
                    let order = self.quoted(ask, is_bid, price, quantity)?;
                    self.place(ask, number, order, events)?;
                    continue;
                }
            }
            if quantity == 0 {
                self.cancel(id, (account, number), events)?;
                continue;
            }
            let size = Some(Size::Open(quantity.into()));
            self.amend(ask, number, Some(price.number()), size, events)?;
        }
        Ok(())
    }

    /// A limit order good till cancelled.
    fn quoted(
        &self,
        ask: &Ask<'_>,
        is_bid: bool,
        price: &Value<'_>,
        quantity: u64,
    ) -> Result<Order, Finding> {
        let market = self.market(ask.call.u32("instrument"))?;
        let price = price.number() as i64;
        ensure!(market.is_price(price), "{price} is no price of the market");
        Ok(Order {
            holder: self.account(ask.call.u64("account"))?.holder,
            is_bid,
            price: Some(price),
            trigger: None,
            open: quantity,
            visible: 0,
            filled: 0,
            display: None,
            reserve: Reserve::At(price),
            paid: 0,
            validity: 0,
            until: 0,
            prevention: 0,
            place: Place::Entering,
            stamp: 0,
        })
    }

    /// The account has messages left, is not switched off, and stays within its position if all its bids trade.
    fn may_send(&self, id: u32, account: u64, is_bid: bool, more: u64) -> Result<(), Finding> {
        let market = self.market(id)?;
        let sent = market.messages.get(&account).copied().unwrap_or(0);
        let most = market.limits.messages_max;
        ensure!(
            most.is_none_or(|most| sent < most),
            "account {account} sends too much"
        );
        self.may_have_more(id, account, is_bid, more)
    }

    /// The account is not switched off, and stays within its position if all its bids trade.
    pub(super) fn may_have_more(
        &self,
        id: u32,
        account: u64,
        is_bid: bool,
        more: u64,
    ) -> Result<(), Finding> {
        let market = self.market(id)?;
        ensure!(
            !market.killed.contains(&account),
            "account {account} is switched off"
        );
        if let Some(most) = market.limits.position_max.filter(|_| is_bid) {
            let bids = market.of_account(account).filter(|(_, order)| order.is_bid);
            let open: u64 = bids.map(|(_, order)| order.open).sum();
            let after = u128::from(self.held(account, id)) + u128::from(open) + u128::from(more);
            ensure!(
                after <= u128::from(most),
                "account {account} may come to {after}"
            );
        }
        Ok(())
    }

    fn count_message(&mut self, id: u32, account: u64) -> Result<(), Finding> {
        let market = self.market_mut(id)?;
        if market.limits.messages_max.is_some() {
            *market.messages.entry(account).or_default() += 1;
        }
        Ok(())
    }

    fn can_set_aside(
        &self,
        id: u32,
        account: u64,
        is_bid: bool,
        more: i128,
    ) -> Result<(), Finding> {
        let free = if is_bid {
            self.free_money(account, self.market(id)?.currency)
        } else {
            self.free_units(account, id).into()
        };
        ensure!(
            more <= 0 || more <= free,
            "account {account} sets aside {more} of {free}"
        );
        Ok(())
    }
}

/// A new size of an order.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// All of it, what was filled included.
    Total(i128),
    /// What is to be open.
    Open(i128),
}
