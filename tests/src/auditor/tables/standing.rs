//! Standing instructions as entries of the state.

use std::collections::BTreeMap;

use super::super::Books;
use super::super::entries::{Bytes, Entries};
use super::super::schedule::When;
use super::super::standing::{STANDING, Wait};

impl Books {
    pub(super) fn instruction_entries(&self, out: &mut Entries) {
        let mut states: BTreeMap<u32, u32> = BTreeMap::new();
        for (number, one) in &self.standing {
            out.table(STANDING, 1);
            let value = Bytes::new().u32(one.member).u64(one.account).u64(one.since);
            let value = wait(value, one.wait).u32(one.left).u64(one.until);
            let value = value.option(one.due, |bytes, (when, trigger)| {
                let bytes = match when {
                    When::Time(at) => bytes.u8(0).u64(at),
                    When::Height(at) => bytes.u8(1).u64(at),
                };
                bytes.u64(trigger)
            });
            out.add(Bytes::new().u64(*number), value.blob(&one.calls));
            out.table(STANDING, 2);
            out.add(Bytes::new().u32(one.member).u64(*number), Bytes::new());
            // One that has come up hears nothing until it ran.
            let hears = one.due.is_none();
            if let (Wait::Event(module, event), true) = (one.wait, hears) {
                out.table(STANDING, 3);
                let key = Bytes::new().u16(module).u16(event).u64(one.account);
                out.add(key.u64(*number), Bytes::new());
            }
            if one.wait.is_state() && hears {
                out.table(STANDING, 4);
                out.add(Bytes::new().u64(*number), Bytes::new());
                *states.entry(one.member).or_default() += 1;
            }
        }
        out.table(STANDING, 5);
        for (member, count) in states {
            out.add(Bytes::new().u32(member), Bytes::new().u32(count));
        }
    }
}

fn wait(bytes: Bytes, wait: Wait) -> Bytes {
    match wait {
        Wait::Time(time) => bytes.u8(0).u64(time),
        Wait::Height(height) => bytes.u8(1).u64(height),
        Wait::Every(next, period) => bytes.u8(2).u64(next).u64(period),
        Wait::Event(module, event) => bytes.u8(3).u16(module).u16(event),
        Wait::Money(currency, bound, amount) => bytes.u8(4).put(&currency).u8(bound).money(amount),
        Wait::Units(instrument, bound, quantity) => {
            bytes.u8(5).u32(instrument).u8(bound).u64(quantity)
        }
        Wait::Price(instrument, bound, price) => bytes.u8(6).u32(instrument).u8(bound).money(price),
    }
}
