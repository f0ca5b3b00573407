//! What the exchange's tables beside the books must hold: rules of block trades, sales with their bids, and what sales came to.

use super::super::Books;
use super::super::entries::{Bytes, Entries};

impl Books {
    pub(super) fn sale_entries(&self, out: &mut Entries) {
        let exchange = &self.exchange;
        out.table(4, 2);
        for (id, rule) in &exchange.block_rules {
            let value = Bytes::new().u64(rule.quantity_min);
            let value = value.option(rule.band, |b, (low, high)| b.i64(low).i64(high));
            out.add(Bytes::new().u32(*id), value);
        }
        for (number, sale) in &exchange.sales {
            out.table(4, 3);
            let value = Bytes::new()
                .u64(sale.seller)
                .u32(sale.instrument)
                .u64(*number)
                .u64(sale.volume)
                .u64(sale.lot)
                .i64(sale.tick)
                .i64(sale.reserve)
                .u64(sale.opens)
                .u64(sale.closes)
                .u32(sale.bids_max)
                .u64(sale.account_max)
                .u32(sale.account_bids_max)
                .count(sale.bids.len());
            out.add(Bytes::new().u64(*number), value);
            out.table(4, 4);
            let instrument = &self.units.instruments[&sale.instrument];
            for ((account, bid_number), bid) in &sale.bids {
                let key = Bytes::new().u64(*number).u64(*account).u64(*bid_number);
                let cost = instrument.worth(bid.quantity, bid.price);
                let value = Bytes::new().i64(bid.price).u64(bid.quantity).money(cost);
                out.add(key, value);
            }
        }
        out.table(4, 5);
        for (number, ended) in &exchange.ended {
            let value = Bytes::new()
                .u64(ended.seller)
                .u32(ended.instrument)
                .u64(ended.volume)
                .u64(ended.time)
                .u32(ended.bids)
                .u32(ended.winners);
            let value = match ended.result {
                Ok((price, paid)) => value.u8(0).i64(price).money(paid),
                Err(reason) => value.u8(1).u8(reason),
            };
            out.add(Bytes::new().u64(*number), value);
        }
    }
}
