//! Files against what OpenSSL makes of them, by way of Python's `cryptography`: none of it is this project's code or the
//! client library's.

use sha2::{Digest as _, Sha256};

use super::{Broken, is_sidecar, open, open_retry, seal, seal_retry};

const FILE: &[u8] = b"The quick brown fox jumps over the lazy dog, twice around the house.";
const FILE_SHA256: &str = "8a48eafa1fa99e4149d4d0401924daacdf7ebe44fcb5410beabf7e88183fdf65";

/// Kind, and the file above as it is stored.
const SEALED: [(&str, &str); 4] = [
    (
        "WhatsApp Image Keys",
        "d2b126c30d0a72ea4265a91efb6d0b2998c7358000333fbfbc6dc33b49655e4778f044fa376817738f2b40e581bdd673f482948f70bd6146\
         5026841d12a966e4f66e59bd30453122015e0bce199fb7f183bf51736f89d1b42689",
    ),
    (
        "WhatsApp Video Keys",
        "6220cb776845924b0530056ce6cad4c4b5a774f54053471e258b8338c16a7635b41fbcadea3db6a10e24ab7bbd1f6263756696cd2e5c12d0\
         9584b07df4c48792b3c7bd30da549a8dbed68062ae0ede1b2ef22a9cdd8fc11f9cd1",
    ),
    (
        "WhatsApp Audio Keys",
        "93ed519e1f255a48b5888711c189fcb1f675a073eaec383caacbaa701915705412ce8c782a1675a80c1cbcae12511654be6316047665b1d1\
         892268ec065b75668647f519f07c2fc3bf981106545ae5a952f09c6485f33c723e21",
    ),
    (
        "WhatsApp Document Keys",
        "b259a9ab303ee5f37be1d6426376a8c535bbceee713d1f18d101fc70a461d4e6263aaac72068406837276449a8b7dab15ec9913857a1e86f\
         5174236852ac5fe5f0c6ac9de15a7282d8f7c685e0dd55dd373e4330e99e27fb2175",
    ),
];

fn key() -> Vec<u8> {
    (1..=32).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn files_are_stored_as_others_store_them() {
    for (info, stored) in SEALED {
        let stored = bytes(stored);
        let sealed = seal(FILE, &key(), info).unwrap();
        assert_eq!(sealed.bytes, stored, "{info}");
        assert_eq!(sealed.sha256.to_vec(), bytes(FILE_SHA256));
        assert_eq!(sealed.enc_sha256.to_vec(), Sha256::digest(&stored).to_vec());
        assert_eq!(open(&stored, &key(), info).unwrap(), FILE, "{info}");
    }
}

#[test]
fn a_file_that_was_touched_does_not_open() {
    let (info, stored) = SEALED[0];
    let stored = bytes(stored);
    for at in [0, stored.len() / 2, stored.len() - 1] {
        let mut touched = stored.clone();
        touched[at] ^= 1;
        assert_eq!(open(&touched, &key(), info).unwrap_err(), Broken::Mac);
    }
    assert_eq!(open(&stored, &key(), SEALED[1].0).unwrap_err(), Broken::Mac);
    assert_eq!(open(&stored[1..], &key(), info).unwrap_err(), Broken::Length);
    assert_eq!(open(&stored[..10], &key(), info).unwrap_err(), Broken::Length);
}

#[test]
fn a_sidecar_is_that_of_others() {
    let file: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    let sealed = seal(&file, &key(), "WhatsApp Video Keys").unwrap();
    let others = bytes("4fca1dabafe5ade17b5ad0abf370934cae8e02beb7805cdf9cea9025204ae27a39a9785e914d6dc3");
    assert_eq!(sealed.sidecar, others);
    let hash = bytes("696c114141d56f89c9a44ad0e36957a8d85384036bbcc84714f414c152abe191");
    assert_eq!(sealed.enc_sha256.to_vec(), hash);
    assert!(is_sidecar(&others, &sealed.bytes, &key(), "WhatsApp Video Keys"));
    assert!(!is_sidecar(&others[10..], &sealed.bytes, &key(), "WhatsApp Video Keys"));
    assert!(!is_sidecar(&others[..30], &sealed.bytes, &key(), "WhatsApp Video Keys"));
}

#[test]
fn what_is_said_about_an_expired_file_is_encrypted_as_others_do_it() {
    let iv: [u8; 12] = std::array::from_fn(|at| at as u8);
    let (plain, sealed) = (
        bytes("0a0a3345423043304646454512142f762f7436322e373131382d32342f322e656e631801"),
        bytes(
            "c382d11c7e36a611cbe282e1de66d5f7b0ed776fa9837f16f028c81d0e4afe1768ba69c4faf8e5d97c0384840a877ead123bfb75",
        ),
    );
    assert_eq!(seal_retry(&plain, &key(), "3EB0C0FFEE", &iv).unwrap(), sealed);
    assert_eq!(open_retry(&sealed, &key(), "3EB0C0FFEE", &iv).unwrap(), plain);
    assert!(open_retry(&sealed, &key(), "3EB0C0FFEF", &iv).is_err(), "it is for one message");
    let receipt = bytes("c382d11c7e36a611cbe282e1655e2ab30a22766f796ca7de4a3b4dd9");
    let opened = open_retry(&receipt, &key(), "3EB0C0FFEE", &iv).unwrap();
    assert_eq!(opened, [&[0x0a, 10], "3EB0C0FFEE".as_bytes()].concat());
}
