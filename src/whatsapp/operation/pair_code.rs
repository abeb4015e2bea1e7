//! Pair codes. When one may be asked for, and who gets it, is for the session to say.

use std::time::Duration;

use whatsapp_rust::pair_code::PairCodeOptions;

use crate::account::PairRequest;
use crate::error::Result;
use crate::whatsapp::client::{Client, OperationKind};
use crate::whatsapp::translate;

/// WhatsApp is given 20 s to answer.
const REQUEST_PAIR_CODE: OperationKind = OperationKind { name: "request_pair_code", limit: Duration::from_secs(20) };

impl Client {
    /// Asks WhatsApp for a pair code; the code itself comes as a signal.
    ///
    /// # Errors
    /// `Invalid`, `PairCodeOutstanding`, `Upstream`, `UpstreamTimeout`.
    pub async fn request_pair_code(&self, request: PairRequest) -> Result<()> {
        let options = PairCodeOptions {
            phone_number: request.phone_number.digits().to_owned(),
            show_push_notification: request.show_push_notification,
            ..PairCodeOptions::default()
        };
        let asked = self.run(&REQUEST_PAIR_CODE, |library| async move { library.pair_with_code(options).await });
        asked.await?.map(drop).map_err(translate::pair_error)
    }
}
