//! What every transport must hold to.

use banquet_sdk::conformance::{self, Subject};
use banquet_sdk::{Capabilities, Context, Driver, PluginInfo, Result, State, Status, async_trait};
use banquet_ssh::{Config, Ssh};

use crate::server::Sshd;

/// A machine that is there already.
struct Given;

#[async_trait]
impl Driver for Given {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("given", "a machine that is there already")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn create(&self, _cx: &Context, state: &mut State) -> Result<()> {
        state.set("hostname", "127.0.0.1");
        state.checkpoint()
    }

    async fn destroy(&self, _cx: &Context, state: &mut State) -> Result<()> {
        state.remove("hostname");
        state.checkpoint()
    }

    async fn status(&self, _cx: &Context, state: &State) -> Result<Status> {
        Ok(match state.str("hostname") {
            Some(_) => Status::Running,
            None => Status::Absent,
        })
    }
}

/// Sends back what it receives on a port, with what every machine with an sshd has or gets.
const ECHO: &str = "import socketserver as s\n\
class H(s.BaseRequestHandler):\n def handle(self):\n  self.request.sendall(self.request.recv(64))\n\
s.TCPServer.allow_reuse_address = True\n\
s.TCPServer(('127.0.0.1', PORT), H).serve_forever()\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_holds_to_the_contract() {
    let Some(sshd) = Sshd::start() else { return };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let python = ECHO.replace("PORT", &port.to_string());
    let subject = Subject::new(Given, Ssh::default())
        .transport_settings(sshd.settings())
        .listen(port, format!("exec python3 -c \"{python}\""));
    conformance::connection(&subject).await;
}
