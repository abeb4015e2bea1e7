//! A headless Chromium that a test drives over the WebDriver protocol. It is gone with its value.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for a fact, and for one answer of the driver.
const LIMIT: Duration = Duration::from_secs(40);
/// How often a fact is looked for.
const PERIOD: Duration = Duration::from_millis(50);
/// Longest wait for the browser to close by itself.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// The key Tab. src: WebDriver, keyboard actions.
pub const TAB: &str = "\u{E004}";
/// The key Enter.
pub const ENTER: &str = "\u{E007}";
/// The space bar.
pub const SPACE: &str = " ";

/// How Chromium runs. The pipe makes it end with its driver, however that ends.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--no-proxy-server",
    "--window-size=1000,900",
];

/// One browser with one empty tab.
pub struct Browser {
    driver: Child,
    client: Client,
    session: String,
    directory: TempDir,
}

/// A request that the page made.
#[derive(Debug)]
pub struct Sent {
    /// Where it went.
    pub url: String,
    /// When, seconds since some moment.
    pub at: f64,
}

impl Browser {
    /// Starts it.
    ///
    /// # Panics
    /// Without chromedriver: a test that cannot run must not look as if it had passed.
    pub async fn start() -> Self {
        // It fails only if there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(LIMIT).build().expect("a client");
        let directory = TempDir::new().expect("there is room");
        let (driver, base) = start_driver(directory.path());
        let mut browser = Self { driver, client, session: base, directory };
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|argument| (*argument).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", browser.directory.path().join("profile").display()));
        let wanted = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": arguments },
        });
        let session = browser.tell("/session", json!({ "capabilities": { "alwaysMatch": wanted } })).await;
        let id = session["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/session/{id}", browser.session);
        browser
    }

    /// Loads a page anew, even if only the fragment differs from the present address. What was requested before is
    /// forgotten: a browser begins with a page of its own.
    pub async fn open(&self, url: &str) {
        self.tell("/url", json!({ "url": "about:blank" })).await;
        self.requests().await;
        self.tell("/url", json!({ "url": url })).await;
    }

    /// What a JavaScript expression gives.
    pub async fn value(&self, expression: &str) -> Value {
        self.evaluate(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until a JavaScript expression is true, and gives it. A page that is being loaded is not there yet.
    pub async fn until(&self, expression: &str) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.evaluate(expression).await;
            match &found {
                Ok(value) if !matches!(value, Value::Null | Value::Bool(false)) => return value.clone(),
                _ => {}
            }
            if begun.elapsed() > LIMIT {
                panic!(
                    "not in time: {expression}, but {found:?} on\n{:?}",
                    self.evaluate("document.body.innerText").await
                );
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// The text of the first element that the selector finds; empty if there is none.
    pub async fn text(&self, css: &str) -> String {
        let text = self.value(&format!("document.querySelector({css:?})?.textContent ?? ''")).await;
        text.as_str().expect("text").to_owned()
    }

    /// Clicks where the element is; it must be visible and uncovered.
    pub async fn click(&self, css: &str) {
        let path = format!("/element/{}/click", self.element(css).await);
        self.tell(&path, json!({})).await;
    }

    /// Presses keys one after the other, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            [
                json!({ "type": "keyDown", "value": key.to_string() }),
                json!({ "type": "keyUp", "value": key.to_string() }),
            ]
        });
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>() });
        self.tell("/actions", json!({ "actions": [keyboard] })).await;
    }

    /// A picture of the page as it is in the window, a PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        self.picture("/screenshot").await
    }

    /// A picture of one element, a PNG.
    pub async fn screenshot_of(&self, css: &str) -> Vec<u8> {
        let path = format!("/element/{}/screenshot", self.element(css).await);
        self.picture(&path).await
    }

    /// Makes the page believe that its reader prefers `dark` or `light`.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Makes the page believe that its window is so wide, pixels. A real window cannot be as narrow as a phone.
    pub async fn narrow(&self, width: u32) {
        let metrics = json!({ "width": width, "height": 640, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// What was written to the console since it was last asked for, by the page or about it.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The requests that were made since the page was opened, or since they were last asked for. What an address of the
    /// kind `data:` holds is no request.
    pub async fn requests(&self) -> Vec<Sent> {
        let entries = self.log("performance").await;
        let events = entries.iter().map(|entry| -> Value {
            let event = entry["message"].as_str().expect("an event is JSON in a text");
            serde_json::from_str::<Value>(event).expect("an event is JSON")["message"].clone()
        });
        let sent = events.filter(|event| event["method"] == "Network.requestWillBeSent").map(|event| Sent {
            url: event["params"]["request"]["url"].as_str().expect("a request has an address").to_owned(),
            at: event["params"]["timestamp"].as_f64().expect("a request has a moment"),
        });
        sent.filter(|sent| !sent.url.starts_with("data:")).collect()
    }

    /// Waits until so many requests were made since they were last asked for, and gives them.
    pub async fn requests_until(&self, count: usize) -> Vec<Sent> {
        let begun = Instant::now();
        let mut sent = self.requests().await;
        while sent.len() < count {
            assert!(begun.elapsed() < LIMIT, "not {count} requests in time but {sent:?}");
            tokio::time::sleep(PERIOD).await;
            sent.extend(self.requests().await);
        }
        sent
    }

    async fn evaluate(&self, expression: &str) -> Result<Value, String> {
        let script = json!({ "script": format!("return ({expression})"), "args": [] });
        self.send(self.client.post(format!("{}/execute/sync", self.session)).json(&script)).await
    }

    async fn element(&self, css: &str) -> String {
        let found = self.tell("/element", json!({ "using": "css selector", "value": css })).await;
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("{css} is {found}")).to_owned()
    }

    async fn picture(&self, path: &str) -> Vec<u8> {
        let reply = self.send(self.client.get(format!("{}{path}", self.session))).await;
        let picture = reply.unwrap_or_else(|error| panic!("{path}: {error}"));
        STANDARD.decode(picture.as_str().expect("a picture is text")).expect("a picture is base64")
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        self.tell("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        self.tell("/se/log", json!({ "type": kind })).await.as_array().cloned().expect("a log is a list")
    }

    async fn tell(&self, path: &str, body: Value) -> Value {
        let reply = self.send(self.client.post(format!("{}{path}", self.session)).json(&body)).await;
        reply.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, String> {
        let reply = request.send().await.map_err(|error| format!("chromedriver does not answer: {error}"))?;
        let is_done = reply.status().is_success();
        let value = reply.json::<Value>().await.map_err(|error| error.to_string())?["value"].clone();
        if is_done { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
    }
}

/// Closed in order, so that nothing is left of its profile; on a thread of its own, for a test may end within a runtime
/// that must not be blocked.
impl Drop for Browser {
    fn drop(&mut self) {
        let session = self.session.clone();
        let closing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let client = Client::builder().no_proxy().timeout(CLOSE_LIMIT).build().expect("a client");
            // It ends with its driver at the latest.
            let _ = runtime.block_on(async { client.delete(session).send().await });
        });
        let _ = closing.join(); // Likewise.
        let _ = self.driver.kill(); // It may be gone already.
        let _ = self.driver.wait(); // Likewise.
    }
}

/// The driver, and where it listens. What it and the browser leave behind, they leave in this directory.
fn start_driver(directory: &Path) -> (Child, String) {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").env("TMPDIR", directory).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = command.spawn().unwrap_or_else(|error| {
        panic!("chromedriver cannot be started ({error}): install it with `apt-get install chromium-driver`")
    });
    let output = BufReader::new(driver.stdout.take().expect("it is piped"));
    let (found, port) = mpsc::channel();
    std::thread::spawn(move || {
        // Read to the end: a driver that nobody listens to would stop at its next word.
        for line in output.lines().map_while(Result::ok) {
            let port = line.split_once(" on port ").map(|(_, port)| port.trim_end_matches('.').to_owned());
            if let Some(port) = port.filter(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) {
                let _ = found.send(port); // Only the first is waited for.
            }
        }
    });
    match port.recv_timeout(LIMIT) {
        Ok(port) => (driver, format!("http://127.0.0.1:{port}")),
        Err(_) => {
            let _ = driver.kill(); // It may be gone already.
            panic!("chromedriver did not say where it listens");
        }
    }
}
