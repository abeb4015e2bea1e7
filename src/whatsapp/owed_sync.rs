//! Syncs of the app state that the library owes: of a change that is announced while another sync of the same collection runs,
//! it takes that one to bring it, though that may have been answered before.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::Mutex;
use whatsapp_rust::Client;
use whatsapp_rust::sync_task::MajorSyncTask;
use whatsapp_rust::wacore::appstate::patch_decode::WAPatchName;
use whatsapp_rust::wacore::runtime::Runtime as _;

use crate::whatsapp::runtime::ClientRuntime;

/// The collections that are to be synced once more, and how often that was found. One task each, which ends with the client.
#[derive(Clone, Default)]
pub(super) struct OwedSyncs(Arc<Mutex<HashMap<WAPatchName, u64>>>);

impl OwedSyncs {
    /// The library skipped a sync of these collections.
    pub(super) fn skipped(&self, collections: &[String], client: &Arc<Client>, runtime: &ClientRuntime) {
        for collection in collections.iter().filter_map(|name| WAPatchName::from_str(name).ok()) {
            match self.0.lock().entry(collection) {
                Entry::Occupied(mut owed) => *owed.get_mut() += 1,
                Entry::Vacant(none) => {
                    none.insert(1);
                    runtime.spawn_detached(Box::pin(self.clone().catch_up(collection, Arc::clone(client))));
                }
            }
        }
    }

    async fn catch_up(self, name: WAPatchName, client: Arc<Client>) {
        let mut done = None;
        while let Some(found) = self.open(name, done) {
            // It waits for the sync that runs, and sees to itself if it fails.
            client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync: false }).await;
            done = Some(found);
        }
    }

    /// How often it was found that a collection is to be synced; None if that was done as often.
    fn open(&self, name: WAPatchName, done: Option<u64>) -> Option<u64> {
        let mut owed = self.0.lock();
        let found = owed.get(&name).copied().filter(|found| Some(*found) != done);
        if found.is_none() {
            owed.remove(&name);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_while_it_is_made_good_is_made_good_once_more() {
        let (owed, name) = (OwedSyncs::default(), WAPatchName::RegularLow);
        owed.0.lock().insert(name, 1);
        assert_eq!(owed.open(name, None), Some(1));
        owed.0.lock().insert(name, 2);
        assert_eq!(owed.open(name, Some(1)), Some(2));
        assert_eq!(owed.open(name, Some(2)), None);
        assert!(owed.0.lock().is_empty());
    }
}
