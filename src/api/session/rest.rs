//! Sessions over REST: `/api/v1/sessions`, as the contract has it.

use std::sync::Arc;

use entity::timestamp::Timestamp;
use entity::words::session::SessionStatus;
use poem::Result;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::account::Device;
use crate::api::auth::{Asks, AsksForStream};
use crate::api::body::{Nothing, Optional, Required};
use crate::api::reply::{Created201, Done, Ok200};
use crate::api::rest::param::{Limit, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::api::session::live::LiveStream;
use crate::api::session::pair_code::PairReply;
use crate::api::session::qr::{Accept, Format, Qr};
use crate::page::Window;
use crate::session::session_id;
use crate::session::types::{
    Live, NewSession, PairBody, Session, SessionChanges, SessionFilter, SessionPage, Status, TransitionPage,
};

/// The new session.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct CreatedSession {
    /// The session.
    pub session: Session,
}

/// The session is wanted online.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct ConnectReply {
    /// Always true.
    pub success: bool,
    /// What it does now.
    pub message: String,
    /// When the next attempt to connect starts, Unix seconds: when a temporary ban ends. Null while none is planned.
    pub next_retry_at: Option<Timestamp>,
}

impl ConnectReply {
    /// What a session does that is wanted online.
    pub fn of(live: &Live) -> Self {
        let message = match live.banned_until {
            // A ban that is tested before its time gets longer.
            Some(_) => "The account is banned for a time: the session connects when that is over",
            None => "Session is connecting or connected",
        };
        Self { success: true, message: message.to_owned(), next_retry_at: live.next_retry_at }
    }
}

/// `/api/v1/sessions`.
#[derive(Debug)]
pub struct SessionsApi;

#[OpenApi(tag = "Tag::Sessions")]
impl SessionsApi {
    /// Creates a session and starts to connect it.
    #[oai(path = "/sessions", method = "post", operation_id = "createSession")]
    async fn create(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        Optional(new): Optional<NewSession>,
    ) -> Result<Created201<CreatedSession>> {
        let session = Session::clone(&api.sessions.create(&caller, new).await?.session);
        let location = format!("/api/v1/sessions/{}", session.id);
        Ok(Created201 { body: CreatedSession { session }, location })
    }

    /// Lists the sessions, oldest first.
    #[oai(path = "/sessions", method = "get", operation_id = "listSessions")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// Only those in this status.
        status: Query<Option<Word<SessionStatus>>>,
        /// Only those whose id, name or phone number contains this, whatever the case.
        q: Query<Option<String>>,
        /// At most this many, 1 to 100; all when absent. Fewer when they are large: 4 MiB end a page.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<SessionPage>> {
        let filter = SessionFilter { status: status.0.map(|Word(status)| status), query: q.0, metadata: None };
        let window = Window { first: limit.0.map(|Limit(limit)| limit), after: after.0, ..Window::default() };
        Ok(Ok200(api.sessions.list(&caller, filter, window)?))
    }

    /// Shows one session.
    #[oai(path = "/sessions/:session_id", method = "get", operation_id = "getSession")]
    async fn find(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<Session>> {
        Ok(Ok200(api.sessions.find(&caller, &self::session_id(&session_id)?)?))
    }

    /// Changes a session's name, its metadata, what WhatsApp is told at each login, how fast it sends, and when it fetches files.
    #[oai(path = "/sessions/:session_id", method = "patch", operation_id = "updateSession")]
    async fn update(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Optional(changes): Optional<SessionChanges>,
    ) -> Result<Ok200<Session>> {
        let changed = api.sessions.update(&caller, &self::session_id(&session_id)?, changes).await?;
        Ok(Ok200(Session::clone(&changed.session)))
    }

    /// Unlinks the device from the phone if it can, and deletes the session. Webhooks still get what happened until then.
    #[oai(path = "/sessions/:session_id", method = "delete", operation_id = "deleteSession")]
    async fn delete(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        let left = api.sessions.delete(&caller, &self::session_id(&session_id)?).await?;
        Ok(Done::new(match left.live.is_still_listed() {
            false => "Session deleted",
            true => "Session deleted, but WhatsApp did not confirm it: remove the device on the phone",
        }))
    }

    /// Shows what a session is doing right now, and why.
    #[oai(path = "/sessions/:session_id/status", method = "get", operation_id = "getSessionStatus")]
    async fn status(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<Status>> {
        Ok(Ok200(api.sessions.status(&caller, &self::session_id(&session_id)?).await?))
    }

    /// Lists the states that a session came into, newest first.
    ///
    /// As far back as the journal is kept. A new state has another status, reason, end of a ban, or wish of the client.
    #[oai(path = "/sessions/:session_id/timeline", method = "get", operation_id = "getSessionTimeline")]
    async fn timeline(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// At most this many, 1 to 100; 100 when absent.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<TransitionPage>> {
        let (id, limit) = (self::session_id(&session_id)?, limit.0.map(|Limit(limit)| limit));
        Ok(Ok200(api.sessions.timeline(&caller, &id, limit, after.0).await?.into()))
    }

    /// Shows the current QR code.
    ///
    /// As JSON, PNG, SVG or text. While the session connects it waits up to 10 s for the first one.
    #[oai(path = "/sessions/:session_id/qr", method = "get", operation_id = "getSessionQr")]
    async fn qr(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        accept: Accept,
        /// The session's id.
        session_id: Path<String>,
        /// `json`, `png`, `svg` or `text`; goes before the `Accept` header.
        format: Query<Option<Word<Format>>>,
    ) -> Result<Qr> {
        let format = format.0.map_or_else(|| accept.format(), |Word(format)| format);
        let live = api.sessions.qr(&caller, &self::session_id(&session_id)?).await?;
        Ok(Qr { live, format, now: api.clock.now() })
    }

    /// Follows one session, its QR and pair codes included.
    ///
    /// Server-sent events: `status` with what the status call answers, `qr` and `pair_code` with what those calls answer
    /// (for keys that may pair). The present state comes first, then every change, until the session is deleted. Whoever
    /// is too slow skips to the newest state.
    #[oai(path = "/sessions/:session_id/live", method = "get", operation_id = "followSession")]
    async fn follow(
        &self,
        Data(api): Data<&Arc<Api>>,
        AsksForStream(caller): AsksForStream,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<LiveStream> {
        let updates = api.sessions.updates(&caller, &self::session_id(&session_id)?)?;
        Ok(LiveStream { updates, clock: api.clock.clone() })
    }

    /// Wants the session online. Does nothing if it is, or while the account is banned for a time.
    #[oai(path = "/sessions/:session_id/connect", method = "post", operation_id = "connectSession")]
    async fn connect(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<ConnectReply>> {
        let connected = api.sessions.connect(&caller, &self::session_id(&session_id)?).await?;
        Ok(Ok200(ConnectReply::of(&connected.live)))
    }

    /// Wants the session offline; it stays linked. Does nothing if it is.
    #[oai(path = "/sessions/:session_id/disconnect", method = "post", operation_id = "disconnectSession")]
    async fn disconnect(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        api.sessions.disconnect(&caller, &self::session_id(&session_id)?).await?;
        Ok(Done::new("Session disconnected"))
    }

    /// Unlinks the device from the phone; the session stays and can be paired again.
    #[oai(path = "/sessions/:session_id/logout", method = "post", operation_id = "logoutSession")]
    async fn logout(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        let left = api.sessions.logout(&caller, &self::session_id(&session_id)?).await?;
        Ok(Done::new(match left.live.is_still_listed() {
            false => "Session logged out",
            true => "Session logged out here, but WhatsApp did not confirm it: remove the device on the phone",
        }))
    }

    /// Asks for a code that links a phone by its number.
    #[oai(path = "/sessions/:session_id/pair", method = "post", operation_id = "pairSession")]
    async fn pair(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Required(body): Required<PairBody>,
    ) -> Result<Ok200<PairReply>> {
        let request = body.request()?;
        let (code, _) = api.sessions.pair(&caller, &self::session_id(&session_id)?, request).await?;
        Ok(Ok200(PairReply::of(&code, api.clock.now())))
    }

    /// Shows the linked device.
    #[oai(path = "/sessions/:session_id/device", method = "get", operation_id = "getSessionDevice")]
    async fn device(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<Device>> {
        Ok(Ok200(api.sessions.device(&caller, &self::session_id(&session_id)?).await?))
    }
}
