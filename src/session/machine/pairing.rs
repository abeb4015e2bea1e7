//! The rules while a device is not linked yet: which codes can be used, and until when.

use entity::timestamp::Timestamp;
use entity::words::session::StatusReason;

use crate::session::machine::{Effect, Outside, Phase, State};
use crate::whatsapp::signal::Signal;

impl State {
    fn codes(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        match self.phase {
            Phase::Pairing { qr_until, code_until } => (qr_until, code_until),
            Phase::Resting
            | Phase::Banned(_)
            | Phase::Waiting(_)
            | Phase::Dialling
            | Phase::Open
            | Phase::Linking
            | Phase::LoggedIn(_)
            | Phase::Ending(_) => (None, None),
        }
    }

    /// What a signal means while nobody has linked the device.
    pub(super) fn pairing(&mut self, signal: Signal, outside: Outside, out: &mut Vec<Effect>) {
        // A code that comes after the scan, or on a linked device, opens nothing.
        if self.is_linked {
            return;
        }
        let (qr_until, code_until) = self.codes();
        match signal {
            Signal::Qr { code, lives } => {
                let until = outside.now.after(lives);
                self.phase = Phase::Pairing { qr_until: Some(until), code_until };
                if code_until.is_none() && self.reason != StatusReason::PairCodeExpired {
                    self.reason = StatusReason::QrReady;
                }
                self.failures = 0;
                out.push(Effect::ShowQr(code, until));
            }
            Signal::PairCode { code, lives } => {
                let until = outside.now.after(lives);
                self.phase = Phase::Pairing { qr_until, code_until: Some(until) };
                self.reason = StatusReason::PairCodeReady;
                out.push(Effect::ShowPairCode(code, until));
            }
            Signal::QrExhausted => match code_until {
                Some(_) => {
                    self.phase = Phase::Pairing { qr_until: None, code_until };
                    out.push(Effect::HideQr);
                }
                None => self.give_up(StatusReason::QrExpired, out),
            },
            Signal::PairCodeVoid => self.pair_code_ended(qr_until, out),
            Signal::PairingRejected => self.reason = StatusReason::PairingRejected,
            Signal::MultideviceRequired => self.reason = StatusReason::MultideviceRequired,
            Signal::PasskeyRequired => self.give_up(StatusReason::PasskeyRequired, out),
            Signal::HandshakeDone
            | Signal::Paired(_)
            | Signal::Authenticated { .. }
            | Signal::PushName(_)
            | Signal::StreamEnding(_)
            | Signal::Refused(_)
            | Signal::Closed(_) => {}
        }
    }

    /// The pair code is void; a QR code may still be good.
    pub(super) fn pair_code_ended(&mut self, qr_until: Option<Timestamp>, out: &mut Vec<Effect>) {
        if qr_until.is_some() {
            self.phase = Phase::Pairing { qr_until, code_until: None };
            self.reason = StatusReason::PairCodeExpired;
            out.push(Effect::HidePairCode);
        } else {
            self.give_up(StatusReason::PairCodeExpired, out);
        }
    }
}
