//! Linking a companion: the QR references of a fresh connection, the identity that the phone signs, and the check of
//! what the companion signed in return. The pair-code flow (`link_code.rs`) ends here too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::oneshot;
use wacore::adv::AdvValidation;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::protocol::PublicKey;
use waproto::buffa::Message as _;
use waproto::whatsapp::{
    ADVDeviceIdentity, ADVEncryptionType, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC, ClientPayload,
};

use crate::account::{Account, Device, DeviceProps};
use crate::delivery::Phase;
use crate::fault::LoginFailure;
use crate::link::{Awaited, DeviceKey, Link};
use crate::noise::key_bytes;
use crate::phone::LinkError;
use crate::world::{State, World, now};
use crate::{app_state, history, stanza};

/// What the companion says about itself before it has an account.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) noise_key: [u8; 32],
    pub(crate) identity: [u8; 32],
    pub(crate) registration_id: u32,
    pub(crate) props: DeviceProps,
}

/// A connection without an account.
pub(crate) struct Pairing {
    pub(crate) link: Arc<Link>,
    pub(crate) registration: Registration,
    pub(crate) refs: Vec<String>,
    since: Instant,
    is_exhausted: bool,
    success: Option<Success>,
}

/// A `pair-success` that the companion has not answered yet.
struct Success {
    device: Device,
    done: oneshot::Sender<Result<u16, LinkError>>,
}

/// What a QR code says.
pub(crate) struct QrCode {
    pub(crate) reference: String,
    noise_key: [u8; 32],
    identity: [u8; 32],
    pub(crate) adv_secret: [u8; 32],
}

/// A fresh connection wants to register: check what it says and offer it references.
pub(crate) fn begin(world: &World, link: &Arc<Link>, payload: &ClientPayload, noise_key: [u8; 32]) {
    let registration = match read_registration(payload, noise_key) {
        Ok(registration) => registration,
        Err(error) => {
            world.add_violation(format!("registration: {error:#}"));
            return link.dismiss(LoginFailure::new(400).stanza());
        }
    };
    let refs: Vec<String> = (0..world.settings.ref_count).map(|_| new_ref()).collect();
    let offer = offer(world, link, &refs);
    let mut state = world.state.lock();
    for reference in &refs {
        state.refs.insert(reference.clone(), link.id);
    }
    let is_silent = state.are_refs_dropped;
    let pairing = Pairing {
        link: Arc::clone(link),
        registration,
        refs,
        since: Instant::now(),
        is_exhausted: false,
        success: None,
    };
    state.pairings.insert(link.id, pairing);
    drop(state);
    if !is_silent {
        link.post(offer);
    }
}

/// The references of a connection are used up: none can be scanned, and the client is told so by an empty list.
pub(crate) fn exhaust(world: &World, link: &Arc<Link>) {
    if let Some(pairing) = world.state.lock().pairings.get_mut(&link.id) {
        pairing.is_exhausted = true;
    }
    link.post(offer(world, link, &[]));
}

fn offer(world: &World, link: &Link, refs: &[String]) -> Node {
    let id = world.next_id();
    link.expect_answer(id.clone(), Awaited::PairDevice);
    let refs = refs.iter().map(|reference| stanza::leaf("ref", reference.as_bytes()));
    stanza::query(&id, "set", "md", NodeBuilder::new("pair-device").children(refs).build())
}

fn new_ref() -> String {
    let random: [u8; 48] = std::array::from_fn(|_| rand::random());
    format!("2@{}", BASE64_STANDARD.encode(random))
}

fn read_registration(payload: &ClientPayload, noise_key: [u8; 32]) -> Result<Registration> {
    let data = payload.device_pairing_data.as_option().context("neither a user name nor registration data")?;
    let bytes = |field: &Option<Vec<u8>>, name: &str| field.clone().with_context(|| format!("{name} is missing"));
    ensure!(bytes(&data.e_keytype, "the key type")? == [5], "the key type is not 5");
    let identity: [u8; 32] = bytes(&data.e_ident, "the identity")?.as_slice().try_into()?;
    let signed_key: [u8; 32] = bytes(&data.e_skey_val, "the signed key")?.as_slice().try_into()?;
    ensure!(
        is_key_signed(&identity, &signed_key, &bytes(&data.e_skey_sig, "the signature")?),
        "the signature of the signed pre-key is wrong"
    );
    let registration_id = bytes(&data.e_regid, "the registration id")?.as_slice().try_into().map(u32::from_be_bytes)?;
    let props = waproto::whatsapp::DeviceProps::decode_from_slice(&bytes(&data.device_props, "the device props")?)?;
    Ok(Registration { noise_key, identity, registration_id, props: describe(&props) })
}

/// Whether an identity signed a pre-key. What is signed is the key with its type byte.
pub(crate) fn is_key_signed(identity: &[u8; 32], key: &[u8; 32], signature: &[u8]) -> bool {
    let (Ok(identity), Ok(key)) =
        (PublicKey::from_djb_public_key_bytes(identity), PublicKey::from_djb_public_key_bytes(key))
    else {
        return false;
    };
    identity.verify_signature(&key.serialize(), signature)
}

fn describe(props: &waproto::whatsapp::DeviceProps) -> DeviceProps {
    let version = props.version.as_option().map(|version| {
        let part = |number: Option<u32>| number.unwrap_or_default();
        format!("{}.{}.{}", part(version.primary), part(version.secondary), part(version.tertiary))
    });
    DeviceProps {
        platform: props.platform_type.map(|platform| format!("{platform:?}")).unwrap_or_default(),
        os: props.os.clone().unwrap_or_default(),
        version: version.unwrap_or_default(),
    }
}

/// Reads the text behind a QR code, with or without the link that newer clients put in front.
pub(crate) fn read_qr(qr: &str) -> Result<QrCode, LinkError> {
    let text = qr.rsplit_once('#').map_or(qr, |(_, text)| text);
    let fields: Vec<&str> = text.trim().split(',').collect();
    let [reference, noise_key, identity, adv_secret, ..] = fields.as_slice() else { return Err(LinkError::BadQr) };
    let key = |field: &str| -> Result<[u8; 32], LinkError> {
        BASE64_STANDARD.decode(field).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(LinkError::BadQr)
    };
    Ok(QrCode {
        reference: (*reference).to_owned(),
        noise_key: key(noise_key)?,
        identity: key(identity)?,
        adv_secret: key(adv_secret)?,
    })
}

impl State {
    /// The connection that offers a scanned reference, if the reference is the live one and the keys are its own.
    pub(crate) fn scanned_connection(&self, qr: &QrCode, world: &World) -> Result<u64, LinkError> {
        let link = *self.refs.get(&qr.reference).ok_or(LinkError::UnknownRef)?;
        let pairing = self.pairings.get(&link).ok_or(LinkError::UnknownRef)?;
        let index = pairing.refs.iter().position(|reference| *reference == qr.reference);
        let index = index.ok_or(LinkError::UnknownRef)?;
        let first = world.settings.first_ref_lifetime;
        let dies = first + world.settings.next_ref_lifetime * index as u32;
        if pairing.is_exhausted || pairing.since.elapsed() > dies {
            return Err(LinkError::ExpiredRef);
        }
        let said = &pairing.registration;
        if (said.noise_key, said.identity) != (qr.noise_key, qr.identity) {
            return Err(LinkError::Rejected("the keys in the QR code are not those of the connection".to_owned()));
        }
        Ok(link)
    }
}

/// Signs the companion's identity, sends it, and waits until the companion has signed too. Returns the device's number.
pub(crate) async fn complete(
    world: &World,
    phone_number: &str,
    link: u64,
    adv_secret: &[u8; 32],
) -> Result<u16, LinkError> {
    let (done, outcome) = oneshot::channel();
    {
        let mut state = world.state.lock();
        let State { pairings, accounts, .. } = &mut *state;
        let account = accounts.get_mut(phone_number).ok_or(LinkError::NoSuchPhone)?;
        let pairing = pairings.get_mut(&link).ok_or(LinkError::ConnectionLost)?;
        let (device, container) = sign_identity(account, &pairing.registration, adv_secret)
            .map_err(|error| LinkError::Rejected(format!("{error:#}")))?;
        let id = world.next_id();
        pairing.link.expect_answer(id.clone(), Awaited::PairSuccess);
        pairing.link.post(pair_success(&id, account, device.key.device, container));
        pairing.success = Some(Success { device, done });
        // A reference is scanned once, whatever comes of it.
        pairing.is_exhausted = true;
    }
    match tokio::time::timeout(world.settings.pairing_limit, outcome).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(LinkError::ConnectionLost),
        Err(_) => Err(LinkError::NoAnswer),
    }
}

fn sign_identity(account: &mut Account, said: &Registration, adv_secret: &[u8; 32]) -> Result<(Device, Vec<u8>)> {
    let number = account.next_device;
    account.next_device += 1;
    let details = ADVDeviceIdentity {
        raw_id: Some(account.raw_id),
        timestamp: Some(now()),
        key_index: Some(u32::from(number)),
        account_type: Some(ADVEncryptionType::E2EE),
        device_type: Some(ADVEncryptionType::E2EE),
    }
    .encode_to_vec();
    let message = [&[6, 0], details.as_slice(), &said.identity].concat();
    let signature = wacore::crypto::calculate_curve_signature(account.identity.private_key(), &message)?;
    let signed = ADVSignedDeviceIdentity {
        details: Some(details),
        account_signature_key: Some(key_bytes(account.identity.public_key()).to_vec()),
        account_signature: Some(signature.to_vec()),
        device_signature: None,
    }
    .encode_to_vec();
    let mut mac = Hmac::<Sha256>::new_from_slice(adv_secret)?;
    mac.update(&signed);
    let container = ADVSignedDeviceIdentityHMAC {
        details: Some(signed),
        hmac: Some(mac.finalize().into_bytes().to_vec()),
        ..Default::default()
    };
    Ok((new_device(account, number, said), container.encode_to_vec()))
}

fn new_device(account: &Account, number: u16, said: &Registration) -> Device {
    Device {
        key: DeviceKey { phone_number: Arc::clone(&account.phone_number), device: number },
        key_index: u32::from(number),
        linked_at: Instant::now(),
        noise_key: said.noise_key,
        identity: said.identity,
        registration_id: said.registration_id,
        signed_identity: Vec::new(),
        props: said.props.clone(),
        keys: None,
        link: None,
        phase: Phase::LoggedIn,
        logins: 0,
        login_failure: None,
        held: VecDeque::new(),
        breakage: None,
        is_available: false,
        presences: Vec::new(),
        watched: Default::default(),
        queue: Default::default(),
        in_flight: 0,
        credits: 0,
        history: Default::default(),
    }
}

fn pair_success(id: &str, account: &Account, device: u16, container: Vec<u8>) -> Node {
    let content = [
        stanza::leaf("device-identity", container),
        NodeBuilder::new("platform").attr("name", "android").build(),
        NodeBuilder::new("device")
            .attr("jid", stanza::phone_jid(&account.phone_number).with_device(device))
            .attr("lid", stanza::lid_jid(&account.lid).with_device(device))
            .build(),
    ];
    stanza::query(id, "set", "md", NodeBuilder::new("pair-success").children(content).build())
}

/// The companion's answer to `pair-success`: links the device if its signature holds, and restarts the stream.
pub(crate) async fn finish(world: &Arc<World>, link: &Arc<Link>, answer: &Node) {
    let Some((account, success)) = take_success(world, link) else { return };
    let Success { mut device, done } = success;
    let signed = match read_signed_identity(answer, &device, &account) {
        Ok(signed) => signed,
        Err(error) => {
            let error = format!("{error:#}");
            world.add_violation(format!("pair-device-sign: {error}"));
            let _ = done.send(Err(LinkError::Rejected(error))); // the phone has stopped waiting
            return link.dismiss(stanza::stream_error(401));
        }
    };
    device.signed_identity = signed;
    let key = device.key.clone();
    {
        let mut state = world.state.lock();
        if let Some(pairing) = state.pairings.remove(&link.id) {
            for reference in &pairing.refs {
                state.refs.remove(reference);
            }
        }
        state.link_codes.retain(|_, code| code.link != link.id);
        state.stats.pairings += 1;
        if let Some(account) = state.accounts.get_mut(&key.phone_number) {
            account.devices.insert(key.device, device);
        }
        state.tell_device(world, &key, true);
    }
    app_state::share_key(world, &key).await;
    history::send(world, &key).await;
    // The phone is told before the stream restarts, so that it never sees a login of a device it does not know.
    let _ = done.send(Ok(key.device)); // the phone has stopped waiting
    link.dismiss(stanza::stream_error(515));
}

fn take_success(world: &World, link: &Link) -> Option<([u8; 32], Success)> {
    let mut state = world.state.lock();
    let success = state.pairings.get_mut(&link.id)?.success.take()?;
    let account = state.accounts.get(&success.device.key.phone_number)?;
    Some((key_bytes(account.identity.public_key()), success))
}

fn read_signed_identity(answer: &Node, device: &Device, account_key: &[u8; 32]) -> Result<Vec<u8>> {
    if stanza::attr(answer, "type").as_deref() == Some("error") {
        let error = answer.get_optional_child("error").map(|error| stanza::attr_or_empty(error, "text"));
        bail!("the companion refused: {}", error.unwrap_or_default());
    }
    let sign = answer.get_optional_child("pair-device-sign").context("no pair-device-sign")?;
    let identity = sign.get_optional_child("device-identity").context("no device-identity")?;
    let key_index = stanza::attr_or_empty(identity, "key-index");
    ensure!(key_index == device.key_index.to_string(), "the key index is {key_index:?}");
    let signed = stanza::bytes(identity).context("an empty device-identity")?;
    let verdict = wacore::adv::validate_adv_with_identity_key(&signed, &device.identity, Some(account_key));
    ensure!(verdict == AdvValidation::Valid, "the device signature is {verdict:?}");
    let mut signed = ADVSignedDeviceIdentity::decode_from_slice(&signed)?;
    // Others know the account's key from its phone; the server leaves it out.
    signed.account_signature_key = None;
    Ok(signed.encode_to_vec())
}
