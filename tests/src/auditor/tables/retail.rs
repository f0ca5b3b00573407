//! Retail as entries of the state.

use super::super::Books;
use super::super::entries::{Bytes, Entries};
use super::super::retail::{Goods, Holder, RETAIL, Step};

impl Step {
    pub(in crate::auditor) fn bytes(&self, number: u32) -> Bytes {
        let bytes = Bytes::new().u32(number).u8(self.kind);
        let bytes = bytes.put(&self.from.bytes().0).put(&self.to.bytes().0);
        let bytes = at(bytes.u64(self.time), self.place);
        bytes.put(&self.document)
    }
}

impl Goods {
    fn bytes(&self) -> Bytes {
        let bytes = Bytes::new()
            .u64(self.manufacturer)
            .put(&self.holder.bytes().0);
        let bytes = bytes.u8(self.life).count(self.steps.len()).put(&self.chain);
        let bytes = at(bytes.u64(self.time).u64(self.since), self.place);
        let bytes = bytes.option(self.container, Bytes::u64).u64(self.quantity);
        let bytes = bytes.option(self.recall, Bytes::u64).bool(self.suspect);
        bytes.u8(self.depth).count(self.excursions.len())
    }
}

/// A place, in four bytes each.
fn at(bytes: Bytes, (latitude, longitude): (i64, i64)) -> Bytes {
    let [latitude, longitude] = [latitude, longitude].map(|micro| micro as i32 as u32);
    bytes.u32(latitude).u32(longitude)
}

/// The last eight of all, each with its number from 1.
fn last<T>(all: &[T]) -> impl Iterator<Item = (u32, &T)> {
    let first = all.len().saturating_sub(8);
    (1..).zip(all).skip(first)
}

impl Books {
    pub(super) fn retail_entries(&self, out: &mut Entries) {
        self.product_entries(out);
        self.goods_entries(out);
        self.event_entries(out);
        self.dispute_entries(out);
        out.table(RETAIL, 18);
        for (number, one) in &self.retail.recalls {
            let value = one.goods.bytes().text(&one.reason).put(&one.notice);
            let value = value.u64(one.time).u64(one.reached).bool(one.complete);
            out.add(Bytes::new().u64(*number), value);
        }
        out.table(RETAIL, 19);
        for ((recall, name), behind) in &self.retail.to_walk {
            let value =
                Bytes::new().option(behind.as_ref(), |bytes, name| bytes.put(&name.bytes().0));
            out.add(Bytes::new().u64(*recall).put(&name.bytes().0), value);
        }
        out.table(RETAIL, 23);
        let counted = [self.retail.recalls.len() as u64, self.retail.dispute_last];
        super::add_counters(out, &counted);
    }

    fn product_entries(&self, out: &mut Entries) {
        let retail = &self.retail;
        out.table(RETAIL, 1);
        for (account, (from, to)) in &retail.manufacturers {
            out.add(Bytes::new().u64(*account), Bytes::new().u64(*from).u64(*to));
        }
        out.table(RETAIL, 2);
        for (code, one) in &retail.products {
            let value = Bytes::new().u64(one.owner).u8(one.scheme).u64(one.quota);
            let value = value
                .u64(one.content)
                .u32(one.yield_ppm)
                .bool(one.withdrawn);
            out.add(Bytes::new().u64(*code), value.put(&one.certificate));
        }
        out.table(RETAIL, 3);
        for (code, used) in &retail.used {
            out.add(Bytes::new().u64(*code), Bytes::new().u64(*used));
        }
        out.table(RETAIL, 4);
        for ((code, measure), (low, high)) in &retail.limits {
            let key = Bytes::new().u64(*code).u8(*measure);
            out.add(key, Bytes::new().i64(*low).i64(*high));
        }
        out.table(RETAIL, 5);
        for (member, counts) in &retail.rejects {
            let value = counts
                .iter()
                .fold(Bytes::new(), |bytes, count| bytes.u32(*count));
            out.add(Bytes::new().u32(*member), value);
        }
    }

    fn goods_entries(&self, out: &mut Entries) {
        let retail = &self.retail;
        for (name, goods) in &retail.goods {
            let key = name.bytes();
            out.table(RETAIL, 6);
            out.add(key.clone(), goods.bytes());
            for (number, step) in last(&goods.steps) {
                out.table(RETAIL, 8);
                out.add(key.clone().u8((number % 8) as u8), step.bytes(number));
            }
            for (number, reading) in last(&goods.excursions) {
                out.table(RETAIL, 17);
                out.add(
                    key.clone().u8((number % 8) as u8),
                    Bytes::new().put(reading),
                );
            }
            if let Some(unit) = goods.container {
                out.table(RETAIL, 11);
                out.add(Bytes::new().u64(unit).put(&key.0), Bytes::new());
            }
        }
        out.table(RETAIL, 7);
        for (name, facts) in &retail.facts {
            let value = Bytes::new().text(&facts.name).put(&facts.metadata);
            out.add(name.bytes(), value.u64(facts.registered));
        }
        out.table(RETAIL, 9);
        for (name, offer) in &retail.offers {
            let value = offer.to.bytes().u8(offer.kind).put(&offer.document);
            out.add(name.bytes(), value.u64(offer.until));
        }
        out.table(RETAIL, 10);
        for (name, (proof, sale)) in &retail.proofs {
            out.add(name.bytes(), Bytes::new().put(proof).u32(*sale));
        }
        for (from, into) in &retail.made {
            let (from, into) = (from.bytes(), into.bytes());
            out.table(RETAIL, 12);
            out.add(from.clone().put(&into.0), Bytes::new());
            out.table(RETAIL, 13);
            out.add(into.put(&from.0), Bytes::new());
        }
    }

    fn event_entries(&self, out: &mut Entries) {
        for (id, one) in &self.retail.events {
            out.table(RETAIL, 14);
            let value = Bytes::new().u64(one.account).u64(one.time).u64(one.until);
            let value = value.option(one.wrong.as_ref(), |bytes, all| {
                let all = all.iter();
                all.clone()
                    .fold(bytes.count(all.len()), |bytes, id| bytes.put(id))
            });
            out.add(Bytes::new().put(id), value);
            out.table(RETAIL, 15);
            out.add(Bytes::new().u64(one.until).put(id), Bytes::new());
        }
        out.table(RETAIL, 16);
        for (corrective, wrong) in &self.retail.corrections {
            out.add(Bytes::new().put(corrective), Bytes::new().put(wrong));
        }
    }

    fn dispute_entries(&self, out: &mut Entries) {
        for (number, one) in &self.retail.disputes {
            out.table(RETAIL, 20);
            let value = one.goods.bytes().put(&Holder::bytes(one.claimant).0);
            let value = value.u32(one.sale);
            let value = value.u64(one.respondent).count(one.evidence.len());
            let value = one
                .evidence
                .iter()
                .fold(value, |bytes, piece| bytes.put(piece));
            let value = value
                .u64(one.opened)
                .option(one.verdict.as_ref(), |bytes, verdict| {
                    let bytes = bytes
                        .bool(verdict.upheld)
                        .option(verdict.liable, Bytes::u64);
                    bytes.put(&verdict.document).u64(verdict.until)
                });
            out.add(Bytes::new().u64(*number), value);
            match &one.verdict {
                None => {
                    out.table(RETAIL, 21);
                    out.add(one.goods.bytes().u64(*number), Bytes::new());
                }
                Some(verdict) => {
                    out.table(RETAIL, 22);
                    out.add(Bytes::new().u64(verdict.until).u64(*number), Bytes::new());
                }
            }
        }
    }
}
