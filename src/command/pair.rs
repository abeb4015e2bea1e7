//! `waypost pair`: links a phone over the API of a running server, with the code in the terminal.

use std::time::Duration;

use entity::ids::SessionId;
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::config::{self, BadConfig, PairArgs};
use crate::error::Cause;

/// Longest wait for one reply: the server itself waits up to 10 s for a code and 30 s for a pair code.
const REPLY_LIMIT: Duration = Duration::from_secs(45);
/// How often the state is asked for.
const PERIOD: Duration = Duration::from_millis(500);

struct Server {
    client: Client,
    base: String,
    token: SecretString,
    id: SessionId,
}

/// Pairs. False if the session ended in a state that needs a person.
pub(super) async fn run(args: PairArgs) -> Result<bool, Cause> {
    let token = config::admin_token(args.admin_token_file.as_deref())?
        .ok_or_else(|| BadConfig::new("set WAYPOST_ADMIN_TOKEN or --admin-token-file to the server's token"))?;
    let id =
        SessionId::parse(&args.id).map_err(|_| BadConfig::new("the id must match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"))?;
    let base = format!("{}/api/v1/sessions", args.server.trim_end_matches('/'));
    let server = Server { client: Client::builder().timeout(REPLY_LIMIT).build()?, base, token, id };
    server.prepare().await?;
    if let Some(phone_number) = &args.phone_number {
        let reply = server.call(Method::POST, "/pair", Some(json!({ "phone_number": phone_number }))).await?;
        println!("Enter this code on the phone: {}", reply["code"].as_str().unwrap_or_default());
        println!("It is good for {} s.", reply["timeout_seconds"]);
    }
    server.follow(args.phone_number.is_none()).await
}

impl Server {
    /// The session exists and is on its way.
    async fn prepare(&self) -> Result<(), Cause> {
        match self.send(Method::GET, &format!("{}/{}", self.base, self.id), None).await? {
            (StatusCode::NOT_FOUND, _) => {
                let body = json!({ "id": self.id });
                expect(self.send(Method::POST, &self.base, Some(body)).await?)?;
                println!("Created the session {}.", self.id);
            }
            reply => {
                expect(reply)?;
                self.call(Method::POST, "/connect", None).await?;
            }
        }
        Ok(())
    }

    async fn follow(&self, show_qr: bool) -> Result<bool, Cause> {
        let mut shown = String::new();
        loop {
            let state = self.call(Method::GET, "/status", None).await?;
            match state["status"].as_str().unwrap_or_default() {
                "logged_in" => {
                    println!("Logged in as {}.", state["phone_number"].as_str().unwrap_or("a phone"));
                    return Ok(true);
                }
                "disconnected" => {
                    eprintln!("waypost: not linked: {}", state["reason"].as_str().unwrap_or("for no known reason"));
                    return Ok(false);
                }
                "waiting_for_qr" if show_qr => {
                    let qr = self.call(Method::GET, "/qr", None).await?;
                    let code = qr["qr_codes"][0].as_str().unwrap_or_default();
                    if !code.is_empty() && code != shown {
                        println!("{}", crate::api::qr_text(code));
                        println!("Scan it with WhatsApp > Linked devices. Good for {} s.", qr["timeout_seconds"]);
                        shown = code.to_owned();
                    }
                }
                _ => {}
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Cause> {
        expect(self.send(method, &format!("{}/{}{path}", self.base, self.id), body).await?)
    }

    async fn send(&self, method: Method, url: &str, body: Option<Value>) -> Result<(StatusCode, Value), Cause> {
        let mut request = self.client.request(method, url).bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await?;
        Ok((reply.status(), reply.json().await.unwrap_or_default()))
    }
}

/// The body of a success; the detail of a refusal as an error.
fn expect((status, body): (StatusCode, Value)) -> Result<Value, Cause> {
    if status.is_success() {
        return Ok(body);
    }
    Err(format!("the server answered {status}: {}", body["detail"].as_str().unwrap_or("without a word")).into())
}
