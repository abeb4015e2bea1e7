//! How a file is encrypted: keys are expanded from the one in the message, AES-256-CBC, and behind it ten bytes of an
//! HMAC over IV and ciphertext. Written from the protocol and checked against what other software makes
//! (`cipher/tests.rs`), so that a client's mistake is not repeated here.

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use wacore_libsignal::crypto::{
    aes_256_cbc_decrypt_in_place, aes_256_cbc_encrypt_into, aes_256_gcm_decrypt, aes_256_gcm_encrypt,
};

/// Bytes of the HMAC at the end of a file, and of each part of a sidecar.
const MAC_BYTES: usize = 10;
/// Bytes of a block of the cipher.
const BLOCK: usize = 16;
/// Bytes of the part of a file that a part of its sidecar is about, without the block in which it overlaps the next.
const SIDECAR_BYTES: usize = 64 * 1024;
/// What the key of a request for an expired file is made for.
const RETRY_INFO: &str = "WhatsApp Media Retry Notification";

/// A file as it is stored.
pub(crate) struct Sealed {
    pub(crate) bytes: Vec<u8>,
    /// The hash of these bytes.
    pub(crate) enc_sha256: [u8; 32],
    /// The hash of the file.
    pub(crate) sha256: [u8; 32],
    /// What a player needs that starts before it has the whole file.
    pub(crate) sidecar: Vec<u8>,
}

/// Why a file does not open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Broken {
    /// It is too short, or no whole number of blocks.
    Length,
    /// The HMAC is another one.
    Mac,
    /// There is no padding at its end.
    Padding,
}

struct Keys {
    iv: [u8; 16],
    cipher: [u8; 32],
    mac: [u8; 32],
}

impl Keys {
    fn of(media_key: &[u8], info: &str) -> Self {
        let bytes = expand(media_key, info, 112);
        // The last 32 bytes are for something that was never used.
        let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        let mut keys = Self { iv: [0; 16], cipher: [0; 32], mac: [0; 32] };
        keys.iv.copy_from_slice(part(0, 16));
        keys.cipher.copy_from_slice(part(16, 48));
        keys.mac.copy_from_slice(part(48, 80));
        keys
    }

    fn mac(&self, ciphertext: &[u8]) -> [u8; 32] {
        hmac(&self.mac, &[&self.iv, ciphertext])
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HKDF with SHA-256 and no salt; src: RFC 5869.
fn expand(key: &[u8], info: &str, length: usize) -> Vec<u8> {
    let secret = hmac(&[0; 32], &[key]);
    let (mut output, mut last) = (Vec::new(), Vec::new());
    for counter in 1..=u8::MAX {
        if output.len() >= length {
            break;
        }
        last = hmac(&secret, &[&last, info.as_bytes(), &[counter]]).to_vec();
        output.extend_from_slice(&last);
    }
    output.truncate(length);
    output
}

/// Encrypts a file. `info` says what kind of file the keys are for.
pub(crate) fn seal(file: &[u8], media_key: &[u8], info: &str) -> Result<Sealed> {
    let keys = Keys::of(media_key, info);
    let mut bytes = Vec::with_capacity(file.len() + BLOCK + MAC_BYTES);
    aes_256_cbc_encrypt_into(file, &keys.cipher, &keys.iv, &mut bytes).context("a file cannot be encrypted")?;
    let mac = keys.mac(&bytes);
    bytes.extend_from_slice(&mac[..MAC_BYTES]);
    let sidecar = sidecar_of(&bytes, &keys);
    Ok(Sealed { enc_sha256: Sha256::digest(&bytes).into(), sha256: Sha256::digest(file).into(), sidecar, bytes })
}

/// Opens a file.
pub(crate) fn open(sealed: &[u8], media_key: &[u8], info: &str) -> Result<Vec<u8>, Broken> {
    let keys = Keys::of(media_key, info);
    let length = sealed.len().checked_sub(MAC_BYTES).filter(|length| *length > 0 && length.is_multiple_of(BLOCK));
    let (ciphertext, mac) = sealed.split_at(length.ok_or(Broken::Length)?);
    if keys.mac(ciphertext)[..MAC_BYTES] != *mac {
        return Err(Broken::Mac);
    }
    let mut file = ciphertext.to_vec();
    aes_256_cbc_decrypt_in_place(&mut file, &keys.cipher, &keys.iv).map_err(|_| Broken::Padding)?;
    Ok(file)
}

/// Whether a sidecar is the one of this file.
pub(crate) fn is_sidecar(sidecar: &[u8], sealed: &[u8], media_key: &[u8], info: &str) -> bool {
    let right = sidecar_of(sealed, &Keys::of(media_key, info));
    // Clients differ in whether an end that the part before has already covered gets a part of its own.
    let is_end_covered = (1..BLOCK).contains(&(sealed.len() % SIDECAR_BYTES));
    let shorter = right.len().saturating_sub(MAC_BYTES);
    sidecar == right || (is_end_covered && sealed.len() > SIDECAR_BYTES && sidecar == &right[..shorter])
}

fn sidecar_of(sealed: &[u8], keys: &Keys) -> Vec<u8> {
    let starts = (0..sealed.len()).step_by(SIDECAR_BYTES);
    let parts = starts.map(|start| &sealed[start..sealed.len().min(start + SIDECAR_BYTES + BLOCK)]);
    parts.flat_map(|part| hmac(&keys.mac, &[part]).into_iter().take(MAC_BYTES)).collect()
}

/// Encrypts what is said about an expired file: under its key, for the message with this id.
pub(crate) fn seal_retry(plain: &[u8], media_key: &[u8], message_id: &str, iv: &[u8; 12]) -> Result<Vec<u8>> {
    let mut sealed = Vec::new();
    aes_256_gcm_encrypt(&retry_key(media_key), iv, message_id.as_bytes(), plain, &mut sealed)
        .map_err(|error| anyhow::anyhow!("an answer about a file cannot be encrypted: {error}"))?;
    Ok(sealed)
}

/// Opens it.
pub(crate) fn open_retry(sealed: &[u8], media_key: &[u8], message_id: &str, iv: &[u8]) -> Result<Vec<u8>> {
    let iv: &[u8; 12] = iv.try_into().context("the IV has not 12 bytes")?;
    ensure!(sealed.len() > BLOCK, "there is nothing encrypted");
    let mut plain = Vec::new();
    aes_256_gcm_decrypt(&retry_key(media_key), iv, message_id.as_bytes(), sealed, &mut plain)
        .map_err(|_| anyhow::anyhow!("it does not open with the key of the message"))?;
    Ok(plain)
}

fn retry_key(media_key: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(&expand(media_key, RETRY_INFO, 32));
    key
}

#[cfg(test)]
#[path = "cipher/tests.rs"]
mod tests;
