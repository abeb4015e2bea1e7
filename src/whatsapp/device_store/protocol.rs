//! WhatsApp's own bookkeeping. A table of contents: each subject's statements are in its own file.

use async_trait::async_trait;
use entity::group_metadata;
use sea_orm::EntityTrait;
use wacore::store::error::Result;
use wacore::store::traits::{
    DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
};

use super::{DeviceStore, base_key, clean, device_list, lid_mapping, pending_inbound, rows, sender_key_device};
use super::{sent_message, tc_token};

#[async_trait]
impl ProtocolStore for DeviceStore {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        sender_key_device::of_group(self, group_jid).await
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        sender_key_device::store(self, group_jid, entries).await
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        sender_key_device::clear_group(self, group_jid).await
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        sender_key_device::remove(self, device_jids).await
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        sender_key_device::clear(self).await
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        lid_mapping::find(self, lid).await
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        lid_mapping::find_by_phone_number(self, phone).await
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        lid_mapping::store(self, std::slice::from_ref(entry)).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        lid_mapping::store(self, entries).await
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        lid_mapping::all(self).await
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        base_key::store(self, address, message_id, base_key).await
    }

    async fn has_same_base_key(&self, address: &str, message_id: &str, current_base_key: &[u8]) -> Result<bool> {
        base_key::is_same(self, address, message_id, current_base_key).await
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        base_key::remove(self, address, message_id).await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        device_list::store(self, vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        device_list::store(self, records).await
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        device_list::find(self, user).await
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        device_list::remove(self, user).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        let row =
            group_metadata::Entity::find_by_id(self.key(group_jid)).one(self.read()).await.map_err(self.failed())?;
        Ok(row.map(|row| row.data))
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        use group_metadata::{ActiveModel, Column, Model};
        let row = Model { session_id: self.session.clone(), group_jid: clean(group_jid), data: blob.to_vec() };
        let rule = rows::replace([Column::SessionId, Column::GroupJid], [Column::Data]);
        rows::upsert::<ActiveModel, _>(self, vec![row], rule).await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        group_metadata::Entity::delete_by_id(self.key(group_jid))
            .exec(&*self.write().await?)
            .await
            .map_err(self.failed())?;
        Ok(())
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        tc_token::find(self, jid).await
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        tc_token::store(self, jid, entry.clone()).await
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        tc_token::remove(self, jid).await
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        tc_token::jids(self).await
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        tc_token::remove_expired(self, token_cutoff, sender_cutoff).await
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        tc_token::advance_sender(self, jid, sender_timestamp).await
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        tc_token::receive(self, jid, token, token_timestamp).await
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        sent_message::store(self, chat_jid, message_id, payload).await
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        sent_message::take(self, chat_jid, message_id).await
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        sent_message::remove_expired(self, cutoff_timestamp).await
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        pending_inbound::store(self, &[PendingInboundRow { chat, sender, id, message }]).await
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        pending_inbound::store(self, rows).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        pending_inbound::find(self, PendingInboundKey { chat, sender, id }).await
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        pending_inbound::remove(self, &[PendingInboundKey { chat, sender, id }]).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        pending_inbound::remove(self, keys).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        pending_inbound::remove_expired(self, cutoff_timestamp).await
    }
}
