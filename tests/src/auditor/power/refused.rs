//! Whether a refusal of power is for a reason that holds.

use super::super::refused::code;
use super::*;

impl Books {
    pub(in super::super) fn is_true_of_power(&self, ask: &Ask<'_>, refusal: u16) -> bool {
        let call = &ask.call;
        let session = || self.power.sessions.get(&call.u64("session"));
        let account = || call.u64("account");
        let block = || (call.u64("session"), account(), call.u32("number"));
        match refusal {
            code::UNKNOWN_POWER_SESSION => session().is_none(),
            code::POWER_SESSION_EXISTS => {
                let (start, end) = (call.u64("start"), call.u64("end"));
                let zone = call.u32("zone");
                let mut all = self.power.sessions.values();
                all.any(|one| one.zone == zone && one.start < end && start < one.end())
            }
            code::GATE_CLOSED => {
                session().is_some_and(|one| one.phase != OPEN || one.gate <= self.time)
            }
            code::DELIVERY_INVALID => session().is_some_and(|one| {
                let (first, count) = (call.u8("first"), call.u8("count"));
                let product = matches!(count, 1 | 2 | 4) && first.is_multiple_of(count);
                one.has(first, count).is_err() || ask.name == "power.submit-curve" && !product
            }),
            code::NOT_SESSION_OPERATOR => session().is_some_and(|one| one.operator != ask.member),
            code::POWER_SESSION_IN_USE => !self.accounts_in(call.u64("session")).is_empty(),
            code::UNKNOWN_CURVE => {
                let (first, count) = (call.u8("first"), call.u8("count"));
                (first..first.saturating_add(count)).any(|interval| {
                    let key = (call.u64("session"), interval, account(), call.u8("side"));
                    !self.power.curves.contains_key(&key)
                })
            }
            code::UNKNOWN_BLOCK_ORDER => !self.power.blocks.contains_key(&block()),
            code::BLOCK_ORDER_LINKED => self.is_linked_to(block()),
            code::CASH_TOO_LOW => {
                let free = session().map(|one| self.free_money(account(), one.currency));
                free.is_some_and(|free| free < self.asks_for(ask))
            }
            _ => true,
        }
    }

    /// What an order would set aside, without what it takes the place of.
    fn asks_for(&self, ask: &Ask<'_>) -> i128 {
        let call = &ask.call;
        let side = call.u8("side");
        if ask.name == "power.submit-curve" {
            let steps = call.list("steps").iter();
            let steps: Vec<(i128, i128)> = steps
                .map(|step| (step.pair().0.number(), step.pair().1.number()))
                .collect();
            return curve_aside(side, &steps) * call.number("count");
        }
        let intervals = call.number("count");
        let paid = if side == BUY { 1 } else { -1 } * call.number("price");
        cost(call.number("energy") * intervals, paid.max(0)) + intervals
    }
}
