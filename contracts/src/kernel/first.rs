//! What entries were before the block first wrote them, each once, in no order.

use std::hash::Hash;

use super::index::Index;

/// First values by key.
#[derive(Debug, Clone)]
pub(crate) struct First<K, V> {
    index: Index,
    all: Vec<(K, V)>,
}

impl<K: Copy + Eq + Hash, V> First<K, V> {
    /// Keeps `was` unless the entry was noted before in this block. Cost: a look-up.
    #[inline]
    pub(crate) fn note(&mut self, key: K, was: impl FnOnce() -> V) {
        let tag = self.index.tag(&key);
        let same = |at: u32| self.all[at as usize].0 == key;
        if self.index.find(tag, same).is_none() {
            let at = u32::try_from(self.all.len()).expect("below 2^32 entries change");
            self.index.insert(tag, at);
            self.all.push((key, was()));
        }
    }

    /// What was noted of an entry.
    #[inline]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let same = |at: u32| self.all[at as usize].0 == *key;
        let at = self.index.find(self.index.tag(key), same)?;
        Some(&self.all[at as usize].1)
    }

    /// Forgets everything noted and begins anew.
    pub(crate) fn forget(&mut self) {
        self.drain(|_, _| ());
    }

    /// Gives out everything noted and begins anew.
    pub(crate) fn drain(&mut self, each: impl FnMut(K, V)) {
        let mut each = each;
        self.all.drain(..).for_each(|(key, was)| each(key, was));
        self.index.clear();
    }
}

impl<K, V> Default for First<K, V> {
    fn default() -> Self {
        Self {
            index: Index::new(),
            all: Vec::new(),
        }
    }
}
