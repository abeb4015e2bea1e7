//! The HTTP client of the companions under test. There is no internet here: only the simulator's media hosts, which speak
//! HTTP where the library says `https`.

use std::io::{Cursor, Read as _};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Handle;
use wacore::net::{StreamingHttpResponse, UploadBody};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

/// The client, with the runtime that its blocking calls wait on.
pub(crate) struct LoopbackHttp {
    client: reqwest::Client,
    runtime: Handle,
}

/// An HTTP client of these tests.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default(); // another test was first
    reqwest::Client::builder().no_proxy().build().unwrap()
}

impl LoopbackHttp {
    /// A client on the current runtime.
    pub(crate) fn start() -> Self {
        Self { client: client(), runtime: Handle::current() }
    }

    async fn ask(&self, request: HttpRequest, body: Option<Vec<u8>>) -> Result<HttpResponse> {
        let path = request.url.strip_prefix("https://127.0.0.1:").context("there is no internet in these tests")?;
        let mut call = self.client.request(request.method.parse()?, format!("http://127.0.0.1:{path}"));
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = body.or_else(|| request.body.map(|body| body.to_vec())) {
            call = call.body(body);
        }
        let answer = call.send().await?;
        Ok(HttpResponse { status_code: answer.status().as_u16(), body: answer.bytes().await?.to_vec() })
    }
}

#[async_trait::async_trait]
impl HttpClient for LoopbackHttp {
    async fn execute(&self, request: HttpRequest) -> Result<HttpResponse> {
        self.ask(request, None).await
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    fn execute_streaming(&self, request: HttpRequest) -> Result<StreamingHttpResponse> {
        let answer = self.runtime.block_on(self.ask(request, None))?;
        Ok(StreamingHttpResponse { status_code: answer.status_code, body: Box::new(Cursor::new(answer.body)) })
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    fn execute_upload(&self, request: HttpRequest, mut body: UploadBody, length: u64) -> Result<HttpResponse> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 == length, "the body has another length");
        self.runtime.block_on(self.ask(request, Some(bytes)))
    }
}
