//! Records as entries of the state.

use super::super::Books;
use super::super::entries::{Bytes, Entries};
use super::super::records::{OPEN, RECORDS};

/// How long a record stays behind its end: 400 days.
const LIFE: u64 = 34_560_000_000;

impl Books {
    pub(super) fn record_entries(&self, out: &mut Entries) {
        let records = &self.records;
        out.table(RECORDS, 1);
        for (account, (key, count, since)) in &records.keys {
            let value = Bytes::new().put(key).u32(*count).u64(*since);
            out.add(Bytes::new().u64(*account), value);
        }
        out.table(RECORDS, 2);
        for (account, last) in &records.last {
            let held = records.held(*account);
            out.add(
                Bytes::new().u64(*account),
                Bytes::new().u64(*last).count(held),
            );
        }
        for ((owner, number), record) in &records.all {
            let key = Bytes::new().u64(*owner).u64(*number);
            out.table(RECORDS, 3);
            let value = Bytes::new()
                .text(&record.class)
                .u8(record.kind)
                .u8(record.cover);
            let value = value
                .u32(record.last)
                .put(&record.head)
                .count(record.readers.len());
            let value = value.u64(record.created).u8(record.phase).u64(record.since);
            out.add(key.clone(), value);
            out.table(RECORDS, 4);
            for (place, version) in &record.versions {
                let value = Bytes::new().put(&version.root).put(&version.content_hash);
                let value = value
                    .put(&version.body_hash)
                    .u16(version.slices)
                    .u64(version.length);
                let value = value.bool(version.inline).u64(version.time);
                out.add(key.clone().u32(*place), value);
            }
            out.table(RECORDS, 5);
            for (account, reader) in &record.readers {
                let value = Bytes::new()
                    .u32(reader.version)
                    .put(&reader.key)
                    .blob(&reader.wrap);
                let value = value.u64(reader.given).option(reader.withdrawn, Bytes::u64);
                out.add(key.clone().u64(*account), value);
            }
            if record.phase != OPEN {
                out.table(RECORDS, 6);
                let over = record.since + LIFE;
                out.add(
                    Bytes::new().u64(*owner).u64(over).u64(*number),
                    Bytes::new(),
                );
            }
        }
    }
}
