//! What the tables of flexibility must hold.

use super::super::Books;
use super::super::entries::{Bytes, Entries};
use super::super::flexibility::{Said, Span};

fn put_span(bytes: Bytes, span: Span) -> Bytes {
    bytes.u64(span.start).u8(span.minutes).u8(span.isps)
}

fn put_powers(bytes: Bytes, powers: &[i128]) -> Bytes {
    let all = powers.iter();
    all.fold(bytes.count(powers.len()), |bytes, power| {
        bytes.money(*power)
    })
}

fn put_meters(bytes: Bytes, meters: &[u64]) -> Bytes {
    let all = meters.iter();
    all.fold(bytes.count(meters.len()), |bytes, meter| bytes.u64(*meter))
}

fn put_said(one: &Said) -> Bytes {
    put_powers(
        put_span(Bytes::new(), one.span).u64(one.number),
        &one.powers,
    )
}

fn day((point, aggregator, start): (u32, u64, u64)) -> Bytes {
    Bytes::new().u32(point).u64(aggregator).u64(start)
}

impl Books {
    pub(super) fn flexibility_tables(&self, out: &mut Entries) {
        let flexibility = &self.flexibility;
        out.table(12, 1);
        for (id, one) in &flexibility.points {
            let value = Bytes::new()
                .u32(one.grid)
                .u64(one.account)
                .put(&one.currency)
                .u8(one.minutes)
                .text(&one.address)
                .text(&one.zone)
                .u32(one.penalty);
            out.add(Bytes::new().u32(*id), value);
        }
        for (meter, one) in &flexibility.connections {
            let here = Bytes::new().u32(one.point).u64(one.aggregator);
            out.table(12, 2);
            let value = here.clone().u64(one.from).u64(one.until).u64(one.bound);
            out.add(Bytes::new().u64(*meter), value);
            out.table(12, 3);
            out.add(here.u64(*meter), Bytes::new());
        }
        out.table(12, 4);
        for (key, one) in &flexibility.prognoses {
            let value = put_meters(put_said(one), &one.meters);
            out.add(day(*key), value.u64(one.trigger));
        }
        out.table(12, 5);
        for (key, one) in &flexibility.reservations {
            out.add(day(*key), put_said(one));
        }
        out.table(12, 12);
        for (key, number) in &flexibility.replaced {
            out.add(day(*key), Bytes::new().u64(*number));
        }
        self.traded_flexibility(out);
    }

    fn traded_flexibility(&self, out: &mut Entries) {
        let flexibility = &self.flexibility;
        for (number, one) in &flexibility.requests {
            let here = Bytes::new().u32(one.point).u64(one.aggregator);
            out.table(12, 6);
            let value = put_span(here.clone(), one.span).u64(one.expires);
            let value = value.bool(one.accepted).count(one.bounds.len());
            let bounds = one.bounds.iter();
            let value = bounds.fold(value, |bytes, (least, most, need)| {
                bytes.money(*least).money(*most).u8(*need)
            });
            out.add(Bytes::new().u64(*number), value);
            out.table(12, 7);
            out.add(here.u64(*number), Bytes::new());
        }
        for (number, one) in &flexibility.offers {
            out.table(12, 8);
            let value = Bytes::new()
                .u64(one.request)
                .u32(one.point)
                .u64(one.aggregator);
            let value = put_span(value, one.span)
                .u64(one.expires)
                .bool(one.accepted);
            let options = one.options.iter();
            let value = options.fold(value.count(one.options.len()), |bytes, option| {
                let (price, least, powers) = option;
                put_powers(bytes.money(*price).u32(*least), powers)
            });
            out.add(Bytes::new().u64(*number), value);
            out.table(12, 9);
            out.add(Bytes::new().u64(one.request).u64(*number), Bytes::new());
        }
        for (number, one) in &flexibility.orders {
            let here = Bytes::new().u32(one.point).u64(one.aggregator);
            out.table(12, 10);
            let value = put_span(here.clone(), one.span).money(one.price);
            let value = put_powers(put_powers(value, &one.foreseen), &one.powers);
            let value = put_meters(value, &one.meters);
            let value = value.option(one.settled, |bytes, (ordered, delivered, paid)| {
                bytes.money(ordered).money(delivered).money(paid)
            });
            out.add(Bytes::new().u64(*number), value);
            out.table(12, 11);
            out.add(here.u64(one.span.start).u64(*number), Bytes::new());
        }
    }
}
