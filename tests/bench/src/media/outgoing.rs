//! Files that go out: how soon WhatsApp has acknowledged a message with a file that is in the store, beside a plain client that uploads as
//! many encrypted bytes to the same media host; and what texts wait while files are uploaded.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use wacore::download::MediaType;
use wacore::upload::{encrypt_media_streaming, encrypted_len};

use super::{LIMIT, LOOK_PAUSE, MediaBench, watched};
use crate::rest::answer;
use crate::sender::{Chats, warm_up};
use crate::sends::client::{Answered, post};
use crate::sends::plan::Plan;
use crate::storage::Storage;
use crate::world::{BootRate, Launch, Server, Simulator, TOKEN, phone_number, session_id};

/// Sessions that send. One session uploads four files at the same time.
const SESSIONS: usize = 2;
/// Chats of each session in which texts are sent.
const CHATS: usize = 4;

/// One run of what goes out. Rates are megabytes of files per second, of all together.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outgoing {
    pub(super) plain_one: f64,
    pub(super) plain_many: f64,
    /// Until WhatsApp has acknowledged the message.
    pub(super) sent_one: f64,
    pub(super) sent_many: f64,
    /// Growth of the server's memory for each of many files that go at the same time, megabytes.
    pub(super) growth: f64,
    pub(super) turns: Vec<Turn>,
}

/// Texts without uploads, and right behind them texts with uploads.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Turn {
    /// Milliseconds that the slowest hundredth of the texts waited.
    pub(super) alone_p99: f64,
    pub(super) beside_p99: f64,
    /// How long the texts were sent, and how long the files took that began with them.
    texts_seconds: f64,
    uploads_seconds: f64,
}

/// Both sides, and who asks.
pub(super) struct World {
    pub(super) http: reqwest::Client,
    pub(super) simulator: Simulator,
    pub(super) server: Server,
}

impl World {
    /// A server whose sessions are logged in, have met everybody and send as fast as they can.
    pub(super) async fn start(storage: &Storage) -> anyhow::Result<Self> {
        let simulator = Simulator::start(storage).await?;
        let arguments = ["--send-rate", "0"].map(str::to_owned);
        let launch = Launch { rate: BootRate::Lifted, arguments: &arguments };
        let mut server = Server::launch(storage, &simulator, &launch)?;
        server.answers().await?;
        server.link(&simulator, 0..SESSIONS).await?;
        warm_up(&simulator.control, chats()).await?;
        post(&server, Plan { chats: chats(), each: 1, rate: None }, Answered::Acknowledged).await?;
        let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
        Ok(Self { http, simulator, server })
    }

    /// Hands a file in. Gives its id.
    pub(super) async fn hand_in(&self, bytes: Vec<u8>) -> anyhow::Result<String> {
        let request = self.http.post(format!("http://127.0.0.1:{}/api/v1/media", self.server.port));
        let kept = answer(request.bearer_auth(TOKEN).body(bytes), "POST /media").await?;
        kept["id"].as_str().map(str::to_owned).context("a file without an id")
    }

    /// Has a file that was handed in written down to be sent. Gives the message's id. The chat's number says from where to whom.
    pub(super) async fn accept_file(&self, chat: usize, kind: &str, media_id: &str) -> anyhow::Result<String> {
        let (to, _) = chats().numbers(chat % chats().all());
        let body = json!({ "to": to, "content": { "type": kind, "media": { "id": media_id } } });
        let asked = self.http.post(format!("{}?wait=0", self.messages(chat))).bearer_auth(TOKEN).json(&body);
        let message = answer(asked, "POST /messages").await?;
        message["id"].as_str().map(str::to_owned).context("a message without an id")
    }

    /// Waits until WhatsApp has acknowledged a message of this chat.
    pub(super) async fn is_sent(&self, chat: usize, message_id: &str) -> anyhow::Result<()> {
        let (url, begun) = (format!("{}/{message_id}", self.messages(chat)), Instant::now());
        loop {
            let message = answer(self.http.get(&url).bearer_auth(TOKEN), "GET /messages").await?;
            if matches!(message["status"].as_str(), Some("sent" | "delivered" | "read" | "played")) {
                return Ok(());
            }
            ensure!(message["status"] != "failed" && begun.elapsed() < LIMIT, "not sent but {message}");
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    fn messages(&self, chat: usize) -> String {
        let session = session_id(chats().session(chat));
        format!("http://127.0.0.1:{}/api/v1/sessions/{session}/messages", self.server.port)
    }

    /// Sends these files at the same time. Gives the time until all were acknowledged.
    async fn send_all(&self, files: &[String]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let sending = files.iter().enumerate().map(|(chat, file)| async move {
            let message = self.accept_file(chat, "document", file).await?;
            self.is_sent(chat, &message).await
        });
        try_join_all(sending).await?;
        Ok(begun.elapsed())
    }
}

fn chats() -> Chats {
    Chats { sessions: SESSIONS, per_session: CHATS }
}

impl MediaBench {
    /// One run of what goes out, in a world of its own.
    pub(super) async fn outgoing(&self, storage: &Storage) -> anyhow::Result<Outgoing> {
        let world = World::start(storage).await?;
        let plain_one = self.rate(1, self.plain_uploads(&world, 1).await?);
        let plain_many = self.rate(self.at_once, self.plain_uploads(&world, self.at_once).await?);
        let first = self.hand_in_many(&world, 0, 1).await?;
        let sent_one = self.rate(1, world.send_all(&first).await?);
        let many = self.hand_in_many(&world, 1, self.at_once).await?;
        let (took, growth) = watched(&world.server, many.len(), world.send_all(&many)).await?;
        let sent_many = self.rate(self.at_once, took);
        let mut turns = Vec::new();
        for turn in 0..self.turns {
            let files = self.hand_in_many(&world, 1 + (turn + 1) * self.at_once, self.at_once).await?;
            turns.push(self.turn(&world, &files).await?);
        }
        Ok(Outgoing { plain_one, plain_many, sent_one, sent_many, growth, turns })
    }

    /// Texts alone, then texts while these files are sent.
    async fn turn(&self, world: &World, files: &[String]) -> anyhow::Result<Turn> {
        let each = (self.text_rate * self.text_seconds / chats().all() as f64).round() as usize;
        let plan = Plan { chats: chats(), each: each.max(1), rate: Some(self.text_rate) };
        let alone = post(&world.server, plan, Answered::Acknowledged).await?;
        let texts = post(&world.server, plan, Answered::Acknowledged);
        let (beside, uploads) = tokio::try_join!(texts, world.send_all(files))?;
        let (alone_p99, beside_p99) = (alone.wait.p99, beside.wait.p99);
        Ok(Turn { alone_p99, beside_p99, texts_seconds: beside.seconds, uploads_seconds: uploads.as_secs_f64() })
    }

    /// Hands so many files in, one after the other, no two of which are the same. Gives their ids.
    async fn hand_in_many(&self, world: &World, from: usize, count: usize) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::with_capacity(count);
        for number in from..from + count {
            ids.push(world.hand_in(self.file(number)?).await?);
        }
        Ok(ids)
    }

    /// A file that begins with its number.
    fn file(&self, number: usize) -> anyhow::Result<Vec<u8>> {
        let mut file = vec![7; usize::try_from(self.bytes())?];
        file[..8].copy_from_slice(&u64::try_from(number)?.to_be_bytes());
        Ok(file)
    }

    /// How long a client takes that uploads so many encrypted files at the same time and does nothing else.
    async fn plain_uploads(&self, world: &World, count: usize) -> anyhow::Result<Duration> {
        let control = format!("http://127.0.0.1:{}", world.simulator.control_port);
        let grant = world.http.post(format!("{control}/phones/{}/media-tokens", phone_number(0)));
        let grant = answer(grant, "POST /media-tokens").await?;
        let auth = grant["auth"].as_str().context("no token for uploads")?;
        let hosts: Value = answer(world.http.get(format!("{control}/media")), "GET /media").await?;
        let host = hosts["hosts"][0].as_str().context("no media host")?;
        let mut uploads = Vec::new();
        for number in 0..count {
            let file = self.file(number)?;
            let mut encrypted = Vec::with_capacity(encrypted_len(file.len()));
            let info = encrypt_media_streaming(&file[..], &mut encrypted, MediaType::Document)?;
            let token = BASE64_URL_SAFE_NO_PAD.encode(info.file_enc_sha256);
            uploads.push((format!("http://{host}/mms/document/{token}?auth={auth}&token={token}"), encrypted));
        }
        let begun = Instant::now();
        let uploading = uploads.into_iter().map(|(url, body)| answer(world.http.post(url).body(body), "POST /mms"));
        try_join_all(uploading).await?;
        Ok(begun.elapsed())
    }
}
