//! What the tables of carbon must hold.

use super::super::Books;
use super::super::entries::{Bytes, Entries};
use super::add_counters;

impl Books {
    pub(super) fn carbon_entries(&self, out: &mut Entries) {
        self.contract_entries(out);
        self.duty_entries(out);
        self.credit_entries(out);
        out.table(5, 8);
        let counted = [
            self.carbon.records.len() as u64,
            self.carbon.access_last,
            self.carbon.certificates.len() as u64,
            self.carbon.conversions.len() as u64,
        ];
        add_counters(out, &counted);
    }

    fn contract_entries(&self, out: &mut Entries) {
        let carbon = &self.carbon;
        out.table(5, 1);
        for (id, one) in &carbon.contracts {
            let value = Bytes::new()
                .u64(*id)
                .u64(one.enterprise)
                .u64(one.seller)
                .u64(one.buyer)
                .u32(one.instrument)
                .u64(one.quantity_max)
                .u64(one.emissions_max)
                .u64(one.output_min)
                .u64(one.output_max)
                .u32(one.intensity_max)
                .bool(one.terminated);
            out.add(Bytes::new().u64(*id), value);
        }
        let mut standing = std::collections::BTreeMap::<u32, u32>::new();
        for ((contract, start, end), one) in &carbon.endorsed {
            out.table(5, 2);
            let value = Bytes::new()
                .u64(one.emissions)
                .u64(one.output)
                .u32(one.intensity);
            let key = Bytes::new().u64(*contract).u64(*start).u64(*end);
            out.add(key.clone(), value.u32(one.verifier).u64(one.until));
            out.table(5, 22);
            out.add(Bytes::new().u64(one.until).put(&key.0), Bytes::new());
            *standing.entry(one.verifier).or_default() += 1;
        }
        out.table(5, 23);
        for (verifier, count) in standing {
            out.add(Bytes::new().u32(verifier), Bytes::new().u32(count));
        }
        out.table(5, 3);
        for ((contract, start), (end, record)) in &carbon.periods {
            let key = Bytes::new().u64(*contract).u64(*start);
            out.add(key, Bytes::new().u64(*end).u64(*record));
        }
        for (number, one) in &carbon.records {
            out.table(5, 4);
            let value = Bytes::new()
                .put(&one.data)
                .put(&one.hash)
                .u64(one.time)
                .u32(one.uploader)
                .u32(one.verifier)
                .put(&one.tx);
            out.add(Bytes::new().u64(*number), value);
            out.table(5, 5);
            for found_under in [
                Bytes::new().u8(0).u64(one.contract),
                Bytes::new().u8(1).u64(one.enterprise),
                Bytes::new().u8(2).u64(one.seller),
                Bytes::new().u8(2).u64(one.buyer),
                Bytes::new().u8(3).u32(one.instrument),
                Bytes::new().u8(4).u64(one.time),
                Bytes::new().u8(5).put(&one.tx),
            ] {
                out.add(found_under.u64(*number), Bytes::new());
            }
        }
        for (number, one) in &carbon.accesses {
            out.table(5, 6);
            let value = Bytes::new()
                .u64(one.time)
                .u8(one.by)
                .put(&one.key)
                .bool(one.allowed);
            let records = one.records.iter();
            let value = records.fold(value.count(one.records.len()), |b, record| b.u64(*record));
            out.add(Bytes::new().u32(one.member).u64(*number), value);
            out.table(5, 7);
            let key = Bytes::new().u64(one.time).u64(*number);
            out.add(key, Bytes::new().u32(one.member));
        }
    }

    fn duty_entries(&self, out: &mut Entries) {
        let carbon = &self.carbon;
        out.table(5, 9);
        for (first, last) in &carbon.phases {
            out.add(Bytes::new().u16(*first), Bytes::new().u16(*last));
        }
        out.table(5, 10);
        for (phase, instrument) in &carbon.eligible {
            out.add(Bytes::new().u16(*phase).u32(*instrument), Bytes::new());
        }
        for (id, one) in &carbon.installations {
            out.table(5, 11);
            let value = Bytes::new()
                .u64(one.account)
                .text(&one.permit)
                .u16(one.activity);
            let value = value.u16(one.first_year).u16(one.last_year);
            out.add(Bytes::new().u64(*id), value);
            out.table(5, 12);
            out.add(Bytes::new().u64(one.account), Bytes::new().u64(*id));
        }
        out.table(5, 13);
        for ((id, year), one) in &carbon.years {
            let number = |b: Bytes, number: u64| b.u64(number);
            let value = Bytes::new()
                .option(one.allocated, |b, (instrument, quantity)| {
                    b.u32(instrument).u64(quantity)
                })
                .option(one.verified, number)
                .bool(one.corrected_late)
                .u64(one.surrendered)
                .option(one.status, |b, status| {
                    b.u8(status.code)
                        .u64(status.surrendered)
                        .option(status.verified, number)
                        .bool(status.late)
                });
            out.add(Bytes::new().u64(*id).u16(*year), value);
        }
        out.table(5, 14);
        for (year, (time, trigger)) in &carbon.deadlines {
            out.add(
                Bytes::new().u16(*year),
                Bytes::new().u64(*time).u64(*trigger),
            );
        }
        out.table(5, 15);
        for ((from, to), quantity) in &carbon.banking {
            out.add(
                Bytes::new().u32(*from).u32(*to),
                Bytes::new().u64(*quantity),
            );
        }
    }

    fn credit_entries(&self, out: &mut Entries) {
        let carbon = &self.carbon;
        out.table(5, 16);
        for (id, one) in &carbon.projects {
            let value = Bytes::new()
                .u64(one.account)
                .u64(one.buffer)
                .u32(one.buffer_ppm);
            let value = value.text(&one.programme).text(&one.methodology);
            out.add(Bytes::new().u64(*id), value);
        }
        for ((instrument, start), one) in &carbon.issuances {
            out.table(5, 17);
            let value = Bytes::new().u64(one.end).u64(one.project);
            let value = value.u64(one.vintage.0).u64(one.vintage.1);
            let labels = one.labels.iter();
            let value = labels.fold(value.count(one.labels.len()), |b, label| b.u8(*label));
            let value = value.u64(one.buffer).put(&one.evidence).u64(one.time);
            let key = Bytes::new().u32(*instrument).u64(*start);
            out.add(key.clone(), value);
            out.table(5, 18);
            out.add(Bytes::new().put(&one.evidence), key);
        }
        out.table(5, 19);
        for (number, one) in &carbon.certificates {
            let value = Bytes::new()
                .u64(one.account)
                .u32(one.instrument)
                .u64(one.quantity)
                .blocks(&one.blocks)
                .text(&one.beneficiary)
                .text(&one.reason)
                .u64(one.from)
                .u64(one.to)
                .u64(one.time);
            out.add(Bytes::new().u64(*number), value);
        }
        out.table(5, 20);
        for (number, one) in &carbon.conversions {
            let value = Bytes::new()
                .u64(one.account)
                .u32(one.instrument)
                .u64(one.quantity)
                .blocks(&one.blocks)
                .text(&one.programme)
                .text(&one.reference)
                .u64(one.time);
            out.add(Bytes::new().u64(*number), value);
        }
        out.table(5, 21);
        for ((prefix, start), (end, instrument, first)) in &carbon.imported {
            let value = Bytes::new().u64(*end).u32(*instrument).u64(*first);
            out.add(Bytes::new().text(prefix).u64(*start), value);
        }
    }
}
