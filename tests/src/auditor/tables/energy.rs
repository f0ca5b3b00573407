//! What the tables of energy must hold.

use std::collections::BTreeMap;

use super::super::Books;
use super::super::energy::{Position, Rules};
use super::super::entries::{Bytes, Entries};

fn put_rules(bytes: Bytes, rules: &Rules) -> Bytes {
    let bytes = bytes.u8(rules.ranking).u8(rules.last).u32(rules.tick);
    bytes.money(rules.imbalance)
}

fn put_position(one: &Position) -> Bytes {
    Bytes::new()
        .u64(one.account)
        .u64(one.initiator)
        .u32(one.microgrid)
        .u8(one.role)
        .money(one.energy)
        .money(one.price)
        .money(one.imbalance)
        .money(one.own_aside())
        .money(one.initiator_aside())
        .u8(one.phase)
        .money(one.delivered)
}

impl Books {
    pub(super) fn energy_tables(&self, out: &mut Entries) {
        self.member_entries(out);
        self.plant_entries(out);
        let energy = &self.energy;
        let mut balances = BTreeMap::new();
        for ((start, meter), (wh, quality, version)) in &energy.readings {
            out.table(6, 9);
            let value = Bytes::new().money(*wh).u8(*quality).u16(*version);
            out.add(Bytes::new().u64(*start).u64(*meter), value);
            let grid = energy.resources[meter].microgrid;
            balances.insert((*start, grid), None);
        }
        for (key, declared) in &energy.declared {
            balances.insert(*key, Some(*declared));
        }
        out.table(6, 10);
        for ((start, grid), declared) in balances {
            let (members, readings) = self.members_of_grid(start, grid);
            let value = Bytes::new().money(members).u32(readings);
            let value = value.option(declared, |b, (exchange, loss)| {
                b.money(exchange).money(loss)
            });
            out.add(Bytes::new().u64(start).u32(grid), value);
        }
        out.table(6, 11);
        for ((from, to, currency), amount) in &energy.arrears {
            let key = Bytes::new().u64(*from).u64(*to).put(currency);
            out.add(key, Bytes::new().money(*amount));
        }
    }

    fn member_entries(&self, out: &mut Entries) {
        let energy = &self.energy;
        out.table(6, 1);
        for (id, one) in &energy.microgrids {
            let value = Bytes::new().u64(one.account).put(&one.currency);
            let value = put_rules(value.u8(one.minutes), &one.rules);
            out.add(Bytes::new().u32(*id), value);
        }
        out.table(6, 2);
        for (account, one) in &energy.prosumers {
            let resources = energy.resources.values();
            let resources = resources.filter(|of| of.account == *account).count();
            let sessions = energy.sessions.values();
            let open = sessions.filter(|of| of.initiator == *account && of.phase == 0);
            let value = Bytes::new()
                .u32(one.microgrid)
                .u8(one.kind)
                .bool(one.active)
                .count(resources)
                .count(open.count())
                .money(one.committed)
                .money(one.delivered);
            out.add(Bytes::new().u64(*account), value);
        }
        for (id, one) in &energy.resources {
            out.table(6, 3);
            let value = Bytes::new()
                .u64(one.account)
                .u32(one.microgrid)
                .u32(one.reader)
                .money(one.power_min)
                .money(one.power_max)
                .money(one.capacity)
                .u32(one.efficiency as u32)
                .money(self.charge(*id));
            out.add(Bytes::new().u64(*id), value);
            out.table(6, 4);
            out.add(Bytes::new().u64(one.account).u64(*id), Bytes::new());
        }
    }

    fn plant_entries(&self, out: &mut Entries) {
        let energy = &self.energy;
        for (number, one) in &energy.sessions {
            out.table(6, 5);
            let (offers, total) = match one.phase {
                0 => {
                    let all = self.offers_of(*number);
                    (all.len(), all.iter().map(|(_, offer)| offer.energy).sum())
                }
                _ => one.result,
            };
            let value = Bytes::new()
                .u64(one.initiator)
                .u32(one.microgrid)
                .u8(one.role)
                .option(one.resource, Bytes::u64)
                .money(one.energy)
                .u64(one.start)
                .u8(one.minutes)
                .money(one.price)
                .u64(one.closes)
                .money(one.deposit)
                .put(&one.currency);
            let value = put_rules(value, &one.rules)
                .u32(one.sequence)
                .count(offers)
                .money(total)
                .u8(one.phase);
            out.add(Bytes::new().u64(*number), value);
            out.table(6, 6);
            let key = Bytes::new().u64(one.initiator).u64(one.start).u64(*number);
            out.add(key, Bytes::new());
        }
        out.table(6, 7);
        for ((session, account), one) in &energy.offers {
            let value = Bytes::new()
                .u64(one.resource)
                .money(one.energy)
                .money(one.price)
                .u32(one.score)
                .u64(one.time)
                .u32(one.sequence);
            out.add(Bytes::new().u64(*session).u64(*account), value);
        }
        out.table(6, 8);
        for ((start, meter, session), one) in &energy.positions {
            let key = Bytes::new().u64(*start).u64(*meter).u64(*session);
            out.add(key, put_position(one));
        }
    }
}
