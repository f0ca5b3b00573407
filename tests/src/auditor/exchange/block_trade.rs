//! Block trades: both sides agreed, by people of their own, on terms that the market takes.

use super::super::rights::TRADER;
use super::super::wire::Value;
use super::super::{Ask, Books, Events, Finding, ensure, identity};

/// Which block trades a market takes.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct BlockRule {
    pub(in super::super) quantity_min: u64,
    pub(in super::super) band: Option<(i64, i64)>,
}

/// Lowest and highest price, if the field says any.
pub(super) fn band(value: &Value<'_>) -> Option<(i64, i64)> {
    match value {
        Value::Nothing => None,
        value => {
            let (low, high) = value.pair();
            Some((low.number() as i64, high.number() as i64))
        }
    }
}

impl Books {
    pub(super) fn set_block_rule(
        &mut self,
        ask: &Ask<'_>,
        id: u32,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let market = self.market(id)?;
        let least = ask.call.option("quantity_min").map(|least| least as u64);
        let band = band(ask.call.get("band"));
        if let Some(least) = least {
            let on_lots = least > 0 && least.is_multiple_of(market.lot);
            ensure!(on_lots, "block trades from {least} on");
        } else {
            ensure!(band.is_none(), "a band of no block trades");
        }
        if let Some((low, high)) = band {
            let sound = low <= high && market.is_price(low) && market.is_price(high);
            ensure!(sound, "block trades from {low} to {high}");
        }
        let fields = events.told("exchange.BlockRuleSet", &[("instrument", id.into())])?;
        for name in ["quantity_min", "band"] {
            let same = fields.get(name) == ask.call.get(name);
            ensure!(same, "another {name} of block trades is said to be set");
        }
        match least {
            Some(quantity_min) => {
                let rule = BlockRule { quantity_min, band };
                self.exchange.block_rules.insert(id, rule);
            }
            None => {
                self.exchange.block_rules.remove(&id);
            }
        }
        Ok(())
    }

    pub(super) fn block_trade(
        &mut self,
        ask: &Ask<'_>,
        id: u32,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (seller, buyer) = (call.u64("seller"), call.u64("buyer"));
        let (quantity, price) = (call.u64("quantity"), call.number("price") as i64);
        let (giver, taker) = (self.account(seller)?, self.account(buyer)?);
        for (id, account) in [(seller, giver), (buyer, taker)] {
            let open = account.status == identity::OPEN;
            ensure!(open, "account {id} is not open and trades");
        }
        let holders = (giver.holder, taker.holder);
        ensure!(
            holders.0 != holders.1,
            "holder {} trades with itself",
            holders.0
        );
        let may = giver.kind != identity::BUFFER && self.trusts(seller, buyer);
        ensure!(may, "account {seller} gives to {buyer} and may not");
        self.block_terms(id, quantity, price)?;
        for (account, is_bid) in [(seller, false), (buyer, true)] {
            self.may_have_more(id, account, is_bid, quantity)?;
        }
        let market = self.market(id)?;
        let (paid, currency) = (market.worth(quantity, price), market.currency);
        let units = self.free_units(seller, id);
        ensure!(quantity <= units, "{quantity} of {units} units are sold");
        let money = self.free_money(buyer, currency);
        ensure!(paid <= money, "{paid} of {money} is paid");
        self.both_agreed(ask, seller, buyer)?;

        self.pay(buyer, currency, -paid);
        self.pay(seller, currency, paid);
        self.change_held(buyer, id, quantity.into())?;
        self.change_held(seller, id, -i128::from(quantity))?;
        let said = [
            ("instrument", id.into()),
            ("seller", seller.into()),
            ("buyer", buyer.into()),
            ("quantity", quantity.into()),
            ("price", price.into()),
            ("amount", paid),
        ];
        events.told("exchange.BlockTraded", &said)?;
        self.market_rests(id)
    }

    fn block_terms(&self, id: u32, quantity: u64, price: i64) -> Result<(), Finding> {
        let market = self.market(id)?;
        ensure!(!market.halted, "a block trade while the market is halted");
        let rule = self.exchange.block_rules.get(&id);
        let rule = rule.ok_or_else(|| format!("market {id} takes no block trades"))?;
        let large = quantity >= rule.quantity_min && quantity.is_multiple_of(market.lot);
        ensure!(large && quantity > 0, "a block of {quantity}");
        let inside = rule.band.or(market.band);
        let inside = inside.is_none_or(|(low, high)| low <= price && price <= high);
        ensure!(market.is_price(price) && inside, "a block at {price}");
        Ok(())
    }

    /// The sender's side by the sender, and by another one where it takes two; the other side by a trader of its own, and by
    /// another one where it takes two. Who sends counts for the seller if for either; who endorsed counts once.
    fn both_agreed(&mut self, ask: &Ask<'_>, seller: u64, buyer: u64) -> Result<(), Finding> {
        let (own, other) = if self.represents(ask.member, seller) {
            (seller, buyer)
        } else {
            (buyer, seller)
        };
        let sends = self.represents(ask.member, own);
        ensure!(sends, "member {} sends for neither side", ask.member);
        if self.account(own)?.threshold > 1 {
            // Whoever could count for the other side too is left for it while there is somebody else.
            let alone = |books: &Self, member| {
                books.represents(member, own) && !books.represents(member, other)
            };
            if self.endorser(ask, alone).is_some() {
                self.second(ask, alone)?;
            } else {
                self.second(ask, |books, member| books.represents(member, own))?;
            }
        }
        self.second(ask, |books, member| {
            books.represents(member, other) && books.roles_of(member) & TRADER != 0
        })?;
        if self.account(other)?.threshold > 1 {
            self.second(ask, |books, member| books.represents(member, other))?;
        }
        Ok(())
    }
}
