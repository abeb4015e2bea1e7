//! What a session is, wants and tells WhatsApp.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// What a session is doing right now.
    SessionStatus {
        /// Not connected.
        Disconnected = "disconnected",
        /// Establishing the connection, or waiting for the next attempt.
        Connecting = "connecting",
        /// A QR code waits to be scanned.
        WaitingForQr = "waiting_for_qr",
        /// A pair code waits to be entered on the phone.
        WaitingForPairCode = "waiting_for_pair_code",
        /// Transport and handshake stand; the login is pending.
        Connected = "connected",
        /// Fully authenticated.
        LoggedIn = "logged_in",
    }
);

words!(
    /// What the client asked for; the session is driven towards it.
    DesiredState {
        /// Connected, and reconnected whenever the connection is lost.
        Online = "online",
        /// Not connected.
        Offline = "offline",
    }
);

words!(
    /// Why a session is in the state in which it is.
    StatusReason {
        /// A client of this API asked for it.
        Requested = "requested",
        /// The server started and is bringing the session back.
        Starting = "starting",
        /// The server is shutting down.
        ShuttingDown = "shutting_down",
        /// A QR code can be scanned.
        QrReady = "qr_ready",
        /// A pair code can be entered.
        PairCodeReady = "pair_code_ready",
        /// The phone has linked this device; the login follows.
        Paired = "paired",
        /// WhatsApp accepted the login.
        Authenticated = "authenticated",
        /// Every QR code of this attempt expired unscanned. Connect to get new ones.
        QrExpired = "qr_expired",
        /// The pair code expired unused, and no QR code was left either.
        PairCodeExpired = "pair_code_expired",
        /// The phone answered the pairing with something that does not verify.
        PairingRejected = "pairing_rejected",
        /// WhatsApp asks for a passkey on this account, which cannot be given yet.
        PasskeyRequired = "passkey_required",
        /// The QR code was scanned by a phone without multi-device support.
        MultideviceRequired = "multidevice_required",
        /// The session was logged out over this API.
        LoggedOut = "logged_out",
        /// The session was logged out over this API, but WhatsApp did not confirm it: the phone still lists the device. Remove
        /// it there.
        LoggedOutHere = "logged_out_here",
        /// The phone, or WhatsApp, ended the login. Pair again.
        LoggedOutByPhone = "logged_out_by_phone",
        /// The device was removed from the phone's linked devices. Pair again.
        DeviceRemoved = "device_removed",
        /// Another client logged in with this device's identity.
        Replaced = "replaced",
        /// WhatsApp banned the account for a time; `until` says until when.
        BannedTemporarily = "banned_temporarily",
        /// WhatsApp locked or banned the account.
        AccountLocked = "account_locked",
        /// WhatsApp refuses this version of the protocol client.
        ClientOutdated = "client_outdated",
        /// WhatsApp refused the login for another reason.
        LoginRefused = "login_refused",
        /// The connection ended without a reason.
        ConnectionLost = "connection_lost",
        /// The server ended the stream and expects a new connection.
        StreamEnded = "stream_ended",
        /// WhatsApp said that it cannot serve now.
        ServiceUnavailable = "service_unavailable",
        /// WhatsApp said that too many requests were made.
        RateLimited = "rate_limited",
        /// WhatsApp could not be reached: name, route, TCP or TLS.
        Unreachable = "unreachable",
        /// WhatsApp was reached, but the encrypted channel could not be set up.
        HandshakeFailed = "handshake_failed",
        /// WhatsApp was reached, but nothing arrived within the limit.
        TimedOut = "timed_out",
        /// The current protocol version could not be learnt from WhatsApp.
        VersionUnavailable = "version_unavailable",
        /// The database refused to read or write the session's keys.
        StorageFailed = "storage_failed",
        /// The session's task ended in an unexpected way and is started again.
        Crashed = "crashed",
    }
);

words!(
    /// What WhatsApp is told at each login: whether somebody uses the session.
    PresenceOnConnect {
        /// Nobody does. The phone goes on to notify; contacts do not see the account online, and their presence is not told.
        Unavailable = "unavailable",
        /// Somebody does. Contacts see the account online, and the phone is silent.
        Available = "available",
    }
);

words!(
    /// When the files of messages that come in are fetched from WhatsApp.
    MediaFetch {
        /// When somebody asks for them.
        Lazy = "lazy",
        /// As they come. An event `media_ready` tells when one is there.
        Eager = "eager",
    }
);

words!(
    /// Whether somebody uses the account.
    AccountPresence {
        /// Somebody does. Contacts see the account online, and the phone is silent.
        Available = "available",
        /// Nobody does.
        Unavailable = "unavailable",
    }
);
