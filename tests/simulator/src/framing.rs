//! The client's byte stream: an optional routing intro, the `WA` header, then frames of a three-byte length and a payload.

use anyhow::{Result, bail};
use bytes::{Buf, BytesMut};
use wacore_binary::consts::WA_CONN_HEADER;
use wacore_noise::framing::{FrameDecoder, encode_frame};

/// Magic of the edge-routing intro that a client may send before the header.
const INTRO: &[u8; 4] = b"ED\x00\x01";

/// Collects received bytes and hands out whole frames, however the WebSocket messages were cut.
#[derive(Default)]
pub(crate) struct Incoming {
    start: BytesMut,
    header: Option<[u8; 4]>,
    frames: FrameDecoder,
}

impl Incoming {
    /// # Errors
    /// The stream does not start as a WhatsApp client's does.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        if self.header.is_some() {
            self.frames.feed(bytes);
            return Ok(());
        }
        self.start.extend_from_slice(bytes);
        self.read_start()
    }

    /// The four header bytes, which are the Noise prologue. `None` until they were received.
    pub(crate) fn header(&self) -> Option<[u8; 4]> {
        self.header
    }

    /// The next whole frame.
    pub(crate) fn next(&mut self) -> Option<BytesMut> {
        self.frames.decode_frame()
    }

    fn read_start(&mut self) -> Result<()> {
        if self.start.starts_with(INTRO) {
            let Some(length) = self.start.get(4..7) else { return Ok(()) };
            let whole = 7 + usize::from(length[0]) * 65_536 + usize::from(length[1]) * 256 + usize::from(length[2]);
            if self.start.len() < whole {
                return Ok(());
            }
            self.start.advance(whole);
        }
        if self.start.len() < WA_CONN_HEADER.len() {
            return Ok(());
        }
        if self.start[..4] != WA_CONN_HEADER {
            bail!("the connection does not start with the WhatsApp header: {:02x?}", &self.start[..4]);
        }
        self.header = Some(WA_CONN_HEADER);
        let rest = self.start.split_off(4);
        self.start = BytesMut::new();
        self.frames.feed(&rest);
        Ok(())
    }
}

/// One outgoing frame. The server never sends a header.
pub(crate) fn frame(payload: &[u8]) -> Result<Vec<u8>> {
    encode_frame(payload, None)
}
