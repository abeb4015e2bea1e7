//! `waypost pair`: links a phone over the API of a running server, with the code in the terminal.

use std::io::{self, BufRead, IsTerminal};
use std::net::IpAddr;
use std::time::Duration;

use entity::ids::SessionId;
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::account::PhoneNumber;
use crate::api::session::qr;
use crate::config::command_line::PairArgs;
use crate::config::{self, BadConfig};
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
    /// Whether the session is created if there is none, without asking.
    creates: bool,
}

/// Pairs. False if the session ended in a state that needs a person.
pub(super) async fn run(args: PairArgs) -> Result<bool, Cause> {
    let token = config::admin_token(args.admin_token_file.as_deref())?
        .ok_or_else(|| BadConfig::new("set WAYPOST_ADMIN_TOKEN or --admin-token-file to the server's token"))?;
    let id =
        SessionId::parse(&args.id).map_err(|_| BadConfig::new("the id must match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"))?;
    let number = args.phone_number.as_deref().map(|number| PhoneNumber::parse("--phone-number", number)).transpose();
    let number = number.map_err(|error| BadConfig::new(error.to_string()))?;
    let number = number.as_ref().map(PhoneNumber::digits);
    let base = format!("{}/api/v1/sessions", args.server.trim_end_matches('/'));
    let server = Server { client: client(&args.server)?, base, token, id, creates: args.create };
    let shown = server.prepare(number).await?;
    server.follow(number, shown).await
}

/// A server on this machine is asked directly, whatever proxy the environment names.
fn client(server: &str) -> Result<Client, Cause> {
    let address = server.parse::<http::Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let host = address.as_ref().and_then(http::Uri::host).ok_or_else(|| {
        BadConfig::new(format!("--server {server}: must be an address such as http://127.0.0.1:3000"))
    })?;
    let is_here =
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let builder = Client::builder().timeout(REPLY_LIMIT);
    Ok(if is_here { builder.no_proxy() } else { builder }.build()?)
}

impl Server {
    /// The session exists and is on its way. Only what is needed is asked for: a key that may pair need not be able to create
    /// or to connect. Gives the code that was shown already, or nothing.
    async fn prepare(&self, phone_number: Option<&str>) -> Result<String, Cause> {
        let reply = self.send(Method::GET, &format!("{}/{}/status", self.base, self.id), None).await?;
        if reply.0 == StatusCode::NOT_FOUND {
            self.agree_to_create()?;
            self.create().await?;
            return Ok(String::new());
        }
        let state = expect(reply)?;
        match (state["status"].as_str(), phone_number) {
            // To ask for a pair code brings it online as well.
            (Some("disconnected"), Some(number)) => return self.show_pair_code(number).await,
            (Some("disconnected"), None) => drop(self.call(Method::POST, "/connect", None).await?),
            _ => {}
        }
        Ok(String::new())
    }

    /// A mistyped id must not become a session that nobody wanted, and that stays.
    fn agree_to_create(&self) -> Result<(), Cause> {
        if self.creates {
            return Ok(());
        }
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Err(format!("there is no session `{}`; give --create to create it", self.id).into());
        }
        eprint!("There is no session `{}`. Create it? [y/N] ", self.id);
        // Nothing else goes on in this process that could be held up.
        if is_yes(stdin.lock())? { Ok(()) } else { Err("nothing was created".into()) }
    }

    async fn create(&self) -> Result<(), Cause> {
        let reply = self.send(Method::POST, &self.base, Some(json!({ "id": self.id }))).await?;
        match reply.0 {
            // Somebody else was faster.
            StatusCode::CONFLICT => Ok(()),
            StatusCode::CREATED => {
                println!("Created the session {}.", self.id);
                Ok(())
            }
            _ => expect(reply).map(drop),
        }
    }

    /// Shows each new code until a phone has used one. False if the session gave up.
    async fn follow(&self, phone_number: Option<&str>, mut shown: String) -> Result<bool, Cause> {
        loop {
            let state = self.call(Method::GET, "/status", None).await?;
            match (state["status"].as_str().unwrap_or_default(), phone_number) {
                ("logged_in", _) => {
                    println!("Logged in as {}.", state["phone_number"].as_str().unwrap_or("a phone"));
                    return Ok(true);
                }
                ("disconnected", _) => {
                    eprintln!("waypost: not linked: {}", state["reason"].as_str().unwrap_or("for no known reason"));
                    return Ok(false);
                }
                ("waiting_for_qr", None) => self.show_qr(&mut shown).await?,
                // A code that was not used in time leaves the session with its QR code: ask for the next one.
                ("waiting_for_qr", Some(number)) => shown = self.show_pair_code(number).await?,
                ("waiting_for_pair_code", Some(number)) if shown.is_empty() => {
                    shown = self.show_pair_code(number).await?
                }
                _ => {}
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn show_qr(&self, shown: &mut String) -> Result<(), Cause> {
        let qr = self.call(Method::GET, "/qr", None).await?;
        let code = qr["qr_codes"][0].as_str().unwrap_or_default();
        if !code.is_empty() && code != shown {
            println!("{}", qr::text(code));
            println!("Scan it with WhatsApp > Linked devices. Good for {} s.", qr["timeout_seconds"]);
            code.clone_into(shown);
        }
        Ok(())
    }

    async fn show_pair_code(&self, phone_number: &str) -> Result<String, Cause> {
        let reply = self.call(Method::POST, "/pair", Some(json!({ "phone_number": phone_number }))).await?;
        let code = reply["code"].as_str().unwrap_or_default();
        println!("Enter this code on the phone: {code}");
        println!("It is good for {} s.", reply["timeout_seconds"]);
        Ok(code.to_owned())
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

/// Whether the next line agrees. An end without one does not.
fn is_yes(mut input: impl BufRead) -> io::Result<bool> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The body of a success; the detail of a refusal as an error.
fn expect((status, body): (StatusCode, Value)) -> Result<Value, Cause> {
    if status.is_success() {
        return Ok(body);
    }
    Err(format!("the server answered {status}: {}", body["detail"].as_str().unwrap_or("without a word")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_creates_a_session() {
        for yes in ["y\n", "Y\r\n", " yes \n", "yes", "y\nn\n"] {
            assert!(is_yes(yes.as_bytes()).expect("it can be read"), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yep\n", "shop\n", "\ny\n"] {
            assert!(!is_yes(no.as_bytes()).expect("it can be read"), "{no:?}");
        }
    }
}
