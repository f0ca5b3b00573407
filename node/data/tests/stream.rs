//! CIM/XML from reader to writer: memory does not grow with the file. Alone in its program, since it looks at all of its memory.

use std::io::Read;

use bds_data::cim_xml::{Reader, Writer};
use bds_data::model::Names;

/// A file of so many objects, made while it is read.
struct Objects {
    left: u32,
    text: Vec<u8>,
    ended: bool,
}

impl Read for Objects {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.text.is_empty() && self.left > 0 {
            self.left -= 1;
            let id = self.left;
            let text = format!(
                "<cim:Terminal rdf:ID=\"_{id}\"><cim:Terminal.name>T {id}</cim:Terminal.name><cim:Terminal.Node rdf:resource=\"#_n{id}\"/></cim:Terminal>\n"
            );
            self.text = text.into_bytes();
        } else if self.text.is_empty() && !std::mem::replace(&mut self.ended, true) {
            self.text = b"</rdf:RDF>".to_vec();
        }
        let amount = into.len().min(self.text.len());
        into[..amount].copy_from_slice(&self.text[..amount]);
        self.text.drain(..amount);
        Ok(amount)
    }
}

/// Most memory this program ever had, in KiB; none where the system does not say.
fn memory_max() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn stream(objects: u32) -> u64 {
    let head = b"<rdf:RDF xmlns:cim=\"http://iec.ch/TC57/CIM100#\" xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">";
    let file = Objects {
        left: objects,
        text: head.to_vec(),
        ended: false,
    };
    let mut reader = Reader::new(file, None, Names::default()).expect("a file");
    let mut writer = Writer::new(std::io::sink(), reader.names()).expect("a sink");
    let mut count = 0;
    while let Some(statement) = reader.next().expect("an object") {
        writer
            .write(&statement.object, reader.names())
            .expect("written");
        count += 1;
    }
    writer.finish().expect("written");
    count
}

#[test]
fn memory_does_not_grow_with_the_file() {
    assert_eq!(stream(1_000), 1_000);
    let before = memory_max();
    assert_eq!(stream(20_000), 20_000);
    // 3 MB went through. Kept, they would take more than that.
    if let (Some(before), Some(after)) = (before, memory_max()) {
        assert!(after - before < 2_048, "{before} KiB before, {after} after");
    }
}
