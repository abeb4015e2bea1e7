//! The server's half of the Noise handshake (XX, IK, XX-fallback) and its certificate chain. Pure: bytes in, bytes out.

use anyhow::{Context, Result, ensure};
use wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK};
use wacore_libsignal::protocol::{KeyPair, PublicKey};
use wacore_noise::{NoiseCipher, NoiseHandshake};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::cert_chain::{NoiseCertificate, noise_certificate};
use waproto::whatsapp::handshake_message::ServerHello;
use waproto::whatsapp::{CertChain, ClientPayload, HandshakeMessage};

/// Certificates are valid this long around the moment they are made, seconds.
const CERTIFICATE_LIFETIME: u64 = 30 * 24 * 3600;

/// The long-lived keys of the server: the root signs the intermediate, which signs the static key.
pub(crate) struct ServerKeys {
    root: KeyPair,
    intermediate: KeyPair,
    leaf: KeyPair,
    chain: Vec<u8>,
}

impl ServerKeys {
    pub(crate) fn generate(now: u64) -> Result<Self> {
        let [root, intermediate, leaf] = std::array::from_fn(|_| wacore::crypto::generate_curve_key_pair());
        let chain = certificate_chain(&root, &intermediate, &leaf, now)?;
        Ok(Self { root, intermediate, leaf, chain })
    }

    /// A new static key under the same root: what clients have cached stops working for IK.
    pub(crate) fn rotate(&mut self, now: u64) -> Result<()> {
        self.leaf = wacore::crypto::generate_curve_key_pair();
        self.chain = certificate_chain(&self.root, &self.intermediate, &self.leaf, now)?;
        Ok(())
    }

    pub(crate) fn root_public_key(&self) -> [u8; 32] {
        key_bytes(&self.root.public_key)
    }

    /// A copy for one handshake, so that no lock is held while it computes.
    pub(crate) fn for_handshake(&self) -> HandshakeKeys {
        HandshakeKeys { leaf: self.leaf.clone(), chain: self.chain.clone() }
    }
}

/// What one handshake needs of the server's keys.
pub(crate) struct HandshakeKeys {
    leaf: KeyPair,
    chain: Vec<u8>,
}

/// A finished handshake.
pub(crate) struct Secured {
    /// Opens what the client sends.
    pub(crate) read: NoiseCipher,
    /// Seals what the server sends.
    pub(crate) write: NoiseCipher,
    pub(crate) client_static: [u8; 32],
    pub(crate) payload: ClientPayload,
}

/// What to do after the client's first message.
pub(crate) enum Answer {
    /// IK: send the reply, and the connection is up.
    Done { reply: Vec<u8>, secured: Box<Secured> },
    /// XX or XX-fallback: send the reply and wait for the client's second message.
    AwaitFinish { reply: Vec<u8>, rest: Box<AwaitFinish>, is_fallback: bool },
}

/// An XX handshake between the server's hello and the client's finish.
pub(crate) struct AwaitFinish {
    noise: NoiseHandshake,
    ephemeral: KeyPair,
}

/// Answers the client's hello. A hello with an encrypted payload asks for IK; if that cannot be opened, which is what a
/// rotated static key looks like, the server falls back to XX with the same client ephemeral.
pub(crate) fn answer_hello(keys: &HandshakeKeys, header: &[u8], message: &[u8]) -> Result<Answer> {
    let hello = HandshakeMessage::decode_from_slice(message)?.client_hello.into_option().context("no client hello")?;
    let ephemeral = hello.ephemeral.context("a client hello without an ephemeral key")?;
    ensure!(ephemeral.len() == 32, "the client's ephemeral key has {} bytes", ephemeral.len());
    let (Some(sealed_static), Some(sealed_payload)) = (hello.r#static, hello.payload) else {
        return answer_xx(keys, header, NOISE_PATTERN_XX, &ephemeral);
    };
    match answer_ik(keys, header, &ephemeral, &sealed_static, &sealed_payload) {
        Ok(answer) => Ok(answer),
        Err(_) => answer_xx(keys, header, NOISE_PATTERN_XXFALLBACK, &ephemeral),
    }
}

fn answer_ik(
    keys: &HandshakeKeys,
    header: &[u8],
    client_ephemeral: &[u8],
    sealed_static: &[u8],
    sealed_payload: &[u8],
) -> Result<Answer> {
    let server_static = keys.leaf.private_key.serialize();
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, header)?;
    noise.authenticate(keys.leaf.public_key.public_key_bytes());
    noise.authenticate(client_ephemeral);
    noise.mix_shared_secret(server_static, client_ephemeral)?;
    let client_static: [u8; 32] = noise.decrypt(sealed_static)?.as_slice().try_into()?;
    noise.mix_shared_secret(server_static, &client_static)?;
    let payload = ClientPayload::decode_from_slice(&noise.decrypt(sealed_payload)?)?;

    let ephemeral = wacore::crypto::generate_curve_key_pair();
    noise.authenticate(ephemeral.public_key.public_key_bytes());
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_static)?;
    let certificate = noise.encrypt(&keys.chain)?;
    let reply = server_hello(&ephemeral, None, certificate);
    Ok(Answer::Done { reply, secured: Box::new(secured(noise, client_static, payload)?) })
}

fn answer_xx(keys: &HandshakeKeys, header: &[u8], pattern: &str, client_ephemeral: &[u8]) -> Result<Answer> {
    let ephemeral = wacore::crypto::generate_curve_key_pair();
    let mut noise = NoiseHandshake::new(pattern, header)?;
    noise.authenticate(client_ephemeral);
    noise.authenticate(ephemeral.public_key.public_key_bytes());
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    let sealed_static = noise.encrypt(keys.leaf.public_key.public_key_bytes())?;
    noise.mix_shared_secret(keys.leaf.private_key.serialize(), client_ephemeral)?;
    let certificate = noise.encrypt(&keys.chain)?;
    let reply = server_hello(&ephemeral, Some(sealed_static), certificate);
    let is_fallback = pattern == NOISE_PATTERN_XXFALLBACK;
    Ok(Answer::AwaitFinish { reply, rest: Box::new(AwaitFinish { noise, ephemeral }), is_fallback })
}

impl AwaitFinish {
    /// Opens the client's second message: its static key and its payload.
    pub(crate) fn finish(self, message: &[u8]) -> Result<Secured> {
        let Self { mut noise, ephemeral } = self;
        let finish = HandshakeMessage::decode_from_slice(message)?.client_finish.into_option();
        let finish = finish.context("no client finish")?;
        let sealed_static = finish.r#static.context("a client finish without a static key")?;
        let sealed_payload = finish.payload.context("a client finish without a payload")?;
        let client_static: [u8; 32] = noise.decrypt(&sealed_static)?.as_slice().try_into()?;
        noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_static)?;
        let payload = ClientPayload::decode_from_slice(&noise.decrypt(&sealed_payload)?)?;
        secured(noise, client_static, payload)
    }
}

fn secured(noise: NoiseHandshake, client_static: [u8; 32], payload: ClientPayload) -> Result<Secured> {
    // `finish` names the keys as the initiator sees them.
    let (read, write) = noise.finish()?;
    Ok(Secured { read, write, client_static, payload })
}

fn server_hello(ephemeral: &KeyPair, sealed_static: Option<Vec<u8>>, certificate: Vec<u8>) -> Vec<u8> {
    let hello = ServerHello {
        ephemeral: Some(ephemeral.public_key.public_key_bytes().to_vec()),
        r#static: sealed_static,
        payload: Some(certificate),
        ..Default::default()
    };
    HandshakeMessage { server_hello: MessageField::some(hello), ..Default::default() }.encode_to_vec()
}

fn certificate_chain(root: &KeyPair, intermediate: &KeyPair, leaf: &KeyPair, now: u64) -> Result<Vec<u8>> {
    Ok(CertChain {
        leaf: MessageField::some(certificate(intermediate, &leaf.public_key, 2, now)?),
        intermediate: MessageField::some(certificate(root, &intermediate.public_key, 1, now)?),
    }
    .encode_to_vec())
}

fn certificate(issuer: &KeyPair, key: &PublicKey, serial: u32, now: u64) -> Result<NoiseCertificate> {
    let details = noise_certificate::Details {
        serial: Some(serial),
        issuer_serial: Some(serial - 1),
        key: Some(key.public_key_bytes().to_vec()),
        not_before: Some(now.saturating_sub(CERTIFICATE_LIFETIME)),
        not_after: Some(now + CERTIFICATE_LIFETIME),
    }
    .encode_to_vec();
    let signature = wacore::crypto::calculate_curve_signature(&issuer.private_key, &details)?;
    Ok(NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) })
}

/// The 32 bytes of a public key.
pub(crate) fn key_bytes(key: &PublicKey) -> [u8; 32] {
    key.public_key_bytes().try_into().expect("a Curve25519 key has 32 bytes")
}
