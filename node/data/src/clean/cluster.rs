//! Which rows are one thing: whatever is linked, however many steps away, unless identities speak against it.

use super::block;
use super::schema::Class;
use super::score::{Scorer, Verdict};
use super::table::Row;
use super::{Counts, Doubt};
use crate::fault::DataError;

/// Sets that only grow together (union-find, halving paths, the smaller number leads).
pub(crate) struct Sets(Vec<usize>);

impl Sets {
    pub(crate) fn new(count: usize) -> Self {
        Sets((0..count).collect())
    }

    pub(crate) fn leader(&mut self, mut member: usize) -> usize {
        while self.0[member] != member {
            self.0[member] = self.0[self.0[member]];
            member = self.0[member];
        }
        member
    }

    pub(crate) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.leader(a), self.leader(b));
        self.0[a.max(b)] = a.min(b);
    }
}

/// Rows of one class, put together.
pub(crate) struct Joined {
    /// Places in the rows given, in the order of their contents.
    pub(crate) groups: Vec<Vec<usize>>,
    pub(crate) doubts: Vec<Doubt>,
}

/// Puts together the rows of one class.
pub(crate) fn join(class: &Class, rows: &[&Row], counts: &mut Counts) -> Result<Joined, DataError> {
    let distinct = block::distinct(class, rows);
    let Some(score) = &class.score else {
        let groups = distinct.iter().flatten().map(|row| vec![*row]).collect();
        return Ok(Joined {
            groups,
            doubts: Vec::new(),
        });
    };
    let (pairs, broad) = block::pairs(class, score, rows, &distinct)?;
    counts.compared += pairs.len() as u64;
    counts.broad_blocks += broad;
    let firsts: Vec<&Row> = distinct.iter().map(|alike| rows[alike[0]]).collect();
    let scorer = Scorer::new(class, score, firsts.clone());
    let mut sets = Sets::new(distinct.len());
    let (mut same, mut doubtful) = (Vec::new(), Vec::new());
    for (a, b) in pairs {
        let (a, b) = (a as usize, b as usize);
        match scorer.verdict(a, b) {
            Verdict::Same => same.push((a, b)),
            Verdict::Doubt {
                score_ppm,
                identity,
            } => doubtful.push((a, b, score_ppm, identity)),
            Verdict::Different => {}
        }
    }
    // What identities say comes first, so that a row without one does not bring together what they keep apart.
    same.sort_by_key(|(a, b)| !scorer.share_an_identity(*a, *b));
    let identities = |row| scorer.identities(row);
    let mut known: Vec<Vec<Option<Vec<&str>>>> = (0..distinct.len()).map(identities).collect();
    for (a, b) in same {
        let (first, second) = (sets.leader(a), sets.leader(b));
        if first == second {
            continue;
        }
        let both = known[first].iter().zip(&known[second]);
        let mut told = both.filter_map(|(one, other)| one.as_ref().zip(other.as_ref()));
        if told.any(|(one, other)| one != other) {
            doubtful.push((a, b, scorer.alike(a, b).unwrap_or(0), true));
            continue;
        }
        counts.joined += 1;
        sets.join(a, b);
        let (kept, gone) = (first.min(second), first.max(second));
        let gone = std::mem::take(&mut known[gone]);
        for (kept, gone) in known[kept].iter_mut().zip(gone) {
            *kept = kept.take().or(gone);
        }
    }
    // What other links decided is no doubt any more, unless identities speak against it.
    doubtful.retain(|(a, b, _, identity)| *identity || sets.leader(*a) != sets.leader(*b));
    doubtful.sort_by_key(|(a, b, score_ppm, _)| (std::cmp::Reverse(*score_ppm), *a, *b));
    let doubt = |(a, b, score_ppm, identity): &(usize, usize, u32, bool)| {
        doubt(class, firsts[*a], firsts[*b], *score_ppm, *identity)
    };
    Ok(Joined {
        doubts: doubtful.iter().map(doubt).collect(),
        groups: groups(&scorer, &distinct, &mut sets),
    })
}

/// Groups in the order of the smallest distinct row of each. Equal rows are one thing only where their values are enough to say so.
fn groups(scorer: &Scorer<'_>, distinct: &[Vec<usize>], sets: &mut Sets) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); distinct.len()];
    let mut alone = Vec::new();
    for (place, alike) in distinct.iter().enumerate() {
        let leader = sets.leader(place);
        if alike.len() > 1 && scorer.verdict(place, place) != Verdict::Same {
            // What is too little for a row and its like is too little for any other row as well, so nothing is linked to them.
            alone.extend(alike.iter().map(|row| (leader, *row)));
        } else {
            groups[leader].extend(alike);
        }
    }
    let mut numbered: Vec<(usize, Vec<usize>)> = groups
        .into_iter()
        .enumerate()
        .filter(|(_, group)| !group.is_empty())
        .collect();
    numbered.extend(alone.into_iter().map(|(leader, row)| (leader, vec![row])));
    numbered.sort_by_key(|(leader, _)| *leader);
    numbered.into_iter().map(|(_, group)| group).collect()
}

fn doubt(class: &Class, a: &Row, b: &Row, score_ppm: u32, identity: bool) -> Doubt {
    let values = |row: &Row| {
        let places = 0..class.properties.len();
        places
            .map(|place| row.value(place).map(|value| value.text.clone()))
            .collect()
    };
    Doubt {
        class: class.name.clone(),
        score_ppm,
        why: if identity { "identity" } else { "alike" },
        lines: [a.line, b.line],
        values: [values(a), values(b)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_joins_does_not_matter() {
        let joins = [(0, 5), (3, 4), (5, 3), (1, 2)];
        let result = |order: &[usize]| {
            let mut sets = Sets::new(7);
            for join in order {
                sets.join(joins[*join].0, joins[*join].1);
            }
            (0..7).map(|member| sets.leader(member)).collect::<Vec<_>>()
        };
        let expected = vec![0, 1, 1, 0, 0, 0, 6];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            assert_eq!(result(&order), expected);
        }
    }
}
