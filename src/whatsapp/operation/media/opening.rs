//! Opens an encrypted file as it comes: AES-256 in CBC mode, and behind it the first ten bytes of an HMAC over all of it.
//!
//! The library can do it as well, block by block, and asks the processor for one block at a time: half of what a download took. A CBC
//! stream can be decrypted many blocks at once, which the cipher's own crate does.

use std::io::{Error, ErrorKind, Read, Result, Write};

use aes::Aes256;
use cbc::Decryptor;
use cbc::cipher::{Block, BlockModeDecrypt as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use whatsapp_rust::download::{DownloadUtils, MediaType};

/// Bytes that are opened at once.
const CHUNK: usize = 64 * 1024;
/// Bytes of a block.
const BLOCK: usize = 16;
/// Bytes of the code at the end.
const MAC: usize = 10;

/// Opens what comes from `sealed` into `opened`, and checks the code at its end. What was written before an error is worth nothing.
///
/// # Errors
/// `InvalidData`: it is not what was sealed with this key. Those of reading and writing.
pub(super) fn open(
    sealed: &mut impl Read,
    media_key: &[u8],
    media_type: MediaType,
    opened: &mut impl Write,
) -> Result<()> {
    let keys = DownloadUtils::get_media_keys(media_key, media_type).map_err(|_| invalid("the key has no 32 bytes"))?;
    let (iv, cipher_key, mac_key) = keys;
    let mut mac = Hmac::<Sha256>::new_from_slice(&mac_key).map_err(|_| invalid("the key has no 32 bytes"))?;
    mac.update(&iv);
    let mut cipher = Decryptor::<Aes256>::new(&cipher_key.into(), &iv.into());
    let (mut buffer, mut filled) = (vec![0; CHUNK], 0);
    loop {
        let count = sealed.read(&mut buffer[filled..])?;
        filled += count;
        if count > 0 && filled < CHUNK {
            continue;
        }
        // What may be the end stays: the last block says where the file ends.
        let ready = filled.saturating_sub(BLOCK + MAC) / BLOCK * BLOCK;
        mac.update(&buffer[..ready]);
        decrypt(&mut cipher, &mut buffer[..ready]);
        opened.write_all(&buffer[..ready])?;
        buffer.copy_within(ready..filled, 0);
        filled -= ready;
        if count == 0 {
            break;
        }
    }
    let Some(end) = filled.checked_sub(MAC).filter(|end| *end == BLOCK) else {
        return Err(invalid("its length is none of a sealed file"));
    };
    mac.update(&buffer[..end]);
    mac.verify_truncated_left(&buffer[end..filled]).map_err(|_| invalid("its code is another one"))?;
    decrypt(&mut cipher, &mut buffer[..end]);
    let padding = usize::from(buffer[end - 1]);
    let is_padded =
        (1..=BLOCK).contains(&padding) && buffer[end - padding..end].iter().all(|byte| usize::from(*byte) == padding);
    if !is_padded {
        return Err(invalid("its end is no padding"));
    }
    opened.write_all(&buffer[..end - padding])
}

/// Decrypts whole blocks in place.
fn decrypt(cipher: &mut Decryptor<Aes256>, bytes: &mut [u8]) {
    cipher.decrypt_blocks(Block::<Aes256>::slice_as_chunks_mut(bytes).0);
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::upload::encrypt_media_with_key;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// Gives a few bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn opened(sealed: &[u8], at_once: usize) -> Result<Vec<u8>> {
        let mut opened = Vec::new();
        open(&mut Slowly(sealed, at_once), &KEY, MediaType::Image, &mut opened).map(|()| opened)
    }

    #[test]
    fn what_the_library_seals_is_opened_whatever_its_length_and_however_it_comes() {
        let lengths = (0..=65).chain(CHUNK - 40..CHUNK + 40).chain([3 * CHUNK]);
        for length in lengths {
            let file: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let sealed =
                encrypt_media_with_key(&file, MediaType::Image, Some(&KEY)).expect("it is sealed").data_to_upload;
            for at_once in [usize::MAX, 4_099] {
                assert!(opened(&sealed, at_once).expect("it is whole") == file, "{length} bytes, {at_once} at once");
            }
        }
    }

    #[test]
    fn what_was_changed_or_cut_off_is_not_opened() {
        let sealed =
            encrypt_media_with_key(&[1; 100], MediaType::Image, Some(&KEY)).expect("it is sealed").data_to_upload;
        for at in [0, 50, sealed.len() - MAC - 1, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(opened(&changed, 7).expect_err("it is another file").kind(), ErrorKind::InvalidData, "{at}");
        }
        for length in [0, 5, BLOCK, BLOCK + MAC - 1, sealed.len() - BLOCK, sealed.len() - 1] {
            let cut = opened(&sealed[..length], 7).expect_err("it is cut off");
            assert_eq!(cut.kind(), ErrorKind::InvalidData, "{length}");
        }
        let mut other = Vec::new();
        open(&mut &sealed[..], &[8; 32], MediaType::Image, &mut other).expect_err("the key is another one");
        open(&mut &sealed[..], &KEY, MediaType::Video, &mut other).expect_err("the kind is another one");
    }
}
