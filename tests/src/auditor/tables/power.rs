//! What the tables of power must hold.

use super::super::Books;
use super::super::entries::{Bytes, Entries};
use super::super::power::{Block, Clearing, Stage, curve_aside};

fn put_block(one: &Block) -> Bytes {
    Bytes::new()
        .u8(one.side)
        .u8(one.first)
        .u8(one.count)
        .money(one.energy)
        .money(one.price)
        .u32(one.least_ppm)
        .option(one.parent, Bytes::u32)
        .option(one.group, Bytes::u32)
}

fn put_clearing(bytes: Bytes, one: Clearing) -> Bytes {
    let bytes = bytes.u64(one.ready);
    let bytes = bytes.option(one.beacon, |bytes, beacon| bytes.put(&beacon));
    match one.stage {
        Stage::Admit(from) => bytes.u8(0).u64(from),
        // The search has not begun: it ends in the block in which it does.
        Stage::Select => bytes.u8(1).u8(0),
        Stage::Settle(interval) => bytes.u8(2).u8(interval),
        Stage::Pay => bytes.u8(3),
    }
}

impl Books {
    pub(super) fn power_tables(&self, out: &mut Entries) {
        let power = &self.power;
        for (number, one) in &power.sessions {
            let (steps, blocks, accounts) = self.order_counts(*number, one);
            out.table(11, 1);
            let value = Bytes::new()
                .u32(one.zone)
                .u64(one.start)
                .u8(one.intervals)
                .u64(one.gate)
                .u32(one.operator)
                .money(one.lowest)
                .money(one.highest)
                .u32(one.tick)
                .money(one.lot)
                .put(&one.currency)
                .u32(one.steps_max)
                .u32(one.blocks_max)
                .u32(one.account_blocks_max)
                .u8(one.phase)
                .count(steps)
                .count(blocks)
                .count(accounts);
            out.add(Bytes::new().u64(*number), value);
            out.table(11, 2);
            let day = Bytes::new().u32(one.zone).u64(one.start);
            out.add(day, Bytes::new().u64(*number));
        }
        out.table(11, 3);
        for (number, one) in &power.waiting {
            let value = Bytes::new().option(*one, put_clearing);
            out.add(Bytes::new().u64(*number), value);
        }
        out.table(11, 4);
        for ((session, interval, account, side), steps) in &power.curves {
            let key = Bytes::new().u64(*session).u8(*interval);
            let value = steps
                .iter()
                .fold(Bytes::new().count(steps.len()), |bytes, (price, energy)| {
                    bytes.money(*price).money(*energy)
                });
            let value = value.money(curve_aside(*side, steps));
            out.add(key.u64(*account).u8(*side), value);
        }
        self.block_entries(out);
        out.table(11, 7);
        for ((session, interval), (price, energy)) in &power.prices {
            let value = Bytes::new().money(*price).money(*energy);
            out.add(Bytes::new().u64(*session).u8(*interval), value);
        }
        out.table(11, 8);
        for ((session, account, interval, side), (energy, amount)) in &power.awards {
            let key = Bytes::new().u64(*session).u64(*account);
            let value = Bytes::new().money(*energy).money(*amount);
            out.add(key.u8(*interval).u8(*side), value);
        }
        out.table(11, 10);
        for number in &power.forgotten {
            out.add(Bytes::new().u64(*number), Bytes::new());
        }
    }

    fn block_entries(&self, out: &mut Entries) {
        let power = &self.power;
        for ((session, account, number), one) in &power.blocks {
            let key = Bytes::new().u64(*session).u64(*account).u32(*number);
            let value = put_block(one);
            match one.outcome {
                None => {
                    out.table(11, 5);
                    let value = value.money(one.aside()).u8(one.standing);
                    out.add(key, value.bool(one.tried).money(one.amount));
                }
                Some((outcome, energy)) => {
                    out.table(11, 9);
                    out.add(key, value.u8(outcome).money(energy).money(one.amount));
                }
            }
        }
        out.table(11, 6);
        for number in power.sessions.keys() {
            let mut accounts = self.accounts_in(*number);
            let known = power.parts.range((*number, 0)..=(*number, u64::MAX));
            accounts.extend(known.map(|((_, account), _)| *account));
            accounts.sort_unstable();
            accounts.dedup();
            for account in accounts {
                // Of a session that is being forgotten nothing is worked out from what is left.
                if power.forgotten.contains(number)
                    && !power.parts.contains_key(&(*number, account))
                {
                    continue;
                }
                let part = self.part(*number, account);
                let value = Bytes::new()
                    .count(part.curves)
                    .count(part.steps)
                    .count(part.blocks)
                    .money(part.aside)
                    .money(part.bought)
                    .money(part.sold)
                    .put(&part.amount.to_le_bytes());
                out.add(Bytes::new().u64(*number).u64(account), value);
            }
        }
    }
}
