//! The link between the account and this device.

use std::time::Duration;

use whatsapp_rust::wacore::iq::devices::RemoveCompanionDeviceSpec;

use crate::error::{Error, ErrorKind, Result};
use crate::whatsapp::client::{Client, OperationKind};
use crate::whatsapp::operation::query_error;

/// WhatsApp is given 5 s to confirm it.
const UNLINK: OperationKind = OperationKind { name: "unlink", limit: Duration::from_secs(5) };

impl Client {
    /// Asks WhatsApp to unlink the device, and waits until that is confirmed, which the library's own way to log out does not tell.
    /// The connection is to be closed next. It is the session's last word, so it waits for no other operation.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`: it was not confirmed. It may be done all the same: WhatsApp ends the connection behind its
    /// answer, and the library may notice the end first.
    pub async fn unlink(&self) -> Result<()> {
        let asked = self.run_at_once(&UNLINK, |library| async move {
            let own = library.pn().filter(|_| library.is_logged_in());
            let own = own.ok_or_else(|| Error::new(ErrorKind::Upstream, "the session is not logged in"))?;
            let asked = library.execute(RemoveCompanionDeviceSpec::new(&own)).await;
            asked.map_err(|error| query_error(self, error, "WhatsApp did not unlink the device"))
        });
        asked.await?.map(drop)
    }
}
