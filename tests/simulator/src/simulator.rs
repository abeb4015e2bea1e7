//! The handle on a running simulator: start, phones, faults, counters, stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::net::TcpListener;

use crate::delivery::Breakage;
use crate::fault::{self, Fault, HandshakeMode};
use crate::link::{DeviceKey, Link};
use crate::media::Media;
use crate::phone::Phone;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::world::{World, now};
use crate::{connection, media, stanza, unlink};

/// How long `stop` waits for the connections to end.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A running simulator. Cheap to clone; it runs until `stop`, or until the process ends.
#[derive(Clone)]
pub struct Simulator {
    pub(crate) world: Arc<World>,
    address: SocketAddr,
}

impl Simulator {
    /// Starts a simulator inside the current tokio runtime.
    ///
    /// # Errors
    /// The address is not on loopback, or cannot be bound.
    pub async fn start(settings: Settings) -> Result<Self> {
        ensure!(
            settings.listen.ip().is_loopback(),
            "the simulator listens on loopback only, not on {}",
            settings.listen
        );
        let listener = TcpListener::bind(settings.listen).await.with_context(|| format!("bind {}", settings.listen))?;
        let address = listener.local_addr()?;
        let (media, hosts) = Media::bind(&settings).await?;
        let world = Arc::new(World::new(settings, media)?);
        spawn_accept(&world, listener);
        for (host, listener) in hosts.into_iter().enumerate() {
            world.tasks.spawn(media::serve(Arc::clone(&world), host, listener));
        }
        Ok(Self { world, address })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("ws://{}/ws/chat", self.address)
    }

    /// The address of the WebSocket.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The addresses of the media hosts, the primary one first. Clients are told them, with `https://` in their minds.
    pub fn media_hosts(&self) -> &[SocketAddr] {
        self.world.media.hosts()
    }

    /// The key at the root of the certificate chain, for clients that can be told to trust it.
    pub fn root_public_key(&self) -> [u8; 32] {
        self.world.state.lock().keys.root_public_key()
    }

    /// The phone with this number; made, with a name from its last digits, when it does not exist.
    pub fn phone(&self, phone_number: &str) -> Phone {
        match self.find_phone(phone_number) {
            Some(phone) => phone,
            None => {
                let last = phone_number.len().saturating_sub(4);
                self.add_phone(phone_number, &format!("Phone {}", phone_number.get(last..).unwrap_or_default()));
                self.handle(phone_number)
            }
        }
    }

    /// Makes a phone, or renames the one with this number. `true` when it is new.
    pub fn add_phone(&self, phone_number: &str, push_name: &str) -> bool {
        self.world.state.lock().add_account(phone_number, push_name, &self.world)
    }

    /// The phone with this number.
    pub fn find_phone(&self, phone_number: &str) -> Option<Phone> {
        self.world.state.lock().accounts.contains_key(phone_number).then(|| self.handle(phone_number))
    }

    /// All phones, by number.
    pub fn phones(&self) -> Vec<Phone> {
        let numbers: Vec<Arc<str>> = self.world.state.lock().accounts.keys().cloned().collect();
        numbers.iter().map(|number| self.handle(number)).collect()
    }

    /// Lets something go wrong for one device.
    ///
    /// # Errors
    /// There is no such device.
    pub async fn fault(&self, phone_number: &str, device: u16, fault: Fault) -> Result<()> {
        let key = DeviceKey { phone_number: phone_number.into(), device };
        let link = self.world.state.lock().device_mut(&key).map(|device| device.link.clone());
        let Some(link) = link else { bail!("there is no device {device} of {phone_number}") };
        match &fault {
            Fault::LoginFailure(failure) => self.change(&key, |device| device.login_failure = Some(failure.clone())),
            Fault::ClearFailure => self.change(&key, |device| device.login_failure = None),
            Fault::Redeliver { count } => {
                let mut state = self.world.state.lock();
                if let Some(device) = state.device_mut(&key) {
                    device.redeliver(*count);
                }
                state.pump(&key, &self.world.settings);
            }
            Fault::BreakMessages { count, repairable } => {
                let breakage = Breakage { left: *count, is_repairable: *repairable };
                self.change(&key, |device| device.breakage = Some(breakage));
            }
            Fault::Burst { count, from } => return self.burst(from, phone_number, "burst", *count).await,
            Fault::QueuedWhileAway { count, from } => return self.queue_while_away(&key, link, *count, from).await,
            Fault::Removed => {
                unlink::carry_out(&self.world, &key);
                return Ok(());
            }
            Fault::RotateStaticKey => self.rotate_static_key()?,
            _ => {}
        }
        let Some(link) = link else { return Ok(()) };
        match fault {
            // The refusal itself belongs to the next login.
            Fault::LoginFailure(_) => link.close(1000),
            fault => fault::afflict(&self.world, &link, &fault),
        }
        Ok(())
    }

    /// Lets something go wrong for the next connection, before it is known whose it is. Called twice, for the next two.
    pub fn fault_next_connection(&self, fault: Fault) {
        self.world.state.lock().next_connection.push_back(fault);
    }

    /// Lets something go wrong for every connection that is pairing now.
    pub fn fault_pairing_connections(&self, fault: &Fault) {
        let links: Vec<Arc<Link>> =
            self.world.state.lock().pairings.values().map(|pairing| Arc::clone(&pairing.link)).collect();
        for link in links {
            fault::afflict(&self.world, &link, fault);
        }
    }

    /// Whether new sockets are served. When not, they are reset at once.
    pub fn set_accepting(&self, is_accepting: bool) {
        self.world.state.lock().is_accepting = is_accepting;
    }

    /// How the handshakes of new connections are answered.
    pub fn set_handshake(&self, mode: HandshakeMode) {
        self.world.state.lock().handshake = mode;
    }

    /// Whether fresh connections are left without QR references.
    pub fn drop_refs(&self, are_dropped: bool) {
        self.world.state.lock().are_refs_dropped = are_dropped;
    }

    /// A new static key for new connections: what clients have cached stops working for IK.
    ///
    /// # Errors
    /// The random source failed.
    pub fn rotate_static_key(&self) -> Result<()> {
        self.world.state.lock().keys.rotate(now())
    }

    /// The counters, with the unknown stanzas.
    pub fn stats(&self) -> Stats {
        self.world.state.lock().stats.clone()
    }

    /// Stanzas that the simulator had no answer for.
    pub fn unknown_stanzas(&self) -> Vec<String> {
        self.world.state.lock().stats.unknown.clone()
    }

    /// Rules of the real server that clients broke.
    pub fn violations(&self) -> Vec<String> {
        self.world.state.lock().stats.violations.clone()
    }

    /// Resets every connection and stops listening.
    pub async fn stop(&self) {
        self.world.stopping.cancel();
        self.world.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, self.world.tasks.wait()).await.is_err() {
            tracing::warn!("connections of the simulator did not end in time");
        }
    }

    fn handle(&self, phone_number: &str) -> Phone {
        Phone { world: Arc::clone(&self.world), phone_number: phone_number.into() }
    }

    fn change(&self, key: &DeviceKey, change: impl FnOnce(&mut crate::account::Device)) {
        if let Some(device) = self.world.state.lock().device_mut(key) {
            change(device);
        }
    }

    async fn burst(&self, from: &str, to: &str, text: &str, count: usize) -> Result<()> {
        self.phone(from).send_burst(to, text, count).await?;
        Ok(())
    }

    async fn queue_while_away(&self, key: &DeviceKey, link: Option<Arc<Link>>, count: usize, from: &str) -> Result<()> {
        if let Some(link) = &link {
            // The server lets go of the device before the device notices.
            self.change(key, |device| device.disconnect(link));
        }
        self.burst(from, &key.phone_number, "while you were away", count).await?;
        if let Some(link) = link {
            link.dismiss(stanza::stream_end());
        }
        Ok(())
    }
}

/// Not in `start`: an `async fn` is compiled in each crate that awaits it, together with all that it spawns.
fn spawn_accept(world: &Arc<World>, listener: TcpListener) {
    world.tasks.spawn(accept(Arc::clone(world), listener));
}

async fn accept(world: Arc<World>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = world.stopping.cancelled() => return,
        };
        match accepted {
            Ok((tcp, _)) => {
                world.tasks.spawn(connection::serve(Arc::clone(&world), tcp));
            }
            Err(error) => {
                // Out of file descriptors, most likely: without a pause this would spin.
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
