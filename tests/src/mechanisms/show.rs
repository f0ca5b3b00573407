//! The rows as a table, as comma-separated values and as pictures.

use std::fmt::Write as _;
use std::path::Path;

use bds_node::security::picture::{Curve, Picture, Scale};

use super::{Mechanism, Row};

/// A table for people.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<5} {:>4} {:>15} {:>15} {:>15} {:>10} {:>8} {:>16}  bound\n",
        "",
        "n",
        "final ms, mean",
        "99 of 100",
        "messages/block",
        "tolerates",
        "stale %",
        "core ms/block"
    );
    for row in rows {
        let measured = if row.mechanism.is_measured() {
            " (measured on this ledger's core)"
        } else {
            ""
        };
        let line = writeln!(
            text,
            "{:<5} {:>4} {:>15.0} {:>15.0} {:>15.0} {:>10} {:>8.2} {:>16.2}  {}{measured}",
            row.mechanism.name(),
            row.nodes,
            row.final_ms.0,
            row.final_ms.1,
            row.messages,
            row.mechanism.tolerates(row.nodes),
            row.stale * 100.0,
            row.core_ms,
            row.mechanism.bound(),
        );
        line.expect("writing to memory cannot fail");
    }
    text.push_str(
        "Models but for PBFT, which is the product's; links of 20 to 80 ms, nobody fails, no bandwidth and no queues in the models.\n",
    );
    text
}

/// Writes `consensus.csv`, and `final`, `messages` and `cores` as pictures.
///
/// - `rows`: of each mechanism with the number of validators rising.
///
/// # Errors
/// When a file cannot be written.
pub fn write(rows: &[Row], folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut csv = "mechanism,nodes,measured,final_ms_mean,final_ms_p99,messages_per_block,tolerates,core_ms_per_block,stale\n".to_owned();
    for row in rows {
        csv.push_str(&format!(
            "{},{},{},{:.3},{:.3},{:.3},{},{:.3},{:.5}\n",
            row.mechanism.name(),
            row.nodes,
            row.mechanism.is_measured(),
            row.final_ms.0,
            row.final_ms.1,
            row.messages,
            row.mechanism.tolerates(row.nodes),
            row.core_ms,
            row.stale
        ));
    }
    std::fs::write(folder.join("consensus.csv"), csv)?;
    type Figure = fn(&Row) -> f64;
    let pictures: [(&str, &str, &str, Figure); 3] = [
        (
            "final",
            "How long until nothing is taken back",
            "ms, mean",
            |row| row.final_ms.0,
        ),
        (
            "messages",
            "Messages for a block that stays",
            "messages",
            |row| row.messages,
        ),
        (
            "cores",
            "What all cores spend on a block that stays",
            "core ms",
            |row| row.core_ms,
        ),
    ];
    for (file, title, up, figure) in pictures {
        let curve = |mechanism: Mechanism| Curve {
            name: mechanism.name().to_owned(),
            points: rows
                .iter()
                .filter(|row| row.mechanism == mechanism)
                .map(|row| (u32::try_from(row.nodes).unwrap_or(u32::MAX), figure(row)))
                .collect(),
        };
        let curves = Mechanism::ALL.map(curve);
        let picture = Picture {
            title,
            across: "validators",
            up,
            scale: Scale::Decades,
            curves: &curves,
        };
        for end in ["svg", "png"] {
            picture.write(&folder.join(file).with_extension(end))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_in_every_form() {
        let row = |nodes, messages| Row {
            mechanism: Mechanism::Dbft,
            nodes,
            final_ms: (250.0, 300.25),
            messages,
            core_ms: 1.5,
            stale: 0.0,
        };
        let rows = [row(4, 27.0), row(7, 90.0)];
        let dir = tempfile::tempdir().expect("a folder");
        write(&rows, dir.path()).expect("it is written");
        let read = |name: &str| std::fs::read(dir.path().join(name)).expect(name);
        let csv = String::from_utf8(read("consensus.csv")).expect("text");
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[1],
            "DBFT,4,false,250.000,300.250,27.000,1,1.500,0.00000"
        );
        for name in ["final", "messages", "cores"] {
            assert!(read(&format!("{name}.svg")).starts_with(b"<svg"), "{name}");
            assert!(
                read(&format!("{name}.png")).starts_with(b"\x89PNG"),
                "{name}"
            );
        }
        let shown = table(&rows);
        assert!(
            shown.contains("DBFT     7") && shown.contains(" 90 "),
            "{shown}"
        );
    }
}
