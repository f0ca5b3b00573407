//! What a recall reaches, and in which block: everything that follows, 256 edges at a time, in the order of names.

use super::super::schedule::When;
use super::super::{Ask, Books, Events, Finding, ensure};
use super::names::Name;
use super::{RETAIL, Recall, number, numbers};

/// Edges of one block.
const EDGES: usize = 256;

impl Books {
    pub(super) fn recall_opened(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let name = Name::read(call.get("goods")).ok_or("judged before")?;
        let recall = self.retail.recalls.len() as u64 + 1;
        let new = Recall {
            goods: name.clone(),
            reason: call.text("reason").to_owned(),
            notice: call.array("notice"),
            time: self.time,
            reached: 0,
            complete: false,
        };
        self.retail.recalls.insert(recall, new);
        let said = [
            ("recall", number(recall)),
            ("goods", name.value()),
            (
                "manufacturer",
                number(self.retail.goods[&name].manufacturer),
            ),
            ("reason", call.get("reason").clone()),
            ("notice", call.get("notice").clone()),
        ];
        events.said("retail.RecallOpened", &said)?;
        self.reach(recall, &name, events)?;
        self.walk_on(recall);
        Ok(())
    }

    fn walk_on(&mut self, recall: u64) {
        let next = When::Height(self.height + 1);
        self.schedule
            .add(next, RETAIL, recall.to_le_bytes().to_vec());
    }

    /// Goods that no recall has reached are marked, and what follows from them waits to be walked.
    pub(super) fn reach(
        &mut self,
        recall: u64,
        name: &Name,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let goods = self
            .retail
            .goods
            .get_mut(name)
            .ok_or("it follows and is gone")?;
        if goods.recall.is_some() {
            return Ok(());
        }
        goods.recall = Some(recall);
        self.retail.to_walk.insert((recall, name.clone()), None);
        let found = self
            .retail
            .recalls
            .get_mut(&recall)
            .ok_or("no such recall")?;
        ensure!(
            !found.complete,
            "recall {recall} is complete and reaches {name:?}"
        );
        found.reached += 1;
        let said = [
            ("recall", number(recall)),
            ("goods", name.value()),
            ("accounts", numbers(&self.concerned(name))),
        ];
        events.said("retail.RecallReached", &said)
    }

    /// A block's part of the walk.
    pub(in crate::auditor) fn recall_walks(
        &mut self,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let recall = data.try_into().map_err(|_| "a number of eight bytes")?;
        let recall = u64::from_le_bytes(recall);
        let mut left = EDGES;
        while left > 0 {
            let mut waiting = self.retail.to_walk.iter();
            let first = waiting.find(|((own, _), _)| *own == recall);
            let Some((name, behind)) = first.map(|((_, name), last)| (name.clone(), last.clone()))
            else {
                return self.recall_ends(recall, events);
            };
            let follows = self.follows(&name, behind.as_ref());
            let next: Vec<Name> = follows.into_iter().take(left).collect();
            for one in &next {
                self.reach(recall, one, events)?;
            }
            let key = (recall, name);
            if next.len() < left {
                self.retail.to_walk.remove(&key);
            } else {
                self.retail.to_walk.insert(key, next.last().cloned());
            }
            left -= next.len().max(1);
        }
        self.walk_on(recall);
        Ok(())
    }

    /// What follows from goods, by name, behind the last that was walked.
    fn follows(&self, name: &Name, behind: Option<&Name>) -> Vec<Name> {
        let is_behind = |one: &&Name| behind.is_none_or(|behind| behind < *one);
        let goods = self.retail.goods.iter();
        let inside =
            goods.filter(|(_, goods)| name.kind == 2 && goods.container == Some(name.code));
        let inside = inside.map(|(one, _)| one);
        let made = self.retail.made.iter().filter(|(from, _)| from == name);
        let made = made.map(|(_, into)| into);
        inside.chain(made).filter(is_behind).cloned().collect()
    }

    fn recall_ends(&mut self, recall: u64, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let found = self
            .retail
            .recalls
            .get_mut(&recall)
            .ok_or("no such recall")?;
        found.complete = true;
        let said = [
            ("recall", number(recall)),
            ("reached", number(found.reached)),
        ];
        events.said("retail.RecallComplete", &said)?;
        // S8, over everything: nothing that follows from what this recall reached is left out.
        for (name, goods) in &self.retail.goods {
            let unit = goods.container.map(Name::unit);
            let sources = self.retail.made.iter().filter(|(_, into)| into == name);
            let mut sources = sources.map(|(from, _)| from).chain(&unit);
            let follows = sources.any(|from| {
                let from = self.retail.goods.get(from);
                from.is_some_and(|from| from.recall == Some(recall))
            });
            ensure!(
                !follows || goods.recall.is_some(),
                "recall {recall} is complete and did not reach {name:?}"
            );
        }
        Ok(())
    }
}
