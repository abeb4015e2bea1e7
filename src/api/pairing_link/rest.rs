//! Pairing links over REST: `/api/v1/sessions/{session_id}/pairing-links`.

use std::sync::Arc;

use entity::ids::PairingLinkId;
use poem::Result;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::api::auth::Asks;
use crate::api::body::Optional;
use crate::api::reply::{Created201, Done, Ok200};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::pairing_link::types::{NewPairingLink, OpenPairingLink, PairingLink};
use crate::session::session_id;

/// The new pairing link.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct CreatedPairingLink {
    /// The link.
    pub pairing_link: PairingLink,
}

/// The pairing links to one session.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct PairingLinkList {
    /// Those that can be used now, oldest first.
    pub pairing_links: Vec<OpenPairingLink>,
}

/// `/api/v1/sessions/{session_id}/pairing-links`.
#[derive(Debug)]
pub struct PairingLinksApi;

#[OpenApi(tag = "Tag::Sessions")]
impl PairingLinksApi {
    /// Makes a link at which somebody without a key can link one phone to this session.
    ///
    /// The page behind it shows the session's codes until a phone is linked or the link's time is over, and nothing else.
    #[oai(path = "/sessions/:session_id/pairing-links", method = "post", operation_id = "createPairingLink")]
    async fn create(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Optional(new): Optional<NewPairingLink>,
    ) -> Result<Created201<CreatedPairingLink>> {
        let id = self::session_id(&session_id)?;
        let pairing_link = api.pairing_links.create(&caller, &id, new.expires_in).await?;
        // Without the token: headers are logged more often than bodies.
        let location = "/pair".to_owned();
        Ok(Created201 { body: CreatedPairingLink { pairing_link }, location })
    }

    /// Lists the pairing links to a session that can be used now, oldest first.
    ///
    /// Without their addresses, which are shown once.
    #[oai(path = "/sessions/:session_id/pairing-links", method = "get", operation_id = "listPairingLinks")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<PairingLinkList>> {
        let pairing_links = api.pairing_links.list(&caller, &self::session_id(&session_id)?).await?;
        Ok(Ok200(PairingLinkList { pairing_links }))
    }

    /// Deletes a pairing link; whoever looks at it sees at once that it is over.
    ///
    /// The session stays as it is, with a phone that is linked already. A code that the page has shown is good until it expires.
    #[oai(path = "/sessions/:session_id/pairing-links/:link_id", method = "delete", operation_id = "deletePairingLink")]
    async fn delete(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The pairing link's id.
        link_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        let id = self::session_id(&session_id)?;
        api.pairing_links.delete(&caller, &id, &PairingLinkId::named(&link_id)).await?;
        Ok(Done::new("Pairing link deleted"))
    }
}
