//! Linking by pair code: the server's relay between companion and phone, and the phone's half of the key agreement.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tokio::sync::oneshot;
use wacore::pair_code::PairCodeUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, SERVER_JID};
use wacore_libsignal::crypto::aes_256_gcm_decrypt;
use wacore_libsignal::protocol::{IdentityKeyPair, KeyPair, PublicKey};

use crate::link::Link;
use crate::noise::key_bytes;
use crate::phone::LinkError;
use crate::queries::Reply;
use crate::world::{World, now};
use crate::{pairing, stanza};

/// A code that somebody may enter on the phone. The server does not know the code itself.
pub(crate) struct LinkCode {
    pub(crate) link: u64,
    reference: Vec<u8>,
    wrapped_ephemeral: Vec<u8>,
    since: Instant,
    attempts: u32,
    finish: Option<oneshot::Sender<CompanionFinish>>,
}

/// The companion's last word in the agreement.
struct CompanionFinish {
    wrapped_bundle: Vec<u8>,
    identity: [u8; 32],
}

/// Answers `<link_code_companion_reg>` of either stage.
pub(crate) fn answer(world: &World, link: &Arc<Link>, registration: &Node) -> Option<Reply> {
    match stanza::attr(registration, "stage")?.as_str() {
        "companion_hello" => Some(companion_hello(world, link, registration)),
        "companion_finish" => Some(companion_finish(world, link, registration)),
        _ => None,
    }
}

fn companion_hello(world: &World, link: &Arc<Link>, hello: &Node) -> Reply {
    let wrapped = stanza::child_bytes(hello, "link_code_pairing_wrapped_companion_ephemeral_pub");
    let (Some(jid), Some(wrapped)) = (stanza::jid(hello, "jid"), wrapped.filter(|wrapped| wrapped.len() == 80)) else {
        return Reply::Error(400, "bad-request");
    };
    let mut state = world.state.lock();
    let noise_key = state.pairings.get(&link.id).map(|pairing| pairing.registration.noise_key);
    if noise_key.is_none() || noise_key != stanza::child_key(hello, "companion_server_auth_key_pub") {
        state.stats.add_violation("companion_hello: the auth key is not the connection's noise key".to_owned());
        return Reply::Error(400, "bad-request");
    }
    let Some(account) = state.account_of(&jid).map(|account| Arc::clone(&account.phone_number)) else {
        // A number without WhatsApp.
        return Reply::Error(400, "bad-request");
    };
    let reference: [u8; 24] = std::array::from_fn(|_| rand::random());
    let code = LinkCode {
        link: link.id,
        reference: reference.to_vec(),
        wrapped_ephemeral: wrapped,
        since: Instant::now(),
        attempts: 0,
        finish: None,
    };
    state.link_codes.insert(account, code);
    let content = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "companion_hello")
        .children([stanza::leaf("link_code_pairing_ref", reference)]);
    Reply::Content(vec![content.build()])
}

fn companion_finish(world: &World, link: &Arc<Link>, finish: &Node) -> Reply {
    let reference = stanza::child_bytes(finish, "link_code_pairing_ref");
    let bundle = stanza::child_bytes(finish, "link_code_pairing_wrapped_key_bundle");
    let identity = stanza::child_key(finish, "companion_identity_public");
    let (Some(reference), Some(wrapped_bundle), Some(identity)) = (reference, bundle, identity) else {
        return Reply::Error(400, "bad-request");
    };
    let mut state = world.state.lock();
    let code = state.link_codes.values_mut().find(|code| code.link == link.id && code.reference == reference);
    let Some(waiting) = code.and_then(|code| code.finish.take()) else { return Reply::Error(400, "bad-request") };
    let _ = waiting.send(CompanionFinish { wrapped_bundle, identity }); // the phone has stopped waiting
    Reply::Content(Vec::new())
}

/// Enters a code on a phone and links the companion that showed it. Returns the device's number.
pub(crate) async fn enter(world: &World, phone_number: &str, code: &str) -> Result<u16, LinkError> {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    let (wrapped, reference, link) = begin_attempt(world, phone_number)?;
    let identity = {
        let state = world.state.lock();
        state.accounts.get(phone_number).ok_or(LinkError::NoSuchPhone)?.identity.clone()
    };
    // A hundred thousand rounds of hashing, twice: not on a thread that serves connections.
    let exchange = tokio::task::spawn_blocking(move || Exchange::new(&code, &wrapped, identity)).await;
    let exchange = exchange.map_err(|_| LinkError::ConnectionLost)?.map_err(|_| LinkError::WrongCode)?;

    let finish = send_primary_hello(world, phone_number, &exchange, &reference)?;
    let finish = match tokio::time::timeout(world.settings.pairing_limit, finish).await {
        Ok(Ok(finish)) => finish,
        Ok(Err(_)) => return Err(LinkError::ConnectionLost),
        Err(_) => return Err(LinkError::NoAnswer),
    };
    // A phone that cannot open the bundle goes quiet; only its user sees an error.
    let adv_secret = exchange.open_bundle(&finish).map_err(|_| LinkError::WrongCode)?;
    let is_own = {
        let state = world.state.lock();
        state.pairings.get(&link).is_some_and(|pairing| pairing.registration.identity == finish.identity)
    };
    if !is_own {
        return Err(LinkError::Rejected("the identity in the bundle is not the connection's".to_owned()));
    }
    pairing::complete(world, phone_number, link, &adv_secret).await
}

/// Whether a code for this phone could be entered now.
pub(crate) fn is_pending(world: &World, phone_number: &str) -> bool {
    let state = world.state.lock();
    state.link_codes.get(phone_number).is_some_and(|code| is_live(world, code))
}

fn is_live(world: &World, code: &LinkCode) -> bool {
    code.since.elapsed() <= world.settings.link_code_lifetime && code.attempts < world.settings.link_code_attempts
}

fn begin_attempt(world: &World, phone_number: &str) -> Result<(Vec<u8>, Vec<u8>, u64), LinkError> {
    let mut state = world.state.lock();
    let code = state.link_codes.get_mut(phone_number).ok_or(LinkError::NoCodeOutstanding)?;
    if !is_live(world, code) {
        return Err(LinkError::NoCodeOutstanding);
    }
    code.attempts += 1;
    Ok((code.wrapped_ephemeral.clone(), code.reference.clone(), code.link))
}

fn send_primary_hello(
    world: &World,
    phone_number: &str,
    exchange: &Exchange,
    reference: &[u8],
) -> Result<oneshot::Receiver<CompanionFinish>, LinkError> {
    let (finish, finished) = oneshot::channel();
    let content = NodeBuilder::new("link_code_companion_reg").attr("stage", "primary_hello").children([
        stanza::leaf("link_code_pairing_wrapped_primary_ephemeral_pub", exchange.wrapped_ephemeral),
        stanza::leaf("primary_identity_pub", key_bytes(exchange.identity.public_key())),
        stanza::leaf("link_code_pairing_ref", reference),
    ]);
    let notification = NodeBuilder::new("notification")
        .attr("from", SERVER_JID)
        .attr("type", "link_code_companion_reg")
        .attr("id", world.next_id())
        .attr("t", now())
        .children([content.build()])
        .build();
    let mut state = world.state.lock();
    let code = state.link_codes.get_mut(phone_number).filter(|code| code.reference == reference);
    let code = code.ok_or(LinkError::NoCodeOutstanding)?;
    code.finish = Some(finish);
    let link = code.link;
    state.pairings.get(&link).ok_or(LinkError::ConnectionLost)?.link.post(notification);
    Ok(finished)
}

/// The phone's half of the agreement.
struct Exchange {
    identity: IdentityKeyPair,
    wrapped_ephemeral: [u8; 80],
    companion_ephemeral: PublicKey,
    ephemeral: KeyPair,
}

impl Exchange {
    fn new(code: &str, wrapped_companion_ephemeral: &[u8], identity: IdentityKeyPair) -> Result<Self> {
        let companion = PairCodeUtils::decrypt_primary_ephemeral_pub(wrapped_companion_ephemeral, code)?;
        let ephemeral = wacore::crypto::generate_curve_key_pair();
        Ok(Self {
            identity,
            wrapped_ephemeral: PairCodeUtils::encrypt_ephemeral_pub(&key_bytes(&ephemeral.public_key), code),
            companion_ephemeral: PublicKey::from_djb_public_key_bytes(&companion)?,
            ephemeral,
        })
    }

    /// Opens the companion's bundle and derives the secret that proves the link. Fails when the code was wrong.
    fn open_bundle(&self, finish: &CompanionFinish) -> Result<[u8; 32]> {
        let wrapped = &finish.wrapped_bundle;
        ensure!(wrapped.len() > 44, "the bundle has {} bytes", wrapped.len());
        let (salt, rest) = wrapped.split_at(32);
        let (nonce, sealed) = rest.split_at(12);
        let shared = self.ephemeral.private_key.calculate_agreement(&self.companion_ephemeral)?;
        let info = b"link_code_pairing_key_bundle_encryption_key";
        let key: [u8; 32] = wacore::crypto::hkdf_sha256(&shared, 32, Some(salt), info)?.as_slice().try_into()?;
        let mut bundle = Vec::new();
        aes_256_gcm_decrypt(&key, nonce.try_into()?, b"", sealed, &mut bundle)?;
        ensure!(bundle.len() == 96, "the opened bundle has {} bytes", bundle.len());
        ensure!(bundle[..32] == finish.identity, "the bundle names another companion");
        ensure!(bundle[32..64] == key_bytes(self.identity.public_key()), "the bundle names another phone");

        let companion = PublicKey::from_djb_public_key_bytes(&finish.identity)?;
        let identities = self.identity.private_key().calculate_agreement(&companion)?;
        let material = [&shared[..], &identities[..], &bundle[64..]].concat();
        let secret = wacore::crypto::hkdf_sha256(&material, 32, None, b"adv_secret")?;
        secret.as_slice().try_into().context("a secret has 32 bytes")
    }
}
